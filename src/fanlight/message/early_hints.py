"""Tell a browser what a page will need while the page is still being made (RFC 8297).

In: names of assets, or links, from a view that goes on to work. Out: the links of an interim answer, handed to
whoever sends it. Only a browser that opens a page is told: others gain nothing, and some old ones take the
interim answer for the answer (RFC 8297 section 3 warns of them). Refuses links that can't stand in a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from fanlight.errors import InvalidResponse
from fanlight.message.media_types import media_type_by_name

if TYPE_CHECKING:
    from fanlight.message.request import Request

HINT_SENDER_KEY = "early_hints"  # as what the server notes the way
Tell = Callable[[tuple[str, ...]], None]
MAX_BYTES = 4096  # of all links together: so much finds room in any socket's buffer that has room at all
_LINK = re.compile(r"<[!#-;=?-~]*>[\x20-\x7e]*")  # RFC 8288 section 3: a URI between angle brackets, and what of it
_SAFE = "%/:=&?~#+!$,;'@()*[]"
_PAGE = ("navigate", "document")  # sec-fetch-mode and sec-fetch-dest, as browsers say that they open a page


class EarlyHints:
    """A way to tell the browser, before the answer, what to load: a view gets it by this annotation.

    `hints.preload("app.css", "app.js")` names assets, or URLs, and works out what they are; `hints.send(...)` takes
    values for the field `Link` as they are. A sync view that has one runs in a thread, because it takes its time.
    """

    __slots__ = ("_request", "_tell")

    def __init__(self, request: Request) -> None:
        """Tell the client of a request, if the server has noted a way, and if it is a browser that opens a page."""
        self._request = request
        known = request.cache
        self._tell: Tell | None = known.get(HINT_SENDER_KEY) if known is not None and _opens_a_page(request) else None

    def preload(self, *names: str) -> None:
        """Have files loaded: each is the name of an asset, or a URL that begins with a slash or a scheme.

        Raises NoSuchURL for an asset that is not there.
        """
        self.send(*(preload_link(self._url(name), name) for name in names))

    def _url(self, name: str) -> str:
        return name if name.startswith("/") or "://" in name else self._request.asset(name)

    def send(self, *links: str) -> None:
        """Send an interim answer with these links, like `</app.css>; rel=preload; as=style`. Raises InvalidResponse."""
        for link in links:
            if not _LINK.fullmatch(link):
                raise InvalidResponse(f"{link!r} is no link; write one like </app.css>; rel=preload; as=style")
        if sum(map(len, links)) > MAX_BYTES:
            raise InvalidResponse(f"early hints are over {MAX_BYTES} bytes; name what the page needs first")
        if links and self._tell is not None:
            self._tell(links)


def _opens_a_page(request: Request) -> bool:
    head = request.head
    said = head.values
    return head.minor > 0 and (said.get("sec-fetch-mode"), said.get("sec-fetch-dest")) == _PAGE


def preload_link(url: str, name: str) -> str:
    """Return the link by which a browser loads a file ahead (HTML standard, section 4.6.7: preload, modulepreload)."""
    target = f"<{quote(url, safe=_SAFE)}>"
    path = name.partition("?")[0].partition("#")[0]
    if path.endswith(".mjs"):
        return f"{target}; rel=modulepreload"
    kind = media_type_by_name(path).partition(";")[0]
    if kind == "text/css":
        return f"{target}; rel=preload; as=style"
    if kind.endswith("javascript"):
        return f"{target}; rel=preload; as=script"
    if kind.startswith("font/"):
        return f"{target}; rel=preload; as=font; crossorigin"
    if kind.startswith("image/"):
        return f"{target}; rel=preload; as=image"
    return f"{target}; rel=preload; as=fetch; crossorigin"

"""Early hints: what a page will need, sent while the view still prepares the page (RFC 8297).

In: names of assets, or links. Out: the links of a 103 response, for the server to send. They are sent only to a browser
that navigates to a page: other clients gain nothing, and some old ones take the 103 for the final response (RFC 8297
section 3). Refuses links that are not valid in a field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.errors import InvalidResponse
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.location import percent_encode
from fanlight.message.media_types import media_type_by_name

if TYPE_CHECKING:
    from fanlight.message.request import Request

HINT_SENDER_KEY = "early_hints"  # the key under which the server attaches the function that sends
SendLinks = Callable[[tuple[str, ...]], None]
MAX_BYTES = 4096  # of all links together: fits into the send buffer of an idle connection
_LINK = lazy_pattern(r"<[!#-;=?-~]*>[\x20-\x7e]*")  # RFC 8288 section 3: a URI in angle brackets, and parameters
_DESTINATIONS = {"text/css": "style", "text/javascript": "script", "font": "font; crossorigin", "image": "image"}
_PAGE = ("navigate", "document")  # sec-fetch-mode and sec-fetch-dest of a browser that navigates to a page


class EarlyHints:
    """Sends hints about what to load before the response: a view gets it by this annotation.

    `hints.preload("app.css", "app.js")` makes the links for assets or URLs; `hints.send(...)` takes values of the field
    `Link`. A sync view with this parameter runs in the thread pool, because it has work to do after the hints.
    """

    __slots__ = ("_request", "_send")

    def __init__(self, request: Request) -> None:
        """Make hints for a request; they do nothing unless a browser navigates to a page."""
        self._request = request
        self._send: SendLinks | None = request.cached_value(HINT_SENDER_KEY) if _is_navigation(request) else None

    def preload(self, *names: str) -> None:
        """Send hints to load files: each is the name of an asset, or a URL that starts with a slash or a scheme.

        Raises NoSuchURL for an unknown asset.
        """
        self.send(*(preload_link(self._url(name), name) for name in names))

    def _url(self, name: str) -> str:
        return name if name.startswith("/") or "://" in name else self._request.asset(name)

    def send(self, *links: str) -> None:
        """Send a 103 response with links like `</app.css>; rel=preload; as=style`. Raises InvalidResponse."""
        for link in links:
            if not _LINK.fullmatch(link):
                raise InvalidResponse(f"{link!r} is not a link; write one like </app.css>; rel=preload; as=style")
        if sum(map(len, links)) > MAX_BYTES:
            raise InvalidResponse(f"the early hints are over {MAX_BYTES} bytes; send only what the page needs first")
        if links and self._send is not None:
            self._send(links)


def _is_navigation(request: Request) -> bool:
    head = request.head
    fields = head.values
    return head.minor > 0 and (fields.get("sec-fetch-mode"), fields.get("sec-fetch-dest")) == _PAGE


def preload_link(url: str, name: str) -> str:
    """Return the link that makes a browser preload a file (HTML standard, section 4.6.7: preload, modulepreload)."""
    target = f"<{percent_encode(url)}>"
    path = name.partition("?")[0].partition("#")[0]
    if path.endswith(".mjs"):
        return f"{target}; rel=modulepreload"
    kind = media_type_by_name(path).partition(";")[0]
    destination = _DESTINATIONS.get(kind) or _DESTINATIONS.get(kind.partition("/")[0], "fetch; crossorigin")
    return f"{target}; rel=preload; as={destination}"

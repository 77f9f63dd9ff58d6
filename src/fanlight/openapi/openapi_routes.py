"""The addresses of the description: the document for programs, and the page for people.

In: the settings, then the routes of the site when its table is built. Out: the entries for the table, and what they
serve. The document is made at start; the page when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from fanlight.errors import Mistake
from fanlight.message.lane import lane
from fanlight.message.media_types import HTML, JSON
from fanlight.message.response import Response
from fanlight.openapi.openapi_mark import in_openapi
from fanlight.openapi.openapi_settings import OpenAPI, read_openapi


class OpenAPIRoutes:
    """What is served of a description. Its routes are part of the site, so the document comes when those are known."""

    def __init__(self, settings: OpenAPI) -> None:
        self.settings = settings
        self._document: Mapping[str, Any] = {}

    def serve(self, document: Mapping[str, Any]) -> None:
        """Take the document."""
        self._document = document

    @property
    def urls(self) -> Mapping[str, object]:
        """The entries for the table of URLS."""
        entries: dict[str, object] = {self.settings.path: in_openapi(False)(_Served(self._json))}
        if self.settings.page:
            entries[self.settings.page] = in_openapi(False)(lane("thread")(_Served(self._page)))
        return entries

    def _json(self) -> Response:
        return _response(msgspec.json.encode(self._document), JSON)

    def _page(self) -> Response:
        from fanlight.openapi.docs_page import content_policy, docs_page  # noqa: PLC0415 - for those that look at it

        response = _response(docs_page(self._document, self.settings.path).encode(), HTML)
        response.headers["content-security-policy"] = content_policy(self._document)
        return response


def read_routes(given: object, folder: Path) -> tuple[OpenAPIRoutes | None, list[Mistake]]:
    """Return what serves a description, None if its settings are wrong, and what is wrong with them."""
    settings, mistakes = read_openapi(given, folder)
    return None if settings is None else OpenAPIRoutes(settings), mistakes


def _response(content: bytes, media_type: str) -> Response:
    tag = f'"{sha256(content).hexdigest()[:16]}"'
    return Response(content, media_type=media_type, headers={"etag": tag, "cache-control": "no-cache"})


class _Served:
    """A view of a response that is made once. It is an object, so that `url_for` takes no name from the site."""

    def __init__(self, make: Callable[[], Response]) -> None:
        self._make = make
        self._response: Response | None = None

    def __call__(self) -> Response:
        if self._response is None:  # two threads may make the same
            self._response = self._make()
        return self._response

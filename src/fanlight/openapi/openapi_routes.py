"""The addresses of the description: the document for programs, and the page for people.

In: the settings, then the routes of the site when its table is built. Out: the entries for the table, and what they
serve. Each is made once, when it is first requested, in a thread: a start, and each reload in development, costs
nothing more.
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
    """What is served of a description. Its routes are part of the site, so what makes it comes when those are known."""

    def __init__(self, settings: OpenAPI) -> None:
        self.settings = settings
        self._describe: Callable[[], Mapping[str, Any]] = dict

    def serve(self, describe: Callable[[], Mapping[str, Any]]) -> None:
        """Take the function that makes the document."""
        self._describe = describe

    @property
    def urls(self) -> Mapping[str, object]:
        """The entries for the table of URLS."""
        paths = {self.settings.path: self._json} | ({self.settings.page: self._page} if self.settings.page else {})
        return {path: in_openapi(False)(lane("thread")(_Served(make))) for path, make in paths.items()}

    def _json(self) -> Response:
        return _response(msgspec.json.encode(self._describe()), JSON)

    def _page(self) -> Response:
        from fanlight.openapi.docs_page import content_policy, docs_page  # noqa: PLC0415 - for those that look at it

        document = self._describe()
        response = _response(docs_page(document, self.settings.path).encode(), HTML)
        response.headers["content-security-policy"] = content_policy(document)
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

"""The settings of the description of a site: where it is, and what is said of the site as a whole.

In: what `App(openapi=...)` was given: a path, or an `OpenAPI`. Out: an `OpenAPI`, or None without one; and mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from fanlight.errors import Mistake, SetupError
from fanlight.routing.pattern import parse_pattern


class OpenAPI(Struct, frozen=True, kw_only=True):
    """The description of a site in OpenAPI 3.1, at `path`, and a page of it for people, at `page` ("": none).

    `title` is by default the name of the site's folder. `servers` are URLs, if clients reach the site at another one
    than that of the document.
    """

    path: str = "/openapi.json"
    page: str = "/docs"
    title: str = ""
    version: str = "0.1.0"
    description: str = ""
    servers: Sequence[str] = ()


def read_openapi(given: object, folder: Path) -> tuple[OpenAPI | None, list[Mistake]]:
    """Return the settings, None where nothing is described, and what is wrong with them."""
    if given is None:
        return None, []
    if isinstance(given, str):
        given = OpenAPI(path=given)
    if not isinstance(given, OpenAPI):
        hint = 'write openapi="/openapi.json", or openapi=OpenAPI(title="Cats")'
        return None, [Mistake(message=f"openapi is a {type(given).__name__}", hint=hint)]
    mistakes = [
        *(each for name in ("path", "page") for each in _path_mistakes(given, name)),
        *_text_mistakes(given),
        *_server_mistakes(given.servers),
    ]
    if given.page and given.page == given.path:
        mistakes.append(Mistake(message="OpenAPI(path, page) are the same", hint='write page="/docs"'))
    if mistakes:
        return None, mistakes
    return OpenAPI(
        path=given.path,
        page=given.page,
        title=given.title or folder.resolve().name or "Site",
        version=given.version,
        description=given.description,
        servers=tuple(given.servers),
    ), []


def _path_mistakes(given: OpenAPI, name: str) -> list[Mistake]:
    path = getattr(given, name)
    if name == "page" and (path is None or path == ""):
        return [] if path == "" else [Mistake(message="OpenAPI(page=None)", hint='write page="" for no page')]
    if not isinstance(path, str):
        return [Mistake(message=f"OpenAPI({name}={path!r}): it is a path", hint=f'write {name}="/{name}"')]
    try:
        pattern = parse_pattern(path)
    except SetupError as error:
        return [Mistake(message=f"OpenAPI({name}): {each.message}", hint=each.hint) for each in error.mistakes]
    if not pattern.is_literal:
        return [Mistake(message=f'OpenAPI({name}="{path}") has a parameter', hint="write a path without braces")]
    return []


def _text_mistakes(given: OpenAPI) -> list[Mistake]:
    return [
        Mistake(message=f"OpenAPI({name}={getattr(given, name)!r}): it is a text", hint=f'write {name}="..."')
        for name in ("title", "version", "description")
        if not isinstance(getattr(given, name), str)
    ]


def _server_mistakes(servers: object) -> list[Mistake]:
    if isinstance(servers, str) or not isinstance(servers, Sequence):
        return [Mistake(message="OpenAPI(servers) is no list", hint='write servers=["https://api.example.org"]')]
    found = []
    for each in servers:
        if not isinstance(each, str) or not _is_url(each):
            message = f"OpenAPI(servers): {each!r} is no URL"
            found.append(Mistake(message=message, hint='write "https://api.example.org", or a path like "/v1"'))
    return found


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    has_no_more = not parts.query and not parts.fragment
    return has_no_more and (text.startswith("/") or (parts.scheme in ("http", "https") and bool(parts.hostname)))

"""What the table and the views of a site have made weaker than the defaults.

In: the routes, and how much content the server accepts. Out: each weakness, in the order of the table, with its line.
Nothing of it is used to serve a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from msgspec.structs import replace

from fanlight.binding.callables import source_location
from fanlight.binding.signature import route_limits
from fanlight.message.route_marks import RouteMark, marks_of
from fanlight.pages.static.static import Static
from fanlight.routing.entries import Placed
from fanlight.routing.route import Route
from fanlight.weakness import Weakness

# Names that folders of uploaded files have.
_FOR_UPLOADS = frozenset("attachments avatars media upload uploaded uploads userfiles user_files".split())
_SLOW_TO_PARSE = "parsing so much holds up all other clients"
_RISKS: Mapping[str, Callable[[int], str]] = {
    "content_bytes": lambda size: f"one request may fill {size >> 20:,} MiB of the disk",
    "memory_bytes": lambda size: f"each form that is received may take {size >> 10:,} KiB of memory",
    **dict.fromkeys(("field_bytes", "text_bytes", "json_bytes"), lambda _: _SLOW_TO_PARSE),
}


def weak_routes(routes: Sequence[Route], folder: Path, content_bytes: int) -> Iterator[Weakness]:
    """Yield what routes have weakened; `content_bytes` is the limit of the server, which a view may raise."""
    seen: set[tuple[int, str]] = set()  # a mark of a table is at each of its routes
    for route in routes:
        for each in _marks_of(route):
            if isinstance(each.mark, RouteMark) and (id(each.mark), each.line) not in seen:
                seen.add((id(each.mark), each.line))
                yield from (replace(weak, place=each.line) for weak in each.mark.weaknesses())
        yield from _weak_limits(route, folder, content_bytes)
    yield from _weak_folders(routes)


def _marks_of(route: Route) -> Iterator[Placed]:
    yield from route.inherited.marks
    for mark in marks_of(route.view):
        yield Placed(mark, line=route.place)


def _weak_folders(routes: Sequence[Route]) -> Iterator[Weakness]:
    found = {(route.view, route.place): None for route in routes if isinstance(route.view, Static)}
    for static, place in found:  # once each, though a folder has two routes
        path = PurePath(static.folder)
        if not static.uploads and path.name.lower() in _FOR_UPLOADS:
            yield Weakness(
                setting=str(static),
                place=place,
                risk="a page or a script that a visitor uploads there runs as one of the site's own",
                advice=f'if visitors can send files there: Static("{path.as_posix()}", uploads=True)',
            )


def _weak_limits(route: Route, folder: Path, content_bytes: int) -> Iterator[Weakness]:
    limits = route_limits(route.view)
    for name, (value, usual) in ({} if limits is None else limits.changed()).items():
        default = content_bytes if usual is None else usual
        if name in _RISKS and value > default:
            yield Weakness(
                setting=f"@limits({name}={value:_})",
                place=source_location(route.view, folder),
                risk=f"{_RISKS[name](value)}, where the default is {default:,} bytes",
                advice="right for a view that only trusted people can use",
            )

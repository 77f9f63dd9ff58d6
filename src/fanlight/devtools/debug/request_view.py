"""A request as it is shown on the debug page: its parts as tables, with secrets masked.

In: a request, in whatever state its view has left it. Out: sections of names and values, bounded in number and length.
Content that can't be read is a line that says why. Nothing is read from the network: the content is what has been kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.binding.callables import source_location
from fanlight.devtools.debug.bounded_repr import kind_of, shown_variables
from fanlight.devtools.secrets import mask, mask_text
from fanlight.errors import FanlightError
from fanlight.message.form import Query
from fanlight.message.media_types import MULTIPART, URLENCODED
from fanlight.message.multipart import Form
from fanlight.message.request import Request
from fanlight.routing.route import Route
from fanlight.routing.table import Table
from fanlight.tracebacks.visible import visible

MAX_ROWS = 100
MAX_VALUE = 2_000  # characters
MAX_JSON_BYTES = 64 * 1024  # content that is parsed to be shown

Row = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of the page."""

    title: str
    rows: list[Row]


def request_line(request: Request) -> str:
    """Return method and target, without secrets."""
    return f"{visible(request.method)} {_cut(mask_text(request.target))}"


def request_with_url(request: Request) -> str:
    """Return method and URL, without secrets."""
    return f"{visible(request.method)} {_cut(mask_text(request.url))}"


def sections_of(request: Request, table: Table, folder: Path) -> list[Section]:
    """Return the tables of a request, those without rows left out."""
    found = [
        Section(title="Request", rows=_facts(request, table, folder)),
        Section(title="Path parameters", rows=_shown_values(request.params.items())),
        Section(title="Query", rows=_rows(_readable(lambda: request.query))),
        Section(title="Form", rows=_rows(_form_fields(request))),
        Section(title="JSON", rows=_json_values(request)),
        Section(title="Cookies", rows=[(visible(name), "***") for name in list(request.cookies)[:MAX_ROWS]]),
        Section(title="Header fields", rows=_rows(request.head.fields)),
        Section(title="State", rows=_shown_values(request.state.items())),
    ]
    return [each for each in found if each.rows]


def _facts(request: Request, table: Table, folder: Path) -> list[Row]:
    route = table.at(request.host).find(request.method, request.raw_path)
    rows = [("URL", _cut(mask_text(request.url)))]
    if isinstance(route, tuple):
        rows += _route_facts(route[0], folder)
    client = request.client or "unix socket"
    rows += [("client", client), ("protocol", f"HTTP/{request.http_version}"), ("request id", request.id)]
    if request.media_type:
        size = request.content_source.size if request.content_source is not None else 0
        rows.append(("content", f"{visible(request.media_type)}, {size:,} bytes"))
    return rows


def _route_facts(route: Route, folder: Path) -> Iterator[Row]:
    yield "route", f"{' | '.join(sorted(route.methods)) or 'any method'} {route.address}"
    if route.place:
        yield "in URLS", route.place
    if route.name:
        yield "view", " at ".join(filter(None, (route.full_name, source_location(route.view, folder))))


def _rows(pairs: Iterable[tuple[str, str]]) -> list[Row]:
    return [(_cut(name), _cut(mask(name, value))) for (name, value), _ in zip(pairs, range(MAX_ROWS), strict=False)]


def _shown_values(pairs: Iterable[tuple[str, Any]]) -> list[Row]:
    return [(each.name, each.text) for each in shown_variables(list(pairs)[:MAX_ROWS])]


def _readable(read: Callable[[], Form | Query]) -> list[tuple[str, str]]:
    """Return the fields that a function reads, or why it can't."""
    try:
        return [(str(name), str(value)) for name, value in read().pairs()]
    except (FanlightError, OSError, ValueError) as error:
        return [("can't be read", str(error))]


def _form_fields(request: Request) -> list[tuple[str, str]]:
    if request.media_type not in (URLENCODED, MULTIPART):
        return []
    return _readable(lambda: request.form)


def _json_values(request: Request) -> list[Row]:
    source = request.content_source
    if not request.is_json or source is None or not 0 < source.size <= MAX_JSON_BYTES:
        return []
    try:
        value = json.loads(request.content)
    except (FanlightError, OSError, ValueError, RecursionError) as error:
        return [("can't be read", _cut(str(error)))]
    if type(value) is dict:
        return _shown_values(value.items())
    return _shown_values([(kind_of(value), value)])


def _cut(text: str) -> str:
    text = visible(text[: MAX_VALUE + 1])
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}..."

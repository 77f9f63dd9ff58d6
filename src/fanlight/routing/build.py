"""Build the routing table from `URLS`, or report everything that is wrong with it at once.

In: the mapping, and functions of the app that know its values: their path types, endpoints and names. Out: a `Table`.
Refuses a table with a mistake in it: SetupError lists all of them, in the order in which they stand in the file.

Two entries conflict if they have the same shape (the names of their parameters aside) and a method in common. A
`{rest...}` is unreachable if more specific patterns match everything that it could match. No other kind of pattern can
be hidden: each matches infinitely many texts, and only finitely many are taken by more specific patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.entries import NOTHING_INHERITED, Entry, Inherited, TableReader, Unwrap
from fanlight.routing.pattern import Segment, check_segments, refuse
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.reverse import name_of
from fanlight.routing.route import Route
from fanlight.routing.source import Literal, Source
from fanlight.routing.table import Table

if TYPE_CHECKING:
    from fanlight.routing.host_pattern import HostPattern

PathTypes = Callable[[object], Mapping[str, str]]
EndpointOf = Callable[[object, str, frozenset[str], Inherited], object]


class TableOfHost(Struct, frozen=True):
    """What a table of one host among several has beside its keys."""

    pattern: HostPattern
    source: Literal | None  # where its keys are written
    inherited: Inherited = NOTHING_INHERITED


_Shape = tuple[tuple[str, str, str], ...]
_TEXT = Segment("", "name", "str").shape
_SLASH = Segment("").shape
_REST = Segment("", "name", "path").shape


def build(  # noqa: PLR0913 - each is a function of the app, or a part of the site
    urls: object,
    *,
    source: Source | None = None,
    host: TableOfHost | None = None,
    path_types: PathTypes = lambda _: {},
    name_of: Callable[[object], str] = name_of,
    endpoint_of: EndpointOf = lambda value, *_: value,
    unwrap: Unwrap = lambda value: (value, Inherited()),
    own_urls: Mapping[str, object] | None = None,
    look: Callable[[Sequence[Entry]], object] = lambda _: None,
) -> Table:
    """Return the table of a site, a mapping or `table(...)` of one. Raises SetupError with every mistake in it.

    `path_types(value)` names the types of a view's parameters, {"id": "int"}, for those that the key leaves open.
    `name_of(value)` is the value's full name. `endpoint_of(value, pattern, methods, inherited)` makes the endpoint,
    once for each route; it may raise SetupError with mistakes of its own. `unwrap(value)` returns a value without its
    settings, and the settings, which apply to all routes in it. `own_urls` are entries of the app itself. `host` is the
    one that the table is for.
    `look(entries)` is called with all entries before the first endpoint is made.
    """
    flat = TableReader(unwrap)
    if host is None:
        table, inherited = _whole_table(urls, unwrap)
        flat.read(table, source.find(table) if source is not None else None, inherited=inherited)
    else:
        assert isinstance(urls, Mapping)  # as the reader of hosts has found
        flat.read(urls, host.source, origin=f'Hosts["{host.pattern}"]', inherited=host.inherited)
    flat.read(own_urls or {}, None, origin="App")
    mistakes = flat.mistakes
    entries = [_with_types(entry, path_types, mistakes) for entry in flat.entries]
    mistakes += _find_conflicts(entries)
    mistakes += _find_unreachable(entries)
    pattern = None if host is None else host.pattern
    if pattern is not None:
        mistakes += _find_shared_names(entries, pattern)
    look(entries)
    routes = [(entry.pattern, _route(entry, name_of, endpoint_of, mistakes, pattern)) for entry in entries]
    if mistakes:
        raise SetupError(_in_reading_order(mistakes, flat.places))
    return Table(routes, Prefixes(flat.json_prefixes), flat.mounts)


def _whole_table(urls: object, unwrap: Unwrap) -> tuple[Mapping[str, object], Inherited]:
    """Return the outermost table, and what `table(...)` around it adds. Raises SetupError for anything else."""
    if isinstance(urls, Mapping):
        return urls, NOTHING_INHERITED
    inner, inherited = unwrap(urls)
    if isinstance(inner, Mapping) and not inherited.marks and inherited.mount is None:
        return inner, inherited
    inside = "..." if inherited.mount is None else str(inherited.mount.part)
    hint = f'put it into a dict: {{"/": {inside}}}' if isinstance(inner, Mapping) else 'write a dict: {"/": index}'
    raise SetupError([Mistake(message=f"URLS is a {type(urls).__name__}", hint=hint)])


def _with_types(entry: Entry, path_types: PathTypes, mistakes: list[Mistake]) -> Entry:
    """Return the entry with the types that its view gives to path parameters."""
    if entry.pattern.is_literal:
        return entry
    try:
        types = path_types(entry.value)
        if unknown := [f"{name}: {kind}" for name, kind in types.items() if kind not in CONVERTERS]:
            refuse(f"no segment can be read as {', '.join(unknown)}", f"the types are {', '.join(CONVERTERS)}")
        typed = entry.pattern.typed(types)
        check_segments(typed)
        return replace(entry, pattern=typed)
    except SetupError as error:
        mistakes += _placed(error, entry.place)
        return entry


def _route(
    entry: Entry,
    name_of: Callable[[object], str],
    endpoint_of: EndpointOf,
    mistakes: list[Mistake],
    host: HostPattern | None,
) -> Route:
    pattern, methods = str(entry.pattern), frozenset(entry.methods)
    endpoint: object = None
    try:
        endpoint = endpoint_of(entry.value, pattern, methods, entry.inherited)
    except SetupError as error:
        mistakes += _placed(error, entry.place)
    return Route(
        pattern=pattern,
        methods=methods,
        endpoint=endpoint,
        place=entry.place,
        name=name_of(entry.value),
        inherited=entry.inherited,
        view=entry.value,
        parameters=entry.pattern.parameters if host is None else host.parameters | entry.pattern.parameters,
        host=host,
    )


def _placed(error: SetupError, place: str) -> list[Mistake]:
    """Return the mistakes of a callback, each with the key's place among its own."""
    return [
        mistake if place in mistake.places else replace(mistake, places=(*mistake.places, place))
        for mistake in error.mistakes
    ]


def _in_reading_order(mistakes: list[Mistake], places: Sequence[str]) -> list[Mistake]:
    order = {place: number for number, place in enumerate(places)}
    return sorted(mistakes, key=lambda mistake: min((order[p] for p in mistake.places if p in order), default=0))


def _find_shared_names(entries: Sequence[Entry], host: HostPattern) -> Iterator[Mistake]:
    """Yield a mistake for every parameter that is in the host and in a path as well."""
    for entry in entries:
        for name in entry.pattern.parameters.keys() & host.parameters.keys():
            yield Mistake(
                message=f'"{name}" is a parameter of the host "{host}" and of the path "{entry.pattern}"',
                places=(entry.place,),
                hint="a view takes one value of a name: rename one of them",
            )


# --- conflicts ----------------------------------------------------------------------------------------


def _find_conflicts(entries: Sequence[Entry]) -> Iterator[Mistake]:
    """Yield a mistake for every entry that matches the same requests as an earlier one."""
    first: dict[tuple[str, _Shape], Entry] = {}
    for entry in entries:
        shape = entry.pattern.shape
        taken = {method: first[method, shape] for method in entry.methods if (method, shape) in first}
        for other in dict.fromkeys(taken.values()):
            shared = "|".join(method for method, holder in taken.items() if holder is other)
            yield _conflict(shared, other, entry)
        for method in entry.methods:
            first.setdefault((method, shape), entry)


def _conflict(methods: str, first: Entry, second: Entry) -> Mistake:
    if str(first.pattern) == str(second.pattern):
        message = f'"{methods} {second.pattern}" is in the table twice'
        hint = "remove one, or give them different methods"
    else:
        message = f'"{methods} {first.pattern}" and "{methods} {second.pattern}" match the same paths'
        hint = "names of parameters make no difference: remove one, or give them different types"
    return Mistake(message=message, places=(first.place, second.place), hint=hint)


def _find_unreachable(entries: Sequence[Entry]) -> Iterator[Mistake]:
    """Yield a mistake for every `{rest...}` that no path can reach."""
    for method in dict.fromkeys(method for entry in entries for method in entry.methods):
        by_shape = {entry.pattern.shape: entry for entry in entries if method in entry.methods}
        for entry in by_shape.values():
            if not entry.pattern.segments[-1].is_rest:
                continue
            hiding = _covering(entry.pattern.shape[:-1], by_shape)
            if hiding:
                patterns = ", ".join(f'"{other.pattern}"' for other in hiding)
                yield Mistake(
                    message=f'"{method} {entry.pattern}" is never reached: {patterns} take all its paths',
                    places=(entry.place, *(other.place for other in hiding)),
                    hint="remove it, or one of the others",
                )


def _covering(stem: _Shape, by_shape: dict[_Shape, Entry]) -> list[Entry]:
    """Return the entries that together match every rest after a stem, or none if a path is left."""
    one, slash = by_shape.get((*stem, _TEXT)), by_shape.get((*stem, _TEXT, _SLASH))
    if one is None or slash is None:
        return []
    more = by_shape.get((*stem, _TEXT, _REST))
    deeper = [more] if more is not None else _covering((*stem, _TEXT), by_shape)
    return [one, slash, *deeper] if deeper else []

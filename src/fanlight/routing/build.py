"""Build the routing table from `URLS`, or report everything that is wrong with it at once.

In: the mapping, and functions of the app that know its values: their path types, endpoints and names. Out: a `Table`.
Refuses a table with a mistake in it: SetupError lists all of them, in the order in which they stand in the file.

Two entries conflict if they have the same shape (the names of their parameters aside) and a method in common. A
`{rest...}` is unreachable if more specific patterns match everything that it could match. No other kind of pattern can
be hidden: each matches infinitely many texts, and only finitely many are taken by more specific patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.entries import Entry, Inherited, TableReader, Unwrap
from fanlight.routing.pattern import Segment, check_segments, refuse
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.reverse import name_of
from fanlight.routing.route import Route
from fanlight.routing.source import Source
from fanlight.routing.table import Table

PathTypes = Callable[[object], Mapping[str, str]]
EndpointOf = Callable[[object, str, frozenset[str], Inherited], object]
_Shape = tuple[tuple[str, str, str], ...]
_TEXT = Segment("", "name", "str").shape
_SLASH = Segment("").shape
_REST = Segment("", "name", "path").shape


def build(  # noqa: PLR0913 - each is a function of the app, or a part of the site
    urls: Mapping[str, object],
    *,
    source: Source | None = None,
    path_types: PathTypes = lambda _: {},
    name_of: Callable[[object], str] = name_of,
    endpoint_of: EndpointOf = lambda value, *_: value,
    unwrap: Unwrap = lambda value: (value, Inherited()),
    own_urls: Mapping[str, object] | None = None,
    look: Callable[[Sequence[Entry]], object] = lambda _: None,
) -> Table:
    """Return the table of a site. Raises SetupError with every mistake in it.

    `path_types(value)` names the types of a view's parameters, {"id": "int"}, for those that the key leaves open.
    `name_of(value)` is the value's full name. `endpoint_of(value, pattern, methods, inherited)` makes the endpoint,
    once for each route; it may raise SetupError with mistakes of its own. `unwrap(value)` returns a value without its
    settings, and the settings, which apply to all routes in it. `own_urls` are entries of the app itself.
    `look(entries)` is called with all entries before the first endpoint is made.
    """
    if not isinstance(urls, Mapping):
        is_part = isinstance(unwrap(urls)[0], Mapping)
        hint = 'put it into a dict: {"/": table({...})}' if is_part else 'write a dict: {"/": index}'
        raise SetupError([Mistake(message=f"URLS is a {type(urls).__name__}", hint=hint)])
    flat = TableReader(unwrap)
    flat.read(urls, source.find(urls) if source is not None else None)
    flat.read(own_urls or {}, None, origin="App")
    mistakes = flat.mistakes
    entries = [_with_types(entry, path_types, mistakes) for entry in flat.entries]
    mistakes += _find_conflicts(entries)
    mistakes += _find_unreachable(entries)
    look(entries)
    routes = [(entry.pattern, _route(entry, name_of, endpoint_of, mistakes)) for entry in entries]
    if mistakes:
        raise SetupError(_in_reading_order(mistakes, flat.places))
    return Table(routes, Prefixes(flat.json_prefixes))


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


def _route(entry: Entry, name_of: Callable[[object], str], endpoint_of: EndpointOf, mistakes: list[Mistake]) -> Route:
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
        parameters=entry.pattern.parameters,
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

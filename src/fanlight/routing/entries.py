"""Flatten the nested `URLS` table to a list of entries, in the order in which it is written.

In: the mapping and, if there is one, its source. Out: one `Entry` for each key with an endpoint, and every mistake in
keys and values. Only mappings, and values that can never be a response (None, a number, a list), are interpreted here;
all other values are endpoints of the app.

A nested key is appended to the outer one; the nested key "/" is the outer key as it is written:

    "/blog": {"/": blog, "POST /": write, "/{slug}": post}    ->  /blog, POST /blog, /blog/{slug}
    "/blog/": {"/": blog, "/{slug}": post}                    ->  /blog/, /blog/{slug}

A `Subtree` matches its key with a slash at the end, and all paths below it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.key import parse_key
from fanlight.routing.pattern import ROOT, Pattern, check_segments, parse_pattern, refuse
from fanlight.routing.source import Literal

# From a value to the value without its middleware, and the middleware, outermost first.
Unwrap = Callable[[object], tuple[object, tuple[object, ...]]]
VALUE_KINDS = "give a view (a function, without calling it), a string, a template's name, a response or a nested table"
_NEVER_A_RESPONSE = (type(None), bool, int, float, complex, list, tuple, set, frozenset)


class Entry(Struct, frozen=True):
    """One line of the flat table."""

    methods: tuple[str, ...]
    pattern: Pattern
    value: object
    place: str
    middleware: tuple[object, ...] = ()  # of it and of the tables around it, outermost first: interpreted by the app


class Subtree(Struct, frozen=True):
    """A value that matches all paths below its key, or those that a key like "/{path...}" matches."""

    value: object
    name: str = "path"  # of the parameter that holds the path below


class _Table(Struct, frozen=True):
    """A nested table that is being read: the keys on the way to it, and what it inherits."""

    keys: tuple[object, ...] = ()
    pattern: Pattern | None = None
    middleware: tuple[object, ...] = ()


class TableReader:
    """Reads a table; `entries`, `mistakes` and `places` are what it has found."""

    def __init__(self, unwrap: Unwrap) -> None:
        self._unwrap = unwrap
        self.entries: list[Entry] = []
        self.mistakes: list[Mistake] = []
        self.places: list[str] = []  # of every key, in reading order
        self._open: list[Mapping[str, object]] = []  # the tables that contain the one being read

    def read(self, urls: Mapping[str, object], source: Literal | None) -> None:
        """Read a whole table."""
        self._read_table(urls, source, _Table())

    def _read_table(self, urls: Mapping[str, object], source: Literal | None, table: _Table) -> None:
        self._open.append(urls)
        for key, places in source.duplicate_keys if source else ():
            self.mistakes.append(
                Mistake(
                    message=f'the key "{key}" is written twice in one table; Python keeps only the last',
                    places=places,
                    hint="put the methods into one key each, or remove one",
                )
            )
        for key, value in urls.items():
            trail = (*table.keys, key)
            place = (source.place(key) if source else "") or "URLS" + "".join(f"[{each!r}]" for each in trail)
            self.places.append(place)
            try:
                self._read_key(value, place, replace(table, keys=trail), source)
            except SetupError as error:
                self.mistakes += [
                    mistake if mistake.places else dataclasses.replace(mistake, places=(place,))
                    for mistake in error.mistakes
                ]
        self._open.pop()

    def _read_key(self, value: object, place: str, table: _Table, source: Literal | None) -> None:
        written = table.keys[-1]
        key = parse_key(written)
        pattern = key.pattern if table.pattern is None else key.pattern.below(table.pattern)
        if table.pattern is not None:
            check_segments(pattern)
        value, middleware = self._unwrap(value)
        middleware = (*table.middleware, *middleware)
        if isinstance(value, Subtree):
            if key.methods != ("GET",):
                refuse(f'"{written}" gives methods to files, which are only read', f'write "{key.pattern}"')
            for each in _patterns(value, pattern):
                self.entries.append(Entry(key.methods, each, value.value, place, middleware))
            return
        if not isinstance(value, Mapping):
            if isinstance(value, _NEVER_A_RESPONSE):
                kind = "None" if value is None else f"a value of type {type(value).__name__}"
                refuse(f'the value of "{written}" is {kind}, which is no response', VALUE_KINDS)
            self.entries.append(Entry(key.methods, pattern, value, place, middleware))
            return
        if key.states_methods:
            refuse(f'"{written}" gives methods to a nested table', "write the methods at the keys inside")
        if not value:
            refuse(f'the table below "{written}" is empty', "give it a key, or remove it")
        if any(value is table for table in self._open):
            refuse(f'the table below "{written}" holds itself', "a table can't contain itself")
        inside = source.below(written, value) if source else None
        self._read_table(value, inside, _Table(table.keys, pattern, middleware))


def _patterns(subtree: Subtree, pattern: Pattern) -> list[Pattern]:
    """Return the patterns of a subtree at a key: its own path, and all paths below."""
    *before, last = pattern.segments
    if any(segment.name for segment in before) or (last.name and not last.is_rest):
        refuse(f'"{pattern}" has a parameter, and files have one place', "write a path without braces")
    if last.is_rest:
        return [Pattern((*before, replace(last, name=subtree.name)))]
    outer = Pattern((*before, last, *ROOT.segments)) if str(last) else pattern
    return [outer, parse_pattern(f"/{{{subtree.name}...}}").below(outer)]

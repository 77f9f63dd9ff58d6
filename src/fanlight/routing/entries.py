"""Flatten the nested URLS table to a list of entries, in the order in which it is written.

In: the mapping and, where there is one, its source. Out: one `Entry` for each key that has a value,
and every mistake in keys and values. Knows nothing of what a value means: all but a mapping and
what can never be an answer (None, a number, a list) is somebody else's endpoint.

A nested key goes below the outer one; the nested key "/" is the outer key as it is written:

    "/blog": {"/": blog, "POST /": write, "/{slug}": post}    ->  /blog, POST /blog, /blog/{slug}
    "/blog/": {"/": blog, "/{slug}": post}                    ->  /blog/, /blog/{slug}

A `Folder` answers its key with a slash at its end, and everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.key import parse_key
from fanlight.routing.pattern import ROOT, Pattern, check_segments, parse_pattern
from fanlight.routing.source import Literal

# From a value to what it holds, and what is to be around that, outermost first.
Unwrap = Callable[[object], tuple[object, tuple[object, ...]]]
_NEVER_AN_ANSWER = (type(None), bool, int, float, complex, list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the flat table."""

    methods: tuple[str, ...]
    pattern: Pattern
    value: object
    place: str
    middleware: tuple[object, ...] = ()  # what stands around it and its tables, outermost first: somebody else's


@dataclass(frozen=True, slots=True)
class Subtree:
    """A value that answers everything below its key, or what a key like "/{path...}" leaves to it."""

    value: object
    name: str = "path"  # of the parameter that is the path below


@dataclass(frozen=True, slots=True)
class _Table:
    """A nested table that is being read: the keys that led to it, and what it has from outside."""

    keys: tuple[object, ...] = ()
    pattern: Pattern | None = None
    middleware: tuple[object, ...] = ()


class TableReader:
    """The entries and mistakes found so far."""

    def __init__(self, unwrap: Unwrap | None = None) -> None:
        """Take what says what a value holds, and what is around it."""
        self._unwrap = unwrap
        self.entries: list[Entry] = []
        self.mistakes: list[Mistake] = []
        self.places: list[str] = []  # of every key, in reading order
        self._open: list[Mapping[str, object]] = []  # the tables around the one being read

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
            place = (source.place(key) if source else "") or "URLS" + "".join(f"[{step!r}]" for step in trail)
            self.places.append(place)
            try:
                self._read_key(value, place, replace(table, keys=trail), source)
            except SetupError as error:
                self.mistakes += [
                    mistake if mistake.places else replace(mistake, places=(place,)) for mistake in error.mistakes
                ]
        self._open.pop()

    def _read_key(self, value: object, place: str, table: _Table, source: Literal | None) -> None:
        written = table.keys[-1]
        key = parse_key(written)
        pattern = key.pattern if table.pattern is None else key.pattern.below(table.pattern)
        if table.pattern is not None:
            check_segments(pattern)
        value, middleware = (value, ()) if self._unwrap is None else self._unwrap(value)
        middleware = (*table.middleware, *middleware)
        if isinstance(value, Subtree):
            if key.methods != ("GET",):
                _refuse(f'"{written}" gives methods to files, which are only read', f'write "{key.pattern}"')
            self.entries += [
                Entry(key.methods, each, value.value, place, middleware) for each in _patterns(value, pattern)
            ]
            return
        if not isinstance(value, Mapping):
            _check_value(written, value)
            self.entries.append(Entry(key.methods, pattern, value, place, middleware))
            return
        if key.states_methods:
            _refuse(f'"{written}" gives methods to a nested table', "write the methods at the keys inside")
        if not value:
            _refuse(f'the table below "{written}" is empty', "give it a key, or remove it")
        if any(value is table for table in self._open):
            _refuse(f'the table below "{written}" holds itself', "a nested table is read whole, so it must have an end")
        inside = source.below(written, value) if source else None
        self._read_table(value, inside, _Table(table.keys, pattern, middleware))


def _patterns(folder: Subtree, pattern: Pattern) -> list[Pattern]:
    """Return the patterns that a folder has at a key: its own address, and all below."""
    *before, last = pattern.segments
    if any(segment.name for segment in before) or (last.name and not last.is_rest):
        _refuse(f'"{pattern}" has a parameter, and files have one place', "write a path without braces")
    if last.is_rest:
        return [Pattern((*before, replace(last, name=folder.name)))]
    outer = Pattern((*before, last, *ROOT.segments)) if str(last) else pattern
    return [outer, parse_pattern(f"/{{{folder.name}...}}").below(outer)]


def _refuse(message: str, hint: str) -> None:
    raise SetupError([Mistake(message=message, hint=hint)])


def _check_value(key: object, value: object) -> None:
    if isinstance(value, _NEVER_AN_ANSWER):
        kind = "None" if value is None else f"a value of type {type(value).__name__}"
        _refuse(
            f'the value of "{key}" is {kind}, which answers nothing',
            "give a view (a function, without calling it), a text, a template's name, a response or a nested table",
        )

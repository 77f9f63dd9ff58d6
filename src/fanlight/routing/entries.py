"""Flatten the nested `URLS` table to a list of entries, in the order in which it is written.

In: the mapping and, if there is one, its source. Out: one `Entry` for each key with an endpoint, and every mistake in
keys and values. Only mappings, and values that can never be a response (None, a number, a list), are interpreted here;
all other values are endpoints of the app.

A nested key is appended to the outer one; the nested key "/" is the outer key as it is written:

    "/blog": {"/": blog, "POST /": write, "/{slug}": post}    ->  /blog, POST /blog, /blog/{slug}
    "/blog/": {"/": blog, "/{slug}": post}                    ->  /blog/, /blog/{slug}

A `Subtree` matches its key with a slash at the end, and all paths below it.

A nested table may have a name, which is put before those of its routes ("shop:index", or in a nested one
"admin:shop:index"), and settings that all values in it inherit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import Mistake, SetupError
from fanlight.lazy_pattern import lazy_pattern
from fanlight.routing.key import parse_key
from fanlight.routing.pattern import ROOT, Pattern, check_segments, parse_pattern, refuse
from fanlight.routing.source import Literal, Source

VALUE_KINDS = "give a view (a function, without calling it), a string, a template's name, a response or a nested table"
_TABLE_NAME = lazy_pattern(r"[^\W\d][\w-]*(?::[^\W\d][\w-]*)*")
_NEVER_A_RESPONSE = (type(None), bool, int, float, complex, list, tuple, set, frozenset)


class Placed(Struct, frozen=True):
    """A mark of a part of URLS, interpreted by the app, and where it is: the pattern of a table, or a view's name.

    `line` is where that is written: "main.py:12".
    """

    mark: object
    place: str = ""
    line: str = ""


class Mount(Struct, frozen=True):
    """A place where a part of a site is mounted: the names of its tables, "news:blog", and the file of the part."""

    part: Any  # a value of the app's
    name: str
    file: Path

    def below(self, table: str) -> Mount:
        """Return this with the name of a table around it."""
        return replace(self, name=f"{table}:{self.name}") if table else self


class Inherited(Struct, frozen=True):
    """What a value gets from the tables around it, or what a table adds to that."""

    table: str = ""  # the names of the tables: "admin:shop"
    marks: tuple[Placed, ...] = ()  # outermost first
    json_errors: bool = False  # errors are problem details, for clients that do not name HTML
    mount: Mount | None = None  # of the innermost part of the site that is mounted

    @property
    def needs_table(self) -> bool:
        """Whether only a table can have it."""
        return bool(self.table) or self.json_errors

    def with_inner(self, inner: Inherited) -> Inherited:
        """Return this with what a nested table adds."""
        return Inherited(
            ":".join(filter(None, (self.table, inner.table))),
            (*self.marks, *inner.marks),
            self.json_errors or inner.json_errors,
            self.mount if inner.mount is None else inner.mount.below(self.table),
        )

    def at(self, place: str, line: str) -> Inherited:
        """Return this with the place of its marks."""
        return replace(self, marks=tuple(Placed(each.mark, place, line) for each in self.marks))


NOTHING_INHERITED = Inherited()

# From a value to the value without its settings, and the settings.
Unwrap = Callable[[object], tuple[object, Inherited]]


class Entry(Struct, frozen=True):
    """One line of the flat table."""

    methods: tuple[str, ...]
    pattern: Pattern
    value: object
    place: str
    inherited: Inherited = Inherited()


class Subtree(Struct, frozen=True):
    """A value that matches all paths below its key, or those that a key like "/{path...}" matches."""

    value: object
    name: str = "path"  # of the parameter that holds the path below
    methods: tuple[str, ...] = ()  # all that it takes; none: it is read, with GET
    kind: str = "files"  # what is there, for messages
    may_have_parameters: bool = False  # in its place


class _Table(Struct, frozen=True):
    """A nested table that is being read: the keys on the way to it, and what it inherits."""

    keys: tuple[object, ...] = ()
    pattern: Pattern | None = None
    inherited: Inherited = Inherited()


class TableReader:
    """Reads a table; `entries`, `mistakes`, `places` and `json_prefixes` are what it has found."""

    def __init__(self, unwrap: Unwrap) -> None:
        self._unwrap = unwrap
        self.entries: list[Entry] = []
        self.mistakes: list[Mistake] = []
        self.places: list[str] = []  # of every key, in reading order
        self.json_prefixes: list[Pattern] = []  # of the tables whose errors are JSON
        self.mounts: list[tuple[Pattern, Mount]] = []  # of the parts that are mounted
        self._named: dict[str, str] = {}  # from the name of a table to its place
        self._origin = ""
        self._open: list[Mapping[str, object]] = []  # the tables that contain the one being read

    def read(
        self,
        urls: Mapping[str, object],
        source: Literal | None,
        *,
        origin: str = "URLS",
        inherited: Inherited = NOTHING_INHERITED,
    ) -> None:
        """Read a whole table; `origin` is named as the place of an entry that has no line in the source."""
        self._origin = origin
        if inherited.json_errors:
            self.json_prefixes.append(ROOT)
        if inherited.mount is not None:
            self.mounts.append((ROOT, inherited.mount))
            source = _source_in(inherited.mount, urls)
        try:
            if inherited.table:
                self._check_name(inherited.table, inherited.table, origin)
        except SetupError as error:
            self.mistakes += error.mistakes
        self._read_table(urls, source, _Table(inherited=inherited))

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
            place = (source.place(key) if source else "") or self._origin + "".join(f"[{each!r}]" for each in trail)
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
        value, own = self._unwrap(value)
        own = own.at(str(pattern), place)
        inherited = table.inherited.with_inner(own)
        if own.needs_table and not isinstance(value, Mapping):
            refuse(f'table(...) at "{written}" has a value of type {type(value).__name__}', "it takes a dict")
        if isinstance(value, Subtree):
            if key.methods != ("GET",):
                what = "which takes all methods" if value.methods else "which are only read"
                refuse(f'"{written}" gives methods to {value.kind}, {what}', f'write "{key.pattern}"')
            for each in _patterns(value, pattern):
                self.entries.append(Entry(value.methods or key.methods, each, value.value, place, inherited))
            return
        if not isinstance(value, Mapping):
            if isinstance(value, _NEVER_A_RESPONSE):
                kind = "None" if value is None else f"a value of type {type(value).__name__}"
                refuse(f'the value of "{written}" is {kind}, which is no response', VALUE_KINDS)
            self.entries.append(Entry(key.methods, pattern, value, place, inherited))
            return
        if key.states_methods:
            refuse(f'"{written}" gives methods to a nested table', "write the methods at the keys inside")
        self._check_table(value, written)
        if own.table:
            self._check_name(own.table, inherited.table, place)
        if own.json_errors:
            self.json_prefixes.append(pattern)
        inside = source.below(written, value) if source else None
        if own.mount is not None and inherited.mount is not None:
            self.mounts.append((pattern, inherited.mount))
            inside = _source_in(own.mount, value)
        self._read_table(value, inside, _Table(table.keys, pattern, inherited))

    def _check_table(self, table: Mapping[str, object], written: object) -> None:
        if not table:
            refuse(f'the table below "{written}" is empty', "give it a key, or remove it")
        if any(table is each for each in self._open):
            refuse(f'the table below "{written}" holds itself', "a table can't contain itself")

    def _check_name(self, own: str, name: str, place: str) -> None:
        """Raise SetupError for a table name that `url_for` could not distinguish from others."""
        if not _TABLE_NAME.fullmatch(own):
            refuse(f"{own!r} is not a name for a table", 'write letters, digits, "-" and "_", like name="shop"')
        if (other := self._named.setdefault(name, place)) != place:
            raise SetupError(
                [
                    Mistake(
                        message=f'two tables are named "{name}"',
                        places=(other, place),
                        hint="give each a name of its own, so that url_for can tell their routes apart",
                    )
                ]
            )


def _source_in(mount: Mount, urls: Mapping[str, object]) -> Literal | None:
    """Return where the table of a part of the site is written, in the file of the part."""
    return Source(mount.file, mount.file.parent.parent).find(urls)


def _patterns(subtree: Subtree, pattern: Pattern) -> list[Pattern]:
    """Return the patterns of a subtree at a key: its own path, and all paths below."""
    *before, last = pattern.segments
    names = [segment.name for segment in (before if last.is_rest else pattern.segments) if segment.name]
    if names and not subtree.may_have_parameters:
        refuse(f'"{pattern}" has a parameter, and {subtree.kind} have one place', "write a path without braces")
    if subtree.name in names:
        refuse(f'"{pattern}" has a parameter named "{subtree.name}", which is what is below it', "give it another name")
    if last.is_rest:
        return [Pattern((*before, replace(last, name=subtree.name)))]
    outer = Pattern((*before, last, *ROOT.segments)) if str(last) else pattern
    return [outer, parse_pattern(f"/{{{subtree.name}...}}").below(outer)]

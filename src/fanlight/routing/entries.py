"""Flatten the nested URLS table to a list of entries, in the order in which it is written.

In: the mapping and, where there is one, its source. Out: one `Entry` for each key that has a value,
and every mistake in keys and values. Knows nothing of what a value means: all but a mapping and
what can never be an answer (None, a number, a list) is somebody else's endpoint.

A nested key goes below the outer one; the nested key "/" is the outer key as it is written:

    "/blog": {"/": blog, "POST /": write, "/{slug}": post}    ->  /blog, POST /blog, /blog/{slug}
    "/blog/": {"/": blog, "/{slug}": post}                    ->  /blog/, /blog/{slug}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fanlight.errors import Mistake, SetupError
from fanlight.routing.key import parse_key
from fanlight.routing.pattern import Pattern, check_whole
from fanlight.routing.source import Literal

_NEVER_AN_ANSWER = (type(None), bool, int, float, complex, list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the flat table."""

    methods: tuple[str, ...]
    pattern: Pattern
    value: object
    place: str


class Flattening:
    """The entries and mistakes found so far."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.mistakes: list[Mistake] = []
        self.places: list[str] = []  # of every key, in reading order
        self._open: list[Mapping[str, object]] = []  # the tables around the one being read

    def read(self, urls: Mapping[str, object], source: Literal | None) -> None:
        """Read a whole table."""
        self._read_table(urls, source, [], None)

    def _read_table(
        self, urls: Mapping[str, object], source: Literal | None, keys: list[object], outer: Pattern | None
    ) -> None:
        self._open.append(urls)
        for key, places in source.doubles if source else ():
            self.mistakes.append(
                Mistake(
                    message=f'the key "{key}" is written twice in one table; Python keeps only the last',
                    places=places,
                    hint="put the methods into one key each, or remove one",
                )
            )
        for key, value in urls.items():
            trail = [*keys, key]
            place = (source.place(key) if source else "") or "URLS" + "".join(f"[{step!r}]" for step in trail)
            self.places.append(place)
            try:
                self._read_key(trail, value, outer, place, source)
            except SetupError as error:
                self.mistakes += [
                    mistake if mistake.places else replace(mistake, places=(place,)) for mistake in error.mistakes
                ]
        self._open.pop()

    def _read_key(
        self, keys: list[object], value: object, outer: Pattern | None, place: str, source: Literal | None
    ) -> None:
        key = parse_key(keys[-1])
        pattern = key.pattern if outer is None else key.pattern.below(outer)
        if outer is not None:
            check_whole(pattern)
        if not isinstance(value, Mapping):
            _check_value(keys[-1], value)
            self.entries.append(Entry(key.methods, pattern, value, place))
            return
        if key.states_methods:
            _refuse(f'"{keys[-1]}" gives methods to a nested table', "write the methods at the keys inside")
        if not value:
            _refuse(f'the table below "{keys[-1]}" is empty', "give it a key, or remove it")
        if any(value is table for table in self._open):
            _refuse(
                f'the table below "{keys[-1]}" holds itself', "a nested table is read whole, so it must have an end"
            )
        self._read_table(value, source.below(keys[-1], value) if source else None, keys, pattern)


def _refuse(message: str, hint: str) -> None:
    raise SetupError([Mistake(message=message, hint=hint)])


def _check_value(key: object, value: object) -> None:
    if isinstance(value, _NEVER_AN_ANSWER):
        kind = "None" if value is None else f"a value of type {type(value).__name__}"
        _refuse(
            f'the value of "{key}" is {kind}, which answers nothing',
            "give a view (a function, without calling it), a text, a template's name, a response or a nested table",
        )

"""Find routes that match the same requests, and routes that no request can reach.

In: the flat table. Out: mistakes with all places. Two entries conflict if they have the same shape (the names of their
parameters aside) and a method in common. A `{rest...}` is unreachable if more specific patterns match everything that
it could match. No other kind of pattern can be hidden: each matches infinitely many texts, and only finitely many are
taken by more specific patterns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fanlight.errors import Mistake
from fanlight.routing.entries import Entry
from fanlight.routing.pattern import Segment

_Shape = tuple[tuple[str, str, str], ...]

_TEXT = Segment("", "name", "str").shape
_SLASH = Segment("").shape
_REST = Segment("", "name", "path").shape


def find_conflicts(entries: Sequence[Entry]) -> Iterator[Mistake]:
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


def find_unreachable(entries: Sequence[Entry]) -> Iterator[Mistake]:
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

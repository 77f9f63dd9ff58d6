"""Check the constraints of a kind: bounds, lengths, patterns, time zones.

In: a kind, once; then values of it. Out: which constraint a value violates, as a message.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import partial

from msgspec import inspect as kinds

from fanlight.binding.describe import short_repr
from fanlight.binding.kinds import BINARY, Kind

_CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
_COMPARISONS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("ge", "at least", operator.ge),
    ("gt", "more than", operator.gt),
    ("le", "at most", operator.le),
    ("lt", "less than", operator.lt),
    ("multiple_of", "a multiple of", lambda value, step: value % step == 0),
)
_SIZED = (str, bytes, bytearray, memoryview, list, tuple, set, frozenset, dict)


def constraint_checker(kind: Kind) -> Callable[[object], str] | None:
    """Return a function that names the constraint which a value violates ("must be at least 1"), or returns "".

    None if the kind has no constraints.
    """
    if all(getattr(kind, name, None) is None for name in _CONSTRAINTS):
        return None
    # PERF: benchmarks/forms.py: the kind is looked at here, and not for each value.
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        return partial(_violated_bound, kind)
    if isinstance(kind, kinds.DateTimeType | kinds.TimeType):
        return partial(_violated_time_zone, kind)
    if isinstance(kind, kinds.StrType):
        check_length = partial(_violated_length, kind, what="characters")
        return check_length if kind.pattern is None else _pattern_checker(kind.pattern, check_length)
    return partial(_violated_length, kind, what="bytes" if isinstance(kind, BINARY) else "items")


def _violated_bound(kind: kinds.IntType | kinds.FloatType, value: object) -> str:
    assert isinstance(value, int | float)
    for name, words, holds in _COMPARISONS:
        bound = getattr(kind, name)
        if bound is not None and not holds(value, bound):
            return f"must be {words} {bound}"
    return ""


def _violated_length(kind: Kind, value: object, what: str) -> str:
    length = len(value) if isinstance(value, _SIZED) else 0
    least, most = getattr(kind, "min_length", None), getattr(kind, "max_length", None)
    if least is not None and length < least:
        return f"must have at least {least} {what if least != 1 else what[:-1]}"
    if most is not None and length > most:
        return f"must have at most {most} {what if most != 1 else what[:-1]}"
    return ""


def _pattern_checker(pattern: str, check_length: Callable[[object], str]) -> Callable[[object], str]:
    search = re.compile(pattern).search
    return lambda value: (
        check_length(value)
        if not isinstance(value, str) or search(value)
        else f"{short_repr(value)} does not match {pattern}"
    )


def _violated_time_zone(kind: kinds.DateTimeType | kinds.TimeType, value: object) -> str:
    has_zone = getattr(value, "tzinfo", None) is not None
    if kind.tz is None or kind.tz is has_zone:
        return ""
    return "must include a time zone, like Z or +02:00" if kind.tz else "must not include a time zone"

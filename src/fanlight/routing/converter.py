"""The types of path parameters: `int`, `float`, `date`, `uuid`, `str` and `path`.

In: the decoded text of a parameter. Out: its value, or None if the text does not fit; and in reverse, from a value to
the text that reads as it. Refuses what Python's own readers accept beyond plain notation: digits of other scripts,
underscores, exponents, week dates. Nothing here takes quadratic time in what a client sends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from fanlight.lazy_pattern import lazy_pattern
from fanlight.routing.path import has_dot_segments

_INT_CHARACTERS = 128  # int() is quadratic in the length, so longer numbers do not fit
_FLOAT_CHARACTERS = 400  # holds every float written without an exponent

_INT = lazy_pattern(r"-?[0-9]+")
_FLOAT = lazy_pattern(r"-?[0-9]+(?:\.[0-9]+)?")
_DATE = lazy_pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = lazy_pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Converter(Struct, frozen=True):
    """One type of parameter; if several fit a text, the one with the lowest `rank` is used."""

    name: str
    rank: int
    kind: type
    expected: str  # for messages: "it takes ..."
    read: Callable[[str], object | None]
    text_of: Callable[[Any], str | None]  # of a value that is no string

    def write(self, value: object) -> str | None:
        """Return the text that reads as a value, None if there is none."""
        text = value if isinstance(value, str) else self.text_of(value)
        return text if text is not None and self.read(text) is not None and _is_sendable(text) else None


def _is_sendable(text: str) -> bool:
    """Return whether a text can be percent-encoded: no NUL, no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text))


def _read_str(text: str) -> object | None:
    return None if not text or has_dot_segments(text) else text


def _text_of_any(value: object) -> str | None:
    return str(value) if isinstance(value, int | float | UUID | date) and not isinstance(value, bool) else None


def _read_int(text: str) -> object | None:
    # PERF: benchmarks/routing.py; `isdigit` is faster than any regular expression.
    if text.isdigit() and text.isascii() and len(text) <= _INT_CHARACTERS:
        return int(text)
    if len(text) <= _INT_CHARACTERS and _INT.fullmatch(text):
        return int(text)
    return None


def _text_of_int(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or value.bit_length() > 4 * _INT_CHARACTERS:
        return None  # str() is quadratic as well
    return str(int(value))


def _read_float(text: str) -> object | None:
    if len(text) <= _FLOAT_CHARACTERS and _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


def _text_of_float(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return format(Decimal(repr(number)), "f") if math.isfinite(number) else None


def _read_date(text: str) -> object | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _text_of_date(value: object) -> str | None:
    # A datetime is an instance of date, but its time would be lost.
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else None


def _read_uuid(text: str) -> object | None:
    return UUID(text) if _UUID.fullmatch(text) else None


def read_path(segments: list[str]) -> str | None:
    """Return the value of `{rest...}` for segments without dot-segments: one or more, maybe with a slash at the end."""
    if not segments[0] or "" in segments[1:-1]:
        return None
    rest = "/".join(segments)
    # An encoded slash would read as a plain one: two URLs for one value.
    return None if rest.count("/") >= len(segments) else rest


def _read_path(text: str) -> object | None:
    segments = text.split("/")
    return None if any(map(has_dot_segments, segments)) else read_path(segments)


def _text_of_path(value: Any) -> str | None:
    # A path of pathlib names a file below a folder as well as a string does.
    return value.as_posix() if hasattr(value, "as_posix") else None


CONVERTERS: Mapping[str, Converter] = {
    converter.name: converter
    for converter in (
        Converter("int", 1, int, "a whole number like 42", _read_int, _text_of_int),
        Converter("float", 2, float, "a number like 3.5", _read_float, _text_of_float),
        Converter("date", 3, date, "a date like 2026-01-31", _read_date, _text_of_date),
        Converter(
            "uuid",
            4,
            UUID,
            "a UUID like 0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d",
            _read_uuid,
            lambda value: str(value) if isinstance(value, UUID) else None,
        ),
        Converter("str", 5, str, "a non-empty text without dot-segments", _read_str, _text_of_any),
        Converter(
            "path", 6, str, "one or more segments, none of them empty or a dot-segment", _read_path, _text_of_path
        ),
    )
}

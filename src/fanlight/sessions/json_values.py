"""Which values a session can hold: those of JSON, which are the same when they come back.

In: a value, and its name for the message. Out: nothing. Refuses, as TypeError or ValueError with the place of the value
and what to write instead, what JSON lacks, and also what it would change without a word: a tuple would be a list at the
next request, and a number as a key a text.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import msgspec

MAX_DEPTH = 32
_PLAIN = frozenset({str, int, float, bool, type(None)})
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1  # of MessagePack
_INSTEAD: tuple[tuple[tuple[type, ...], str], ...] = (
    ((tuple, set, frozenset, range), "write list(...) around it"),
    ((date, time), "write .isoformat() behind it"),
    ((timedelta,), "write .total_seconds() behind it"),
    ((UUID, Decimal, Enum, PurePath, str), "write str(...) around it"),
    ((bytes, bytearray, memoryview), "write .hex() behind it, or keep it elsewhere"),
    ((dict,), "write dict(...) around it"),
    ((list,), "write list(...) around it"),
    ((bool, int), "write int(...) around it"),
    ((float,), "write float(...) around it"),
)


def check_json(value: Any, place: str, depth: int = 0) -> None:
    """Raise TypeError or ValueError for a value that a session can't hold; `place` is like `session["cart"]`."""
    cls = value.__class__
    if cls is dict:
        _check_depth(depth, place)
        for key, each in value.items():
            if key.__class__ is not str:
                raise TypeError(f"a key of {place} is {_described(key)}, and JSON has only text; write str({key!r})")
            _check_text(key, place)
            check_json(each, f"{place}[{key!r}]", depth + 1)
    elif cls is list:
        _check_depth(depth, place)
        for number, each in enumerate(value):
            check_json(each, f"{place}[{number}]", depth + 1)
    elif cls is str:
        _check_text(value, place)
    elif cls is int:
        if not _MIN_INT <= value <= _MAX_INT:
            raise ValueError(f"{place} is a number of more than 64 bits; write str(...) around it")
    elif cls is float:
        if not math.isfinite(value):
            raise ValueError(f"{place} is {value}, which JSON lacks; write None")
    elif cls not in _PLAIN:
        raise TypeError(f"{place} is {_described(value)}, and a session holds JSON; {_instead(value)}")


def _check_depth(depth: int, place: str) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"{place[:100]}... is nested in more than {MAX_DEPTH} others; keep it elsewhere")


def _check_text(text: str, place: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{place} has half of a surrogate pair: it is no text that can be sent") from None


def _described(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _instead(value: object) -> str:
    for kinds, hint in _INSTEAD:
        if isinstance(value, kinds):
            return hint
    if not isinstance(value, type) and (
        dataclasses.is_dataclass(value) or isinstance(value, msgspec.Struct) or hasattr(value, "__attrs_attrs__")
    ):
        name = type(value).__name__
        return f"make it a field of a class, and annotate the parameter with Session[ThatClass] or Session[{name}]"
    return "keep its id, and look it up at the next request"

"""A session holds values of JSON, and what it would change is refused with what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.sessions.json_values import MAX_DEPTH, check_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


@dataclass
class Cart:
    items: int = 0


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    """Every value of JSON is accepted, and is the same after it was encoded and decoded."""
    check_json(value, "session['x']")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ((1, 2), r"session\['x'\] is a tuple.*list\(\.\.\.\)"),
        ({1, 2}, r"list\(\.\.\.\)"),
        (datetime(2026, 1, 1, tzinfo=UTC), r"isoformat\(\)"),
        (date(2026, 1, 1), r"isoformat\(\)"),
        (timedelta(1), r"total_seconds\(\)"),
        (UUID(int=1), r"str\(\.\.\.\)"),
        (Decimal(1), r"str\(\.\.\.\)"),
        (Path("x"), r"str\(\.\.\.\)"),
        (Colour.RED, r"str\(\.\.\.\)"),
        (Size.BIG, r"str\(\.\.\.\)"),
        (b"x", r"\.hex\(\)"),
        (Cart(), r"Session\[Cart\]"),
        (msgspec.defstruct("Basket", [])(), r"Session\[Basket\]"),
        (object(), "an object.*keep its id"),
        (Cart, "keep its id"),
        ({"a": [{"b": (1,)}]}, r"session\['x'\]\['a'\]\[0\]\['b'\] is a tuple"),
        ({1: "a"}, r"str\(1\)"),
    ],
)
def test_other_values_are_refused_with_what_to_write(value: Any, hint: str) -> None:
    """A type that JSON lacks, or that would come back as another one, is named with its place and its replacement."""
    with pytest.raises(TypeError, match=hint):
        check_json(value, "session['x']")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (float("nan"), "None"),
        (float("inf"), "None"),
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
    ],
)
def test_values_out_of_range_are_refused(value: Any, hint: str) -> None:
    """A value of the right type that can't be sent is refused as well."""
    with pytest.raises(ValueError, match=hint):
        check_json(value, "session['x']")


def test_endless_nesting_is_refused() -> None:
    """A list that contains itself has no end, and is refused like one that is too deep."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} others"):
        check_json(endless, "session['x']")

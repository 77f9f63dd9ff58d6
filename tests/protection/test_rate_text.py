"""A rate is read as it is meant, or refused with what to write instead."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import AppError
from fanlight.protection.rate_text import read_rate
from fanlight.stores.rate import Rate

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@pytest.mark.parametrize(("text", "count", "seconds"), [
    ("10/minute", 10, 60),
    ("1/second", 1, 1),
    ("100/hour", 100, 3600),
    ("5/10 seconds", 5, 10),
    ("1000/7 days", 1000, 7 * 86400),
])  # fmt: skip
def test_a_rate_is_read(text: str, count: int, seconds: float) -> None:
    """A count and a time: one unit, or several."""
    assert read_rate(text) == Rate(count, seconds)


@given(st.integers(1, 1_000_000), st.integers(1, 366), st.sampled_from(list(SECONDS)))
def test_each_rate_is_read(count: int, number: int, unit: str) -> None:
    """Any count, number and unit is a rate, unless no store counts it."""
    text = f"{count}/{unit}" if number == 1 else f"{count}/{number} {unit}s"
    if count > number * SECONDS[unit] * 10_000:
        with pytest.raises(AppError, match="at most 10000 calls a second"):
            read_rate(text)
        return
    assert read_rate(text) == Rate(count, number * SECONDS[unit])


@given(st.text(alphabet="0123456789/ secondminutehourdayper.-+\u0660\n", max_size=20))
def test_any_other_text_is_refused_with_a_suggestion_that_is_valid(text: str) -> None:
    """What is refused names a rate to write instead, and that is one."""
    try:
        assert read_rate(text).count
    except AppError as error:
        for suggestion in re.findall(r'"([^"]+)"', str(error).partition("; ")[2]):
            assert read_rate(suggestion).count


@pytest.mark.parametrize(("text", "suggestion"), [
    ("10 per minute", "10/minute"),
    ("10/min", "10/minute"),
    ("10/m", "10/minute"),
    ("10 / minute", "10/minute"),
    ("10/minutes", "10/minute"),
    ("10/1 minute", "10/minute"),
    ("10/2 minute", "10/2 minutes"),
    ("5/10s", "5/10 seconds"),
    ("5/10 second", "5/10 seconds"),
    ("100 in 1 hour", "100/hour"),
    ("100/Hour", "100/hour"),
    ("3 every 2 days", "3/2 days"),
    ("1000/week", "1000/7 days"),
    ("007/minute", "7/minute"),
    ("10/minute\n", "10/minute"),
])  # fmt: skip
def test_a_likely_meaning_is_suggested(text: str, suggestion: str) -> None:
    """The spelling of other libraries, and a slip, are refused with the right one."""
    with pytest.raises(AppError, match=f'{re.escape(repr(text))} is no rate; write "{re.escape(suggestion)}"'):
        read_rate(text)


@pytest.mark.parametrize("value", [
    "", "10", "minute", "0/minute", "-1/minute", "10/0 seconds", "1.5/minute", "10/fortnight", "10/minute;5/second",
    "\u0661/minute", "99999999/minute", 10, None, b"10/minute", ["10/minute"], "x" * 5000,
])  # fmt: skip
def test_what_has_no_likely_meaning_gets_examples(value: object) -> None:
    """The message is short, and has three examples."""
    with pytest.raises(AppError, match='like "10/minute", "100/hour" or "5/10 seconds"') as caught:
        read_rate(value)
    assert len(str(caught.value)) < 200


def test_a_rate_that_no_store_counts_is_refused() -> None:
    """More than a year, and more than ten thousand a second, have the reason in their message."""
    with pytest.raises(AppError, match="31622400 seconds"):
        read_rate("1/367 days")
    with pytest.raises(AppError, match="10000 calls a second"):
        read_rate("1000000/second")

"""Which parts of a file are wanted (RFC 9110 section 14)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.message.conditional import MAX_RANGES, read_ranges


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-", [(500, 500)]),
        ("bytes=-1", [(999, 1)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=999-5000", [(999, 1)]),
        ("bytes=0-", [(0, 1000)]),
        ("BYTES=0-0", [(0, 1)]),
        ("bytes= 0-0 ,\t-1", [(0, 1), (999, 1)]),
        ("bytes=5-9,0-4", [(5, 5), (0, 5)]),
        ("bytes=0-0,1000-", [(0, 1)]),
        ("bytes=1-99999999999999999999999999999999", [(1, 999)]),
        ("bytes=" + "0" * 5000 + "1-" + "0" * 5000 + "2", [(1, 2)]),
        ("bytes=1-" + "9" * 5000, [(1, 999)]),
        ("bytes=-" + "0" * 5000 + "1", [(999, 1)]),
        ("bytes=0-1,,3-4", [(0, 2), (3, 2)]),  # an empty member of a list is none (RFC 9110 section 5.6.1.2)
        ("bytes=0-1,", [(0, 2)]),
        ("bytes=,\t, 0-1 ,,", [(0, 2)]),
    ],
)
def test_what_is_wanted(field: str, spans: list[tuple[int, int]]) -> None:
    """Each form of a range gives its span, in the order in which they are wanted."""
    assert read_ranges(field, 1000) == spans


@pytest.mark.parametrize("field", ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999999999-"])
def test_nothing_of_it_is_there(field: str) -> None:
    """A range that makes sense, and lies behind the end, gives no span."""
    assert read_ranges(field, 1000) == []


@pytest.mark.parametrize(
    "field",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1-2-3", "bytes=0x1-2",
        "bytes=+1-2", "items=0-1",
        "bytes=,", "bytes= , ,", "bytes=1 - 2", "bytes=0-\xb2", "bytes=1_0-20",
        "bytes=\u0661-2", "bytes=--1", "bytes 0-1",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_as_if_it_was_not_there(field: str) -> None:
    """A field that no rule allows leaves the whole to be sent (section 14.2)."""
    assert read_ranges(field, 1000) is None


def test_ranges_of_more_than_the_file_are_ignored() -> None:
    """Parts that overlap so that they are more than the whole are not sent (CVE-2011-3192)."""
    assert read_ranges("bytes=0-,0-", 1000) is None


def test_only_a_reasonable_number_of_empty_members_is_read_over() -> None:
    """A list of thousands of commas is no list, and costs nothing."""
    assert read_ranges("bytes=0-1" + "," * 100, 1000) == [(0, 2)]
    assert read_ranges("bytes=0-1" + "," * 5000, 1000) is None


def test_too_many_ranges_are_ignored() -> None:
    """A client that wants a great many parts gets the whole."""
    assert read_ranges("bytes=" + ",".join(f"{at}-{at}" for at in range(MAX_RANGES)), 1000) is not None
    assert read_ranges("bytes=" + ",".join(f"{at}-{at}" for at in range(MAX_RANGES + 1)), 1000) is None


def test_a_long_field_takes_no_longer_than_its_length() -> None:
    """A field as long as a head may be is read at once (CVE-2025-62727)."""
    began = time.thread_time()
    for _ in range(100):
        read_ranges("bytes=" + "0-," * 5000, 1000)
        read_ranges("bytes=" + "1" * 15000 + "-", 1000)
    assert time.thread_time() - began < 1


def test_of_an_empty_file_nothing_is_there() -> None:
    """No byte of an empty file can be sent."""
    assert read_ranges("bytes=0-", 0) == []
    assert read_ranges("bytes=-1", 0) == []


@given(st.text("0123456789-, =bytes", max_size=60).map(lambda text: f"bytes={text}"), st.integers(0, 10**6))
def test_no_span_leaves_the_file(field: str, length: int) -> None:
    """Whatever is wanted, what is sent lies within the file and is not more than it."""
    spans = read_ranges(field, length) or []
    assert all(span.start >= 0 and span.size > 0 and span.start + span.size <= length for span in spans)
    assert sum(span.size for span in spans) <= length

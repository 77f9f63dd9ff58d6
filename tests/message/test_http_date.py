"""HTTP dates (RFC 9110 section 5.6.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.message.http_date import read_date, write_date


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_formats(text: str) -> None:
    """The example of the RFC is the same moment in each format."""
    assert read_date(text) == 784111777


@pytest.mark.parametrize(
    "text", ["", "0", "784111777", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
             "Sun, 6 Nov 1994 08:49:37 GMT",
             "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
             "Sun, 06 Nov 0000 08:49:37 GMT"]
)  # fmt: skip
def test_a_malformed_date_is_none(text: str) -> None:
    """Text in no format, and a date that does not exist, is None."""
    assert read_date(text) is None


@given(st.integers(0, 4102444800))
def test_what_is_written_can_be_read(seconds: int) -> None:
    """A moment that was written is read as the same moment."""
    assert read_date(write_date(seconds)) == seconds

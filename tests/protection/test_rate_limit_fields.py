"""The fields of the draft: well-formed, and never more optimistic than the store."""

from __future__ import annotations

import re
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.protection.rate_limit_fields import (
    duration_text,
    next_seconds,
    policy_field,
    quoted,
    remaining_text,
    retry_after,
)
from fanlight.stores.rate import SECOND, Rate, take_at

# RFC 9651 section 3.3.3: an Item that is a String, with parameters that are Integers.
ITEM = re.compile(r'"(?:[ !#-\[\]-~]|\\["\\])*"(?:;[a-z]+=(?:0|[1-9][0-9]{0,14}))+')


def test_the_policy_names_each_limit() -> None:
    """Each item has the quota and the window in seconds."""
    assert (
        policy_field([("10/minute", Rate(10, 60)), ("100/hour by user", Rate(100, 3600))])
        == '"10/minute";q=10;w=60, "100/hour by user";q=100;w=3600'
    )


@given(st.text(max_size=40))
def test_any_name_is_a_string_of_structured_fields(name: str) -> None:
    """Quotes and backslashes are escaped; what is not printable ASCII is replaced."""
    assert ITEM.fullmatch(policy_field([(name, Rate(1, 1))]))
    assert "\n" not in quoted(name)


@given(st.integers(1, 50), st.integers(1, 600), st.lists(st.integers(0, 20 * SECOND), max_size=60))
def test_the_time_of_the_next_request_is_right(count: int, seconds: int, gaps: list[int]) -> None:
    """`t` seconds later there is one more request than now, and `Retry-After` is no earlier than `t`."""
    rate, now, kept = Rate(count, seconds), 10**15, None
    for gap in gaps:
        now += gap
        kept, taken = take_at(kept, now, rate)
        text = remaining_text(rate, taken)
        assert ITEM.fullmatch(quoted("x") + text)
        wait = next_seconds(rate, taken)
        _, later = take_at(kept, now + ceil(wait * SECOND) + 1, rate)
        assert later.is_allowed
        assert later.remaining + 1 >= min(count, taken.remaining + 1)
        if not taken.is_allowed:
            assert retry_after(taken) >= max(1, ceil(wait))
            assert int(text.rpartition("=")[2]) <= retry_after(taken)


@pytest.mark.parametrize(("seconds", "text"), [
    (1, "1 second"), (6, "6 seconds"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (3600, "1 hour"),
    (3601, "2 hours"), (86400, "1 day"), (200_000, "3 days"),
])  # fmt: skip
def test_a_time_is_shown_in_its_largest_unit(seconds: int, text: str) -> None:
    """It is rounded up: who waits for so long is not refused again."""
    assert duration_text(seconds) == text

"""The rule by which calls are counted: exact, for every rate and every sequence of times."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.redis_server import RedisServer
from tests.speed import PATIENCE

from fanlight.stores.rate import MAX_COUNT, MAX_PER_SECOND, SECOND, Rate, Taken, take_at
from fanlight.stores.redis_store import TAKE

START = 1_800_000_000 * SECOND
RATES = st.builds(
    lambda count, seconds: Rate(count, max(seconds, (count + 1) / MAX_PER_SECOND)),
    st.integers(1, 50) | st.integers(1, MAX_COUNT),
    st.sampled_from([0.001, 0.3, 1, 7, 60, 3600, 86400.0, 366 * 86400]) | st.floats(0.001, 1e6),
)


def all_taken(kept: int | None, now: int, rate: Rate) -> int:
    """Return how many calls are allowed at one moment."""
    count = 0
    while True:
        kept, result = take_at(kept, now, rate)
        if not result.is_allowed:
            return count
        count += 1


@given(st.integers(1, 8), st.integers(1, 3000), st.lists(st.integers(0, 2000), min_size=1, max_size=60))
def test_never_more_than_the_rate(count: int, thousandths: int, gaps: list[int]) -> None:
    """In each span of time at most `count` calls are allowed, and one more for each `seconds / count` of it."""
    rate = Rate(count, max(thousandths / 1000, (count + 1) / MAX_PER_SECOND))
    each = Fraction(round(rate.seconds * SECOND), count)  # exactly, in microseconds
    now, kept = START, None
    allowed: list[int] = []
    for gap in gaps:
        now += gap * round(each) // 1000
        kept, result = take_at(kept, now, rate)
        if result.is_allowed:
            allowed.append(now)
    for first, begin in enumerate(allowed):
        for last in range(first, len(allowed)):
            assert last - first + 1 <= count + (allowed[last] - begin) / each


@pytest.mark.parametrize(("count", "seconds"), [(3, 0.001), (7, 1), (1_000_000, 101), (9999, 1)])
def test_a_greedy_client_gains_nothing_by_rounding(count: int, seconds: float) -> None:
    """Of a client that calls again at the first moment that is allowed, never more are allowed than by the rate."""
    rate = Rate(count, seconds)
    each = Fraction(round(rate.seconds * SECOND), count)
    now, kept, allowed = START, START + rate.interval * (count - 1), count - 1  # all but one have been taken
    for _ in range(5000):
        kept, result = take_at(kept, now, rate)
        if not result.is_allowed:
            now += round(result.retry_seconds * SECOND)
            kept, result = take_at(kept, now, rate)
        assert result.is_allowed
        allowed += 1
        assert allowed <= count + (now - START) / each


@given(RATES, st.integers(1, 100))
def test_who_keeps_to_the_rate_is_never_refused(rate: Rate, calls: int) -> None:
    """Calls that are at least `seconds / count` apart are all allowed, without end."""
    now, kept = START, None
    for _ in range(calls):
        kept, result = take_at(kept, now, rate)
        assert result.is_allowed
        assert result.remaining == rate.count - 1
        now += rate.interval


@given(st.integers(1, 30), st.floats(0.01, 1e6), st.lists(st.floats(0, 3), max_size=40))
def test_what_is_left_is_right(count: int, seconds: float, gaps: list[float]) -> None:
    """After each call exactly `remaining` more are allowed; one after `retry_seconds`; all after `reset_seconds`."""
    rate = Rate(count, seconds)
    now, kept = START, None
    for gap in gaps:
        now += int(gap * rate.interval)
        kept, result = take_at(kept, now, rate)
        assert all_taken(kept, now, rate) == result.remaining
        assert (result.retry_seconds == 0) == result.is_allowed
        if not result.is_allowed:
            retry = round(result.retry_seconds * SECOND)
            assert not take_at(kept, now + retry - 1, rate)[1].is_allowed
            assert take_at(kept, now + retry, rate)[1].is_allowed
        reset = round(result.reset_seconds * SECOND)
        assert all_taken(kept, now + reset, rate) == count
        assert all_taken(kept, now + reset - 1, rate) == count - 1


@given(RATES, st.integers(-(10**12), 10**16))
def test_nobody_is_locked_out(rate: Rate, kept: int) -> None:
    """Whatever was kept, by another rate or a clock that was set back, a call is allowed after one interval."""
    kept, result = take_at(kept, START, rate)
    assert result.retry_seconds <= rate.interval / SECOND
    assert 0 <= result.remaining < rate.count
    assert result.reset_seconds <= rate.interval * rate.count / SECOND
    assert take_at(kept, START + rate.interval, rate)[1].is_allowed


def test_the_first_calls() -> None:
    """The example at the top of the file is what happens."""
    rate, kept, seen = Rate(4, 40), None, []
    for seconds in (0, 1, 1, 1, 1, 10):
        kept, result = take_at(kept, START + seconds * SECOND, rate)
        seen.append((kept // SECOND - START // SECOND, result))
    assert seen == [
        (10, Taken(True, 3, 0, 10)),
        (20, Taken(True, 2, 0, 19)),
        (30, Taken(True, 1, 0, 29)),
        (40, Taken(True, 0, 0, 39)),
        (40, Taken(False, 0, 9, 39)),
        (50, Taken(True, 0, 0, 40)),
    ]


@pytest.mark.parametrize(
    ("count", "seconds"),
    [
        (0, 1), (-1, 1), (MAX_COUNT + 1, 1e9), (1, 0), (1, -1), (1, float("nan")), (1, float("inf")), (1, 1e10),
        (MAX_PER_SECOND + 1, 1), (1, 0.00001),
    ],
)  # fmt: skip
def test_a_rate_that_can_not_be_counted_is_refused(count: int, seconds: float) -> None:
    """It is a ValueError that says what is allowed."""
    with pytest.raises(ValueError, match="a rate "):
        Rate(count, seconds)


def test_the_numbers_are_exact_in_lua() -> None:
    """The largest number that is kept in this century fits into a double."""
    assert START * 4 + 366 * 86400 * SECOND < 2**53


def test_redis_counts_by_the_same_rule(shared_redis: RedisServer) -> None:
    """The script of Redis keeps the same numbers and decides alike, for any rate, time and kept number."""
    script = TAKE.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}")
    assert script != TAKE
    client = shared_redis.client()
    run: Any = client.register_script(script)

    @given(RATES, st.none() | st.integers(-(10**9), 10**14), st.integers(0, 4 * 10**14))
    def check(rate: Rate, ahead: int | None, later: int) -> None:
        now = START + later
        kept = None if ahead is None else now + ahead
        client.flushall()
        if kept is not None:
            client.set("k", kept)
        arguments = (rate.interval, rate.count, now // SECOND, now % SECOND)
        is_allowed, then, after = run(keys=("k",), args=arguments)
        expected, result = take_at(kept, now, rate)
        assert (bool(is_allowed), then, after) == (result.is_allowed, now, expected)
        if is_allowed and result.reset_seconds > PATIENCE:  # else it may have expired by now
            assert int(client.get("k")) == expected
            assert -1 < result.reset_seconds * 1000 - client.pttl("k") < PATIENCE * 1000

    with client:
        check()

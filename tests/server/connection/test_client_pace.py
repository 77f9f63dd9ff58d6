"""When a client is cut off for how it takes its response, by what its system acknowledges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from fanlight.server.connection.client_pace import ClientPace
from fanlight.settings.limits import Limits

LIMITS = Limits(write_seconds=20)
LOOK = 2.5
ALWAYS = 3600.0


def cut_after(steps: Iterable[tuple[float, int]], *, until: float = ALWAYS, is_waited_for: bool = True) -> float:
    """Return when a client is cut off that takes so many bytes at these times; `until` if it never is."""
    coming = iter([*steps, (float("inf"), 0)])
    at, step = next(coming)
    pace, taken, now = ClientPace(0, 0.0, LIMITS), 0, 0.0
    while now < until:
        now += LOOK
        while at <= now:
            taken += step
            at, step = next(coming)
        if pace.is_too_slow(taken, now, LIMITS, is_waited_for=is_waited_for):
            return now
    return until


def steadily(rate: float, step: int, *, begin: float = 0.0, seconds: float = ALWAYS) -> Iterator[tuple[float, int]]:
    """Yield the steps of a client that reads at a rate, and whose system reports it only after each `step`."""
    at = begin
    while (at := at + step / rate) < begin + seconds:
        yield at, step


@pytest.mark.parametrize("at_once", [0, 1, 4096, 128_000, 6_000_000])
@pytest.mark.parametrize("is_waited_for", [True, False])
def test_a_client_that_takes_nothing_is_cut_off_in_time(at_once: int, *, is_waited_for: bool) -> None:
    """Whatever its system has taken for it at once, it has write_seconds, and a look more."""
    assert 20 < cut_after([(0.01, at_once)], is_waited_for=is_waited_for) <= 20 + 2 * LOOK


def test_a_client_that_has_taken_much_and_takes_no_more_is_cut_off_as_soon() -> None:
    """Megabytes that were taken fast buy no time."""
    fast = list(steadily(1_000_000, 65536, seconds=10))
    assert 30 < cut_after(fast) <= 30 + 2 * LOOK


@pytest.mark.parametrize(
    ("rate", "step"),
    [(1500, 1000), (1500, 8000), (3000, 8192), (4096, 65_000), (8192, 65_000), (30_000, 400_000), (1_000_000, 65_000)],
)
def test_a_slow_but_steady_client_stays(rate: int, step: int) -> None:
    """Over LEAST_RATE, it is waited for as long as it takes, also where its system reports it in big steps."""
    assert cut_after(steadily(rate, step)) == ALWAYS


def test_longer_pauses_are_given_to_one_that_has_made_pauses() -> None:
    """A pause that is twice as long as any before does not end a client that is as fast as ever in the long run."""
    steps = [(0.1, 16_000), (10.0, 30_000), (25.0, 30_000), (55.0, 90_000), (115.0, 90_000)]
    assert cut_after(steps, until=140.0) == 140.0
    assert cut_after([(0.1, 16_000), (55.0, 90_000)]) <= 20 + 2 * LOOK


@pytest.mark.parametrize("rate", [1, 50, 500, 900])
def test_a_client_below_the_least_rate_is_cut_off(rate: int) -> None:
    """A few bytes now and then buy no time worth having: not even where megabytes were taken fast before."""
    assert cut_after(steadily(rate, rate)) < 1000
    fast = list(steadily(1_000_000, 65536, seconds=10))
    assert cut_after([*fast, *steadily(rate, rate, begin=10)]) < 1000


def test_a_stream_that_gives_little_is_not_held_to_a_rate() -> None:
    """The rate counts only while the server waits for the client, not while the client waits for the server."""
    assert cut_after(steadily(10, 10), is_waited_for=False) == ALWAYS


def test_what_is_taken_is_less_after_more_was_sent_beside_the_count() -> None:
    """A response that went out at once is not counted as sent, but is as not acknowledged: that is no step back."""
    pace = ClientPace(0, 0.0, LIMITS)
    assert not pace.is_too_slow(-60_000, 15.0, LIMITS, is_waited_for=False)
    assert not pace.is_too_slow(-50_000, 16.0, LIMITS, is_waited_for=False)  # it has taken something
    assert not pace.is_too_slow(-50_000, 35.0, LIMITS, is_waited_for=False)

"""How long a route that was sent to threads stays there: the clock is the test's own."""

from __future__ import annotations

import pytest

from fanlight.message.handler import Lane
from fanlight.message.response import Response
from fanlight.server.dispatch.lanes import (
    FIRST_PROBATION_SECONDS,
    LONGEST_PROBATION_SECONDS,
    SHORT_RUNS,
    SHORT_SECONDS,
    Lanes,
)
from fanlight.testing import FakeCall


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def call() -> FakeCall:
    """Return a call whose lane is not pinned."""
    return FakeCall(lambda _: Response("x"), Lane.MEASURED)


def lane_of(call: FakeCall) -> Lane:
    return call.lane


def run_in_threads(lanes: Lanes, call: FakeCall, *, times: int = SHORT_RUNS, seconds: float = 0.0) -> None:
    for _ in range(times):
        lanes.record_in_thread(call, seconds, 0.0, 0.0)


def test_each_relapse_doubles_the_probation(call: FakeCall) -> None:
    """A route stays in threads for the first probation, then for twice as long each time, up to the longest."""
    clock = Clock()
    lanes = Lanes(clock)
    probation = FIRST_PROBATION_SECONDS
    for _ in range(10):
        lanes.record_stall(call, "somewhere")
        clock.now += probation - 0.01
        run_in_threads(lanes, call)
        assert lane_of(call) is Lane.THREAD, f"it was back before {probation} s"
        clock.now += 0.02
        run_in_threads(lanes, call)
        assert lane_of(call) is Lane.MEASURED, f"it was not back after {probation} s"
        probation = min(2 * probation, LONGEST_PROBATION_SECONDS)
    assert probation == LONGEST_PROBATION_SECONDS


def test_a_long_run_begins_the_count_of_short_ones_anew(call: FakeCall) -> None:
    """Only short runs in a row bring a route back, and all of them."""
    clock = Clock()
    lanes = Lanes(clock)
    lanes.record_stall(call, "somewhere")
    clock.now += FIRST_PROBATION_SECONDS
    run_in_threads(lanes, call, times=SHORT_RUNS - 1)
    run_in_threads(lanes, call, times=1, seconds=SHORT_SECONDS)
    run_in_threads(lanes, call, times=SHORT_RUNS - 1)
    assert lane_of(call) is Lane.THREAD
    run_in_threads(lanes, call, times=1)
    assert lane_of(call) is Lane.MEASURED

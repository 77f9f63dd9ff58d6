"""Which routes go to threads, and which come back: the rules, by a clock and measurements of the test's own."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, lane
from fanlight.message.handler import Lane
from fanlight.message.response import Response
from fanlight.server.dispatch import lanes as module
from fanlight.server.dispatch.lanes import (
    FIRST_PROBATION_SECONDS,
    LONGEST_PROBATION_SECONDS,
    NEXT_LOOK_SECONDS,
    SAMPLES,
    SHORT_RUNS,
    Lanes,
)
from fanlight.server.dispatch.thread_probes import thread_usage
from fanlight.testing import Client, FakeCall

WAIT, SHORT = 0.001, 0.00001


class Clock:
    """Time, as the test wants it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def fresh(name: str = "GET /") -> FakeCall:
    return FakeCall(lambda _: Response("x"), Lane.MEASURED, name=name)


def lane_of(call: FakeCall) -> Lane:
    """Return the lane that a call has now: to mypy it could not have changed."""
    return call.lane


def measure(lanes: Lanes, call: FakeCall, idle: float, count: int = 1, *, seconds: float | None = None) -> None:
    for _ in range(count):
        lanes.record_inline(call, idle if seconds is None else seconds, idle)


def test_a_route_that_waits_goes_to_threads() -> None:
    """Its calls sleep for longer than a hand-over costs: the second one that counts decides."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, WAIT, 2)
    assert lane_of(call) is Lane.MEASURED
    measure(lanes, call, WAIT)
    assert lane_of(call) is Lane.THREAD


@pytest.mark.parametrize("idle", [0.0003, 0.0005, 0.005])
def test_however_short_it_waits(idle: float) -> None:
    """Half a millisecond is found as well as five."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, idle, SAMPLES)
    assert lane_of(call) is Lane.THREAD


def test_the_first_call_does_not_count() -> None:
    """What it waits for (imports, files, a first connection) later ones find there."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, 10.0)
    measure(lanes, call, 0.0, SAMPLES)
    assert lane_of(call) is Lane.INLINE


def test_one_call_that_waited_is_no_rule() -> None:
    """A single long wait, in which the disk was slow once, moves nothing."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, 0.0, 2)
    measure(lanes, call, 10.0)
    measure(lanes, call, 0.0, SAMPLES - 2)
    assert lane_of(call) is Lane.INLINE


def test_a_route_that_computes_stays_in_place() -> None:
    """However long it takes: no other thread could compute meanwhile."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, 0.0, 10 * SAMPLES, seconds=0.05)
    assert lane_of(call) is Lane.INLINE


def test_a_route_in_place_is_measured_again() -> None:
    """A second later: a database may have become slow."""
    lanes, call = Lanes(), fresh()
    measure(lanes, call, 0.0, SAMPLES + 1)
    assert lane_of(call) is Lane.INLINE
    lanes.remeasure()
    assert lane_of(call) is Lane.MEASURED
    measure(lanes, call, WAIT, SAMPLES)
    assert lane_of(call) is Lane.THREAD


def test_so_many_routes_are_measured_again_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of measuring is bounded, and every route has its turn."""
    monkeypatch.setattr(module, "MOST_MEASURED", 2)
    lanes, calls = Lanes(), [fresh(f"GET /{number}") for number in range(5)]
    for call in calls:
        measure(lanes, call, 0.0, SAMPLES + 1)
    seen = []
    for _ in range(3):
        lanes.remeasure()
        seen.append([call.lane is Lane.MEASURED for call in calls].count(True))
    assert seen == [2, 4, 5]


def in_pool(lanes: Lanes, call: FakeCall, count: int, *, seconds: float = SHORT, asleep: float = 0.0) -> None:
    for _ in range(count):
        if lanes.should_measure(call):
            lanes.record_in_thread(call, seconds, asleep, 0.0)


def sent() -> tuple[Lanes, FakeCall, Clock]:
    clock = Clock()
    lanes, call = Lanes(clock), fresh()
    lanes.record_stall(call, "main.py:1 in view")
    return lanes, call, clock


def test_a_route_comes_back_after_its_probation() -> None:
    """When it has been short in the pool for a while, it runs in place again, and is measured there."""
    lanes, call, clock = sent()
    in_pool(lanes, call, SHORT_RUNS)
    assert lane_of(call) is Lane.THREAD
    clock.now += FIRST_PROBATION_SECONDS
    in_pool(lanes, call, SHORT_RUNS - 1)
    assert lane_of(call) is Lane.THREAD
    in_pool(lanes, call, 1)
    assert lane_of(call) is Lane.MEASURED


@pytest.mark.parametrize("run", [{"seconds": 0.01}, {"seconds": 0.001, "asleep": 0.0005}])
def test_a_long_or_a_waiting_run_begins_the_count_anew(run: dict[str, float]) -> None:
    """What takes long in the pool, or sleeps there, must be short for as many runs again."""
    lanes, call, clock = sent()
    clock.now += FIRST_PROBATION_SECONDS
    in_pool(lanes, call, SHORT_RUNS - 1)
    in_pool(lanes, call, 1, **run)
    clock.now += NEXT_LOOK_SECONDS
    in_pool(lanes, call, SHORT_RUNS - 1)
    assert lane_of(call) is Lane.THREAD
    in_pool(lanes, call, 1)
    assert lane_of(call) is Lane.MEASURED


def test_a_route_that_waits_is_measured_once_in_a_while() -> None:
    """As long as its calls wait, measuring them costs next to nothing; one that began earlier decides nothing."""
    lanes, call, clock = sent()
    clock.now += FIRST_PROBATION_SECONDS
    assert lanes.should_measure(call)
    in_pool(lanes, call, 1, asleep=0.0005)
    for _ in range(SHORT_RUNS):
        lanes.record_in_thread(call, SHORT, 0.0, 0.0)
    assert not lanes.should_measure(call)
    assert lane_of(call) is Lane.THREAD
    clock.now += NEXT_LOOK_SECONDS
    assert lanes.should_measure(call)


def test_each_relapse_doubles_the_probation() -> None:
    """A route that is sent to threads again and again stays there for longer and longer, up to a bound."""
    lanes, call, clock = sent()
    expected = FIRST_PROBATION_SECONDS
    for _ in range(10):
        clock.now += expected - 0.01
        in_pool(lanes, call, SHORT_RUNS)
        assert lane_of(call) is Lane.THREAD
        clock.now += 0.02
        in_pool(lanes, call, SHORT_RUNS)
        assert lane_of(call) is Lane.MEASURED
        lanes.record_stall(call, "main.py:1 in view")
        expected = min(2 * expected, LONGEST_PROBATION_SECONDS)
    assert expected == LONGEST_PROBATION_SECONDS


def test_a_route_is_sent_to_threads_once(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that were stuck together are one relapse, and one line."""
    lanes, call, _ = sent()
    caplog.clear()
    lanes.record_stall(call, "main.py:2 in view")
    assert caplog.text == ""
    assert [each[2] for each in lanes.slow_routes()] == ["blocked the server at main.py:1 in view"]


def test_a_pinned_route_stays(caplog: pytest.LogCaptureFixture) -> None:
    """Where the user has chosen the lane, a stuck call is logged, and the lane kept."""
    lanes, call = Lanes(), FakeCall(lambda _: Response("x"), Lane.INLINE, is_pinned=True, name="GET /pinned")
    lanes.record_stall(call, "main.py:7 in view")
    assert lane_of(call) is Lane.INLINE
    assert "GET /pinned, pinned inline, blocked the server at main.py:7 in view" in caplog.text


def test_the_log_names_the_reason_and_the_change(caplog: pytest.LogCaptureFixture) -> None:
    """The line of a move names the route, its wait, and what is different in a thread."""
    lanes, call = Lanes(), fresh("GET /rows (rows)")
    with caplog.at_level(logging.INFO, "fanlight"):
        measure(lanes, call, 0.002, SAMPLES, seconds=0.003)
    assert "GET /rows (rows) waits for 2.0 of 3.0 ms on average: from now on it runs in the thread pool" in caplog.text
    assert "like an SQLite connection" in caplog.text
    assert [each[2] for each in lanes.slow_routes()] == ["waits for 2.0 of 3.0 ms on average"]


def test_a_call_without_a_path_is_named_in_quotes(caplog: pytest.LogCaptureFixture) -> None:
    """Requests without a route share a call, whose name by itself would read as "none is slow"."""
    with caplog.at_level(logging.INFO, "fanlight"):
        Lanes().record_stall(fresh("no route"), "main.py:1 in step")
    assert 'a request with "no route" blocked the server at main.py:1 in step' in caplog.text


# --- with real threads and clocks ------------------------------------------------------------------


def test_sleep_is_seen_as_sleep() -> None:
    """A thread that sleeps has waited; one that computes has not, whatever else the machine does."""
    before = thread_usage()
    time.sleep(0.02)
    seconds, asleep, _ = before.elapsed()
    assert seconds >= 0.02
    assert asleep >= 0.015


def test_computing_is_not_seen_as_sleep() -> None:
    """A computation of milliseconds waits for nothing, though the machine may keep it from running."""
    idles = []
    for _ in range(5):
        before = thread_usage()
        sum(range(100_000))
        idles.append(before.elapsed()[2])
    assert sorted(idles)[2] < module.SLEPT_SECONDS


def lanes_of(client: Client) -> Any:
    return client._running.server.hub.lanes


def test_a_view_that_waits_a_millisecond_moves_to_threads() -> None:
    """In a running server it is found after some calls, with waits in the view, a dependency or the middleware."""
    names: list[str] = []

    def wait() -> str:
        time.sleep(0.001)
        names.append(threading.current_thread().name)
        return "waited"

    with Client(App({"/": wait})) as client:
        until = time.monotonic() + PATIENCE
        while not names or not names[-1].removeprefix("fanlight-").isdecimal():
            assert client.get("/").text == "waited"
            assert time.monotonic() < until
        assert [call.name for call, _, _ in lanes_of(client).slow_routes()]


def test_a_pinned_view_that_waits_stays() -> None:
    """`@lane("inline")` is not overruled."""

    @lane("inline")
    def wait() -> str:
        time.sleep(0.001)
        return threading.current_thread().name

    with Client(App({"/": wait})) as client:
        names = {client.get("/").text for _ in range(3 * SAMPLES)}
    assert names == {"fanlight-test-server"}

"""The rescue of a stuck view, with every race driven on purpose.

The detector's thread is off in most of these: the test calls `check` when it wants to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.dispatch.ownership import Turn
from fanlight.server.dispatch.stall_detector import StallDetector
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall

Serve = Callable[..., Any]


class Stuck:
    """A view that blocks until the test lets it go; then it responds, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.threads: list[str] = []
        self._error = error

    def __call__(self, request: Request) -> Response:
        self.threads.append(threading.current_thread().name)
        self.entered.set()
        assert self.let_go.wait(PATIENCE), "no one let the view go"
        if self._error is not None:
            raise self._error
        return Response(b"stuck " + request.head.path.encode())


def quick(_: Request) -> Response:
    return Response(b"quick")


def test_others_are_served_while_a_view_is_stuck(serve: Serve, tools: Any) -> None:
    """While one view is stuck, another connection gets its response; the stuck one gets its own later."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        second.sendall(tools.request("/"))
        harness.rescue()
        assert tools.read_response(second) == (200, b"quick")
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")
        assert tools.ask(first, "/") == (200, b"quick")


def test_the_loop_thread_gets_the_hub_back(serve: Serve, tools: Any) -> None:
    """When the stuck view has returned, the loop's thread holds the hub again."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as first:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        assert not harness.inside(harness.hub.ownership.on_loop_thread)
        stuck.let_go.set()
        tools.read_response(first)
        harness.wait_until(harness.hub.ownership.on_loop_thread)
        assert tools.ask(first, "/") == (200, b"quick")


def test_a_stuck_route_runs_in_threads_from_then_on(serve: Serve, tools: Any) -> None:
    """The second request to a route that was stuck runs in the pool, not in the hub."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck}, detects_stalls=False)
    with harness.connect() as first:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        stuck.let_go.set()
        tools.read_response(first)
        assert tools.ask(first, "/stuck") == (200, b"stuck /stuck")
    assert harness.handler.calls["/stuck"].lane is Lane.THREAD
    assert stuck.threads[1].startswith("fanlight-")
    assert stuck.threads[1] != stuck.threads[0]


def test_a_route_pinned_inline_is_rescued_but_stays(serve: Serve, tools: Any) -> None:
    """A route that its author pinned inline is rescued like any other, and keeps its lane."""
    stuck = Stuck()
    call = FakeCall(stuck, Lane.INLINE, is_pinned=True)
    harness = serve({"/stuck": call, "/": quick}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        assert tools.ask(second, "/") == (200, b"quick")
        stuck.let_go.set()
        assert tools.read_response(first)[0] == 200
    assert call.lane is Lane.INLINE


def test_a_view_that_returns_while_the_hub_is_passed_on_responds_once(serve: Serve, tools: Any) -> None:
    """A view that returns between the detector's pop and the new holder's start sends exactly one response."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    rescue, returned = harness.hub.ownership.rescue, threading.Event()

    def rescue_late(turn: Turn, connection: Any) -> None:
        stuck.let_go.set()
        # The view's thread is now past its view: it finds `running` empty and waits for `handed_over`.
        waiting = turn.handed_over.wait

        def wait(timeout: float | None = None) -> bool:
            returned.set()
            return waiting(timeout)

        turn.handed_over.wait = wait  # type: ignore[method-assign]  # to see that the loser waits
        assert returned.wait(PATIENCE)
        rescue(turn, connection)

    harness.hub.detector._rescue = rescue_late
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck") + tools.request("/"))
        stuck.entered.wait()
        harness.rescue()
        assert tools.read_response(first) == (200, b"stuck /stuck")
        assert tools.read_response(first) == (200, b"quick")
        assert tools.ask(second, "/") == (200, b"quick")


def test_a_stuck_view_that_raises_costs_only_its_own_client(serve: Serve, tools: Any, caplog: Any) -> None:
    """A view that was rescued and then raises gives its client a 500; the others and the hub go on."""
    stuck = Stuck(RuntimeError("late"))
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        assert tools.ask(second, "/") == (200, b"quick")
        stuck.let_go.set()
        assert tools.read_response(first)[0] == 500
        harness.wait_until(harness.hub.ownership.on_loop_thread)
        assert tools.ask(first, "/") == (200, b"quick")
    assert "late" in caplog.text


def test_a_client_that_leaves_a_stuck_view_leaves_nothing_behind(serve: Serve, tools: Any) -> None:
    """When the client of a rescued view has gone, its connection is closed once the view returns."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as second:
        with harness.connect() as first:
            first.sendall(tools.request("/stuck"))
            stuck.entered.wait()
            harness.rescue()
        assert tools.ask(second, "/") == (200, b"quick")
        assert len(harness.hub.table.connections) == 2
        stuck.let_go.set()
        harness.wait_until(lambda: len(harness.hub.table.connections) == 1)
        harness.wait_until(harness.hub.ownership.on_loop_thread)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "in reverse"])
def test_two_views_stuck_in_a_row(serve: Serve, tools: Any, order: tuple[int, int]) -> None:
    """The rescuer gets stuck too and is rescued; whichever view returns first, all get their response."""
    both = [Stuck(), Stuck()]
    harness = serve({"/0": both[0], "/1": both[1], "/": quick}, detects_stalls=False)
    with harness.connect() as zero, harness.connect() as one, harness.connect() as other:
        clients = [zero, one]
        for number in (0, 1):
            clients[number].sendall(tools.request(f"/{number}"))
            both[number].entered.wait()
            harness.rescue()
        assert tools.ask(other, "/") == (200, b"quick")
        for number in order:
            both[number].let_go.set()
            assert tools.read_response(clients[number]) == (200, f"stuck /{number}".encode())
            assert tools.ask(other, "/") == (200, b"quick")
        harness.wait_until(harness.hub.ownership.on_loop_thread)
        assert harness.hub.ownership.rescues == 2


def test_a_shutdown_during_a_rescue_waits_for_the_stuck_view(serve: Serve, tools: Any) -> None:
    """A drain that begins while a view is stuck sends that view's response first, then ends."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        assert tools.ask(second, "/") == (200, b"quick")
        harness.hub.post(harness.hub.drain)
        assert second.recv(1) == b""  # the idle one is closed at once
        assert not harness.ended.is_set()
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")
        assert first.recv(1) == b""
        assert harness.ended.wait(tools.patience)


def test_a_view_that_never_returns_does_not_prevent_the_end(serve: Serve, tools: Any) -> None:
    """After drain_seconds its client is cut off, although the loop's thread is still in the view."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck}, limits=Limits(drain_seconds=0.05), detects_stalls=False)
    with harness.connect() as first:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        harness.hub.post(harness.hub.drain)
        assert first.recv(1) == b""
        assert harness.hub.table.has_cut_off
        stuck.let_go.set()
        assert harness.ended.wait(tools.patience)


def test_an_async_view_requested_during_a_rescue_runs_when_the_loop_is_free(serve: Serve, tools: Any) -> None:
    """A task can't run while the loop's thread is stuck; it runs as soon as it is not."""
    stuck = Stuck()

    async def view(_: Request) -> Response:
        await asyncio.sleep(0)
        return Response(b"async")

    harness = serve({"/stuck": stuck, "/async": FakeCall(view, Lane.TASK)}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        harness.rescue()
        second.sendall(tools.request("/async"))
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")
        assert tools.read_response(second) == (200, b"async")


def test_an_async_view_that_came_just_before_a_stuck_one_runs_when_the_loop_is_free(serve: Serve, tools: Any) -> None:
    """So does one that comes during the rescue: the loop begins both."""
    stuck = Stuck()

    async def view(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(request.head.target.encode())

    calls = {"/stuck": stuck, "/before": FakeCall(view, Lane.TASK), "/during": FakeCall(view, Lane.TASK)}
    harness = serve(calls, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second, harness.connect() as third:

        def send_together() -> None:
            second.sendall(tools.request("/before"))
            first.sendall(tools.request("/stuck"))

        harness.inside(send_together)
        stuck.entered.wait()
        assert len(harness.hub.exchange.dispatch.starting) == 1
        harness.rescue()
        third.sendall(tools.request("/during"))
        harness.wait_until(lambda: len(harness.hub.exchange.dispatch.starting) == 2)
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")
        assert tools.read_response(second) == (200, b"/before")
        assert tools.read_response(third) == (200, b"/during")


def test_requests_that_were_read_with_a_stuck_one_are_served_meanwhile(
    serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that arrive together are read before their views run; those behind a stuck one do not wait for it.

    Nor do they wait for what else happens: a holder that polls has run them all.
    """
    stuck = Stuck()
    calls = {"/stuck": FakeCall(stuck, Lane.INLINE), "/": FakeCall(quick, Lane.INLINE)}
    harness = serve(calls, detects_stalls=False)
    table, arrived = harness.hub.table, harness.hub.exchange.arrived
    poll, waiting = table.poll, []

    def poll_and_note(timeout: float) -> list[tuple[int, int]]:
        waiting.append(len(arrived))
        ready: list[tuple[int, int]] = poll(timeout)
        return ready

    monkeypatch.setattr(table, "poll", poll_and_note)
    with harness.connect() as first, harness.connect() as second, harness.connect() as third:
        for each in (first, second, third):
            tools.ask(each, "/")

        def send() -> None:
            first.sendall(tools.request("/stuck"))
            second.sendall(tools.request("/"))
            third.sendall(tools.request("/"))

        harness.inside(send)
        assert stuck.entered.wait(PATIENCE)
        assert len(arrived) == 2
        harness.rescue()
        assert tools.read_response(second) == (200, b"quick")
        assert tools.read_response(third) == (200, b"quick")
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")
    assert not any(waiting)


def test_requests_behind_a_stuck_one_keep_their_order(serve: Serve, tools: Any) -> None:
    """Pipelined requests behind a rescued one get their responses after it, in order."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick}, detects_stalls=False)
    with harness.connect() as first:
        first.sendall(tools.request("/stuck") + tools.request("/") * 3)
        stuck.entered.wait()
        harness.rescue()
        first.sendall(tools.request("/missing"))
        stuck.let_go.set()
        responses = [tools.read_response(first)]
        first.sendall(b"")
        rest = b""
        while rest.count(b"HTTP/1.1 ") < 4:
            rest += received_next(first)
        assert responses == [(200, b"stuck /stuck")]
        assert [line.split(b" ")[1] for line in rest.split(b"HTTP/1.1")[1:]] == [b"200", b"200", b"200", b"404"]


def test_the_detector_frees_a_blocked_hub_by_itself(serve: Serve, tools: Any) -> None:
    """With its thread on, the detector takes the hub without a test's call."""
    stuck = Stuck()
    harness = serve({"/stuck": stuck, "/": quick})
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        stuck.entered.wait()
        assert tools.ask(second, "/") == (200, b"quick")
        stuck.let_go.set()
        assert tools.read_response(first) == (200, b"stuck /stuck")


# --- the detector alone --------------------------------------------------------------------------


class Racing(list[Any]):
    """A `running` list that its holder empties, or fills with a newer view, just before the detector pops."""

    def __init__(self, item: object, before_pop: Callable[[list[Any]], None]) -> None:
        super().__init__([item])
        self._before_pop = before_pop

    def pop(self, *index: Any) -> Any:
        self._before_pop(self)
        return super().pop(*index)


class Running:
    """A connection whose call runs."""

    def __init__(self, name: str) -> None:
        self.name = self.call = name


def _watched(running: list[Any]) -> tuple[Turn, StallDetector, list[str]]:
    """Return a turn, its detector, and a record of what the detector has done."""
    turn = Turn(is_on_loop=True)
    turn.serial, turn.running = 1, running
    done: list[str] = []
    detector = StallDetector(
        lambda: turn,
        lambda _, connection: done.append(f"rescued from {connection.call}"),
        lambda call, _: done.append(f"blamed {call}; {'handed' if turn.handed_over.is_set() else 'not handed'}"),
        lambda call, reason: done.append(f"{call} leaves: {reason}"),
    )
    # The thread of a test may be kept from the processor on a busy machine; here it never is.
    detector._delay_of = lambda _: 0.0  # type: ignore[method-assign, assignment]
    return turn, detector, done


def test_one_check_takes_nothing() -> None:
    """A view seen once may have begun just now."""
    _, detector, rescued = _watched([Running("view")])
    detector.check()
    assert rescued == []


def test_the_second_check_takes_the_hub() -> None:
    """A view seen twice is stuck, and to blame."""
    turn, detector, rescued = _watched([Running("view")])
    detector.check()
    detector.check()
    assert rescued[0] == "rescued from view"
    assert turn.running == []


def test_the_hub_is_passed_on_before_the_stall_is_reported() -> None:
    """A slow log delays nothing: the hub has a new holder by then, and the view can go on."""
    _, detector, rescued = _watched([Running("view")])
    detector.check()
    detector.check()
    assert rescued == ["rescued from view", "blamed view; handed"]


def test_a_view_whose_thread_was_kept_from_the_processor_is_not_stuck() -> None:
    """On a busy machine a view may stand still without being slow; it is measured again."""
    _, detector, rescued = _watched([Running("view")])
    delays = iter([0.0, 1.0, 1.0, 1.0])
    detector._delay_of = lambda _: next(delays)  # type: ignore[method-assign, assignment]
    detector.check()
    detector.check()
    assert rescued == []
    detector.check()
    detector.check()
    assert rescued == ["rescued from view", "blamed view; handed"]


def test_a_newer_view_is_measured_from_its_first_check() -> None:
    """Another serial at the second check means another view, which gets its full time."""
    turn, detector, rescued = _watched([Running("view")])
    detector.check()
    turn.serial = 2
    detector.check()
    assert rescued == []
    detector.check()
    assert rescued == ["rescued from view", "blamed view; handed"]


def test_a_view_that_returns_first_keeps_the_hub() -> None:
    """When the holder pops before the detector, the detector takes nothing."""
    _, detector, rescued = _watched(Racing("view", list.clear))
    detector.check()
    detector.check()
    assert rescued == []


def test_a_view_that_begins_in_the_moment_of_the_rescue_is_not_blamed() -> None:
    """If the view that was popped is a newer one, the hub is passed on, but that view is not reported as slow."""
    turn, detector, rescued = _watched([])

    def exchange(running: list[Any]) -> None:
        running[:] = [Running("newer")]
        turn.serial += 1

    turn.running = Racing("older", exchange)
    detector.check()
    detector.check()
    assert rescued == ["rescued from newer"]


def test_the_loser_is_let_go_even_if_the_rescue_fails() -> None:
    """The thread that lost the hub never waits for ever."""
    turn, detector, _ = _watched([Running("view")])

    def fail(*_: object) -> None:
        raise OSError

    detector._rescue = fail
    detector.check()
    with pytest.raises(OSError):  # noqa: PT011 - the fake's own
        detector.check()
    assert turn.handed_over.is_set()

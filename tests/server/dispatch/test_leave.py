"""A view that leaves the hub by itself: others are served from that moment, without a detector."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.message.handler import Lane, leave_hub
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.dispatch.lanes import SHORT_RUNS, Lanes
from fanlight.testing import FakeCall

Serve = Callable[..., Any]


class Leaving:
    """A view that leaves the hub, and then blocks until the test lets it go."""

    def __init__(self) -> None:
        self.left, self.let_go = threading.Event(), threading.Event()
        self.threads: list[str] = []

    def __call__(self, _: Request) -> Response:
        leave_hub("is about to compute")
        self.threads.append(threading.current_thread().name)
        self.left.set()
        assert self.let_go.wait(PATIENCE), "no one let the view go"
        return Response(b"left")


def quick(_: Request) -> Response:
    return Response(b"quick")


def test_others_are_served_without_a_detector(serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The hub is held by another thread as soon as a view has left it; the log says why its route moves."""
    caplog.set_level(logging.INFO)
    view = Leaving()
    harness = serve({"/leave": view, "/": quick}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/leave"))
        assert view.left.wait(PATIENCE)
        assert tools.ask(second, "/") == (200, b"quick")
        view.let_go.set()
        assert tools.read_response(first) == (200, b"left")
        assert tools.ask(first, "/leave") == (200, b"left")
        harness.wait_until(harness.hub.ownership.on_loop_thread)
    assert harness.hub.ownership.rescues == 1
    assert view.threads[1].startswith("fanlight-")
    (moved,) = [each.getMessage() for each in caplog.records if "thread pool" in each.getMessage()]
    assert "is about to compute: from now on" in moved


def test_two_views_that_leave_at_once_are_both_served(serve: Serve, tools: Any) -> None:
    """The thread that took the hub over leaves it too, in a view of another route."""
    views = [Leaving(), Leaving()]
    harness = serve({"/0": views[0], "/1": views[1], "/": quick}, detects_stalls=False)
    with harness.connect() as zero, harness.connect() as one, harness.connect() as other:
        for number, client in enumerate((zero, one)):
            client.sendall(tools.request(f"/{number}"))
            assert views[number].left.wait(PATIENCE)
        assert tools.ask(other, "/") == (200, b"quick")
        for number, client in enumerate((zero, one)):
            views[number].let_go.set()
            assert tools.read_response(client) == (200, b"left")
        assert tools.ask(other, "/") == (200, b"quick")


def test_a_pinned_route_leaves_and_stays_inline(serve: Serve, tools: Any) -> None:
    """A route that its author pinned inline leaves the hub each time, and keeps its lane."""
    view = Leaving()
    view.let_go.set()
    call = FakeCall(view, Lane.INLINE, is_pinned=True)
    harness = serve({"/leave": call, "/": quick}, detects_stalls=False)
    with harness.connect() as first:
        for _ in range(2):
            assert tools.ask(first, "/leave") == (200, b"left")
            harness.wait_until(harness.hub.ownership.on_loop_thread)
    assert call.lane is Lane.INLINE
    assert harness.hub.ownership.rescues == 2


@pytest.mark.parametrize("lane", [Lane.THREAD, Lane.TASK])
def test_in_another_lane_it_does_nothing(serve: Serve, tools: Any, lane: Lane) -> None:
    """A call in the pool, and a task, do not hold the hub: nothing is passed on."""

    def plain(_: Request) -> Response:
        leave_hub("is about to compute")
        return Response(b"stayed")

    async def task(request: Request) -> Response:
        return plain(request)

    harness = serve({"/": FakeCall(task if lane is Lane.TASK else plain, lane)}, detects_stalls=False)
    with harness.connect() as first:
        assert tools.ask(first, "/") == (200, b"stayed")
    assert harness.hub.ownership.rescues == 0


def test_only_the_thread_of_the_view_leaves(serve: Serve, tools: Any) -> None:
    """A thread that a view has started, with its context, does not take the hub from a view that runs."""
    started, let_go = threading.Event(), threading.Event()

    def view(_: Request) -> Response:
        thread = threading.Thread(target=copy_context().run, args=(leave_hub, "is about to compute"))
        thread.start()
        thread.join(PATIENCE)
        started.set()
        assert let_go.wait(PATIENCE)
        return Response(b"stayed")

    harness = serve({"/": view}, detects_stalls=False)
    with harness.connect() as first:
        first.sendall(tools.request("/"))
        assert started.wait(PATIENCE)
        assert harness.hub.ownership.rescues == 0
        let_go.set()
        assert tools.read_response(first) == (200, b"stayed")


def test_outside_of_requests_it_does_nothing() -> None:
    """A script may hash passwords, too."""
    leave_hub("is about to compute")


def test_a_route_that_left_stays_in_threads() -> None:
    """However short its calls are in the pool, it is not moved back: a later one computes again."""
    now = [0.0]
    lanes, call = Lanes(lambda: now[0]), FakeCall(quick, Lane.MEASURED)
    lanes.record_leave(call, "computes")
    now[0] = 1e6
    for _ in range(10 * SHORT_RUNS):
        assert not lanes.should_measure(call)
        lanes.record_in_thread(call, 0.0001, 0.0, 0.0)
    assert call.lane is Lane.THREAD
    ((moved, seconds, reason),) = lanes.slow_routes()
    assert (moved, seconds, reason) == (call, 1e6, "computes")

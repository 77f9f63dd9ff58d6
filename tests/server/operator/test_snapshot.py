"""The snapshot of a process while it serves, and while it is stuck."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.message.events import EventStream
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.operator.snapshot import snapshot
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall


def line_of(function: Any, offset: int) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno + offset} in {code.co_name}"


def until_one(hub: Any, lane: str) -> dict[str, Any]:
    """Take snapshots until there is one request in a lane, and return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = json.loads(json.dumps(snapshot(hub)))
        for each in state["in_flight"]:
            if each["lane"] == lane and "src/fanlight" not in each["at"] and not each["at"].startswith("waiting"):
                return dict(each)
        time.sleep(0.01)
    raise AssertionError(state)


@pytest.mark.parametrize("lane", ["thread", "task", "inline, stuck"])
def test_an_in_flight_request_has_its_source_line(serve: Any, tools: Any, lane: str) -> None:
    """Method, target without secrets, route, client, age, lane, and the line of the view."""
    go_on, go_on_later = threading.Event(), asyncio.Event()

    def view(_: Request) -> Response:
        go_on.wait()
        return Response("done")

    async def wait() -> None:
        await go_on_later.wait()

    async def view_later(_: Request) -> Response:
        await wait()
        return Response("done")

    call = {
        "thread": FakeCall(view, Lane.THREAD, name="GET /slow (view)"),
        "task": FakeCall(view_later, Lane.TASK, name="GET /slow (view)"),
        "inline, stuck": FakeCall(view, name="GET /slow (view)"),
    }[lane]
    harness = serve({"/slow": call})
    with harness.connect() as sock:
        sock.sendall(tools.request("/slow?token=x"))
        found = until_one(harness.hub, lane)
        go_on.set()
        harness.hub.ownership.loop.call_soon_threadsafe(go_on_later.set)
        tools.read_response(sock)
    assert found.pop("seconds") >= 0
    assert found == {
        "method": "GET",
        "target": "/slow?token=***",
        "route": "GET /slow (view)",
        "client": "127.0.0.1",
        "lane": lane,
        "at": line_of(wait, 1) if lane == "task" else line_of(view, 1),
    }


def test_a_stuck_route_is_listed_as_slow(serve: Any, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A route that was rescued from is listed, and the log has the line at which it was."""
    go_on = threading.Event()

    def view(_: Request) -> Response:
        go_on.wait()
        return Response("done")

    with caplog.at_level("INFO", "fanlight"):
        harness = serve({"/slow": FakeCall(view, name="GET /slow (view)")})
        with harness.connect() as sock:
            sock.sendall(tools.request("/slow"))
            until_one(harness.hub, "inline, stuck")
            harness.wait_until(lambda: bool(snapshot(harness.hub)["slow_routes"]))  # noted when the hub is passed on
            state = snapshot(harness.hub)
            go_on.set()
            tools.read_response(sock)
    assert state["rescues"] == 1
    assert [each["route"] for each in state["slow_routes"]] == ["GET /slow (view)"]
    reason = f"blocked the server at {line_of(view, 1)}"
    assert state["slow_routes"][0]["reason"] == reason
    assert f"GET /slow (view) {reason}: from now on it runs in the thread pool" in caplog.text


def test_what_is_over_is_no_longer_in_flight(serve: Any, tools: Any) -> None:
    """An idle server has connections, and nothing in flight; the counts remain."""
    harness = serve({"/": lambda _: Response("x")}, limits=Limits(threads=3))
    with harness.connect() as sock:
        tools.ask(sock, "/")
        state = harness.inside(lambda: snapshot(harness.hub))
    assert state["in_flight"] == []
    assert state["connections"] == {"open": 1, "idle": 1}
    assert state["served"] == 1
    assert state["threads"] == {"busy": 0, "waiting_calls": 0}
    assert state["limits"]["threads"] == 3
    assert state["process"]["resident_bytes"] > 1_000_000
    assert state["process"]["open_files"] > 3


def test_a_client_that_sends_its_content_is_in_flight(serve: Any, tools: Any) -> None:
    """A request whose content is incomplete is shown as receiving it."""
    harness = serve({"/": lambda _: Response("x")})
    with harness.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345")
        found = until_one(harness.hub, "")
    assert found["at"] == "receiving the content"


@pytest.mark.parametrize("kind", ["thread", "task"])
def test_a_stream_has_an_age_and_a_lane_of_its_own(serve: Any, tools: Any, kind: str) -> None:
    """A stream on a connection that is hours old is as old as its request, and runs where its pieces are made."""
    go_on, go_on_later = threading.Event(), asyncio.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        go_on.wait()

    async def later() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on_later.wait()

    harness = serve(
        {"/": lambda _: Response("x"), "/up": lambda _: Response(pieces() if kind == "thread" else later())}
    )
    with harness.connect() as sock:
        tools.ask(sock, "/")
        (connection,) = harness.hub.table.connections.values()
        harness.inside(lambda: connection.enter(connection.phase, harness.hub.table.now - 3000, 6000))
        sock.sendall(tools.request("/up"))
        found = until_one(harness.hub, kind)
        phases = snapshot(harness.hub)["connections"]
        go_on.set()
        harness.hub.ownership.loop.call_soon_threadsafe(go_on_later.set)
    assert found["seconds"] < 60
    assert found["at"] == line_of(pieces if kind == "thread" else later, 2)
    assert phases == {"open": 1, "streaming": 1}


def test_a_stream_that_waits_for_its_client_is_shown_as_one(serve: Any, tools: Any) -> None:
    """It is in the lane of streams, and shown as sending the response."""

    def pieces() -> Iterator[bytes]:
        while True:
            yield b"x" * 100_000

    harness = serve({"/": lambda _: Response(pieces())})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        harness.wait_until(lambda: snapshot(harness.hub)["connections"] == {"open": 1, "stream_paused": 1})
        (found,) = harness.inside(lambda: snapshot(harness.hub)["in_flight"])
    assert (found["lane"], found["at"]) == ("stream", "sending the response")
    assert found["seconds"] < 60


def test_a_call_without_a_thread_waits_for_one(serve: Any, tools: Any) -> None:
    """With every thread busy, the request is shown as waiting for one."""
    go_on = threading.Event()

    def view(_: Request) -> Response:
        go_on.wait()
        return Response("done")

    harness = serve({"/": FakeCall(view, Lane.THREAD)}, limits=Limits(threads=1))
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/"))
        until_one(harness.hub, "thread")
        second.sendall(tools.request("/"))
        harness.wait_until(lambda: harness.hub.pool.waiting == 1)
        state = snapshot(harness.hub)
        go_on.set()
        tools.read_response(first)
        tools.read_response(second)
    assert sorted(each["at"] == "waiting for a thread" for each in state["in_flight"]) == [False, True]
    assert state["threads"] == {"busy": 1, "waiting_calls": 1}


def test_snapshots_can_be_taken_while_the_hub_serves(serve: Any, tools: Any) -> None:
    """Taking many from another thread disturbs nothing, and never fails."""
    harness = serve({"/": lambda _: Response("x"), "/t": FakeCall(lambda _: Response("x"), Lane.THREAD)})
    stop = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        try:
            while not stop.is_set():
                snapshot(harness.hub)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        with harness.connect() as sock:
            for path in ("/", "/t") * 10:
                assert tools.ask(sock, path)[0] == 200
    stop.set()
    thread.join()
    assert failures == []


@pytest.mark.parametrize("kind", ["sync", "events", "async"])
def test_a_stream_has_its_source_line(serve: Any, tools: Any, kind: str) -> None:
    """A stream whose next piece is being made has its age, in the lane and at the line where that happens."""
    go_on = threading.Event()

    def make() -> Iterator[str]:
        yield "first"
        go_on.wait()
        yield "last"

    async def make_later() -> AsyncIterator[str]:
        yield "first"
        await asyncio.to_thread(go_on.wait)
        yield "last"

    def view(_: Request) -> Response:
        if kind == "events":
            return EventStream(make())
        return Response(make() if kind == "sync" else make_later())

    harness = serve({"/": FakeCall(view, name="GET / (view)")})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        found = until_one(harness.hub, "task" if kind == "async" else "thread")
        go_on.set()
        while b"last" not in (data := sock.recv(4096)):
            assert data
    line = line_of(make_later, 2) if kind == "async" else line_of(make, 2)
    assert found["at"] == line
    assert found["seconds"] < PATIENCE

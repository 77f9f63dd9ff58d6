"""Where calls run: blocking work of async code is done by the server's own threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Event, EventStream, Request, Response
from fanlight.message.handler import Lane
from fanlight.testing import FakeCall, LiveServer


def test_blocking_work_of_async_code_runs_in_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync view behind async middleware, a sync stream with a heartbeat, compression, and sync background tasks."""
    threads: set[str] = set()
    is_done = threading.Event()

    def note() -> None:
        threads.add(threading.current_thread().name)

    def no_executor(*_: Any) -> None:
        pytest.fail("asyncio's default executor was used")

    async def middleware(_: Request) -> AsyncIterator[None]:
        yield

    def view(request: Request) -> str:
        note()
        request.after(note)
        request.after(is_done.set)
        return "view"

    def events() -> Iterator[Event]:
        note()
        yield Event("first")

    async def pieces() -> AsyncIterator[str]:
        yield "a" * 200_000

    app = App({"/view": view, "/events": lambda: EventStream(events()), "/pieces": pieces}, middleware=[middleware])
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "run_in_executor", no_executor)
    with LiveServer(app) as server:
        for path, expected in (("/view", b"view"), ("/events", b"first"), ("/pieces", b"\x1f\x8b")):
            request = urllib.request.Request(f"{server.url}{path}", headers={"accept-encoding": "gzip"})
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                assert expected in response.read() or response.headers["content-encoding"] == "gzip"
        assert is_done.wait(PATIENCE)
    assert threads
    assert all(name.startswith("fanlight-") for name in threads)


def test_a_task_that_is_cancelled_before_it_begins_has_a_response(serve: Any, tools: Any) -> None:
    """None of its code has run by then, so the server responds; and it is counted no longer."""
    begun: list[str] = []

    async def view(request: Request) -> Response:
        begun.append(request.head.path)
        await asyncio.sleep(0)
        return Response(b"begun")

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **kept: Any) -> Any:
        task = asyncio.Task(coroutine, loop=loop, **kept)
        task.cancel()
        return task

    harness = serve({"/": FakeCall(view, Lane.TASK)})
    loop, watchdog = harness.hub.ownership.loop, harness.hub.watchdog
    with harness.connect() as sock:
        harness.inside(lambda: loop.set_task_factory(factory))
        assert tools.ask(sock, "/")[0] == 500
        harness.inside(lambda: loop.set_task_factory(None))
        assert tools.ask(sock, "/") == (200, b"begun")
        assert len(begun) == 1
        harness.wait_until(lambda: not watchdog.tasks and watchdog.beginning is None)


def test_async_views_that_came_together_begin_together(serve: Any, tools: Any) -> None:
    """The loop is called once for a batch, which counts each of them while it runs, and waits for none."""
    everybody = asyncio.Event()
    count = 5

    async def view(_: Request) -> Response:
        await everybody.wait()
        return Response(b"all")

    harness = serve({"/": FakeCall(view, Lane.TASK)})
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(harness.connect()) for _ in range(count)]
        for sock in socks:
            sock.sendall(tools.request("/"))
        harness.wait_until(lambda: len(harness.hub.watchdog.tasks) == count)
        harness.inside(lambda: harness.hub.ownership.loop.call_soon(everybody.set))
        assert [tools.read_response(sock) for sock in socks] == [(200, b"all")] * count


def test_the_task_of_an_async_view_has_the_name_of_its_route() -> None:
    """So a log or a debugger says which view it is."""
    names: list[str] = []

    async def view() -> str:
        task = asyncio.current_task()
        assert task is not None
        names.append(task.get_name())
        await asyncio.sleep(0)
        return ""

    with LiveServer(App({"/waits": view})) as server:
        urllib.request.urlopen(f"{server.url}/waits", timeout=PATIENCE).close()
    assert len(names) == 1
    assert names[0].startswith("GET /waits (")

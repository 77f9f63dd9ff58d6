"""Where calls run: blocking work of async code is done by the server's own threads."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Event, EventStream, Request
from fanlight.testing import LiveServer


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

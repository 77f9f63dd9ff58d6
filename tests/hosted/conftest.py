"""What the tests of an app under other servers share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from tests.speed import PATIENCE


@pytest.fixture(autouse=True)
def ended_loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the event loops of WSGI apps, which keep theirs as long as the process runs, and three descriptors each."""
    loops: list[asyncio.AbstractEventLoop] = []
    make, before = asyncio.new_event_loop, set(threading.enumerate())

    def new_event_loop() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", new_event_loop)
    yield
    for loop in loops:
        if loop.is_running():
            loop.call_soon_threadsafe(loop.stop)
    for thread in set(threading.enumerate()) - before:
        if thread.name == "fanlight-loop":
            thread.join(PATIENCE)
    for loop in loops:
        loop.close()

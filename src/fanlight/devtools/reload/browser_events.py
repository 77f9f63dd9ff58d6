"""The events that open pages listen to: which generation serves, and what has changed without a new one.

In: events from the parent process, in any thread. Out: a stream of server-sent events for each page. The first event of
a stream is the generation; a page that came from another one refreshes itself. A stream ends when the worker stops, and
the page connects again, to the next worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fanlight.message.events import Event, EventStream

RETRY_SECONDS = 0.1
MAX_WAITING = 100  # events of one page that does not read


class BrowserEvents:
    """Sends events to every page that listens."""

    def __init__(self, generation: int) -> None:
        self._first = Event({"generation": generation}, "generation")
        self._listeners: dict[asyncio.Queue[Event], asyncio.AbstractEventLoop] = {}
        self._state: dict[str, Event] = {}  # what a page that connects later has to know too

    def publish(self, name: str, data: Any, *, is_state: bool = False) -> None:
        """Send an event to every page; with `is_state` also to those that connect later. From any thread."""
        event = Event(data, name)
        if is_state:
            self._state[name] = event
        for queue, loop in list(self._listeners.items()):
            loop.call_soon_threadsafe(_put, queue, event)

    async def stream(self) -> EventStream:
        """Serve one page: the view of `/__fanlight__/events`."""
        return EventStream(self._events(), retry_seconds=RETRY_SECONDS)

    async def _events(self) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue(MAX_WAITING)
        self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield self._first
            for event in list(self._state.values()):
                yield event
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]


def _put(queue: asyncio.Queue[Event], event: Event) -> None:
    if not queue.full():
        queue.put_nowait(event)

"""The events that open pages listen to: which version of the site is served, and what has changed within one.

In: what happens in this worker, in any thread. Out: a stream of server-sent events for each page that listens. A page
has the version it was made of, and refreshes itself when another is served. A stream ends when the worker stops, and
the page connects again, to the next worker.

    version    the version that is served now; the first event of each stream
    styles     the same of the style sheets, which are swapped in place; the second event
    problem    why newer code does not serve, as `Problem.facts`; null when it does
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from fanlight.devtools.dev_context import DevContext
from fanlight.message.events import Event, EventStream

MAX_WAITING = 100  # events of one page that does not read


class BrowserEvents:
    """Sends events to every page that listens."""

    def __init__(self, context: DevContext) -> None:
        self._worker = f"{context.folder.name.rpartition('-')[2]}.{context.generation}"
        self._revision = self._styles = 0
        self._problem: Any = None
        self._listeners: dict[asyncio.Queue[Event], asyncio.AbstractEventLoop] = {}

    @property
    def version(self) -> str:
        """The version of the site, another one in each worker and after each change of a template."""
        return f"{self._worker}.{self._revision}"

    @property
    def styles(self) -> str:
        """The version of the style sheets, another one in each worker and after each change of one."""
        return f"{self._worker}.{self._styles}"

    def refresh(self) -> None:
        """Have every page refresh itself."""
        self._revision += 1
        self._publish(self._version_event())

    def show(self, problem: Any) -> None:
        """Have every page show a problem, or hide it again (None)."""
        if problem is not None or self._problem is not None:
            self._problem = problem
            self._publish(self._problem_event())

    def swap_styles(self) -> None:
        """Have every page load its style sheets again."""
        self._styles += 1
        self._publish(self._styles_event())

    async def stream(self) -> EventStream:
        """Serve one page: the view of `/__fanlight__/events`."""
        return EventStream(self._events())

    def _publish(self, event: Event) -> None:
        for queue, loop in list(self._listeners.items()):
            loop.call_soon_threadsafe(_put, queue, event)

    def _problem_event(self) -> Event:
        return _event("problem", self._problem)

    def _version_event(self) -> Event:
        return _event("version", self.version)

    def _styles_event(self) -> Event:
        return _event("styles", self.styles)

    async def _events(self) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue(MAX_WAITING)
        self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield self._version_event()
            yield self._styles_event()  # they may have changed since the page was made
            if self._problem is not None:
                yield self._problem_event()
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]


def _event(name: str, data: Any) -> Event:
    return Event(msgspec.json.encode(data), name)  # also text as JSON, and null


def _put(queue: asyncio.Queue[Event], event: Event) -> None:
    if not queue.full():
        queue.put_nowait(event)

"""The bus of a running site, which carries what is published to a topic: made when the first topic is used.

In: from the server that begins, how to make it. Out: the bus of the server that runs the current code, by a context
variable, so that two servers in one process (each test client has one) never mix. In a thread that the site has
started, which inherits no context, it is that of the only server, if there is only one. Knows nothing of topics.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakSet

from fanlight.errors import AppError


class Loop(Protocol):
    """The event loop that serves a site."""

    def is_closed(self) -> bool:
        """Whether it has ended."""

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """Have it call a function; from any thread."""


class SiteBus:
    """The place of one server's bus."""

    def __init__(self, loop: Loop, make: Callable[[], Any]) -> None:
        """Begin without one; `make` is called for the first topic that is used. `loop` serves the site."""
        self.loop, self._make = loop, make
        self._bus: Any = None
        self._lock = threading.Lock()
        self._is_closed = False

    def begin(self) -> None:
        """Be the bus of all that runs in this context from now on."""
        SITE_BUS.set(self)
        _running.add(self)

    def get(self) -> Any:
        """Return the bus. Raises AppError when the server has stopped."""
        if self._bus is None:
            with self._lock:
                if self._is_closed:
                    raise AppError("the server of this site has stopped, and its topics with it")
                if self._bus is None:
                    self._bus = self._make()
        return self._bus

    def end_listening(self) -> None:
        """End all that listen, as the server stops; from any thread."""
        if self._bus is not None:
            self.loop.call_soon_threadsafe(self._bus.end_listening)

    async def close(self) -> None:
        """Close the bus, if there is one."""
        with self._lock:
            self._is_closed = True
        _running.discard(self)
        if self._bus is not None:
            await self._bus.close()


# The server sets it before the lifespan begins, and so in the context of every request.
SITE_BUS: ContextVar[SiteBus] = ContextVar("fanlight_site_bus")
_running: WeakSet[SiteBus] = WeakSet()  # of this process


def current_bus() -> Any:
    """Return the bus of the site that runs this code. Raises AppError if none does, or if it is unknown which."""
    found = SITE_BUS.get(None)
    if found is not None:
        return found.get()
    running = [each for each in _running if not each.loop.is_closed()]
    if len(running) == 1:
        return running[0].get()
    if not running:
        raise AppError("a topic was used, but no server runs; use it in views, in the lifespan, or in what they start")
    raise AppError(
        "a topic was used in a thread of its own, and several servers run in this process; start the thread with"
        " `contextvars.copy_context().run`, in the view or the lifespan"
    )

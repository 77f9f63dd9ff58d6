"""End the view of a WebSocket whose client has left, where it waits for something else, which may never come.

In: a view on the event loop, the messages that wait for it, and that its connection has ended. Out: the view is ended
LEFT_SECONDS later, unless it has ended by itself; as long as it takes messages that came before, that time restarts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized

LEFT_SECONDS = 5.0  # for a view to notice that its client has left, and to finish what should be whole


class ViewEnd:
    """The end of one view; all of it is called on the event loop."""

    __slots__ = ("_act", "_loop", "_messages", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, messages: Sized, act: Callable[[float], object]) -> None:
        """Prepare; `act` ends the view, at a time of the loop."""
        self._loop, self._messages = loop, messages
        self._act: Callable[[float], object] | None = act
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Give the view its last seconds: the client has left."""
        if self._timer is None and self._act is not None:
            self._wait()

    def cancel(self) -> None:
        """Do nothing any more: the view has ended."""
        self._act = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = self._loop.call_later(LEFT_SECONDS, self._check, len(self._messages))

    def _check(self, waiting: int) -> None:
        act = self._act
        if len(self._messages) != waiting:
            self._wait()
        elif act is not None:
            self._act = None
            act(self._loop.time())

"""Find the async view that blocks the event loop, and report where and for how long."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from fanlight.server.dispatch.thread_probes import thread_position

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection

LOOP_CHECK_SECONDS = 0.05  # between two checks of a loop with tasks
LOOP_BLOCKED_SECONDS = 0.1  # an async view that blocks the loop for so long is logged

log = logging.getLogger("fanlight.server")


class EventLoopWatchdog:
    """Checks the event loop from another thread.

    The same task on it at two checks in a row is suspicious; if the loop then does not run a callback in time, it is
    blocked. The loop itself is not touched before there is a suspicion.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        self._loop, self.thread_id = loop, thread_id
        self._suspect: asyncio.Task[Any] | None = None
        self.tasks: dict[asyncio.Task[Any], Connection] = {}  # the connection that each running task is for

    def check(self) -> None:
        """Check once; if the loop is blocked, wait until it is free again and log it."""
        task = _task_on(self._loop)
        if task is None or task is not self._suspect:
            self._suspect = task
            return
        self._suspect = None
        began = time.monotonic() - LOOP_CHECK_SECONDS
        free = threading.Event()
        try:
            self._loop.call_soon_threadsafe(free.set)
        except RuntimeError:  # the loop is closed
            return
        if free.wait(LOOP_BLOCKED_SECONDS - LOOP_CHECK_SECONDS):
            return
        connection = self.tasks.get(task)
        where = thread_position(self.thread_id)
        free.wait()
        log.warning(
            "%s blocked the event loop for %.2f s at %s; await something there, or make the view a plain `def`",
            "a task" if connection is None else connection.call.name,
            time.monotonic() - began,
            where,
        )


def _task_on(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task(loop)
    except RuntimeError:
        return None

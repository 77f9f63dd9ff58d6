"""Run the background tasks that views have requested (`request.after`), when their responses are sent.

In: functions, sync or async, from any thread. Out: they have run, those of one request one after the other, async ones
on the event loop, sync ones in the thread pool. An error is logged, and the next one runs. A graceful shutdown waits
for them until `drain_seconds` are over.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fanlight.message import forked_child
from fanlight.server.io.thread_pool import ThreadPool, in_thread

if TYPE_CHECKING:
    from fanlight.message.handler import Call
    from fanlight.message.request import Request

log = logging.getLogger("fanlight.server")
Work = Callable[[], Any]


class Served(Protocol):
    """A request that was served, and its call: a connection, or what stands for one."""

    @property
    def request(self) -> Request | None:
        """The request; a connection has none before its first."""

    @property
    def call(self) -> Call:
        """Its call."""


class BackgroundTasks:
    """The background tasks of one hub."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: ThreadPool) -> None:
        self._loop, self._pool = loop, pool
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: Mapping[asyncio.Task[Any], Served] = {}
        self._is_cut_off = False
        self.has_cut_off = False  # some were cancelled, as they were not done in time

    def schedule(self, served: Served) -> None:
        """Schedule the request's background tasks, if any.

        Thread-safe; called after the response is sent or the client has disconnected.
        """
        request: Request | None = served.request  # none may have come yet
        if request is not None and (work := request.pop_background_tasks()):
            # A copy: a stream of the same request may still be closing things in the context itself.
            self._loop.call_soon_threadsafe(self._start, work, served.call.name, request.context.copy())

    def _start(self, work: Sequence[Work], name: str, context: Context) -> None:
        task = self._loop.create_task(self._do(work, name, context))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, work: Sequence[Work], name: str, context: Context) -> None:
        for each in work:
            try:
                if inspect.iscoroutinefunction(getattr(each, "func", each)):
                    await self._loop.create_task(_contained(each()), context=context)
                else:
                    result = await in_thread(self._pool, self._loop, partial(context.run, each))
                    if inspect.isawaitable(result):  # a sync function that returned a coroutine: a method, a lambda
                        await self._loop.create_task(_contained(result), context=context)
            except BaseException as error:
                forked_child.exit_if_forked()
                if isinstance(error, asyncio.CancelledError) and self._is_cut_off:
                    raise
                log.exception("a background task of %s failed", name)

    def wait_for_calls(self, running: Mapping[asyncio.Task[Any], Served]) -> None:
        """Wait, at the end, for the tasks of other frameworks' apps, too, which may go on behind their response."""
        self._calls = running

    async def finish(self, seconds: float) -> None:
        """Wait for those that have begun; what takes longer than so many seconds is logged and cancelled."""
        await asyncio.sleep(0)  # calls from other threads become tasks
        waiting = {*self._tasks, *(task for task, each in self._calls.items() if each.call.body_policy.is_foreign)}
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=max(0.0, seconds))
            if late:
                self.has_cut_off = True
                log.warning("background tasks of %d requests were not done in time and are cancelled", len(late))
            self._is_cut_off = True
            for each in late:
                each.cancel()


async def _contained(act: Awaitable[object]) -> None:
    """Await something; what would end the loop if a task raised it (an exit) is raised as a RuntimeError."""
    try:
        await act
    except (KeyboardInterrupt, SystemExit) as error:
        forked_child.exit_if_forked()
        raise RuntimeError(repr(error)) from error

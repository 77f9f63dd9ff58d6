"""Do what views have asked to be done when their answers are out.

In: functions, of either kind, from any thread. Out: they have run, those of one request one after the other,
async ones on the loop, others in the pool's threads. What one raises is logged, and the next one runs. A server
that drains waits for them until `drain_seconds` are over.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanlight.message import Request
    from fanlight.server.connection import Connection
    from fanlight.server.pool import Pool

FULL_SECONDS = 0.1  # until a pool that is full is asked again: nothing is left undone for that
log = logging.getLogger("fanlight.server")
Work = Callable[[], Any]


class Afterwards:
    """The work after the answers of one hub."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: Pool) -> None:
        """Do it on this loop, and in this pool."""
        self._loop, self._pool = loop, pool
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, connection: Connection) -> None:
        """Begin what its request has asked for, if anything; from any thread, when the answer or the client is gone."""
        request: Request | None = getattr(connection, "request", None)  # it may have sent none yet
        if request is not None and (work := request.take_afterwards()):
            self._loop.call_soon_threadsafe(self._start, work, connection.call.name)

    def _start(self, work: Sequence[Work], name: str) -> None:
        task = self._loop.create_task(self._do(work, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, work: Sequence[Work], name: str) -> None:
        for each in work:
            try:
                if inspect.iscoroutinefunction(getattr(each, "func", each)):
                    await each()
                else:
                    await self._in_thread(each)
            except (Exception, SystemExit):
                log.exception("what is to be done after %s has failed", name)

    async def _in_thread(self, work: Work) -> None:
        done: asyncio.Future[Any] = self._loop.create_future()

        def run() -> None:
            try:
                result, error = work(), None
            except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, done, result, error)

        while not self._pool.submit(run):  # noqa: ASYNC110 - a pool tells nobody that it has room
            await asyncio.sleep(FULL_SECONDS)
        result = await done
        if inspect.isawaitable(result):  # a plain function that gave a coroutine: a method, a lambda
            await result

    async def finish(self, seconds: float) -> None:
        """Wait for what has begun; what takes longer than so many seconds is told, and left."""
        await asyncio.sleep(0)  # what other threads have handed over becomes a task
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(0.0, seconds))
            if late:
                log.warning("%d requests had work left to be done after their answers; it is cut off", len(late))
            for each in late:
                each.cancel()


def _settle(done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if not done.done():
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))

"""A bounded pool of threads for calls that block.

In: a function and its arguments. Out: a thread runs it, soon. Refuses work while too much waits already, or where no
thread can be started, so that memory stays bounded. Threads are started when needed and kept, whatever the functions
raise. They are daemons: a call that never returns must not keep the process alive.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from fanlight.errors import ServiceUnavailable
from fanlight.message import forked_child

WAITING_CALLS_PER_THREAD = 16  # beyond that a call is refused: it would wait for too long
FULL_SECONDS = 0.1  # until a full pool is tried again, by work that can wait
RETRY = {"retry-after": "1"}

T = TypeVar("T")
Work = tuple[Callable[..., object], tuple[object, ...]]

log = logging.getLogger("fanlight.server")


class ThreadPool:
    """At most `threads` threads, and at most `waiting` pieces of work that wait for one."""

    def __init__(self, threads: int, waiting: int) -> None:
        """Make an empty pool; its first thread is made with its first work."""
        self._most_threads, self._most_waiting = threads, waiting
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0  # threads that wait for work, less the work that waits for them
        self._made = 0
        self.running: dict[int, Work] = {}  # what each busy thread runs, by the identifier of the thread

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return max(0, -self._idle)

    @property
    def is_busy(self) -> bool:
        """Whether new work would wait for older work to end."""
        return self._idle <= 0 and self._made >= self._most_threads

    def submit(self, act: Callable[..., object], *args: object) -> bool:
        """Have a thread call `act(*args)`; False if too much work waits already, or there is no thread at all."""
        with self._lock:
            if not self._can_take():
                return False
            self._idle -= 1
        self._queue.put((act, args))
        return True

    def has_room(self) -> bool:
        """Return whether more work would be taken now: a thread is free, or can be started, or the work may wait."""
        with self._lock:
            return self._can_take()

    def _can_take(self) -> bool:
        """Return whether work can be taken; where no thread is idle, try to start one."""
        if self._idle > 0:
            return True
        can_wait = -self._idle < self._most_waiting
        if self._made < self._most_threads:
            return self._start_thread() or (self._made > 0 and can_wait)
        return can_wait

    def close(self) -> None:
        """Let every thread end when it has finished its work."""
        with self._lock:
            for _ in range(self._made):
                self._queue.put(None)

    def _start_thread(self) -> bool:
        """Start one more thread; False where the system has none left (its limit of processes, or of memory)."""
        try:
            threading.Thread(target=self._work, name=f"fanlight-{self._made + 1}", daemon=True).start()
        except (RuntimeError, MemoryError):
            return False
        self._made += 1
        self._idle += 1
        return True

    def _work(self) -> None:
        running, own = self.running, threading.get_ident()
        while (work := self._queue.get()) is not None:
            running[own] = work
            act, args = work
            try:
                act(*args)
            except BaseException:
                forked_child.exit_if_forked()
                # Submitted work handles its own errors; a thread that ended because of one would never be replaced.
                log.exception("work in a thread failed")
            forked_child.exit_if_forked()
            del work, act, args, running[own]  # a thread that waits keeps nothing of its last request alive
            with self._lock:
                self._idle += 1


async def in_thread(
    pool: ThreadPool,
    loop: asyncio.AbstractEventLoop,
    act: Callable[[], Any],
    waits: bool = True,  # noqa: FBT001, FBT002 - the signature of POOL_RUNNER
) -> Any:
    """Return what `act` returns in a thread of the pool, or raise what it raises.

    A full pool is waited for, or, if not `waits`, ServiceUnavailable is raised.
    """
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def run(act: Callable[[], Any]) -> None:  # an argument, so that `ThreadPool.running` shows it
        try:
            result, error = act(), None
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
            forked_child.exit_if_forked()
            result, error = None, raised
        try:
            loop.call_soon_threadsafe(settle, done, (result, error))
        except RuntimeError:  # the loop is closed: nothing waits any more
            return

    while not pool.submit(run, act):
        if not waits:
            raise ServiceUnavailable("The server has too much to do just now; try again in a moment.", headers=RETRY)
        await asyncio.sleep(FULL_SECONDS)
    result, error = await done
    if error is not None:
        # By hand, as a future takes no StopIteration: raised here, it becomes a RuntimeError (PEP 479). Of the other
        # kind Python makes one in generators only, and an `__anext__` would pass it on as its end.
        if isinstance(error, StopAsyncIteration):
            raise RuntimeError("a thread raised StopAsyncIteration") from error
        raise error
    return result


def settle(done: asyncio.Future[T], result: T) -> None:
    """Set the result of a future, unless the task that waits for it was cancelled."""
    if not done.done():
        done.set_result(result)

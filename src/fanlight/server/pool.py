"""A bounded pool of threads for calls that block.

In: a function and its arguments. Out: it is run by a thread, soon. Refuses work when too much
waits already, so that memory stays bounded. Threads are made when needed and kept; they are
daemons: a call that never returns must not keep the process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

FULL_SECONDS = 0.1  # until a pool that is full is asked again, by those who can wait

Work = tuple[Callable[..., object], tuple[object, ...]]


class Pool:
    """At most `threads` threads, and at most `waiting` pieces of work that wait for one."""

    def __init__(self, threads: int, waiting: int) -> None:
        """Make an empty pool; its first thread is made with its first work."""
        self._most_threads, self._most_waiting = threads, waiting
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0  # threads that wait for work, less the work that waits for them
        self._made = 0
        self.at_work: dict[int, Work] = {}  # what each busy thread does, by the thread's identifier

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return max(0, -self._idle)

    @property
    def is_busy(self) -> bool:
        """Whether new work would wait for older work to end."""
        return self._idle <= 0 and self._made >= self._most_threads

    def submit(self, act: Callable[..., object], *args: object) -> bool:
        """Have a thread call `act(*args)`; False if too much work waits already."""
        with self._lock:
            if self._idle <= 0:
                if self._made < self._most_threads:
                    self._made += 1
                    self._idle += 1
                    threading.Thread(target=self._work, name=f"fanlight-{self._made}", daemon=True).start()
                elif -self._idle >= self._most_waiting:
                    return False
            self._idle -= 1
        self._queue.put((act, args))
        return True

    def close(self) -> None:
        """Let every thread leave when it has done what it does."""
        with self._lock:
            for _ in range(self._made):
                self._queue.put(None)

    def _work(self) -> None:
        at_work, own = self.at_work, threading.get_ident()
        while (work := self._queue.get()) is not None:
            at_work[own] = work
            act, args = work
            act(*args)
            del work, act, args, at_work[own]  # a thread that waits keeps nothing of its last request alive
            with self._lock:
                self._idle += 1


async def in_thread(act: Callable[[], Any], loop: asyncio.AbstractEventLoop, pool: Pool) -> Any:
    """Return what `act` returns in a thread of the pool, or raise what it raises; a full pool is waited for."""
    done: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            result, error = act(), None
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
            result, error = None, raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, done, result, error)

    while not pool.submit(run):  # noqa: ASYNC110 - a pool tells nobody that it has room
        await asyncio.sleep(FULL_SECONDS)
    return await done


def _settle(done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if not done.done():  # its task was cancelled
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))

"""A bounded pool of threads for calls that block.

In: a function and its arguments. Out: it is run by a thread, soon. Refuses work when too much
waits already, so that memory stays bounded. Threads are made when needed and kept; they are
daemons: a call that never returns must not keep the process alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

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

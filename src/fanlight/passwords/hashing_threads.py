"""Compute hashes in a few threads of their own, so that a crowd of sign-ins takes neither all memory nor all threads.

In: a computation, from any thread but one that runs an event loop. Out: its result. At most `threads` run at once, a
bounded number waits, for a bounded time; all others are refused with ServiceUnavailable (503, `Retry-After`).

The threads are the bound of the memory, which a semaphore would not be: with glibc each thread that has computed one
hash keeps those 16 MiB for its next, and 64 threads of a pool kept 540 MB although only one computed at a time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fanlight.errors import ServiceUnavailable
from fanlight.message.handler import leave_hub
from fanlight.settings.cpus import usable_cpus

MOST_THREADS = 4  # 64 MiB in each process, or 76 MiB with Argon2id
MOST_WAITING = 32  # half of the threads that a server has for blocking views: the other views go on
WAIT_SECONDS = 10.0
RETRY = {"retry-after": "5"}


class HashingThreads:
    """A few threads that compute, and a short queue before them. Thread-safe."""

    def __init__(self, threads: int, *, waiting: int = MOST_WAITING, seconds: float = WAIT_SECONDS) -> None:
        """Compute in at most `threads` threads, which are started when needed; let `waiting` calls wait `seconds`."""
        self._threads, self._most_inside, self._seconds = threads, threads + waiting, seconds
        self.forget_threads()

    def forget_threads(self) -> None:
        """Start over: in the child of a fork, which has none of its parent's threads."""
        self._lock = threading.Lock()
        self._inside = 0
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="fanlight-password")

    def run(self, compute: Callable[[], bytes]) -> bytes:
        """Return what `compute` returns. Raises ServiceUnavailable if too many wait already, or it waits too long."""
        leave_hub("hashes passwords")
        with self._lock:
            if self._inside >= self._most_inside:
                raise _busy()
            self._inside += 1
        try:
            try:
                future = self._executor.submit(compute)
            except RuntimeError as error:  # the system has no thread left, or this process ends
                raise _busy() from error
            try:
                return future.result(self._seconds)
            except TimeoutError:
                if not future.cancel():
                    return future.result()  # it has begun, so it ends soon
                raise _busy() from None
        finally:
            with self._lock:
                self._inside -= 1


def _busy() -> ServiceUnavailable:
    return ServiceUnavailable("Too many people are signing in at this moment; please try again soon.", headers=RETRY)


HASHING = HashingThreads(min(MOST_THREADS, usable_cpus()))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HASHING.forget_threads)

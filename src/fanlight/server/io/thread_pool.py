"""A bounded pool of threads for calls that block.

In: a function and its arguments. Out: a thread runs it, soon. Refuses work while too much waits already, or where no
thread can be started, so that memory stays bounded. Threads are started when needed and kept, whatever the functions
raise. They are daemons: a call that never returns must not keep the process alive.

At most one thread is waking up, and it wakes the next one if more work waits: threads that are woken together would
only wait for the interpreter, one behind the other. The thread that came to rest last is woken first, as its caches are
warm. No lock is taken but to start a thread, because each of these steps is atomic; only their order matters:

    submit            append the work, then see whether a thread is waking up
    a waking thread   is marked as awake, then takes work
    a resting thread  puts its bell among those that rest, then sees once more whether there is work
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
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
        self._most_threads, self._most_work = threads, threads + waiting
        self._work: deque[Work] = deque()  # that no thread has taken yet
        self._resting: list[threading.Lock] = []  # the bells of threads without work: one that is released rings
        self._is_waking = False  # a thread is between its rest and its work
        self._is_closed = False
        self._starting = threading.Lock()
        self._made = 0
        self.running: dict[int, Work] = {}  # what each busy thread runs, by the identifier of the thread

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return len(self._work)

    @property
    def is_busy(self) -> bool:
        """Whether new work would wait for older work to end."""
        return len(self._work) + len(self.running) >= self._most_threads

    def submit(self, act: Callable[..., object], *args: object) -> bool:
        """Have a thread call `act(*args)`; False if too much work waits already, or there is no thread at all."""
        if not self.has_room():
            return False
        self._work.append((act, args))
        self._wake_next()
        return True

    def has_room(self) -> bool:
        """Return whether more work would be taken now: a thread is free, or can be started, or the work may wait."""
        if not self._made and not self._start_thread():
            return False
        return len(self._work) + len(self.running) < self._most_work

    def close(self) -> None:
        """Let every thread end when it has finished its work."""
        self._is_closed = True
        while self._resting:
            self._resting.pop().release()

    def _wake_next(self) -> None:
        """Have one more thread look for work, unless one is waking up."""
        if self._is_waking:
            return
        try:
            bell = self._resting.pop()
        except IndexError:
            if self._made < self._most_threads:
                self._start_thread()
            return
        self._is_waking = True
        bell.release()

    def _start_thread(self) -> bool:
        """Start one more thread, if there may be more and the system has one left; False if there is none at all."""
        with self._starting:
            if self._made < self._most_threads:
                self._is_waking = True
                try:
                    threading.Thread(target=self._live, name=f"fanlight-{self._made + 1}", daemon=True).start()
                    self._made += 1
                except (RuntimeError, MemoryError):
                    self._is_waking = False
            return self._made > 0

    def _live(self) -> None:
        """Work until the pool is closed, whatever is raised; the whole life of a thread."""
        while True:
            bell = threading.Lock()
            bell.acquire()
            try:
                self._serve(bell)
            except BaseException:
                # A site may raise in any thread (`PyThreadState_SetAsyncExc`), and come too late for its own code.
                forked_child.exit_if_forked()
                log.exception("a thread was interrupted between two calls")
            else:
                return
            finally:
                self.running.pop(threading.get_ident(), None)
                with contextlib.suppress(ValueError):
                    self._resting.remove(bell)

    def _serve(self, bell: threading.Lock) -> None:
        waiting, running, own = self._work, self.running, threading.get_ident()
        self._is_waking = False
        while True:
            try:
                running[own] = work = waiting.popleft()
            except IndexError:
                if self._is_closed:
                    return
                self._rest(bell)
                continue
            if waiting:
                self._wake_next()
            act, args = work
            try:
                act(*args)
            except BaseException:
                forked_child.exit_if_forked()
                # Submitted work handles its own errors; a thread that ended because of one would never be replaced.
                log.exception("work in a thread failed")
            forked_child.exit_if_forked()
            del work, act, args, running[own]  # a thread that waits keeps nothing of its last request alive

    def _rest(self, bell: threading.Lock) -> None:
        """Sleep until there may be work."""
        self._resting.append(bell)
        if self._work or self._is_closed:  # it came meanwhile, and `submit` may have found no resting thread
            try:
                self._resting.remove(bell)
            except ValueError:  # our bell was taken: it rings
                pass
            else:
                return
        bell.acquire()
        self._is_waking = False


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

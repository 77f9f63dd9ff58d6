"""Detect stalls: take the hub from a plain view that blocks it, and report an async view that blocks the event loop.

In: the turn of the thread that holds the hub (`ownership`). Out: a view that is stuck no longer holds the hub, and its
route is reported with the line at which it was stuck.

The detector checks every 5 ms. It reads no clock while views are fast: a holder counts its views in `serial`, and a
view that is there at two checks in a row with the same serial is stuck, unless its thread was kept from the processor
for half of the time in between: then the machine is busy, and another thread would gain nothing.

A view that is about to compute for long, and knows it, need not be detected: it leaves the hub by itself (`leave`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fanlight.server.dispatch.blocking_calls import advice_for
from fanlight.server.dispatch.ownership import Turn
from fanlight.server.dispatch.thread_probes import RunDelay, thread_position

if TYPE_CHECKING:
    from fanlight.message.handler import Call
    from fanlight.server.connection.connection import Connection

CHECK_SECONDS = 0.005
LATE_SECONDS = 0.015  # more than a thread waits for the interpreter while a view computes
CHECKS_BEFORE_SLEEP = 20
LOOP_CHECK_SECONDS = 0.05  # between two checks of a loop with tasks
LOOP_BLOCKED_SECONDS = 0.1  # an async view that blocks the loop for so long is logged

log = logging.getLogger("fanlight.server")


class StallDetector:
    """Checks the holder from a thread of its own, and takes the hub from a view that is stuck.

    `current_turn` returns the present turn. `rescue` is called with the turn and the connection that were taken, and
    gives the hub a new holder; then `on_stall` is called with the call that was stuck and its position, "file:line in
    function". `check` is one check, so that tests can choose the moment. `on_leave` is called with the call that leaves
    the hub by itself, and its reason, before another thread holds it.
    """

    def __init__(
        self,
        current_turn: Callable[[], Turn | None],
        rescue: Callable[[Turn, Connection], None],
        on_stall: Callable[[Call, str], None],
        on_leave: Callable[[Call, str], None],
        *,
        watchdog: EventLoopWatchdog | None = None,
    ) -> None:
        self._current_turn, self._rescue = current_turn, rescue
        self._on_stall, self._on_leave = on_stall, on_leave
        self._bell = threading.Event()
        self._seen: tuple[Turn, int] | None = None
        self._run_delay: tuple[int, RunDelay] = (0, RunDelay(0))  # of the thread checked last, by its native identifier
        self._delayed = 0.0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.is_asleep = False
        self._watchdog = watchdog
        # Turns whose views were stuck, and may be still: a turn lives as long as its thread is in it.
        self.taken: WeakKeyDictionary[Turn, Connection] = WeakKeyDictionary()

    def start(self) -> None:
        """Start checking, in a thread of our own."""
        turn = self._current_turn()
        if turn is not None:
            self._delay_of(turn)  # its file is opened now, so that a process has as many open before its first request
        self._thread = threading.Thread(target=self._watch, name="fanlight-stall-detector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its end."""
        self._stopped = True
        self.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._run_delay[1].close()

    def wake(self) -> None:
        """Check again from now on: a view begins to run."""
        self.is_asleep = False
        self._bell.set()

    def check(self) -> bool:
        """Take the hub from a view that was there at the last check too; True if a view was running."""
        turn = self._current_turn()
        if turn is None or not turn.running:
            self._seen = None
            return False
        serial = turn.serial
        if self._seen != (turn, serial):
            self._seen = (turn, serial)
            self._delayed = self._delay_of(turn)
            return True
        if self._delay_of(turn) - self._delayed >= CHECK_SECONDS / 2:
            self._seen = None  # others had the processor: neither the view nor another thread would have run
            return True
        position = thread_position(turn.thread_id)
        try:
            connection = turn.running.pop()
        except IndexError:  # it has returned just now
            return True
        self._seen = None
        call = connection.call  # now: once `handed_over` is set, the connection belongs to the view's thread
        # The serial rises before a connection is appended. If it has moved, we took a newer view: the hub
        # must be passed on all the same, but that view is not to blame.
        is_to_blame = turn.serial == serial
        self._pass_on(turn, connection)
        if is_to_blame:  # last, as it writes to a log: others may wait for the hub, and nothing waits for us
            self._on_stall(call, position)
        return True

    def leave(self, reason: str) -> None:
        """Pass the hub on in its holder's own thread, inside of a view; in any other thread do nothing."""
        turn = self._current_turn()
        if turn is None or turn.thread_id != threading.get_ident():
            return
        try:
            connection = turn.running.pop()
        except IndexError:  # no view runs here, or its hub was taken just now
            return
        try:
            self._on_leave(connection.call, reason)  # first, so that the next holder runs no call of that route
        finally:
            self._pass_on(turn, connection)

    def _pass_on(self, turn: Turn, connection: Connection) -> None:
        """Have another thread hold the hub, which was taken from the view of a connection."""
        self.taken[turn] = connection
        try:
            self._rescue(turn, connection)
        finally:
            turn.handed_over.set()

    def _delay_of(self, turn: Turn) -> float:
        """Return how many seconds the holder's thread has been kept from the processor so far."""
        number, run_delay = self._run_delay
        if number != turn.native_id:
            run_delay.close()
            run_delay = RunDelay(turn.native_id)
            self._run_delay = (turn.native_id, run_delay)
        return run_delay.seconds()

    def _watch(self) -> None:
        quiet = 0
        while not self._stopped:
            due = time.monotonic() + CHECK_SECONDS
            time.sleep(CHECK_SECONDS)
            if time.monotonic() - due > LATE_SECONDS:
                self._seen = None  # we were late ourselves: the machine is busy, and the view not to blame
                continue
            quiet = 0 if self.check() else quiet + 1
            if quiet < CHECKS_BEFORE_SLEEP:
                continue
            quiet = 0
            self._sleep()

    def _sleep(self) -> None:
        """Sleep until a view runs inline, but check the event loop now and then while tasks run on it."""
        self._bell.clear()
        self.is_asleep = True
        # A holder appends its connection, then checks whether we sleep; we note that we sleep, then look for a
        # connection. One of the two sees the other.
        turn = self._current_turn()
        if turn is not None and turn.running:
            self.is_asleep = False
            return
        watch = self._watchdog
        while not self._stopped and not self._bell.is_set():
            if watch is not None and (watch.tasks or watch.beginning):
                watch.check()
                self._bell.wait(LOOP_CHECK_SECONDS)
            else:
                self._bell.wait()
        self.is_asleep = False


class EventLoopWatchdog:
    """Checks the event loop from another thread.

    The same task on it at two checks in a row is suspicious; if the loop then does not run a callback in time, it is
    blocked. The loop itself is not touched before there is a suspicion.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        self._loop, self.thread_id = loop, thread_id
        self._suspect: asyncio.Task[Any] | None = None
        self.tasks: dict[asyncio.Task[Any], Connection] = {}  # the connection that each running task is for
        self.beginning: Connection | None = None

    def note_first_step(self, connection: Connection | None) -> None:
        """Note for which connection a task takes its first step, before it is known; None: for none any more."""
        self.beginning = connection

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
        connection = self.tasks.get(task, self.beginning)
        where = thread_position(self.thread_id)
        free.wait()
        log.warning(
            "%s blocked the event loop for %.2f s at %s; %s",
            "a task" if connection is None else connection.call.name,
            time.monotonic() - began,
            where,
            advice_for(where),
        )


def _task_on(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task(loop)
    except RuntimeError:
        return None

"""Who holds the hub, and how a stuck view loses it.

One thread at a time serves all connections: the holder. Its stay is a `Tenure`, and the tenure's
`baton` is a list with at most one item: the connection whose view runs in place right now.

    SERVING   baton empty, hub.tenure is this one     the holder polls, reads, parses, sends
    RUNNING   baton holds a connection                the holder is inside that connection's view
    TAKEN     baton empty, `is_taken`                 the monitor has passed the hub on

    SERVING -> RUNNING    the holder appends before it calls the view
    RUNNING -> SERVING    the holder pops after the view: it still holds the hub
    RUNNING -> TAKEN      the monitor pops: the holder finds the baton empty, and from then on owns
                          nothing but that one connection, whose answer it sends

`list.pop` is one indivisible step, so exactly one of the two gets the baton, however close the
race; no lock is needed on the way of a fast view. After TAKEN the loser waits for `handed`, so it
can't touch its connection before the monitor has marked it RUNNING (else the next holder might
read from it too). A taken tenure is never served again; the next holder has a new one.

The monitor looks every 5 ms. It reads no clock on the fast path: a holder counts its views in
`serial`, and a view that is there at two looks in a row with the same serial is stuck.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fanlight.message import Call, Lane

if TYPE_CHECKING:
    from types import FrameType

    from fanlight.server.connection import Connection

LOOK_SECONDS = 0.005
LATE_SECONDS = 0.015  # more than a thread waits for the interpreter while a view computes
LOOKS_BEFORE_SLEEP = 20
LOOP_LOOK_SECONDS = 0.05  # how often a loop with tasks is looked at
LOOP_BLOCKED_SECONDS = 0.1  # an async view that holds the loop for so long is told of

SHORT_SECONDS = 0.002  # a call in the pool that takes less could have run in place
SHORT_RUNS = 100  # so many short ones in a row bring a route back
FIRST_PROBATION_SECONDS = 5.0  # not sooner than this; twice as long after each relapse
LONGEST_PROBATION_SECONDS = 600.0

Rescue = Callable[["Tenure", "Connection", bool], None]

log = logging.getLogger("fanlight.server")


class Tenure:
    """One thread's stay at the hub."""

    __slots__ = ("__weakref__", "baton", "handed", "is_home", "is_taken", "place", "serial", "thread_id")

    def __init__(self, *, is_home: bool) -> None:
        """Begin SERVING, at home (in the loop's thread, which must make it) or in a rescue thread."""
        self.baton: list[Connection] = []
        self.thread_id = threading.get_ident() if is_home else 0
        self.place = ""  # where the view was when the monitor took the baton: "file:line in function"
        self.serial = 0
        self.is_home = is_home
        self.is_taken = False
        self.handed = threading.Event()

    def hold(self, lead: Callable[[Tenure], object]) -> None:
        """Serve in this thread, by `lead`: a rescue thread's whole life."""
        self.thread_id = threading.get_ident()
        lead(self)


class Record:
    """What is known of a route that was too slow to run in place."""

    __slots__ = ("lock", "probation_seconds", "short_runs", "since")

    def __init__(self) -> None:
        """Begin before the first offence."""
        self.lock = threading.Lock()
        self.probation_seconds = FIRST_PROBATION_SECONDS / 2
        self.short_runs = 0
        self.since = 0.0


class Lanes:
    """Moves routes between running in place and running in threads, by what is seen of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing known."""
        self._clock = clock
        self._records: dict[Call, Record] = {}

    def mark_slow(self, call: Call) -> bool:
        """Send a route's next calls to threads; False if the user has chosen its lane himself."""
        if call.is_pinned:
            return False
        record = self._records.setdefault(call, Record())
        with record.lock:
            record.probation_seconds = min(record.probation_seconds * 2, LONGEST_PROBATION_SECONDS)
            record.short_runs = 0
            record.since = self._clock()
            call.lane = Lane.THREAD
        return True

    def ran_in_thread(self, call: Call, seconds: float) -> None:
        """Note how long a call took in the pool; a route that is short again comes back in place."""
        record = self._records.get(call)
        if record is None:
            return  # the user chose the thread, or it is one that was never slow
        with record.lock:
            record.short_runs = record.short_runs + 1 if seconds < SHORT_SECONDS else 0
            if record.short_runs >= SHORT_RUNS and self._clock() - record.since >= record.probation_seconds:
                record.short_runs = 0
                call.lane = Lane.INLINE
                log.info("%s is fast again: it runs in place", call.name)

    def slow(self) -> list[Call]:
        """Return the routes that run in threads because they were stuck once."""
        return [call for call in list(self._records) if call.lane is Lane.THREAD]

    def slow_seconds(self, call: Call) -> float:
        """Return how long ago a slow route was stuck."""
        return self._clock() - self._records[call].since


class Monitor:
    """Watches the holder from a thread of its own, and takes the hub from a view that is stuck.

    `tenure_of` says whose stay it is; `rescue` is told whose baton was taken, and whether its view is
    to blame, and must see to it that the hub has a new holder. `look` is one look, so that tests can
    look when they like.
    """

    def __init__(self, tenure_of: Callable[[], Tenure | None], rescue: Rescue) -> None:
        """Prepare; nothing runs before `start`."""
        self._tenure_of, self._rescue = tenure_of, rescue
        self._bell = threading.Event()
        self._seen: tuple[Tenure, int] | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.asleep = False
        self.loop_watch: LoopWatch | None = None
        # Whose views were stuck, and may be still: a tenure lives as long as its thread is in it.
        self.taken: WeakKeyDictionary[Tenure, Connection] = WeakKeyDictionary()

    def start(self) -> None:
        """Begin to look, in a thread of our own."""
        self._thread = threading.Thread(target=self._watch, name="fanlight-monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its end."""
        self._stopped = True
        self.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wake(self) -> None:
        """Have the monitor look again: a view begins to run."""
        self.asleep = False
        self._bell.set()

    def look(self) -> bool:
        """Take the hub from a view that was there at the last look too; True if one was running."""
        tenure = self._tenure_of()
        if tenure is None or not tenure.baton:
            self._seen = None
            return False
        serial = tenure.serial
        if self._seen != (tenure, serial):
            self._seen = (tenure, serial)
            return True
        place = place_of_thread(tenure.thread_id)
        try:
            connection = tenure.baton.pop()
        except IndexError:  # it has returned just now
            return True
        self._seen = None
        tenure.is_taken, tenure.place = True, place
        self.taken[tenure] = connection
        try:
            # The serial rises before a baton is laid down. If it has moved, the baton we took is a newer
            # view's: the hub must be passed on all the same, but that view is not to blame.
            self._rescue(tenure, connection, tenure.serial == serial)
        finally:
            tenure.handed.set()
        return True

    def _watch(self) -> None:
        quiet = 0
        while not self._stopped:
            due = time.monotonic() + LOOK_SECONDS
            time.sleep(LOOK_SECONDS)
            if time.monotonic() - due > LATE_SECONDS:
                self._seen = None  # we ourselves were late: the machine is busy, and the view not to blame
                continue
            quiet = 0 if self.look() else quiet + 1
            if quiet < LOOKS_BEFORE_SLEEP:
                continue
            quiet = 0
            self._sleep()

    def _sleep(self) -> None:
        """Sleep until a view runs in place, but look at the loop now and then while tasks run on it."""
        self._bell.clear()
        self.asleep = True
        # A holder lays down its baton, then looks whether we sleep; we say that we sleep, then look
        # for a baton. One of the two sees the other.
        tenure = self._tenure_of()
        if tenure is not None and tenure.baton:
            self.asleep = False
            return
        watch = self.loop_watch
        while not self._stopped and not self._bell.is_set():
            if watch is not None and watch.has_tasks():
                watch.look()
                self._bell.wait(LOOP_LOOK_SECONDS)
            else:
                self._bell.wait()
        self.asleep = False


class LoopWatch:
    """Finds out which async view blocks the loop, where, and for how long.

    It looks at the loop from outside. The same task on it at two looks in a row is a suspicion; a
    callback that the loop does not answer in time makes it a finding. The loop's own pace is never
    touched before there is a suspicion.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        """Watch a loop that runs in the thread with this identifier."""
        self._loop, self.thread_id = loop, thread_id
        self._suspect: asyncio.Task[Any] | None = None
        self.at_work: dict[asyncio.Task[Any], Connection] = {}  # what each running task is for

    def has_tasks(self) -> bool:
        """Say whether any call runs as a task now."""
        return bool(self.at_work)

    def look(self) -> None:
        """Look once; if the loop seems blocked, stay until it is free again and tell of it."""
        task = _task_on(self._loop)
        if task is None or task is not self._suspect:
            self._suspect = task
            return
        self._suspect = None
        began = time.monotonic() - LOOP_LOOK_SECONDS
        free = threading.Event()
        try:
            self._loop.call_soon_threadsafe(free.set)
        except RuntimeError:  # the loop is closed
            return
        if free.wait(LOOP_BLOCKED_SECONDS - LOOP_LOOK_SECONDS):
            return
        connection = self.at_work.get(task)
        name = "a task" if connection is None else connection.call.name
        where = place_of_thread(self.thread_id)
        free.wait()
        seconds = time.monotonic() - began
        log.warning(
            "%s blocked the event loop for %.2f s at %s; await something there, or make the view a plain `def`",
            name,
            seconds,
            where,
        )


def _task_on(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task(loop)
    except RuntimeError:
        return None


def place_of_thread(thread_id: int) -> str:
    """Return where another thread is: "file:line in function", "?" if it is no more."""
    return place_of(sys._current_frames().get(thread_id))  # noqa: SLF001 - the documented way to see another thread


def place_of(frame: FrameType | None) -> str:
    """Return "file:line in function" of the innermost frame that is not the standard library's."""
    best = frame
    stdlib = asyncio.__file__.rpartition("asyncio")[0]
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((stdlib, "<frozen")) or "site-packages" in name:
            best = frame
            break
        frame = frame.f_back
    return f"{best.f_code.co_filename}:{best.f_lineno} in {best.f_code.co_name}" if best is not None else "?"

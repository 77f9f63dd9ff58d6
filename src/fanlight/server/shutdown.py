"""The way out of one process: it begins at the first signal, and ends in time, whatever the site does.

In: signals, or calls of `begin` and `cut_off` by the server. Out: callbacks of the server, in this order:

    begin       the first SIGINT or SIGTERM. Code of the site that is still loaded or started is interrupted (`Stopped`)
    drain       after unready_seconds: no new connections are accepted, what runs is finished
    the end     the process has ended by itself, exit code 0; or, GRACE_SECONDS after drain_seconds, it is ended: 70
    cut off     a second signal: at once, 128 and the signal's number

The other one of the two signals within SAME_SECONDS is no second signal: Ctrl+C reaches a whole group of processes, and
a program in it that stops its children sends them SIGTERM besides.

A thread of its own sees to that. It waits for nothing but its bell and the time: it takes no lock that code of the site
can hold, and writes nothing that can make it wait. Behind it stands a timer that needs no interpreter (`faulthandler`).
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from fanlight.server.dispatch.thread_position import thread_position
from fanlight.server.io.signals import Signals
from fanlight.server.recording.sink import is_writable

if TYPE_CHECKING:
    from fanlight.settings.limits import Limits

STOPS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 3.0  # beyond drain_seconds, for the rest of the lifespan, for tasks, threads and `atexit`
START_GRACE_SECONDS = 5.0  # for a start that is interrupted
SAME_SECONDS = 1.5
TIMER_SECONDS = 2.0  # behind our own thread
LATE_EXIT_CODE = 70  # EX_SOFTWARE: something did not end in time
MOST_PLACES = 5

Act = Callable[[], object]


class Stopped(asyncio.CancelledError):
    """Raised in code of the site that is being loaded or started, because the process is to end."""


class _Section:
    """Code of the site that runs in the main thread, and may be interrupted."""

    def __init__(self, task: asyncio.Task[Any] | None) -> None:
        self.task, self.is_interrupted = task, False

    def interrupt(self) -> None:
        """Cancel its task; in the loop's thread."""
        if self.task is not None and not self.is_interrupted:
            self.is_interrupted = True
            self.task.cancel()


class ShutdownController:
    """Sees to the end of this process, or, where `listen` is not called, only knows whether it has begun."""

    def __init__(self, limits: Limits, *, grace_seconds: float = GRACE_SECONDS, cut_off_seconds: float = 0.0) -> None:
        """Prepare. `cut_off_seconds` is the time to end by itself that is left after a second signal."""
        self._limits, self._grace_seconds, self._cut_off_seconds = limits, grace_seconds, cut_off_seconds
        self.on_begin: list[Act] = []
        self.on_drain: Act = _nothing
        self.on_cut_off: list[Act] = []
        self.others: dict[int, Act] = {}  # what other signals mean
        self.last_acts: list[Act] = []  # before the process is ended: short ones
        self.say: Callable[[str], object] = _nothing  # writes a last line, and does not wait for a reader
        self.is_begun = False
        self.exit_code = 0
        self.displaced: set[str] = set()  # signals for which the site had handlers
        self._lock = threading.Lock()  # never held while anything else is done
        self._began: float | None = None
        self._drain_at: float | None = None
        self._end_at: float | None = None
        self._seen: set[int] = set()
        self._section: _Section | None = None
        self._signals: Signals | None = None
        self._nowhere: Any = None

    def listen(self, others: Sequence[int] = ()) -> None:
        """Hear signals from now on, and other ones too, which do nothing until `others` says what.

        Only the main thread can; elsewhere nothing happens.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
        self._signals = Signals((*STOPS, *others), self._in_main)
        self._signals.take()
        threading.Thread(target=self._watch, args=(self._signals,), name="fanlight-signals", daemon=True).start()

    def look(self) -> None:
        """Take our handlers' place again if the site has put its own there; in the main thread."""
        if self._signals is not None:
            self.displaced.update(self._signals.take())

    @property
    def is_listening(self) -> bool:
        """Whether signals are heard."""
        return self._signals is not None

    @contextlib.contextmanager
    def interruptible(self, task: asyncio.Task[Any] | None = None) -> Iterator[None]:
        """Run code of the site, in the main thread or a task, that ends by `Stopped` when a stop begins."""
        self._section = section = _Section(task)
        try:
            if self.is_begun:
                raise Stopped
            yield
        finally:
            section.is_interrupted = True  # or too late to be
            self._section = None
            if threading.current_thread() is threading.main_thread():
                self.look()

    def begin(self, number: int = 0, *, at_once: bool = False) -> None:
        """Begin to leave, if that has not begun, because of a signal or, 0, for another reason; from any thread.

        `at_once`: without `unready_seconds`, which the parent has waited for already.
        """
        now = time.monotonic()
        with self._lock:
            is_first = self._began is None
            if is_first:
                self._began, self._drain_at = now, now if at_once else now + self._limits.unready_seconds
                self._seen.add(number)
            elif at_once and self._drain_at is not None:
                self._drain_at = now
            if is_first or at_once:
                self._set_end(now)
            section = self._section
        self.is_begun = True
        if is_first:
            if section is not None and section.task is not None:
                with contextlib.suppress(RuntimeError):  # its loop is closed
                    section.task.get_loop().call_soon_threadsafe(section.interrupt)
            for act in self.on_begin:
                act()
        self._drain_if_due()
        if self._signals is not None:
            self._signals.ring()

    def cut_off(self, code: int = LATE_EXIT_CODE) -> None:
        """End what still runs, now; from any thread."""
        self.is_begun = True
        is_first, self.exit_code = not self.exit_code, code
        if self._cut_off_seconds and is_first:
            self._end_at = time.monotonic() + self._cut_off_seconds
            for act in self.on_cut_off:
                act()
            if self._signals is not None:
                self._signals.ring()
        else:
            self._leave(code)

    # --- the thread -------------------------------------------------------------------------------

    def _watch(self, signals: Signals) -> None:
        signals.unblock()
        while True:
            due = [each for each in (self._drain_at, self._end_at) if each is not None]
            for number in signals.wait(max(0.0, min(due) - time.monotonic()) if due else None):
                self._hear(number)
            self._drain_if_due()
            if self._end_at is not None and time.monotonic() >= self._end_at:
                self._end_late()

    def _hear(self, number: int) -> None:
        if number not in STOPS:
            self.others.get(number, _nothing)()
        elif self._began is None:
            self.begin(number)
        elif number not in self._seen and time.monotonic() - self._began < SAME_SECONDS:
            self._seen.add(number)
        else:
            self.cut_off(128 + number)

    def _set_end(self, now: float) -> None:
        assert self._drain_at is not None
        left = self._drain_at - now + self._limits.drain_seconds + self._grace_seconds
        if self._section is not None:
            left = min(left, START_GRACE_SECONDS)
        self._end_at = now + left
        if self._signals is not None:
            faulthandler.dump_traceback_later(left + TIMER_SECONDS, exit=True, file=self._nowhere)

    def _drain_if_due(self) -> None:
        with self._lock:
            if self._drain_at is None or time.monotonic() < self._drain_at:
                return
            self._drain_at = None
        self.on_drain()

    def _end_late(self) -> None:
        if not self.exit_code:
            self.say(f"what runs did not end within drain_seconds: {_places()}; the process ends without it")
        self._leave(self.exit_code or LATE_EXIT_CODE)

    def _leave(self, code: int) -> None:
        if self._signals is not None:
            faulthandler.dump_traceback_later(TIMER_SECONDS, exit=True, file=self._nowhere)
        for act in self.last_acts:
            with contextlib.suppress(Exception):
                act()
        os._exit(code)

    # --- the main thread --------------------------------------------------------------------------

    def _in_main(self, number: int, _frame: FrameType | None) -> None:
        """Interrupt code of the site that does not come back to its loop; a task that waits is cancelled instead."""
        section = self._section
        if number not in STOPS or section is None or section.is_interrupted:
            return
        self.is_begun = True
        if section.task is not None:
            running = asyncio.current_task(section.task.get_loop())
            if running is None:
                return
            section.is_interrupted = running is section.task
        else:
            section.is_interrupted = True
        raise Stopped


def _places() -> str:
    """Return where the threads stand that a process waits for, the main one first."""
    main = threading.main_thread()
    waited = [each for each in threading.enumerate() if not each.daemon and each is not main]
    found = [f"{each.name} at {thread_position(each.ident)}" for each in (main, *waited) if each.ident is not None]
    more = f" and {len(found) - MOST_PLACES} more" if len(found) > MOST_PLACES else ""
    return "; ".join(found[:MOST_PLACES]) + more


def _nothing(*_: object) -> None:
    """Do nothing."""


def finish_output() -> None:
    """Have what was printed written, as far as it is taken; the interpreter's own end would wait, or end with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            descriptor = stream.fileno()
            if is_writable(descriptor):
                stream.flush()
                continue
        except (AttributeError, ValueError):  # there is none, or it is closed, or not a file
            continue
        except OSError:  # its reader is gone, the disk is full
            pass
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)

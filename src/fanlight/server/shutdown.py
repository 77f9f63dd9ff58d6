"""Shut the process down: gracefully at the first signal, at once at the second, and in time whatever site code does.

In: signals, or calls of `begin` and `force`. Out: the registered callbacks, in this order:

    begin       at the first SIGINT or SIGTERM. Site code that is being loaded or started is interrupted
                (`ShutdownRequested`).
    drain       unready_seconds later: stop accepting, finish active requests.
    exit        the process ends by itself with exit code 0, or is ended with 70, GRACE_SECONDS after drain_seconds
                ("late", "exit").
    force       at a second signal: exit at once, with 128 plus the signal's number.

SIGINT and SIGTERM within REPEAT_SECONDS of each other count as one: Ctrl+C reaches the whole process group, and a
program in it that stops its children sends them SIGTERM as well.

All of this runs in a thread of its own, which waits only for its wake-up pipe and the time: it takes no lock that site
code can hold, and writes nothing that can block. A timer that needs no interpreter (`faulthandler`) backs it up.
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
from typing import Any, Literal

from fanlight.server.dispatch.thread_probes import thread_position
from fanlight.server.io.signals import Signals
from fanlight.server.recording.sink import is_writable
from fanlight.settings.limits import Limits

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 3.0  # beyond drain_seconds, for the rest of the lifespan, for tasks, threads and `atexit`
START_GRACE_SECONDS = 5.0  # for a start that is interrupted
REPEAT_SECONDS = 1.5
TIMER_SECONDS = 2.0  # by which the backup timer is later than our own thread
LATE_EXIT_CODE = 70  # EX_SOFTWARE: something did not end in time
MAX_POSITIONS = 5

Event = Literal["begin", "drain", "force", "late", "exit"]


class ShutdownRequested(asyncio.CancelledError):
    """Raised in site code that is being loaded or started when a shutdown begins."""


class _Section:
    """Site code in the main thread that may be interrupted."""

    def __init__(self, task: asyncio.Task[Any] | None) -> None:
        self.task, self.is_interrupted = task, False

    def interrupt(self) -> None:
        """Cancel its task; called in the loop's thread."""
        if self.task is not None and not self.is_interrupted:
            self.is_interrupted = True
            self.task.cancel()

    def interrupt_main_thread(self) -> None:
        """Raise ShutdownRequested where the code does not return to its loop; a waiting task is cancelled instead."""
        if self.is_interrupted:
            return
        if self.task is not None:
            running = asyncio.current_task(self.task.get_loop())
            if running is None:
                return
            self.is_interrupted = running is self.task
        else:
            self.is_interrupted = True
        raise ShutdownRequested

    def close(self) -> None:
        """End the section: it is too late to interrupt it."""
        self.is_interrupted = True


class ShutdownController:
    """Controls the shutdown of this process; without `install` it only records whether one has begun."""

    def __init__(self, limits: Limits, *, grace_seconds: float = GRACE_SECONDS, force_seconds: float = 0.0) -> None:
        """Prepare. `force_seconds` is how long the process may take to end by itself after a second signal."""
        self._limits, self._grace_seconds, self._force_seconds = limits, grace_seconds, force_seconds
        self._callbacks: dict[Event | int, list[Callable[..., object]]] = {}
        self.is_begun = False
        self.exit_code = 0
        self._displaced: set[str] = set()  # signals for which the site has installed handlers
        self._lock = threading.Lock()  # never held while a callback runs
        self._began_at: float | None = None
        self._drain_at: float | None = None
        self._exit_at: float | None = None
        self._seen: set[int] = set()
        self._section: _Section | None = None
        self._signals: Signals | None = None
        self._devnull: Any = None

    def on(self, event: Event | int, *callbacks: Callable[..., object]) -> None:
        """Have these called at an event, or when another signal of `install` comes (by its number).

        They must not block; those of "late" get a text, to be written as the last line of the log.
        """
        self._callbacks.setdefault(event, []).extend(callbacks)

    def _call(self, event: Event | int, *args: object) -> None:
        for callback in self._callbacks.get(event, ()):
            callback(*args)

    def install(self, others: Sequence[int] = ()) -> None:
        """Handle signals from now on, and these others, which are ignored until `on`.

        Does nothing outside the main thread, which alone can install handlers.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._devnull = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
        self._signals = Signals((*STOP_SIGNALS, *others), self._on_signal_in_main_thread)
        self._signals.install()
        threading.Thread(target=self._run, args=(self._signals,), name="fanlight-signals", daemon=True).start()

    @property
    def is_installed(self) -> bool:
        """Whether signals are handled."""
        return self._signals is not None

    def reinstall(self) -> list[str]:
        """Put our handlers back; return the signals for which the site had installed its own. In the main thread."""
        self._restore_handlers()
        displaced = sorted(self._displaced)
        self._displaced.clear()
        return displaced

    def _restore_handlers(self) -> None:
        if self._signals is not None:
            self._displaced.update(self._signals.install())

    @contextlib.contextmanager
    def interruptible(self, task: asyncio.Task[Any] | None = None) -> Iterator[None]:
        """Run site code, in the main thread or a task, that is ended by ShutdownRequested when a shutdown begins."""
        self._section = section = _Section(task)
        try:
            if self.is_begun:
                raise ShutdownRequested
            yield
        finally:
            section.close()
            self._section = None
            if threading.current_thread() is threading.main_thread():
                self._restore_handlers()

    # --- begin and force ------------------------------------------------------------------------------

    def begin(self, number: int = 0, *, at_once: bool = False) -> None:
        """Begin to shut down, unless that has begun, for a signal or another reason (0); from any thread.

        `at_once`: without `unready_seconds`, which the supervisor has already waited for.
        """
        now = time.monotonic()
        with self._lock:
            is_first = self._began_at is None
            if is_first:
                self._began_at, self._drain_at = now, now if at_once else now + self._limits.unready_seconds
                self._seen.add(number)
            is_hastened = at_once and self._drain_at is not None
            if is_hastened:
                self._drain_at = now
            if is_first or is_hastened:
                self._set_deadline(now)
            section = self._section
        self.is_begun = True
        if is_first:
            if section is not None and section.task is not None:
                with contextlib.suppress(RuntimeError):  # its loop is closed
                    section.task.get_loop().call_soon_threadsafe(section.interrupt)
            self._call("begin")
        self._drain_if_due()
        if self._signals is not None:
            self._signals.wake()

    def force(self, code: int = LATE_EXIT_CODE) -> None:
        """End what still runs, now; from any thread."""
        self.is_begun = True
        is_first, self.exit_code = not self.exit_code, code
        if self._force_seconds and is_first:
            self._exit_at = time.monotonic() + self._force_seconds
            self._call("force")
            if self._signals is not None:
                self._signals.wake()
        else:
            self._exit(code)

    # --- the thread -----------------------------------------------------------------------------------

    def _run(self, signals: Signals) -> None:
        signals.unblock()
        while True:
            due = [each for each in (self._drain_at, self._exit_at) if each is not None]
            for number in signals.wait(max(0.0, min(due) - time.monotonic()) if due else None):
                self._on_signal(number)
            self._drain_if_due()
            if self._exit_at is not None and time.monotonic() >= self._exit_at:
                self._exit_late()

    def _on_signal(self, number: int) -> None:
        if number not in STOP_SIGNALS:
            self._call(number)
        elif self._began_at is None:
            self.begin(number)
        elif number not in self._seen and time.monotonic() - self._began_at < REPEAT_SECONDS:
            self._seen.add(number)
        else:
            self.force(128 + number)

    def _set_deadline(self, now: float) -> None:
        assert self._drain_at is not None
        left = self._drain_at - now + self._limits.drain_seconds + self._grace_seconds
        if self._section is not None:
            left = min(left, START_GRACE_SECONDS)
        self._exit_at = now + left
        if self._signals is not None:
            faulthandler.dump_traceback_later(left + TIMER_SECONDS, exit=True, file=self._devnull)

    def _drain_if_due(self) -> None:
        with self._lock:
            if self._drain_at is None or time.monotonic() < self._drain_at:
                return
            self._drain_at = None
        self._call("drain")

    def _exit_late(self) -> None:
        if not self.exit_code:
            self._call("late", f"shutdown was not complete within drain_seconds: {_thread_positions()}; exiting anyway")
        self._exit(self.exit_code or LATE_EXIT_CODE)

    def _exit(self, code: int) -> None:
        if self._signals is not None:
            faulthandler.dump_traceback_later(TIMER_SECONDS, exit=True, file=self._devnull)
        for callback in self._callbacks.get("exit", ()):
            with contextlib.suppress(Exception):
                callback()
        os._exit(code)

    # --- the main thread ------------------------------------------------------------------------------

    def _on_signal_in_main_thread(self, number: int, _frame: FrameType | None) -> None:
        section = self._section
        if number in STOP_SIGNALS and section is not None and not section.is_interrupted:
            self.is_begun = True
            section.interrupt_main_thread()


def _thread_positions() -> str:
    """Return the source lines of the threads that keep the process from ending, the main thread first."""
    main = threading.main_thread()
    waited = [each for each in threading.enumerate() if not each.daemon and each is not main]
    found = [f"{each.name} at {thread_position(each.ident)}" for each in (main, *waited) if each.ident is not None]
    more = f" and {len(found) - MAX_POSITIONS} more" if len(found) > MAX_POSITIONS else ""
    return "; ".join(found[:MAX_POSITIONS]) + more


def flush_output() -> None:
    """Write out what was printed, as far as it is accepted now: at exit Python would wait, or end with code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            descriptor = stream.fileno()
            if is_writable(descriptor):
                stream.flush()
                continue
        except (AttributeError, ValueError):  # there is none, or it is closed, or not a file
            continue
        except OSError:  # its reader is gone, or the disk is full
            pass
        with contextlib.suppress(OSError):
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, descriptor)
            os.close(devnull)

"""What the access log and the error log share: a thread that is woken for what waits, and a writer that never waits.

In: whole lines, from any thread, which wait for nothing. Out: they are written to a sink as fast as it takes them;
lines that are lost are counted, and reported in the log itself when it can be written again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from fanlight.server.recording.sink import Sink

RETRY_SECONDS = 0.002  # between two attempts to handle what is left when the thread is to stop


class LogThread:
    """A thread that handles what waits, and sleeps while nothing does."""

    def __init__(
        self,
        name: str,
        handle: Callable[[], float | None],
        has_waiting: Callable[[], object],
        *,
        pause_seconds: float = 0.0,
        finish: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare. `handle` returns in how many seconds it is to be called again for what is left, None for nothing.

        `has_waiting` returns whether something new is to be handled; `finish` is called in the thread when it ends.
        With a pause between two calls of `handle`, a busy server makes one write of many lines.
        """
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._handle, self._has_waiting, self._finish = handle, has_waiting, finish
        self._pause_seconds = pause_seconds
        self._calls: deque[Callable[[], object]] = deque()
        self.is_asleep = False  # then code that adds something calls `wake`
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._deadline = float("inf")

    def start(self) -> None:
        """Begin to handle what waits."""
        self._thread.start()

    def wake(self) -> None:
        """Handle what waits; from any thread."""
        self.is_asleep = False
        self._wake.set()

    def call(self, callback: Callable[[], object]) -> None:
        """Have the thread call something after what waits by now; from any thread, and from a signal handler."""
        self._calls.append(callback)
        self._wake.set()

    def flush(self, seconds: float) -> None:
        """Wait until what waits by now is handled, but no longer than `seconds`."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            is_done = threading.Event()
            self.call(is_done.set)
            is_done.wait(seconds)

    def stop(self, seconds: float) -> None:
        """Handle what is left, for no longer than `seconds`, and end."""
        self._deadline = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds + 0.5)

    def _run(self) -> None:
        left: float | None = None
        while True:
            if left is None:
                self._sleep()
            calls = [self._calls.popleft() for _ in range(len(self._calls))]
            left = self._handle()
            for callback in calls:
                callback()
            if not self._stopping.is_set():
                self._stopping.wait(self._pause_seconds if left is None else left)
            elif time.monotonic() >= self._deadline or (left is None and not self._has_waiting()):
                break
            elif left is not None:
                time.sleep(RETRY_SECONDS)
        for callback in self._calls:
            callback()
        self._finish()

    def _sleep(self) -> None:
        self._wake.clear()
        self.is_asleep = True
        # Others add something, then read `is_asleep`; here it is set before we look for something. So one of the two
        # sees the other.
        if not (self._has_waiting() or self._calls or self._stopping.is_set()):
            self._wake.wait()
        self.is_asleep = False


class LineWriter:
    """Writes lines to a sink, and keeps those it does not take now."""

    def __init__(self, sink: Sink, max_bytes: int, report: Callable[[int], bytes]) -> None:
        """Prepare; `report` makes the line that reports how many lines were lost, b"" for none."""
        self.sink, self._max_bytes, self._report = sink, max_bytes, report
        self._added: deque[bytes] = deque()
        self._data, self._position = b"", 0  # what is being written, and how far that has come
        self._added_bytes = self._taken_bytes = 0  # so far; each is counted by one thread at a time
        self._unreported = 0
        self._lock = threading.Lock()
        self.lost = 0  # lines, so far

    @property
    def waiting_bytes(self) -> int:
        """How much is to be written."""
        return self._added_bytes - self._taken_bytes

    @property
    def is_full(self) -> bool:
        """Whether no more lines should be added."""
        return self.waiting_bytes > self._max_bytes

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to write, and no loss to report."""
        return not (self._added or self._position < len(self._data) or self._unreported)

    def add(self, lines: bytes) -> None:
        """Keep whole lines until `flush`; from any thread, but from one at a time."""
        self._added.append(lines)
        self._added_bytes += len(lines)

    def lose(self, count: int = 1) -> None:
        """Count lines as lost; from any thread."""
        with self._lock:
            self.lost += count
            self._unreported += count

    def flush(self) -> int:
        """Write what the sink takes now; return how many lost lines were reported. Raises OSError if it takes none."""
        while self._position < len(self._data) or self._added:
            if self._position == len(self._data):
                self._data, self._position = b"".join(self._take_added()), 0
            position = self.sink.write(self._data, self._position)
            self._taken_bytes += position - self._position
            self._position = position
            if position < len(self._data):
                return 0
        self._data, self._position = b"", 0
        return self._write_report() if self._unreported else 0

    def _write_report(self) -> int:
        unreported = self._unreported
        report = self._report(unreported)
        taken = self.sink.write(report)
        if report and not taken:
            return 0
        self._data, self._position = report, taken
        self._taken_bytes -= len(report) - taken  # which is still to be taken, and was not added
        with self._lock:
            self._unreported -= unreported
        return unreported

    def _take_added(self) -> list[bytes]:
        return [self._added.popleft() for _ in range(len(self._added))]

    def discard(self) -> int:
        """Count the lines that were not taken as lost; return how many they are.

        The rest of a line that was begun stays: otherwise the next line would continue it.
        """
        data, end = self._data, self._position
        if end and not data.endswith(b"\n", 0, end):
            end = data.index(b"\n", end) + 1
        left = b"".join([data[end:], *self._take_added()])
        self._data = data[:end]
        self._taken_bytes += len(left)
        if count := left.count(b"\n"):
            self.lose(count)
        return count

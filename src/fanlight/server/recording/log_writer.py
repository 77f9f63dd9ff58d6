"""What the access log and the error log share: a thread with a bounded queue, and a writer that never waits.

In: items from any thread, which wait for nothing: an item that does not fit is dropped. Out: the items are handled in
the queue's own thread, and lines are written to a sink as fast as it takes them; lines that are lost are counted, and
reported in the log itself when it can be written again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from fanlight.server.recording.sink import Sink

Item = TypeVar("Item", bound=tuple[Any, ...])  # its last value is its size
RETRY_SECONDS = 0.002  # between two attempts to write what is left when the thread is to stop


class LogThread(Generic[Item]):
    """A thread that handles the items of a bounded queue."""

    def __init__(
        self,
        name: str,
        handle: Callable[[], bool],
        max_size: int,
        *,
        on_full: Callable[[], object],
        pause_seconds: float = 0.0,
        finish: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare. `handle` takes items by `pop`, and returns whether it is to be called again without new ones.

        `on_full` is called by `put` for an item that does not fit; `finish` in the thread when it ends. With a pause
        between two rounds, a busy server makes one write of many lines.
        """
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._handle, self._finish, self._on_full = handle, finish, on_full
        self._max_size, self._pause_seconds = max_size, pause_seconds
        self._items: deque[Item] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        # How much more fits. Two threads that count at once may lose a count; it is corrected whenever the queue is
        # empty.
        self._room = max_size
        self.is_asleep = False
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._deadline = float("inf")

    def start(self) -> None:
        """Begin to handle items."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue an item; from any thread."""
        # PERF: benchmarks/run.py: once per request, so there is no lock, and no wake-up while it is awake.
        if self._room > 0:
            self._items.append(item)
            self._room -= item[-1]
        else:
            self._on_full()
        if self.is_asleep:
            self.is_asleep = False
            self._wake.set()

    def pop(self) -> Item | None:
        """Take the oldest item, None if there is none; only the thread may."""
        if not self._items:
            self._room = self._max_size
            return None
        item = self._items.popleft()
        self._room += item[-1]
        return item

    @property
    def waiting(self) -> int:
        """How many items are queued."""
        return len(self._items)

    def call(self, callback: Callable[[], object]) -> None:
        """Have the thread call something after the items queued so far; from any thread, and from a signal handler."""
        self._calls.append(callback)
        self._wake.set()

    def flush(self, seconds: float) -> None:
        """Wait until the items queued so far are handled, but no longer than `seconds`."""
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
        must_retry = False
        while True:
            if not must_retry:
                self._sleep()
            calls = [self._calls.popleft() for _ in range(len(self._calls))]
            must_retry = self._handle()
            for callback in calls:
                callback()
            if self._stopping.is_set():
                if not (self._items or must_retry) or time.monotonic() >= self._deadline:
                    break
                if not self._items:
                    time.sleep(RETRY_SECONDS)
            elif not self._items and self._pause_seconds:
                self._stopping.wait(self._pause_seconds)
        for callback in self._calls:
            callback()
        self._finish()

    def _sleep(self) -> None:
        self._wake.clear()
        self.is_asleep = True
        # `put` appends, then reads `is_asleep`; here it is set before the queue is read. So one of the two sees the
        # other.
        if not (self._items or self._calls or self._stopping.is_set()):
            self._wake.wait()
        self.is_asleep = False


class LineWriter:
    """Writes lines to a sink, and keeps those it does not take now."""

    def __init__(self, sink: Sink, max_bytes: int, report: Callable[[int], list[bytes]]) -> None:
        """Prepare; `report` makes the line that reports how many lines were lost."""
        self.sink, self._max_bytes, self._report = sink, max_bytes, report
        self._lines: deque[bytes] = deque()
        self._bytes = self._unreported = 0
        self._lock = threading.Lock()
        self.lost = 0  # lines, so far

    @property
    def is_full(self) -> bool:
        """Whether no more lines should be added."""
        return self._bytes > self._max_bytes

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to write, and no loss to report."""
        return not (self._lines or self._unreported)

    def add(self, line: bytes) -> None:
        """Keep a line until `flush`."""
        self._lines.append(line)
        self._bytes += len(line)

    def lose(self, count: int = 1) -> None:
        """Count lines as lost; from any thread."""
        with self._lock:
            self.lost += count
            self._unreported += count

    def flush(self) -> int:
        """Write what the sink takes now; return how many lost lines were reported. Raises OSError if it takes none."""
        lines, unreported = list(self._lines), self._unreported
        report = self._report(unreported) if unreported else []
        taken = self.sink.write(lines + report) if lines or report else 0
        for _ in range(min(taken, len(lines))):
            self._bytes -= len(self._lines.popleft())
        if not unreported or taken < len(lines) + len(report):
            return 0
        with self._lock:
            self._unreported -= unreported
        return unreported

    def discard(self) -> int:
        """Count the lines that were not taken as lost; return how many they are."""
        left = len(self._lines)
        if left:
            self._lines.clear()
            self._bytes = 0
            self.lose(left)
        return left

"""The access log: one line a request, made and written by a thread of its own.

In: entries, one for each answer. Out: lines in a file, or where the process writes to. A stream that
nobody reads (a full pipe, a stopped terminal), a full disk or a reader that is gone stall the writer
alone, never a client. Entries and lines wait for better times, as many as WAITING_BYTES and KEPT_BYTES; what
can't be kept is counted, and reported when it works again. However many entries come, what there is of lines is
written ten times a second. `reopen` goes on in a new file when the old one has been moved away. Knows nothing of
connections.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from fanlight.server.recording.formats import Entry, Format, as_json, formatter
from fanlight.server.recording.sink import Sink

WAITING_BYTES = 32 * 1024 * 1024  # of entries that the writer has not looked at yet
KEPT_BYTES = 4 * 1024 * 1024  # of lines that nobody takes
BREATH = 32  # so many lines are made at a time: whoever serves must not wait for more
ROUND_SECONDS = 0.1  # so long lines are made before they are written, however many entries wait
PAUSE_SECONDS = 0.1  # between two writes, so that a busy server makes one write of many lines
FAILED_PAUSE_SECONDS = 1.0
STOP_SECONDS = 2.0  # what the last lines get to be written

log = logging.getLogger("fanlight.server")


class AccessLog:
    """Writes a line for every entry, soon."""

    def __init__(self, path: str = "", form: Format = "text") -> None:
        """Write to a file, or to standard output, from `start` to `stop`. Raises InvalidSetting."""
        self._sink, self._line, self._form = Sink(path), formatter(form), form
        self.has_more = form != "text"  # whether its lines have `More` of a head
        self._entries: deque[Entry] = deque()
        # How many bytes of entries may still come. Two threads that count at once may lose a count; it is made right
        # whenever no entry waits.
        self._room = WAITING_BYTES
        self._is_asleep = self._is_stopped = self._must_reopen = self._has_failed = self._is_caught_up = False
        self._bell = threading.Event()
        self._stop_bell = threading.Event()
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._kept_bytes = 0
        self._untold = 0
        self.lost = 0  # lines, since the start
        self._stop_seconds = STOP_SECONDS
        self._thread = threading.Thread(target=self._write, name="fanlight-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write what is left, if it is taken within so many seconds, and end."""
        self._stop_seconds = seconds
        self._is_stopped = True
        self._bell.set()
        self._stop_bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=seconds + 0.5)

    def reopen(self) -> None:
        """Go on in a new file of the same name, at once; from any thread, and from a signal handler."""
        self._must_reopen = True
        self._bell.set()

    def add(self, entry: Entry) -> None:
        """Keep an entry for the writer; from any thread."""
        if self._room > 0:
            self._entries.append(entry)
            self._room -= entry[-1]
        else:
            self._lose()
        if self._is_asleep:
            self._is_asleep = False
            self._bell.set()

    def _lose(self, count: int = 1) -> None:
        with self._lock:
            self.lost += count
            self._untold += count

    # --- the writer -------------------------------------------------------------------------------

    def _write(self) -> None:
        deadline = 0.0
        while True:
            if not (self._entries or self._lines or self._untold):
                self._sleep()
            self._make_lines()
            self._give_lines()
            if self._must_reopen:
                self._reopen()
            if self._is_stopped:
                deadline = deadline or time.monotonic() + self._stop_seconds
                if not (self._entries or self._lines) or time.monotonic() >= deadline:
                    break
                if not self._entries:
                    time.sleep(PAUSE_SECONDS / 10)
            elif self._has_failed:
                self._stop_bell.wait(FAILED_PAUSE_SECONDS)
            elif self._is_caught_up:
                self._stop_bell.wait(PAUSE_SECONDS)
        self._leave()

    def _sleep(self) -> None:
        """Sleep until there is something to do."""
        self._bell.clear()
        self._is_asleep = True
        # Who adds appends, then looks whether we sleep; we say that we sleep, then look. One sees the other.
        if not (self._entries or self._is_stopped or self._must_reopen):
            self._bell.wait()
        self._is_asleep = False

    def _make_lines(self) -> None:
        """Make lines of the entries that wait, for ROUND_SECONDS at most."""
        entries, make = self._entries, self._line
        offset = time.time() - time.perf_counter()
        until = time.monotonic() + ROUND_SECONDS
        while entries and time.monotonic() < until:
            for _ in range(min(len(entries), BREATH)):
                entry = entries.popleft()
                self._room += entry[-1]
                if self._kept_bytes > KEPT_BYTES:
                    self._lose()
                    continue
                line = make(entry, offset).encode()
                self._lines.append(line)
                self._kept_bytes += len(line)
            time.sleep(0)
        self._is_caught_up = not entries
        if self._is_caught_up:
            self._room = WAITING_BYTES

    def _give_lines(self) -> None:
        """Write what waits, and behind it how many were lost meanwhile."""
        lines, untold = list(self._lines), self._untold
        told = self._told(untold) if untold else []
        if not lines and not told:
            return
        try:
            taken = self._sink.write(lines + told)
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                log.error("the access log can't be written: %s; its lines wait", error.strerror)  # noqa: TRY400 - the reason says it all
            return
        for _ in range(min(taken, len(lines))):
            self._kept_bytes -= len(self._lines.popleft())
        if taken and self._has_failed:
            self._has_failed = False
            log.warning("the access log is written again; %d of its lines are lost", self.lost)
        if untold and taken == len(lines) + len(told):
            with self._lock:
                self._untold -= untold
            log.warning("%d lines of the access log are lost: its reader was too slow", untold)

    def _told(self, lost: int) -> list[bytes]:
        """Return the line that tells of lost ones, where the format has room for it."""
        if self._form == "json":
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return [as_json({"time": stamp, "lost": lost}).encode()]
        return [f"{lost} lines of this log are lost: its reader was too slow\n".encode()] * (self._form == "text")

    def _leave(self) -> None:
        """End; what could not be written in time is lost, and reported."""
        left = len(self._entries) + len(self._lines)
        if left:
            self._lose(left)
            log.warning("%d lines of the access log are lost: they could not be written in time", left)
        self._sink.close()

    def _reopen(self) -> None:
        self._must_reopen = False
        try:
            self._sink.reopen()
        except OSError as error:
            log.error("the access log can't be opened again: %s; it goes on where it was", error.strerror)  # noqa: TRY400 - as above

"""The access log: one line per response, written by a thread of its own.

In: entries, one for each response, from any thread. Out: lines in a file or on standard output. Lines are made BATCH at
a time, by the thread that adds the last of these entries, or for fewer ones by the log's own, and written ten times a
second, however many there are. A pipe that is not read, a stopped terminal, a full disk or a reader that has exited
delay only the log's thread, never a client: lines are kept, up to KEPT_BYTES, until they can be written; what does not
fit is counted, and reported afterwards. `reopen` continues in a new file after log rotation. Knows nothing of
connections.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from fanlight.server.recording.formats import Entry, Format, Formatter, formatter, head_fields, json_line
from fanlight.server.recording.log_writer import LineWriter, LogThread
from fanlight.server.recording.sink import Sink

# PERF: benchmarks/logs.py: a line that is made alone, or in another thread, takes three times as long.
BATCH = 64
MAX_WAITING = 1024  # entries, while another thread makes lines
MAKE_SECONDS = 0.1  # for which a thread waits for another one that makes lines, if too many entries wait
KEPT_BYTES = 8 * 1024 * 1024  # of lines that are not written yet
PAUSE_SECONDS = 0.1  # between two writes
FULL_SECONDS = 0.002  # before the next write to a sink that has taken a part
STOP_SECONDS = 2.0  # for the last lines

log = logging.getLogger("fanlight.server")


class LineFormat(Protocol):
    """Makes lines of entries, in a way that depends on how many there are."""

    def line(self, entry: Entry, offset: float, /) -> str:
        """Return the line of an entry, "" if it has none; `offset` is the wall clock minus the performance counter."""

    def end_round(self) -> str:
        """Return a line after those of a tenth of a second, "" for none."""


class AccessLog:
    """Writes a line for every entry."""

    def __init__(self, path: str = "", form: Format = "text", lines: LineFormat | None = None) -> None:
        """Write to a file, or to standard output, from `start` to `stop`; `lines` is used in the place of a form.

        Raises InvalidSetting.
        """
        self._format, self._form = formatter(form) if lines is None else _each_by(lines), form
        self._end_round: Callable[[], str] = str if lines is None else lines.end_round
        self.head_fields = head_fields(form)  # makes the `HeadFields` of its entries, None if they have none
        self._entries: list[Entry] = []  # whose lines are not made yet
        self._making = threading.Lock()  # held for as long as that takes, and never while a line is written
        self._writer = LineWriter(Sink(path), KEPT_BYTES, self._report)
        self._thread = LogThread(
            "fanlight-access-log", self._write, self._has_waiting, pause_seconds=PAUSE_SECONDS, finish=self._close
        )
        self._has_failed = False

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._writer.lost

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write what is left, for no longer than `seconds`, and end."""
        self._thread.stop(seconds)

    def reopen(self) -> None:
        """Continue in a new file of the same name; from any thread, and from a signal handler."""
        self._thread.call(self._reopen)

    def add(self, entry: Entry) -> None:
        """Have a line written for an entry; from any thread, which waits for nothing."""
        entries = self._entries
        entries.append(entry)
        if len(entries) >= BATCH:
            self._make_batch()
        if self._thread.is_asleep:
            self._thread.wake()

    def _make_batch(self) -> None:
        """Make the lines of the entries that wait, unless another thread is doing that and may go on for a while."""
        is_too_much = len(self._entries) > MAX_WAITING
        if self._making.acquire(timeout=MAKE_SECONDS if is_too_much else 0.0):
            try:
                self._make_lines()
            finally:
                self._making.release()
        elif is_too_much:
            self._entries.pop()
            self._writer.lose()

    def _make_lines(self) -> None:
        """Make the lines of the entries that wait; only one thread at a time may."""
        entries = self._entries[:]
        del self._entries[: len(entries)]
        try:
            if self._writer.is_full:
                self._writer.lose(len(entries))
            elif entries:
                self._writer.add(self._format(entries, time.time() - time.perf_counter()).encode())
        except Exception:  # a status of a class of the app, say
            self._writer.lose(len(entries))
            log.exception("%d lines of the access log can't be made", len(entries))

    # --- in the thread --------------------------------------------------------------------------------

    def _has_waiting(self) -> bool:
        return bool(self._entries) or not self._writer.is_idle

    def _write(self) -> float | None:
        """Write what the sink takes; return in how many seconds to write what is left, None if nothing is."""
        writer = self._writer
        with self._making:
            self._make_lines()
            if line := self._end_round():
                writer.add(line.encode())
        before = writer.waiting_bytes
        self._flush()
        if writer.is_idle:
            return None
        return FULL_SECONDS if writer.waiting_bytes < before else PAUSE_SECONDS

    def _flush(self) -> None:
        try:
            reported = self._writer.flush()
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                log.error("the access log can't be written: %s; its lines are kept", error.strerror)  # noqa: TRY400 - the reason is in the message
            return
        if self._has_failed and self._writer.is_idle:
            self._has_failed = False
            log.warning("the access log is written again; %d of its lines are lost", self.lost)
        if reported:
            log.warning("%d lines of the access log are lost: its reader was too slow", reported)

    def _report(self, lost: int) -> bytes:
        if self._form == "json":
            return json_line({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "lost": lost}).encode()
        return f"{lost} lines of this log are lost: its reader was too slow\n".encode() if self._form == "text" else b""

    def _close(self) -> None:
        """Report the lines that could not be written in time, and close the file."""
        waiting = len(self._entries)
        self._writer.lose(waiting)
        if left := waiting + self._writer.discard():
            log.warning("%d lines of the access log are lost: they could not be written in time", left)
        self._writer.sink.close()

    def _reopen(self) -> None:
        try:
            self._writer.sink.reopen()
        except OSError as error:
            log.error("the access log can't be reopened: %s; writing to the old file", error.strerror)  # noqa: TRY400 - the reason is in the message


def _each_by(lines: LineFormat) -> Formatter:
    """Return a formatter that makes each line by itself."""

    def make(entries: Sequence[Entry], offset: float) -> str:
        return "".join([lines.line(each, offset) for each in entries])

    return make

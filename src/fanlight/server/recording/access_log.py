"""The access log: one line per response, formatted and written by a thread of its own.

In: entries, one for each response. Out: lines in a file or on standard output. A pipe that is not read, a stopped
terminal, a full disk or a reader that has exited delay only the writing thread, never a client. Entries and lines are
kept, up to WAITING_BYTES and KEPT_BYTES, until they can be written; what does not fit is counted, and reported
afterwards. Lines are written ten times a second, however many entries come. `reopen` continues in a new file after log
rotation. Knows nothing of connections.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from fanlight.server.recording.formats import Entry, Format, as_json, formatter
from fanlight.server.recording.log_writer import LineWriter, LogThread
from fanlight.server.recording.sink import Sink

WAITING_BYTES = 32 * 1024 * 1024  # of entries that are not formatted yet
KEPT_BYTES = 4 * 1024 * 1024  # of lines that are not written yet
BATCH = 32  # lines formatted before other threads get the interpreter
ROUND_SECONDS = 0.1  # for formatting before lines are written, however many entries wait
PAUSE_SECONDS = 0.1  # between two writes
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
        self._format, self._form = formatter(form) if lines is None else lines.line, form
        self._end_round: Callable[[], str] = str if lines is None else lines.end_round
        self.needs_head = form != "text"  # whether its entries have `HeadFields`
        self._writer = LineWriter(Sink(path), KEPT_BYTES, self._report)
        self._thread: LogThread[Entry] = LogThread(
            "fanlight-access-log",
            self._write,
            WAITING_BYTES,
            on_full=self._writer.lose,
            pause_seconds=PAUSE_SECONDS,
            finish=self._close,
        )
        self.add = self._thread.put  # an entry, from any thread
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

    # --- in the thread --------------------------------------------------------------------------------

    def _write(self) -> bool:
        """Format entries for a while, and write; return whether lines are left."""
        writer, offset = self._writer, time.time() - time.perf_counter()
        until = time.monotonic() + ROUND_SECONDS
        while self._thread.waiting and time.monotonic() < until:
            for _ in range(BATCH):
                entry = self._thread.pop()
                if entry is None:
                    break
                if writer.is_full:
                    writer.lose()
                elif line := self._format(entry, offset):
                    writer.add(line.encode())
            time.sleep(0)
        if line := self._end_round():
            writer.add(line.encode())
        self._flush()
        return not writer.is_idle

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

    def _report(self, lost: int) -> list[bytes]:
        if self._form == "json":
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return [as_json({"time": stamp, "lost": lost}).encode()]
        return [f"{lost} lines of this log are lost: its reader was too slow\n".encode()] * (self._form == "text")

    def _close(self) -> None:
        """Report the lines that could not be written in time, and close the file."""
        waiting = self._thread.waiting
        self._writer.lose(waiting)
        if left := waiting + self._writer.discard():
            log.warning("%d lines of the access log are lost: they could not be written in time", left)
        self._writer.sink.close()

    def _reopen(self) -> None:
        try:
            self._writer.sink.reopen()
        except OSError as error:
            log.error("the access log can't be reopened: %s; writing to the old file", error.strerror)  # noqa: TRY400 - the reason is in the message

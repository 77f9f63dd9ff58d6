"""The log of messages: what Fanlight says of itself, and what the app's views raised.

In: records of Python's `logging`, from the logger `fanlight`. Out: lines on stderr or in a file; the
second and further lines of a message (a traceback) are set in, so that nothing which a client has sent
can pass for a message of its own. It never waits: a message that nobody takes is lost, and counted.
Leaves everything to the app where the app has set up logging itself; then too nobody waits, for the app's handlers run
in a thread of their own (`relay.py`).
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from types import TracebackType
from typing import Self

from fanlight.server.recording.own_loggers import ROOT, enable_own_loggers, is_handled
from fanlight.server.recording.record_relay import LogRelay, is_relayed
from fanlight.server.recording.redact import redact
from fanlight.server.recording.sink import Sink

DRAIN_KEEPALIVE_SECONDS = 0.5  # what handlers of the site get to take the last message
_SET_IN = "\n    "
# Control characters; what some readers take for the end of a line; what turns the direction of the text around it.
_unsafe = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

log = logging.getLogger("fanlight.server")


class ErrorLog:
    """Writes Fanlight's messages from `with` to its end."""

    def __init__(self, path: str = "", *, has_process_id: bool = False) -> None:
        """Write to a file, or to stderr; with the process id where there are several. Raises InvalidSetting."""
        self._path = path
        self._form = "%(asctime)s  [%(process)d]  %(levelname)s  " if has_process_id else "%(asctime)s  %(levelname)s  "
        self._handler: logging.Handler | None = None
        self._lines: _Lines | None = None
        self._level = logging.NOTSET
        self._relay: LogRelay | None = None
        if path:
            Sink(path).close()  # what is wrong with it is told before a port opens

    def __enter__(self) -> Self:
        """Begin, unless the app has set up logging and has not asked for a file."""
        logger = logging.getLogger(ROOT)
        enable_own_loggers()
        if not is_relayed():
            self._relay = LogRelay(self._tell_failed)
            self._relay.start()
        if not self._path and is_handled(ROOT):
            return self
        self._lines = _Lines(Sink(self._path, 2))
        self._handler = logging.StreamHandler(self._lines)
        self._handler.setFormatter(self._formatter())
        if not self._path:
            self._handler.addFilter(self._is_alone)
        self._level = logger.level
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, and leave logging as it was."""
        if self._relay is not None:
            self._relay.close()
            self._relay = None
        if self._handler is None or self._lines is None:
            return
        logger = logging.getLogger(ROOT)
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)
        self._handler.close()
        self._lines.close()
        self._handler = self._lines = None

    def flush(self) -> None:
        """Wait until what was logged so far is handled, but not for long."""
        if self._relay is not None:
            self._relay.flush()

    def _is_alone(self, record: logging.LogRecord) -> bool:
        """Say whether nothing else takes a record: the site may set up logging later, in its lifespan or in a view."""
        return not is_handled(record.name, but=self._handler)

    def last_word(self, text: str) -> None:
        """Write one more message before the process is ended: by the log, or on stderr where that has ended already."""
        relay = self._relay
        if relay is not None:
            relay.then(lambda: log.critical(text))
            relay.flush(DRAIN_KEEPALIVE_SECONDS)
            return
        lines = _Lines(Sink(self._path, 2))
        lines.write(self._formatter().format(logging.makeLogRecord({"levelname": "CRITICAL", "msg": text})))
        lines.close()

    def _formatter(self) -> logging.Formatter:
        return logging.Formatter(f"{self._form}%(message)s", "%Y-%m-%d %H:%M:%S")

    def _tell_failed(self, record: logging.LogRecord, error: BaseException | None) -> None:
        """Write a record at which the site's own logging has raised something, or for which it has no handler."""
        lines = self._lines or _Lines(Sink("", 2))
        text = self._formatter().format(record)
        if error is not None:
            failed = "".join(traceback.format_exception_only(error)).strip()
            text += f"\n(the site's own logging failed at this message: {failed})"
        lines.write(text)
        if lines is not self._lines:
            lines.close()

    def reopen(self) -> None:
        """Go on in a new file of the same name; from any thread."""
        if self._lines is None:
            return
        if self._relay is None:
            self._lines.reopen()
        else:
            self._relay.then(self._lines.reopen)


class _Lines:
    """The stream of the handler, which locks it for every message."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._lost = sink, 0
        self._lock = threading.Lock()
        self._is_open = True

    def write(self, text: str) -> None:
        """Write one message; never waits, never raises."""
        text = redact(_unsafe.sub(_escape, text.rstrip("\n"))).replace("\n", _SET_IN)
        lines = [line.encode(errors="backslashreplace") for line in f"{text}\n".splitlines(keepends=True)]
        told = [f"{self._lost} lines of this log are lost: nobody took them\n".encode()] if self._lost else []
        with self._lock:
            if not self._is_open:
                return
            try:
                taken = self._sink.write(told + lines)
            except OSError:
                taken = 0
        if taken:
            self._lost, taken = 0, taken - len(told)
        self._lost += len(lines) - taken

    def flush(self) -> None:
        """Do nothing: what is written is with the system."""

    def reopen(self) -> None:
        """Open the file anew; where that fails, say so, and go on where we were."""
        with self._lock:
            try:
                self._sink.reopen()
            except OSError as error:
                reason = error.strerror or "?"
            else:
                return
        self.write(f"this log can't be opened again: {reason}; it goes on where it was")

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._is_open = False
            self._sink.close()


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if match[0] > "\x7f" else f"\\x{ord(match[0]):02x}"

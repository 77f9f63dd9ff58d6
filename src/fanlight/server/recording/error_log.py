"""The error log: Fanlight's own messages, and the exceptions of views.

In: records of Python's `logging`, from the logger `fanlight`. Out: lines on stderr or in a file; the second and further
lines of a message (a traceback) are indented, so that nothing a client has sent can pass for a message of its own. A
traceback begins with its message and the site's frames; with the setting `traceback` "full" it is Python's own. The log
never waits: a message that can't be written is lost, and counted. If the app has set up logging itself, its handlers
are used instead, with records as Python makes them; they run in a thread of their own (`own_loggers`), so that the
server does not wait for them either.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import threading
import traceback
from pathlib import Path
from typing import Any, Self

from fanlight.server.recording.log_writer import LineWriter
from fanlight.server.recording.own_loggers import (
    CLOSE_SECONDS,
    ROOT,
    RecordRelay,
    enable_own_loggers,
    is_handled,
    is_relayed,
)
from fanlight.server.recording.redact import redact
from fanlight.server.recording.sink import Sink
from fanlight.tracebacks.lines import folded_text
from fanlight.tracebacks.visible import visible

LAST_SECONDS = 0.5  # for the site's handlers to handle the last message
_INDENT = "\n    "

log = logging.getLogger("fanlight.server")


class ErrorLog:
    """Writes Fanlight's messages, from `with` to its end."""

    def __init__(
        self,
        path: str = "",
        *,
        has_process_id: bool = False,
        folder: Path | None = None,
        formatter: logging.Formatter | None = None,
    ) -> None:
        """Write to a file, or to stderr; with the process id where there are several. Raises InvalidSetting.

        `folder` is that of the site, whose frames are shown first; without it tracebacks are Python's. `formatter` is
        used in the place of the log's own: what it returns is written as it is.
        """
        self._path = path
        form = "%(asctime)s  [%(process)d]  %(levelname)s  " if has_process_id else "%(asctime)s  %(levelname)s  "
        self._formatter = formatter or _Formatter(f"{form}%(message)s", folder)
        self._handler: logging.Handler | None = None
        self._stream: _Stream | None = None
        self._level = logging.NOTSET
        self._relay: RecordRelay | None = None
        if path:
            Sink(path).close()  # an error is reported before a port opens

    def __enter__(self) -> Self:
        """Begin, unless the app has set up logging and no file is configured."""
        logger = logging.getLogger(ROOT)
        enable_own_loggers()
        if not is_relayed():
            self._relay = RecordRelay(self._on_failure)
            self._relay.start()
        if not self._path and is_handled(ROOT):
            return self
        self._stream = _Stream(Sink(self._path, 2))
        self._handler = logging.StreamHandler(self._stream)
        self._handler.setFormatter(self._formatter)
        if not self._path:
            # Only what no other handler takes: the site may set up logging later.
            self._handler.addFilter(lambda record: not is_handled(record.name, but=self._handler))
        self._level = logger.level
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        if self._relay is not None:
            self._relay.close()
            self._relay = None
        if self._handler is None or self._stream is None:
            return
        logger = logging.getLogger(ROOT)
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)
        self._handler.close()
        self._stream.close()
        self._handler = self._stream = None

    def flush(self) -> None:
        """Wait until what was logged so far is handled, for a limited time."""
        if self._relay is not None:
            self._relay.thread.flush(CLOSE_SECONDS)

    def reopen(self) -> None:
        """Continue in a new file of the same name; from any thread."""
        if self._stream is None:
            return
        if self._relay is None:
            self._stream.reopen()
        else:
            self._relay.thread.call(self._stream.reopen)

    def write_last(self, text: str) -> None:
        """Write one more message before the process is ended: by the log, or on stderr if that has ended already."""
        relay = self._relay
        if relay is not None:
            relay.thread.call(lambda: log.critical(text))
            relay.thread.flush(LAST_SECONDS)
        else:
            self._write(self._formatter.format(logging.makeLogRecord({"levelname": "CRITICAL", "msg": text})), None)

    def _on_failure(self, record: logging.LogRecord, error: BaseException | None) -> None:
        """Write a record at which the site's own logging has raised an exception, or for which it has no handler."""
        text = self._formatter.format(record)
        if error is not None:
            failed = "".join(traceback.format_exception_only(error)).strip()
            text += one_entry(f"\n(the site's own logging failed at this message: {failed})")
        self._write(text, self._stream)

    def _write(self, text: str, stream: _Stream | None) -> None:
        if stream is not None:
            stream.write(text)
            return
        with contextlib.closing(_Stream(Sink(self._path if self._relay is None else "", 2))) as fresh:
            fresh.write(text)


def one_entry(text: str) -> str:
    """Return a text that can't pass for several entries, or for another one, and has no secrets of URLs in it."""
    return redact(visible(text.rstrip("\n"))).replace("\n", _INDENT)


class _Formatter(logging.Formatter):
    """Formats a record as one entry of the log, and leaves nothing in it for formatters of the site's."""

    def __init__(self, form: str, folder: Path | None) -> None:
        super().__init__(form, "%Y-%m-%d %H:%M:%S")
        self._folder = folder

    def format(self, record: logging.LogRecord) -> str:
        own = copy.copy(record)
        own.exc_text = None  # `logging` keeps here what the first formatter has made of the exception
        return one_entry(super().format(own))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name of `logging`
        """Return an exception with the site's frames first."""
        if self._folder is None or ei[1] is None:
            return super().formatException(ei)
        return folded_text(ei[1], self._folder)


class _Stream:
    """The stream of the log's handler; several threads may write to it."""

    def __init__(self, sink: Sink) -> None:
        self._writer = LineWriter(sink, 0, _report)
        self._lock = threading.Lock()
        self._is_open = True

    def write(self, text: str) -> None:
        """Write one message; never waits, never raises."""
        text = text.rstrip("\n")
        with self._lock:
            if not self._is_open:
                return
            self._writer.add(f"{text}\n".encode(errors="backslashreplace"))
            with contextlib.suppress(OSError):
                self._writer.flush()
            self._writer.discard()

    def flush(self) -> None:
        """Do nothing: what was written is with the system."""

    def reopen(self) -> None:
        """Reopen the file; if that fails, report it in the old one."""
        with self._lock:
            try:
                self._writer.sink.reopen()
            except OSError as error:
                reason = error.strerror or "?"
            else:
                return
        self.write(f"this log can't be reopened: {reason}; writing to the old file")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._is_open = False
            self._writer.sink.close()


def _report(lost: int) -> bytes:
    return f"{lost} lines of this log are lost: they could not be written\n".encode()

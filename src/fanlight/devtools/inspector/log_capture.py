"""Log records that are made while a request is served, for the recording of that request.

In: every log record of the process, in the thread that makes it: the capture is the factory of records. Out: a line in
the recording that the running code belongs to, if any. Records that a level suppresses are never made, so they are not
captured. The record itself is made, and handled, as without it; a failure to capture is never seen by the site.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from fanlight.devtools.inspector.current import CURRENT
from fanlight.devtools.inspector.exchange_record import LogLine
from fanlight.devtools.inspector.recording import Recording
from fanlight.devtools.inspector.recording_limits import MAX_LOG_LINE_CHARACTERS

OUR_LOGGERS = "fanlight."

Find = Callable[[logging.LogRecord], Recording | None]


class LogCapture:
    """Captures log records, from `install` to `remove`."""

    def __init__(self, find: Find) -> None:
        """Prepare; `find` returns the recording that a record is about which was made in no request's context."""
        self._find = find
        self._make: Callable[..., logging.LogRecord] = logging.LogRecord

    def install(self) -> None:
        """Capture from now on."""
        self._make = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self)

    def remove(self) -> None:
        """Capture no longer; a factory that was set meanwhile stays."""
        if logging.getLogRecordFactory() is self:
            logging.setLogRecordFactory(self._make)

    def __call__(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        """Make a record, and keep its text."""
        record = self._make(*arguments, **named)
        with contextlib.suppress(Exception):  # of the text of the site's own values, say
            recording = CURRENT.get() or self._find(record)
            if recording is not None:
                before = len(recording.logs)
                recording.take_log(LogLine(perf_counter(), record.levelname, record.name, _text_of(record)))
                error = record.exc_info[1] if record.exc_info else None
                if error is not None and record.name.startswith(OUR_LOGGERS) and recording.error is None:
                    recording.take_error(error)  # of a stream, or of a background task
                if len(recording.logs) > before:
                    recording.change_late()
        return record


def _text_of(record: logging.LogRecord) -> str:
    text = record.getMessage()[:MAX_LOG_LINE_CHARACTERS]
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        text += f"\n{type(error).__name__}: {error}"[:MAX_LOG_LINE_CHARACTERS]
    return text

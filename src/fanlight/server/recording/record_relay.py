"""Handle Fanlight's own log records in a thread, so that the server does not depend on the site's handlers.

In: records of the loggers `fanlight...`, from any thread. Out: the site's filters and handlers have processed them, in
order. The thread that logs does not wait for them, and gets none of their exceptions: a handler may send mail, a pipe
may be full, and the server goes on. Bounded: if too many records wait, further ones are lost, and counted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from contextvars import Context, copy_context

from fanlight.server.recording.log_writer import LogThread
from fanlight.server.recording.own_loggers import ROOT, is_handled, own_loggers

MAX_WAITING = 10_000  # records; each may keep the frames of a traceback alive
CLOSE_SECONDS = 2.0  # for the records that wait when the server ends

OnFailure = Callable[[logging.LogRecord, BaseException | None], object]
_Item = tuple[logging.LogRecord, Context, int]


_relaying = threading.local()  # in the thread of a relay: records that it logs or handles are not relayed again


class RecordRelay(logging.Filter):
    """A filter that passes each record to its thread, and lets it through only there."""

    def __init__(self, on_failure: OnFailure) -> None:
        """Prepare; `on_failure` gets records at which the site's logging raises, or for which it has no handler."""
        super().__init__()
        self._on_failure = on_failure
        self.thread: LogThread[_Item] = LogThread(
            "fanlight-log", self._handle_waiting, MAX_WAITING, on_full=self._count_lost
        )
        self._pid = os.getpid()
        self._lost = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass a record on, and stop it here; True in a relay's thread, and in a forked child, which has none."""
        # Of two relays in one process the second would hand the record back to the first, and so on forever.
        if getattr(_relaying, "is_on", False) or os.getpid() != self._pid:
            return True
        try:
            record.msg = record.getMessage()  # now: its arguments may change
        except BaseException as error:  # noqa: BLE001 - the text of a site's own exception, say
            record.msg = f"{record.msg} (its text can't be made: {type(error).__name__})"
        record.args = None
        self.thread.put((record, copy_context(), 1))  # in its context handlers find the request it belongs to
        return False

    def start(self) -> None:
        """Begin to relay the records of all of Fanlight's loggers."""
        self.thread.start()
        for each in own_loggers():
            each.filters.insert(0, self)  # before the site's filters, which may wait or raise, too

    def close(self) -> None:
        """Handle the records that wait, for no longer than CLOSE_SECONDS, and end."""
        for each in own_loggers():
            each.removeFilter(self)
        self.thread.stop(CLOSE_SECONDS)

    def _count_lost(self) -> None:
        self._lost += 1

    # --- in the thread --------------------------------------------------------------------------------

    def _handle_waiting(self) -> bool:
        _relaying.is_on = True
        while (item := self.thread.pop()) is not None:
            record, context, _ = item
            try:
                context.run(self._handle, record)
                if self._lost:
                    lost, self._lost = self._lost, 0
                    logging.getLogger("fanlight.server").warning("%d messages are lost: too many waited", lost)
            except BaseException as error:  # noqa: BLE001 - a filter or handler of the site
                with contextlib.suppress(Exception):  # the thread goes on, whatever that exception's own text raises
                    self._on_failure(record, error)
        return False

    def _handle(self, record: logging.LogRecord) -> None:
        """Pass a record to the handlers; without any, `logging` would write it unformatted, or not at all."""
        logger = logging.getLogger(record.name)
        if is_handled(record.name):
            logger.handle(record)
        elif logger.filter(record):
            self._on_failure(record, None)


def is_relayed() -> bool:
    """Return whether a relay is active already, for another server in this process."""
    return any(isinstance(each, RecordRelay) for each in logging.getLogger(ROOT).filters)


def flush_logs() -> None:
    """Wait for what was logged so far to be handled: for tests that read a log."""
    for each in list(logging.getLogger(ROOT).filters):
        if isinstance(each, RecordRelay):
            each.thread.flush(CLOSE_SECONDS)

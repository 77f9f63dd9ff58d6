"""Handle Fanlight's own log records in a thread of their own, whatever the handlers of the site do.

In: records of the loggers `fanlight...`, from any thread. Out: they have passed the filters and handlers that the site
has set up, one after the other. Whoever logs waits for none of these, and meets none of their exceptions: a handler may
send mail, a pipe may be full, and the server goes on. Bounded: where too many records wait, further ones are lost, and
counted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue

from fanlight.server.recording.own_loggers import ROOT, is_handled, own_loggers

MOST_WAITING = 10_000  # records; each may hold on to the frames of a traceback
CLOSE_SECONDS = 2.0  # for what waits to be handled when the server ends

Failed = Callable[[logging.LogRecord, BaseException | None], object]


class _RelayThread(threading.Thread):
    """The thread of a relay: what it handles has been passed on already."""


class LogRelay(logging.Filter):
    """A filter that passes each record on to its thread; only there it lets it through."""

    def __init__(self, failed: Failed) -> None:
        """Prepare; a record that the site's logging has raised at, or has no handler for, is given to `failed`."""
        super().__init__()
        self._failed = failed
        self._queue: SimpleQueue[tuple[logging.LogRecord, Context] | Callable[[], object] | None] = SimpleQueue()
        self._thread = _RelayThread(target=self._work, name="fanlight-log", daemon=True)
        self._pid = os.getpid()
        self._lost = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Hand a record over, and stop it here; True in a relay's thread, and in a forked child, which has none."""
        # Of two relays in one process the second would hand the record back to the first, and so on for ever.
        if isinstance(threading.current_thread(), _RelayThread) or os.getpid() != self._pid:
            return True
        if self._queue.qsize() >= MOST_WAITING:
            self._lost += 1
            return False
        try:
            record.msg = record.getMessage()  # now: what it speaks of may change
        except BaseException as error:  # noqa: BLE001 - the text of a site's own exception, say
            record.msg = f"{record.msg} (its text can't be made: {type(error).__name__})"
        record.args = None
        self._queue.put((record, copy_context()))  # in which handlers find whose request it was
        return False

    def start(self) -> None:
        """Begin to pass on the records of all of Fanlight's loggers."""
        self._thread.start()
        for each in own_loggers():
            each.filters.insert(0, self)  # before filters of the site, which may wait or raise, too

    def then(self, act: Callable[[], object]) -> None:
        """Have the thread call `act` when what was logged before has been handled."""
        self._queue.put(act)

    def flush(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until what was logged before has been handled, but no longer than so many seconds."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            is_done = threading.Event()
            self.then(is_done.set)
            is_done.wait(seconds)

    def close(self) -> None:
        """Handle what waits, as far as that takes no longer than CLOSE_SECONDS, and end."""
        for each in own_loggers():
            each.removeFilter(self)
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if not isinstance(item, tuple):
                item()
                continue
            record, context = item
            try:
                context.run(self._handle, record)
                if self._lost:
                    lost, self._lost = self._lost, 0
                    logging.getLogger("fanlight.server").warning("%d messages are lost: too many waited", lost)
            except BaseException as error:  # noqa: BLE001 - a filter or handler of the site
                with contextlib.suppress(Exception):  # the thread goes on, whatever that exception can't say of itself
                    self._failed(record, error)
            del record, context, item  # a thread that waits keeps no traceback alive

    def _handle(self, record: logging.LogRecord) -> None:
        """Pass a record to the handlers; without any, `logging` would write it unformatted, or not at all."""
        logger = logging.getLogger(record.name)
        if is_handled(record.name):
            logger.handle(record)
        elif logger.filter(record):
            self._failed(record, None)


def is_relayed() -> bool:
    """Say whether a relay is at work already, for another server in this process."""
    return any(isinstance(each, LogRelay) for each in logging.getLogger(ROOT).filters)


def flush_logs() -> None:
    """Wait for what was logged so far to be handled: for tests that read a log."""
    for each in list(logging.getLogger(ROOT).filters):
        if isinstance(each, LogRelay):
            each.flush()

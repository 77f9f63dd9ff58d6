"""Fanlight's own loggers: they stay enabled, and their records are handled in a thread.

In: records of the loggers `fanlight...`, from any thread. Out: the site's filters and handlers have processed them, in
order. The thread that logs does not wait for them, and gets none of their exceptions: a handler may send mail, a pipe
may be full, and the server goes on. Bounded: if too many records wait, further ones are lost, and counted.

An error of a view must be reported somewhere. By default `dictConfig` and `fileConfig` disable every logger that they
don't name, and may be called at any time; `logging.disable` silences all of them; a record factory may raise. None of
this affects the loggers below `fanlight`. Unwanted messages are suppressed by their levels, filters and handlers.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from fanlight.lazy_logger import lazy_names
from fanlight.server.recording.log_writer import LogThread

ROOT = "fanlight"
MAX_WAITING = 10_000  # records; each may keep the frames of a traceback alive
CLOSE_SECONDS = 2.0  # for the records that wait when the server ends

OnFailure = Callable[[logging.LogRecord, BaseException | None], object]

_relaying = threading.local()  # in the thread of a relay: records that it logs or handles are not relayed again


class _Unsilenced(logging.Logger):
    """Mixed into the class of our loggers, before the class that they had."""

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, _: bool) -> None:
        """Do nothing."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name of `logging`
        """Return whether a level is wanted; errors are, also after `logging.disable`. Takes no lock."""
        return level >= self.getEffectiveLevel() and (level >= logging.ERROR or level > self.manager.disable)

    def makeRecord(self, name: str, level: int, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - as above
        """Return a record made by the site's factory, or, if that raises, by Python's."""
        try:
            return super().makeRecord(name, level, *args, **kwargs)
        except BaseException:  # noqa: BLE001 - a factory of the site's, or its `extra`
            path, line, message, values, error = args[:5]
            return logging.LogRecord(name, level, path, line, message, values, error)


def own_loggers() -> list[logging.Logger]:
    """Return all loggers of Fanlight that exist, or will when they first log."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == ROOT]
    return [logging.getLogger(name) for name in {*names, *lazy_names(), ROOT}]


def enable_own_loggers() -> None:
    """Keep Fanlight's loggers enabled from now on."""
    for each in own_loggers():
        if not isinstance(each, _Unsilenced):
            with contextlib.suppress(TypeError):  # a site's class with an incompatible layout
                each.__class__ = type(type(each).__name__, (_Unsilenced, type(each)), {})
        each.disabled = False


def is_handled(name: str, *, but: logging.Handler | None = None) -> bool:
    """Return whether a logger has a handler, other than `but`, that writes anything."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(each is not but and not isinstance(each, logging.NullHandler) for each in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


class RecordRelay(logging.Filter):
    """A filter that passes each record to its thread, and lets it through only there."""

    def __init__(self, on_failure: OnFailure) -> None:
        """Prepare; `on_failure` gets records at which the site's logging raises, or for which it has no handler."""
        super().__init__()
        self._on_failure = on_failure
        self._waiting: deque[tuple[logging.LogRecord, Context]] = deque()
        self.thread = LogThread("fanlight-log", self._handle_waiting, self._waiting.__len__)
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
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((record, copy_context()))  # in its context handlers find the request it belongs to
        else:
            self._lost += 1
        if self.thread.is_asleep:
            self.thread.wake()
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

    # --- in the thread --------------------------------------------------------------------------------

    def _handle_waiting(self) -> None:
        _relaying.is_on = True
        while self._waiting:
            record, context = self._waiting.popleft()
            try:
                context.run(self._handle, record)
                if self._lost:
                    lost, self._lost = self._lost, 0
                    logging.getLogger("fanlight.server").warning("%d messages are lost: too many waited", lost)
            except BaseException as error:  # noqa: BLE001 - a filter or handler of the site
                with contextlib.suppress(Exception):  # the thread goes on, whatever that exception's own text raises
                    self._on_failure(record, error)

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

"""A logger that never raises: what a log handler or a filter of the app's raises harms nobody else.

In: messages, as for any logger. Out: they are with the handlers. A handler that fails is told on stderr, together
with the message that it did not take: an error is never lost because telling of it was another one.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from typing import Any


class SureLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger as Python's, whose methods never raise."""

    def log(self, level: int, msg: object, *args: object, **named: Any) -> None:
        """Log a message; on stderr if a handler or a filter raises."""
        try:
            self.logger.log(level, msg, *args, **{"stacklevel": 2, **named})
        except BaseException as failure:  # noqa: BLE001 - it is the app's own code that runs in handlers and filters
            _tell(failure, msg, args, named.get("exc_info"))


def logger(name: str) -> SureLogger:
    """Return the logger of a name, which never raises."""
    return SureLogger(logging.getLogger(name), {})


def _tell(failure: BaseException, msg: object, args: tuple[object, ...], about: object) -> None:
    """Write to stderr what a log did not take, and why."""
    with contextlib.suppress(BaseException):  # stderr may be closed, and an exception unable to say what it is
        lines = [f"a log handler failed at: {str(msg) % args if args else msg}\n"]
        if isinstance(about, BaseException):
            lines += traceback.format_exception(about)
        lines += ["the log handler's own failure:\n", *traceback.format_exception(failure)]
        sys.stderr.write("".join(lines))

"""Log why cookies of sessions are not accepted: a line for each reason now and then, however many are sent.

In: a reason, which has nothing of the cookie in it. Out: at most one line of the log in SECONDS for each reason, with
the number of those that were left out.
"""

from __future__ import annotations

import logging
import time

SECONDS = 60.0
MAX_REASONS = 64

log = logging.getLogger("fanlight.sessions")


class Refusals:
    """The refusals of one process."""

    def __init__(self) -> None:
        self._logged: dict[str, tuple[float, int]] = {}  # by reason: when it was logged, and how many came since

    def note(self, reason: str, where: str) -> None:
        """Log that something was refused, at the request `where`: a method and a path."""
        now, logged = time.monotonic(), self._logged
        # No lock, which a fork could leave locked for ever: at worst a line is there twice.
        logged_at, count = logged.get(reason, (now - SECONDS, 0))
        if now - logged_at < SECONDS:
            logged[reason] = logged_at, count + 1
            return
        if reason not in logged and len(logged) >= MAX_REASONS:
            return
        logged[reason] = now, 0
        more = f" ({count} more since the last line)" if count else ""
        # SECURITY: tests/sessions/test_refusals.py; a line end in a log would begin another entry
        shown = where if where.isprintable() else where.encode("unicode_escape").decode()
        log.warning("%s: %s%s", reason, shown[:200], more)


REFUSALS = Refusals()

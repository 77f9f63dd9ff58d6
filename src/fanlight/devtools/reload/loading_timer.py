"""How long a worker has been loading a site, and when that is too long to say nothing.

In: what happens to the worker, and the time. Out: when to have it report its position, and whether to report it,
which is done once for each load.
"""

from __future__ import annotations

import math

WAITING_SECONDS = 3.0
POSITION_SECONDS = 1.0  # for the worker to report where it is; it can't where a C function holds the interpreter


class LoadingTimer:
    """The time of one load."""

    def __init__(self) -> None:
        self.is_reported = False
        self._ask_at = self._report_at = math.inf

    def begin(self, now: float) -> None:
        """Begin to measure: the site's code runs from now on."""
        self._ask_at = now + WAITING_SECONDS

    @property
    def due_at(self) -> float:
        """When there is something to do."""
        return math.inf if self.is_reported else min(self._ask_at, self._report_at)

    def must_ask(self, now: float) -> bool:
        """Return whether the worker is to report its position now; True once."""
        if now < self._ask_at:
            return False
        self._ask_at, self._report_at = math.inf, now + POSITION_SECONDS
        return True

    def must_report(self, now: float) -> bool:
        """Return whether its position has not come in time."""
        return now >= self._report_at and not self.is_reported

    def report(self) -> bool:
        """Record that the user gets to know of it; False if that was done before."""
        was_reported, self.is_reported = self.is_reported, True
        return not was_reported

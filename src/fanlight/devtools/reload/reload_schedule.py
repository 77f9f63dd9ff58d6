"""When a change is to be loaded: at once, unless others come in quick succession.

In: changes, and the time. Out: when to load. A single change is loaded at once. Where another follows soon (a program
that writes many files, an editor that saves all the time), the next load waits until there is quiet, but not for ever.
So ten changes within a second are at most two loads, and the last one has the newest code.
"""

from __future__ import annotations

import math

QUIET_SECONDS = 0.25
MOST_SECONDS = 2.0


class ReloadSchedule:
    """The time of the next load."""

    def __init__(self) -> None:
        self.due_at = math.inf
        self._changed_at = self._waits_since = -math.inf

    def on_change(self, now: float) -> None:
        """Record a change."""
        is_single = now - self._changed_at > QUIET_SECONDS
        self._changed_at = now
        if self.due_at == math.inf:
            self._waits_since = now
        self.due_at = now if is_single else min(now + QUIET_SECONDS, self._waits_since + MOST_SECONDS)

    def take(self, now: float) -> bool:
        """Return whether to load now; True once."""
        if now < self.due_at:
            return False
        self.due_at = math.inf
        return True

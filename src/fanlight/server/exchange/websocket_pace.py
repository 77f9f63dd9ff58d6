"""How fast a WebSocket client may send: so many frames a second, and as many at once.

In: the time, for each frame that is about to be read. Out: how long it has to wait. Fragments and pings count as much
as messages: each of them costs the server the same.
"""

from __future__ import annotations


class WebSocketPace:
    """A token bucket for one client."""

    __slots__ = ("_credit", "_rate", "_seen_at")

    def __init__(self, rate: int, now: float) -> None:
        """Begin with a full second's worth."""
        self._rate, self._credit, self._seen_at = rate, float(rate), now

    def seconds_to_wait(self, now: float) -> float:
        """Return 0 and count a frame, or return how many seconds it has to wait."""
        self._credit = min(self._rate, self._credit + (now - self._seen_at) * self._rate)
        self._seen_at = now
        if self._credit < 1:
            return (1 - self._credit) / self._rate
        self._credit -= 1
        return 0.0

"""How fast a client takes its response, by what its own system has acknowledged, and when that is too slow.

In: at intervals, how many bytes have been acknowledged, and the time. Out: whether the client is to be disconnected.
What our own system takes from us shows nothing about a client: it takes hundreds of kilobytes at once, and more for a
client that was fast before. So a client that takes nothing for `write_seconds` is disconnected, however much the system
has taken.

A slow client is not seen to take byte after byte: its system reports that there is room again only when much of its
buffer is free (RFC 9293 section 3.8.6.2.2), so what is acknowledged grows in jumps, with a pause before each. A client
that has paused and gone on is given longer pauses. In the long run it has to take LEAST_RATE. Knows no sockets.
"""

from __future__ import annotations

from typing import Protocol

LEAST_RATE = 1024  # bytes per second: requests and responses that are slower run into their deadline
CHECKS = 8  # within `write_seconds`
PAUSES = 4  # as long as so many of the longest pause that a client has made before is waited, besides
STEP_BYTES = 64 * 1024  # what may be taken at once on account of the seconds to come: a segment, on the same machine


class Bounds(Protocol):
    """The limits that are asked for here."""

    @property
    def write_seconds(self) -> float:
        """How long a client may take nothing."""


class ClientPace:
    """How one client takes what is sent to it, from the first time that data waited for it."""

    __slots__ = ("_acknowledged", "_credit", "_longest", "_looked_at", "_moved_at")

    def __init__(self, acknowledged: int, now: float, limits: Bounds) -> None:
        """Begin with a client that has acknowledged so many bytes by now."""
        self._acknowledged, self._looked_at, self._moved_at = acknowledged, now, now
        self._longest = 0.0  # seconds, of the pauses after which it went on
        self._credit = limits.write_seconds  # seconds for which it may yet be waited

    def is_too_slow(self, acknowledged: int, now: float, limits: Bounds, *, is_waited_for: bool) -> bool:
        """Return whether it is to be disconnected; its rate counts only while the server waits for it."""
        passed, self._looked_at = max(0.0, now - self._looked_at), now
        step, self._acknowledged = acknowledged - self._acknowledged, acknowledged
        if step > 0:
            if now - self._moved_at > passed:  # nothing had been acknowledged at the check before
                self._longest = max(self._longest, now - self._moved_at)
            self._moved_at = now
        if is_waited_for:
            most = limits.write_seconds + STEP_BYTES / LEAST_RATE
            self._credit = min(most, self._credit + max(0, step) / LEAST_RATE) - passed
        patience = limits.write_seconds + PAUSES * self._longest
        return self._credit < 0 or now - self._moved_at > patience

"""How fast a client takes its response, by what its own system has acknowledged, and when that is too slow.

In: at intervals, how many bytes have been acknowledged, and the time. Out: whether the client is to be disconnected.
`unacknowledged` asks the system; where it does not report that (not Linux or macOS), what was sent counts as taken.

What our own system takes from us shows nothing about a client: it takes hundreds of kilobytes at once, and more for a
client that was fast before. So a client that takes nothing for `write_seconds` is disconnected, however much the system
has taken.

A slow client is not seen to take byte after byte: its system reports that there is room again only when much of its
buffer is free (RFC 9293 section 3.8.6.2.2), so what is acknowledged grows in jumps, with a pause before each. A client
that has paused and gone on is given longer pauses. In the long run it has to take LEAST_RATE.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanlight.server.tls.tls_stream import TlsStream
    from fanlight.settings.limits import Limits

LEAST_RATE = 1024  # bytes per second: requests and responses that are slower run into their deadline
CHECKS = 8  # within `write_seconds`
PAUSES = 4  # as long as so many of the longest pause that a client has made before is waited, besides
STEP_BYTES = 64 * 1024  # what may be taken at once on account of the seconds to come: a segment, on the same machine


_SO_NWRITE = 0x1024  # macOS, sys/socket.h

if sys.platform == "linux":
    import fcntl
    import termios

    def unacknowledged(stream: socket.socket | TlsStream) -> int:
        """Return how many bytes the system holds (ioctl SIOCOUTQ: tcp(7), unix(7)); 0 for a closed socket."""
        try:
            return int.from_bytes(fcntl.ioctl(stream.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0

else:

    def unacknowledged(stream: socket.socket | TlsStream) -> int:
        """Return how many bytes the system holds; 0 where it does not report that."""
        try:
            return stream.getsockopt(socket.SOL_SOCKET, _SO_NWRITE) if sys.platform == "darwin" else 0
        except OSError:
            return 0


class ClientPace:
    """How one client takes what is sent to it, from the first time that data waited for it."""

    __slots__ = ("_acknowledged", "_credit", "_longest", "_looked_at", "_moved_at")

    def __init__(self, acknowledged: int, now: float, limits: Limits) -> None:
        self._acknowledged, self._looked_at, self._moved_at = acknowledged, now, now
        self._longest = 0.0  # seconds, of the pauses after which it went on
        self._credit = limits.write_seconds  # seconds for which it may yet be waited

    def is_too_slow(self, acknowledged: int, now: float, limits: Limits, *, is_waited_for: bool) -> bool:
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

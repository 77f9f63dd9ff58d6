"""How much the system still holds for a client: sent by us, and not acknowledged by the client's own system.

In: a connected socket. Out: a number of bytes. Where the system does not report it (neither Linux nor macOS) it is 0,
and what was sent counts as taken.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanlight.server.tls.tls_stream import TlsStream

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

"""What one step of a TLS handshake comes to: it is done, it waits, or it has failed.

Apart from the stream itself, so that a server without TLS does not load that.
"""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """The outcome of one step of a handshake."""

    DONE = "done"
    WANTS_READ = "wants read"
    WANTS_WRITE = "wants write"


DONE, WANTS_READ, WANTS_WRITE = Outcome


class TlsError(ConnectionError):
    """A handshake failed; the message is the reason."""

    def __init__(self, reason: str, *, is_plain_http: bool = False) -> None:
        super().__init__(reason)
        self.is_plain_http = is_plain_http

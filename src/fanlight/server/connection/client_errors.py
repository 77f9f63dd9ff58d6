"""Errors of a socket that are about its client, and not about the server.

In: what a method of a socket has raised. Out: whether its client has disconnected, or can't be reached any more: no
error is logged for that.
"""

from __future__ import annotations

import errno

# What the system reports of a client that acknowledges neither what was sent nor its probes.
_UNREACHABLE = frozenset(
    getattr(errno, name)
    for name in ("ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN")
    if hasattr(errno, name)
)


def is_about_client(error: BaseException) -> bool:
    """Return whether an error of a socket means that its client disconnected, or can't be reached any more."""
    return isinstance(error, ConnectionError) or (isinstance(error, OSError) and error.errno in _UNREACHABLE)

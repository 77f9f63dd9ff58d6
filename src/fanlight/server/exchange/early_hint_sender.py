"""Send early hints (RFC 8297) for a view that runs: an interim response, while the connection belongs to the view.

In: a connection whose call may send hints, and links. Out: they are with the system, whole, or not sent at all: they
are only hints, and half an interim response would spoil the final one.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.message.request import Request

_BY_A_PROXY = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_poll = getattr(select, "poll", None)  # Windows has none: nothing is sent there


def can_send_early_hints(connection: Connection) -> bool:
    """Return whether the client, and any proxy before it, can handle an interim response, as far as that is known.

    Proxies may take it for the response, and leave their client without one (nginx before 1.29) or with an error
    (Varnish). So none is sent to a proxy, trusted or not, unless a setting declares that ours pass them on.
    """
    policy, values = connection.policy, connection.request.head.values
    if policy is not None and policy.passes_hints:
        return True
    is_by_proxy = policy is not None and policy.trusts(connection.client)
    return not is_by_proxy and not any(name in values for name in _BY_A_PROXY)


def send_early_hints(connection: Connection, request: Request, links: Sequence[str]) -> None:
    """Send links ahead of the response; called in the thread or task of its view. Raises InvalidResponse."""
    if connection.request is not request or connection.phase is not RUNNING:
        return
    data = connection.wire.send_early_hints(links)
    if not data or not _has_room(connection.fd):
        return
    with contextlib.suppress(OSError):  # the response will find that the client has disconnected
        if connection.sock.send(data) != len(data):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _has_room(fd: int) -> bool:
    """Return whether a socket takes a few thousand bytes at once: ready means that a third of its buffer is free."""
    if _poll is None:
        return False
    poll = _poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))

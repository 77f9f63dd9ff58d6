"""Send early hints for a view that runs: an interim answer, while its connection is the view's.

In: a connection whose call was shown the way here, and links. Out: they are with the system, whole, or not sent
at all: they are only hints, and half an interim answer would spoil the answer behind it.
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
_poll = getattr(select, "poll", None)  # there is none on Windows, where nobody is told


def can_send_early_hints(connection: Connection) -> bool:
    """Say whether what a request came by reads an interim response as one, as far as that is known.

    Proxies may take it for the response, and leave their client without one (nginx before 1.29) or with an error
    (Varnish). So none is sent to a proxy, trusted or not, unless a setting says that ours pass them on.
    """
    setup, values = connection.setup, connection.request.head.values
    if setup is not None and setup.passes_hints:
        return True
    is_by_proxy = setup is not None and setup.trusts(connection.client)
    return not is_by_proxy and not any(name in values for name in _BY_A_PROXY)


def send_early_hints(connection: Connection, request: Request, links: Sequence[str]) -> None:
    """Send links ahead of a request's answer; called by its view's own thread or task. Raises InvalidResponse."""
    if connection.request is not request or connection.phase is not RUNNING:
        return
    data = connection.wire.send_early_hints(links)
    if not data or not _takes(connection.fd):
        return
    with contextlib.suppress(OSError):  # whoever sends the answer will find that the client has left
        if connection.sock.send(data) != len(data):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _takes(fd: int) -> bool:
    """Say whether a socket takes a few thousand bytes at once: ready means that a third of its buffer is free."""
    if _poll is None:
        return False
    poll = _poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))

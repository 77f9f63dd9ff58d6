"""Idle connections are passed to the next worker, so that no client notices a reload.

In: the hub of a worker that is being replaced. Out: the sockets of its idle connections; and at the next worker, the
same connections. A client may be sending its next request at any moment: closing the connection would make that fail,
and keeping it would show the old code. A connection with TLS can't be passed on, as its keys are in this process; it is
closed, and its client opens another.
"""

from __future__ import annotations

import socket

from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import HEAD, IDLE
from fanlight.server.hub import Hub

MOST_AT_ONCE = 64  # sockets in one message of the channel


def take_idle(hub: Hub) -> list[socket.socket]:
    """Accept no more, stop serving all idle connections, and return their sockets. Called by the holder of the hub."""
    table = hub.table
    hub.acceptor.close()  # what has connected by now is among them
    taken = []
    for connection in list(table.connections.values()):
        if not _is_idle(connection):
            continue
        if connection.policy is None:
            taken.append(table.release(connection))
        elif connection.phase is IDLE:
            table.close(connection)
    return taken


def adopt_idle(hub: Hub, sock: socket.socket) -> None:
    """Serve an idle connection of another worker. Called by the holder of the hub."""
    try:
        peer = sock.getpeername()
    except OSError:  # its client has gone meanwhile
        sock.close()
        return
    hub.adopt(sock, peer[0] if isinstance(peer, tuple) else None)
    table = hub.table
    table.connections[sock.fileno()].enter(IDLE, table.now, table.keepalive_seconds)


def _is_idle(connection: Connection) -> bool:
    """Return whether nothing of a next request has been received, and all of the last response was sent."""
    wire = connection.wire
    if connection.pending or wire.buffer:
        return False
    return connection.phase is IDLE or (connection.phase is HEAD and wire.is_idle)

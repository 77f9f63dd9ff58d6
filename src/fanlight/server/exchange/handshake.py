"""Continue what comes before a connection's first request: a PROXY header, a TLS handshake.

In: a connection in HANDSHAKE that is ready. Out: it waits for more, or for its first request. Refuses a client that
does it wrong, and one behind a proxy that has too many connections already: its connection is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.errors import ProtocolError
from fanlight.server.connection.phases import HEAD
from fanlight.server.tls.handshake_outcome import TlsError

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection
    from fanlight.server.exchange.connection_table import ConnectionTable


def continue_handshake(
    connection: Connection,
    table: ConnectionTable,
    linger: Callable[[Connection], object],
    acquire_slot: Callable[[str], str | bytes | None],
) -> None:
    """Read or write what the handshake needs next; close the connection if it fails."""
    policy = connection.policy
    assert policy is not None
    try:
        wanted = policy.handshake(connection)
    except TlsError:  # the client may still read our alert: to close now could take it back with a reset
        linger(connection)
        return
    except (OSError, ProtocolError):
        table.close(connection)
        return
    if wanted:
        table.watch(connection, wanted)
        return
    if connection.address is None and connection.client is not None and not policy.trusts(connection.client):
        connection.count_under(acquire_slot(connection.client))  # for a proxy, whose client is known only now
        if connection.address is None:
            table.close(connection)
            return
    connection.enter(HEAD, table.now, table.limits.head_seconds)
    table.watch(connection)

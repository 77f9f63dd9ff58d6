"""What a call sends before its response: early hints (RFC 8297), or the 101 that makes its connection a WebSocket.

In: a request whose call may do either, before it runs. Out: the request has what the call sends with.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fanlight.message.early_hints import HINT_SENDER_KEY
from fanlight.server.exchange.early_hint_sender import can_send_early_hints, send_early_hints

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.server.exchange.websockets import WebSockets


class InterimResponses:
    """Prepares the requests of one hub."""

    def __init__(self, table: ConnectionTable, ownership: Ownership, background: BackgroundTasks) -> None:
        """Take what the first WebSocket will need."""
        self._parts = table, ownership, background
        self._websockets: WebSockets | None = None

    def prepare(self, connection: Connection) -> None:
        """Attach to a request what its call sends hints with, or what carries the messages of its WebSocket."""
        request = connection.request
        if connection.call.body_policy.may_upgrade:
            self.attach_websocket(connection)
        elif can_send_early_hints(connection):
            request.cache_value(HINT_SENDER_KEY, partial(send_early_hints, connection, request))

    def attach_websocket(self, connection: Connection) -> None:
        """Attach to a request what carries the messages of its WebSocket, or the error of its handshake."""
        from fanlight.server.exchange.websocket_stream import attach  # noqa: PLC0415 - most sites have none
        from fanlight.server.exchange.websockets import WebSockets  # noqa: PLC0415 - as above

        if self._websockets is None:
            self._websockets = WebSockets(*self._parts)
        attach(self._websockets, connection)

"""Refuse messages, and let their clients read why.

In: a connection with a message that is invalid, too big or too late. Out: a response with the reason, and a connection
that lingers until its client has closed it: closed at once, the client could lose the response with a reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.errors import ProtocolError, RequestTimeout
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import CONTENT

if TYPE_CHECKING:
    from fanlight.server.exchange.batching import Batching
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.server.exchange.request_observer import RequestObserver

LATE_CONTENT = "the content did not arrive in time; Limits.content_seconds says how long we wait"
LATE_HEAD = "the head did not arrive in time; Limits.head_seconds says how long we wait"
LATE_FOR_STOP = "the server is shutting down, and the request was not complete in time"


class Refusals:
    """Refuses messages for one hub; only its holder may."""

    def __init__(
        self,
        table: ConnectionTable,
        observer: RequestObserver | None,
        batching: Batching,
        finish_response: Callable[[Connection], object],
    ) -> None:
        """`finish_response` is called when the client has to take the rest of a response."""
        self._table, self._observer, self._batching = table, observer, batching
        self._finish_response = finish_response

    def refuse(self, connection: Connection, refusal: ProtocolError) -> None:
        """Send the reason why a message is refused, and let the client read it before we close."""
        if connection.phase is not CONTENT and (hint := connection.hint()):
            refusal = type(refusal)(f"{refusal}{hint}")
        self._batching.flush(connection)
        name = b"" if self._observer is None else self._observer.on_refusal(connection, refusal)
        connection.release()
        try:
            connection.send(connection.wire.refuse(refusal, self._table.default_headers + name))
        except OSError:
            self._table.close(connection)
            return
        if connection.pending:
            self._finish_response(connection)
        else:
            self._table.linger(connection)

    def refuse_late(self, connection: Connection, now: float) -> None:
        """Refuse a client whose message did not come in time."""
        reader = connection.body_reader
        late = LATE_CONTENT if connection.phase is CONTENT or reader is not None else LATE_HEAD
        missed = RequestTimeout(LATE_FOR_STOP if now >= self._table.refuse_late_at else late)
        if reader is not None:
            reader.fail(missed)
        else:
            self.refuse(connection, missed)

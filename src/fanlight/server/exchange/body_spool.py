"""Keep the content of a request while it arrives: in memory, or on the disk, by a thread.

In: pieces of content, from the holder of the hub. Out: they are kept, and the holder goes on with the connection.
Refuses content for which there is no room on the disk, or no thread. While a thread writes, the connection is in
SPOOLING and nothing is received; the content belongs to the thread, so that a connection that is closed meanwhile
closes no file that is being written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from msgspec import Struct

from fanlight.errors import Overloaded, ProtocolError, StorageFull
from fanlight.message.content import SpooledContent
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import CLOSED, CONTENT, SPOOLING
from fanlight.server.dispatch.ownership import Ownership
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.io.thread_pool import ThreadPool
from fanlight.wire.http1.wire_events import Content

Outcome = ProtocolError | bool
GoOn = Callable[[Connection, Outcome], bool]

log = logging.getLogger("fanlight.server")


class _Piece(Struct):
    """What a thread writes: all that has arrived of the content of one request."""

    connection: Connection
    content: SpooledContent
    data: list[bytes]
    began: float
    content_began: float
    moved_bytes: int
    is_last: bool = False


class BodySpooler:
    """Keeps the content of the requests of one hub."""

    def __init__(self, table: ConnectionTable, ownership: Ownership, pool: ThreadPool, go_on: GoOn) -> None:
        """Write in this pool; the holder calls `go_on` with True once content is whole, or with what refuses it."""
        self._table, self._post, self._pool, self._go_on = table, ownership.post, pool, go_on

    def write(self, connection: Connection, data: bytes) -> bool:
        """Keep a piece, now or in a thread; True if the rest does not matter, and the call runs at once.

        Raises ProtocolError.
        """
        connection.moved_bytes += len(data)
        content = connection.body
        if content is None:  # the call wants none: it is read and discarded
            return False
        if not content.exceeds_memory(len(data)):
            return kept(content, (data,))
        # All that has arrived at once: a thread for each of many small chunks would be many hand-overs.
        piece = _Piece(
            connection, content, [data], self._table.now, connection.phase_started_at, connection.moved_bytes
        )
        while not piece.is_last and (event := connection.wire.next_event()) is not None:
            if isinstance(event, Content):
                piece.moved_bytes += len(event.data)
                piece.data.append(event.data)
            else:
                piece.is_last = True
        if not self._pool.submit(self._write, piece):
            raise Overloaded("the server has too much to do just now; try again in a moment")
        connection.take_body()
        connection.enter(SPOOLING, piece.began)
        return False

    def _write(self, piece: _Piece) -> None:
        """Write what has arrived; in a thread of the pool."""
        try:
            outcome: Outcome = kept(piece.content, piece.data) or piece.is_last
        except ProtocolError as refusal:
            outcome = refusal
        self._post(self._come_back, piece, outcome)

    def _come_back(self, piece: _Piece, outcome: Outcome) -> bool:
        """Go on with the connection, unless it was closed meanwhile; only the holder may."""
        connection = piece.connection
        if connection.phase is CLOSED:
            piece.content.close()
            return True
        connection.keep_body(piece.content)
        spent = self._table.now - piece.began  # this time is not held against the client
        connection.enter(CONTENT, piece.content_began + spent, moved_bytes=piece.moved_bytes)
        connection.extend_for_content(self._table.limits)
        self._table.watch(connection)
        return self._go_on(connection, outcome)


def kept(content: SpooledContent, pieces: Iterable[bytes]) -> bool:
    """Write pieces of content; return whether the rest does not matter. Raises StorageFull."""
    try:
        return any(content.write(piece) for piece in pieces)
    except OSError as error:
        log.error("content can't be kept on disk: %s", error)  # noqa: TRY400 - the reason is enough
        raise StorageFull("this server has no room to keep what was sent; try again later") from None

"""Hold back a response while the client's next request has arrived already, so that several are sent at once.

In: a complete response, and the moments at which nothing may be held back any longer. Out: the client has all that is
finished, in order, and the observer has each response when it was sent. A response is held back for BATCH_SECONDS at
most, besides the call in progress. All is sent before a call that may take long (one that is measured, or runs in a
thread or as a task), before content, a stream and a refusal, and when a view is stuck. What a client does not take is
counted like every response that waits (`send_buffer_limit`), except for BATCH_BYTES of each whose view is stuck.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from fanlight.server.exchange.request_observer import FinishedResponse
from fanlight.wire.http1.states import ConnectionState

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection
    from fanlight.server.exchange.request_observer import RequestObserver


WIRE_CLOSED = int(ConnectionState.CLOSED)  # PERF: benchmarks/stages.py: `must_close`, without a call


class Batching:
    """Batches the responses of the connections of one hub."""

    def __init__(self, observer: RequestObserver | None) -> None:
        self._observer = observer

    def hold(self, connection: Connection, data: bytes) -> bool:
        """Hold a response back, whose request is not the last that has arrived; False if it is to be sent now.

        Only the holder of the hub may, in whose thread the call has run.
        """
        wire, cache = connection.wire, connection.request.cache
        # What follows a response, its background tasks or the end of the connection, is for one that was sent.
        if wire.state == WIRE_CLOSED or not wire.can_batch or (cache and connection.request.has_background_tasks):
            return False
        now = time.monotonic()
        batch = connection.batch or connection.begin_batch(now)
        if not batch.add(data, now):
            return False
        if self._observer is not None:
            batch.record(partial(self._observer.on_response, FinishedResponse(connection)), len(data))
        if connection.body is not None:
            connection.release()
        return True

    def flush(self, connection: Connection) -> bool:
        """Send what is held back; False if the client does not take all of it now. Only the owner may."""
        batch = connection.batch
        if batch is None:
            return True
        try:
            connection.send_batch(batch)
        except OSError:  # it may have disconnected, which is noticed when more is sent
            return False
        if batch.data:
            return False
        self.report(connection)
        return True

    def report(self, connection: Connection) -> None:
        """Record the responses of a batch, all of which has been sent now."""
        batch = connection.end_batch()
        if batch is not None:
            batch.report()

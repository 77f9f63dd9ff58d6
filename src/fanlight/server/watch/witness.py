"""Who sees each request begin and end: for the access log, and for what is counted.

In: a connection, when the head of its request is there, and when the answer is with the system. Out:
an entry for the log, and counts. Each answer of a watched server carries the id of its request. It
stands on the way of every request, so it keeps what it sees and leaves all work to others.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.server.connection import CONTENT, Connection

if TYPE_CHECKING:
    from fanlight.errors import Refusal
    from fanlight.server.watch.counts import Counts
    from fanlight.server.watch.logs import AccessLog


class Witness:
    """Sees requests for a log, or for counts, or for both."""

    def __init__(self, access_log: AccessLog | None, counts: Counts | None) -> None:
        """See for these."""
        self._log, self._counts = access_log, counts

    def began(self, connection: Connection) -> None:
        """Note when a request began, and decide its id, which its answer will carry."""
        connection.started = perf_counter()
        connection.lines += connection.request.identify()

    def answered(self, connection: Connection, size: int) -> None:
        """Note an answer of so many bytes, its head among them; from whichever thread has sent it."""
        now = perf_counter()
        request, call, status = connection.request, connection.call, connection.status
        head, seconds = request.head, now - connection.started
        if self._counts is not None:
            self._counts.answered(call, head.method, status, seconds, size)
        if self._log is not None:
            self._log.add(
                (now, seconds, head, request.client, request.scheme, call.name, status, size, request.id_line, "")
            )

    def refused(self, connection: Connection, refusal: Refusal) -> None:
        """Note a message that was no request, or one whose content was refused."""
        if self._counts is not None:
            self._counts.refused(refusal.status)
        if self._log is None:
            return
        now, reason, status = perf_counter(), str(refusal), refusal.status
        if connection.phase is CONTENT:  # its head had been understood
            request, name, seconds = connection.request, connection.call.name, now - connection.started
            self._log.add(
                (now, seconds, request.head, request.client, request.scheme, name, status, 0, request.id_line, reason)
            )
        else:
            self._log.add((now, 0.0, None, connection.client, "", "", status, 0, b"", reason))

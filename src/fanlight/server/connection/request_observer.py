"""Who sees each request begin and end: for the access log, and for what is counted.

In: a connection, when the head of its request is there, and when its response is with the system, or its client has
left before that. Out: an entry for the log, and counts. Each response of a watched server carries the id of its
request. It stands on the way of every request, so it keeps what it sees and leaves all work to others.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.message.request_id import id_line
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import CONTENT
from fanlight.server.recording.formats import more_of

if TYPE_CHECKING:
    from fanlight.errors import ProtocolError
    from fanlight.server.recording.access_log import AccessLog
    from fanlight.server.recording.counts import Counts

ENTRY_BYTES = 512  # of memory for an entry of the log, besides the texts that its client has sent
_request_line = re.compile(rb"[\r\n]*([A-Za-z]{1,20})[ \t]+((?:/|https?:)[^\r\n]*)").match


class RequestObserver:
    """Sees requests for a log, or for counts, or for both."""

    def __init__(self, access_log: AccessLog | None, counts: Counts | None) -> None:
        """See for these."""
        self._log, self._counts = access_log, counts
        self._has_more = access_log is not None and access_log.has_more

    def on_request(self, connection: Connection) -> None:
        """Note when a request began, and decide its id, which its response will carry."""
        connection.started = perf_counter()
        connection.extra_headers += connection.request.identify()

    def on_response(self, connection: Connection, size: int) -> None:
        """Note a response of which so many bytes were sent, its head among them; from whichever thread has sent it."""
        if self._counts is not None:
            seconds = perf_counter() - connection.started
            self._counts.count_response(
                connection.call, connection.request.head.method, connection.status, seconds, size
            )
        if self._log is not None:
            self._log_request(self._log, connection, connection.status, size)

    def _log_request(self, log: AccessLog, connection: Connection, status: int, size: int, reason: str = "") -> None:
        """Hand the log an entry for a request."""
        now, request = perf_counter(), connection.request
        head = request.head
        target, more = head.target, None
        held = ENTRY_BYTES + len(target)
        if self._has_more:
            more = more_of(head)
            held += len(more[1]) + len(more[2]) + len(more[3])
        log.add(
            (
                now, now - connection.started, head.method, target, more, request.client, request.scheme,
                connection.call.name, status, size, request.id_line, reason, held,
            )
        )  # fmt: skip

    def on_refusal(self, connection: Connection, refusal: ProtocolError) -> bytes:
        """Note a message that was no request, or one whose content was refused; return the field line of its id."""
        if self._counts is not None:
            self._counts.count_refusal(refusal.status)
        now, reason, status = perf_counter(), str(refusal), refusal.status
        if connection.phase is CONTENT:  # its head had been understood
            request = connection.request
            if self._log is not None:
                self._log_request(self._log, connection, status, 0, reason)
            return request.id_line
        name = id_line(None)
        if self._log is not None:
            method, target = _request_line_of(connection.wire.buffered_start)
            held = ENTRY_BYTES + len(method) + len(target)
            self._log.add((now, 0.0, method, target, None, connection.client, "", "", status, 0, name, reason, held))
        return name


def _request_line_of(begun: bytes) -> tuple[str, str]:
    """Return the method and the target of a message that is no request, "" where it does not begin with any.

    Whatever else it begins with is not shown: it may be content, with a password in it.
    """
    found = _request_line(begun)
    if found is None:
        return "", ""
    method, rest = (each.decode("latin-1") for each in found.groups())
    target, _, version = rest.rpartition(" ")
    return method, target if version.startswith("HTTP/") else rest

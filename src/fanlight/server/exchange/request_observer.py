"""Hook called at request start and end; feeds the access log and the metrics.

In: a connection, when the head of its request has been read, and when its response has been sent or its client has
disconnected. Out: an entry for the log, and counts. Every response of an observed server has the id of its request. It
runs for every request, so it only collects values.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.message.request_id import choose_line
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import CONTENT

if TYPE_CHECKING:
    from fanlight.errors import ProtocolError
    from fanlight.server.recording.access_log import AccessLog
    from fanlight.server.recording.counts import Counts

_request_line = re.compile(rb"[\r\n]*([A-Za-z]{1,20})[ \t]+((?:/|https?:)[^\r\n]*)").match


class FinishedResponse:
    """What is recorded of a response that is held back; of the others, their connection has the same."""

    __slots__ = ("call", "request", "started", "status")

    def __init__(self, connection: Connection) -> None:
        self.call, self.request = connection.call, connection.request
        self.started, self.status = connection.started, connection.status


class RequestObserver:
    """Observes requests for a log, for counts, or for both."""

    def __init__(self, access_log: AccessLog | None, counts: Counts | None) -> None:
        self._log, self._counts = access_log, counts
        self._head_fields = None if access_log is None else access_log.head_fields

    def on_request(self, connection: Connection) -> None:
        """Record when a request began, and put its id into the headers of its response, as the first of them."""
        connection.started = perf_counter()
        connection.extra_headers = connection.request.choose_id()

    def on_response(self, connection: Connection | FinishedResponse, size: int) -> None:
        """Record a response of which `size` bytes were sent, head included; from the thread that has sent it."""
        now = perf_counter()
        if self._counts is not None:
            method = connection.request.head.method
            self._counts.count_response(connection.call, method, connection.status, now - connection.started, size)
        if self._log is not None:
            request = connection.request
            head = request.head
            self._log.add((
                now, now - connection.started, head.method, head.target,
                None if self._head_fields is None else self._head_fields(head), request.client, request.scheme,
                connection.call.name, connection.status, size, request.identity, "",
            ))  # fmt: skip

    def on_cut_off(self, connection: Connection) -> None:
        """Record truncated responses: their client disconnected or was too slow, or a stream failed."""
        size, unsent = connection.take_unlogged(), connection.unsent_bytes
        if connection.stream is not None:
            size = connection.stream.size
        batch = connection.end_batch()
        if batch is not None:  # it is sent before the last response
            batch.report(max(0, unsent - size))
        if size or connection.stream is not None:
            self.on_response(connection, max(0, size - unsent))

    def on_refusal(self, connection: Connection, refusal: ProtocolError) -> bytes:
        """Record an invalid message, or a request whose content was refused; return the header line of its id."""
        if self._counts is not None:
            self._counts.count_refusal(refusal.status)
        now, reason, status = perf_counter(), str(refusal), refusal.status
        if connection.phase is CONTENT:  # its head was valid
            request, head = connection.request, connection.request.head
            if self._log is not None:
                fields = None if self._head_fields is None else self._head_fields(head)
                self._log.add((
                    now, now - connection.started, head.method, head.target, fields, request.client, request.scheme,
                    connection.call.name, status, 0, request.identity, reason,
                ))  # fmt: skip
            return request.identity
        line = choose_line(None)
        if self._log is not None:
            method, target = _request_line_of(connection.wire.buffered_start)
            self._log.add((now, 0.0, method, target, None, connection.client, "", "", status, 0, line, reason))
        return line


def _request_line_of(data: bytes) -> tuple[str, str]:
    """Return the method and the target with which an invalid message begins, "" if it does not begin with any.

    Anything else is not logged: it may be content, with a password in it.
    """
    found = _request_line(data)
    if found is None:
        return "", ""
    method, rest = (each.decode("latin-1") for each in found.groups())
    target, _, version = rest.rpartition(" ")
    return method, target if version.startswith("HTTP/") else rest

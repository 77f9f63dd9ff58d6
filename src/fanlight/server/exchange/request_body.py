"""The content of a request on its way to the call that wants it.

In: a connection whose head was read, then the pieces that arrive. Out: content that is kept until it is whole, or
parsed as a form while it arrives, or given piece by piece to a view that runs already. Refuses more than the route
takes, and what finds no room on the disk.

A view that reads the content as a stream shares its connection with the hub: the view's task asks for more, and the
holder of the hub receives (phase STREAMING_BODY), one piece at a time, and only on demand. So a slow view
slows its client down, and holds no more than one piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from fanlight.errors import (
    AppError,
    ClientDisconnected,
    ContentLimitExceeded,
    ContentTooLarge,
    HTTPError,
    ProtocolError,
    StorageFull,
    UnsupportedContentEncoding,
)
from fanlight.message.body_policy import BodyMode
from fanlight.message.content import STREAMED_CONTENT, ContentStream, RefusedContent, SpooledContent
from fanlight.message.multipart import FormContent
from fanlight.server.connection import client_pace
from fanlight.server.connection.connection import CONTENT_RECV_BYTES, Connection
from fanlight.server.connection.phases import CONTENT, IDLE, RUNNING, STREAMING_BODY
from fanlight.server.dispatch.ownership import Ownership
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.io.thread_pool import settle
from fanlight.wire.http1.wire_events import Content, RequestHead

if TYPE_CHECKING:
    from fanlight.message.body_policy import BodyPolicy
    from fanlight.message.request import Request

SPOOL_BYTES = 64 * 1024  # of a request body in memory; a larger one is written to a temporary file

log = logging.getLogger("fanlight.server")


def begin_body(connection: Connection, head: RequestHead, table: ConnectionTable, ownership: Ownership) -> bool:
    """Prepare for content; True if the call runs at once: it wants none, or reads it as a stream.

    Raises ProtocolError for more content than the call takes, and for content that is encoded.
    """
    call, limits, wire = connection.call, table.limits, connection.wire
    connection.enter(CONTENT, table.now, limits.content_seconds)
    if not call.reads_content:
        if head.expects_continue or (head.content_length or 0) > limits.content_bytes:
            connection.enter(IDLE, table.now)
            return True  # the response does not depend on the content, which need not be sent
        return False
    encoding = connection.request.head.values.get("content-encoding", "").strip()
    policy = call.body_policy
    if encoding and encoding.lower() != "identity" and not policy.is_foreign:
        # SECURITY: tests/server/exchange/test_encoded_content.py: a small message could decode to any size
        raise UnsupportedContentEncoding(f"send the content as it is, not as {encoding}: nothing is decoded here")
    wire.limit_content(*policy.max_content(connection.request.decoded_size_limit, limits.content_bytes))
    if policy.body_mode is BodyMode.STREAM and not _is_kept(policy, head):
        stream = StreamingBody(table, ownership, connection, head)
        connection.read_body_by(stream)
        connection.request.attach_content(STREAMED_CONTENT)
        connection.request.cache_value("content_stream", stream)
        return True
    if head.expects_continue:
        connection.send(wire.send_continue())  # 25 bytes into an empty buffer: never partial
    connection.keep_body(content_for(connection.request, policy))
    return False


def _is_kept(policy: BodyPolicy, head: RequestHead) -> bool:
    """Return whether the content is kept for a call that could have it as a stream: so little is cheaper as a whole."""
    return policy.is_foreign and not head.expects_continue and (head.content_length or SPOOL_BYTES + 1) <= SPOOL_BYTES


def content_for(request: Request, policy: BodyPolicy) -> SpooledContent:
    """Return where the content of a request is kept while it arrives."""
    if policy.body_mode is BodyMode.FORM and request.media_type == "multipart/form-data":
        return FormContent(request.head.values["content-type"], policy.form)
    return SpooledContent(SPOOL_BYTES, policy.form)


def end_body(connection: Connection, now: float) -> None:
    """Give the request its content, which has arrived whole."""
    connection.request.attach_content(connection.body)
    connection.enter(IDLE, now)


def let_app_refuse(connection: Connection, refusal: ProtocolError, now: float) -> bool:
    """Have the app respond to content that is refused, as it has a page for that; False if its call can't."""
    if connection.phase is not CONTENT:
        return False
    call = connection.call
    refused = call.refused if call.reads_content else call  # without reading content, it responds as ever
    if refused is None or not isinstance(refusal, ContentLimitExceeded | UnsupportedContentEncoding | StorageFull):
        return False
    connection.release()
    connection.replace_call(refused)
    body = RefusedContent(http_error_of(refusal))
    connection.request.attach_content(body)
    connection.keep_body(body)
    connection.enter(IDLE, now)
    return True


class StreamingBody(ContentStream):
    """Content that a view reads as a stream: the view's task waits, and the holder of the hub receives."""

    __slots__ = (
        "_connection",
        "_error",
        "_is_over",
        "_is_whole",
        "_must_continue",
        "_ownership",
        "_pieces",
        "_received",
        "_table",
        "_waited",
        "_waiter",
        "is_client_gone",
    )

    def __init__(self, table: ConnectionTable, ownership: Ownership, connection: Connection, head: RequestHead) -> None:
        super().__init__(head.content_length)
        self._table, self._ownership, self._connection = table, ownership, connection
        self._pieces: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_whole = self._is_over = False
        self.is_client_gone = False
        self._must_continue = head.expects_continue
        self._waited = 0.0  # seconds that the client was waited for, before the present wait
        self._received = 0

    # --- the view's side, on the loop -------------------------------------------------------

    async def __anext__(self) -> bytes:
        if self._is_over and self._error is None:
            raise AppError("the content can be read as a stream only until the view returns")
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_whole:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise AppError("two tasks read the same content")
            self._waiter = self._ownership.loop.create_future()
            self._ownership.post(self._provide)
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._pieces.popleft()

    # --- the holder's side -------------------------------------------------------------------

    def on_poll_event(self, events: int) -> None:
        """Do nothing: that the client has left is seen when more is received."""

    def _provide(self) -> None:
        """Give the view what is there, or receive, or wait for the client."""
        connection = self._connection
        if connection.phase is not RUNNING or self._waiter is None:
            return
        try:
            if self._must_continue:
                self._must_continue = False
                connection.send(connection.wire.send_continue())
            if self._is_fed():
                self._wake_view()
                return
        except (ProtocolError, OSError) as error:
            self.fail(error)
            return
        connection.enter(STREAMING_BODY, self._table.now, self._seconds_left())
        self.read_more()

    def read_more(self) -> None:
        """Receive what the client has sent; called when there is something, or may be."""
        connection = self._connection
        try:
            data = connection.sock.recv(CONTENT_RECV_BYTES)
            if not data:
                self.fail(ClientDisconnected("the client disconnected before its content was whole"))
                return
            self._received += len(data)
            connection.wire.receive(data)
            if self._is_fed():
                self._wake_view()
                return
            connection.move_deadline(connection.phase_started_at + self._seconds_left())
        except BlockingIOError:
            pass
        except (ProtocolError, OSError) as error:
            self.fail(error)
            return
        self._table.watch(connection)

    def _is_fed(self) -> bool:
        """Take what the wire has parsed; True if the view can go on. Raises ProtocolError."""
        next_event = self._connection.wire.next_event
        pieces = self._pieces
        while (event := next_event()) is not None:
            if isinstance(event, Content):
                pieces.append(event.data)
            else:
                self._is_whole = True
                return True
        return bool(pieces)

    def _seconds_left(self) -> float:
        """Return for how long to wait: as long as what has arrived has earned, less the time waited before."""
        return self._table.limits.content_seconds + self._received / client_pace.LEAST_RATE - self._waited

    def fail(self, error: Exception) -> None:
        """Raise an error in the view, where it waits; a ProtocolError as the HTTPError of its status."""
        if isinstance(error, ProtocolError):
            self._error = http_error_of(error)
        else:
            is_named = isinstance(error, ClientDisconnected)
            self._error = (
                error if is_named else ClientDisconnected("the client disconnected in the middle of its content")
            )
            self.is_client_gone = True
        self._wake_view()

    def _wake_view(self) -> None:
        connection = self._connection
        if connection.phase is STREAMING_BODY:
            self._waited += self._table.now - connection.phase_started_at
            connection.enter(RUNNING, self._table.now)
        waiter = self._waiter
        if waiter is None:
            return
        if self._ownership.on_loop_thread():
            settle(waiter, None)
        else:
            self._ownership.loop.call_soon_threadsafe(settle, waiter, None)

    def close(self) -> None:
        """End it with its request: the response is sent, or the client has disconnected."""
        self._is_over = True
        if self._waiter is not None:
            self.fail(ClientDisconnected("the connection was closed in the middle of the content"))


def http_error_of(refusal: ProtocolError) -> HTTPError:
    """Return the error with which an app responds to content that is refused."""
    kinds = (each for each in HTTPError.__subclasses__() if each.status == refusal.status)
    if isinstance(refusal, ContentLimitExceeded):
        detail, _, hint = str(refusal).partition("; ")
        return ContentTooLarge(detail, hint=hint)
    error = next(kinds, HTTPError)(str(refusal))
    error.status = refusal.status
    for line in refusal.extra_headers.decode().splitlines():
        name, _, value = line.partition(": ")
        error.headers[name] = value
    return error

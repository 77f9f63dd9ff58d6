"""WebSockets: connections that go on after their handshake, with messages in both directions.

In: a request that asks for one, then what its client sends, and what its view sends. Out: the view has the messages,
the client has the frames, and one of them, the server or the time closes it. The view's call runs as for any request;
what it does with its WebSocket comes here, on the event loop. Received is no more than the view takes: MAX_MESSAGES
wait, and then the client does. A message is sent at once; what the client does not take, its sender waits for.

Everything here runs in the loop's thread while that holds the hub. While a rescue thread does, no view of a WebSocket
can run either, so nothing is received, and what is to be sent waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fanlight.errors import AppError, HTTPError
from fanlight.message.websocket import SWITCHING_PROTOCOLS, WEBSOCKET_KEY, Message, WebSocketClosed
from fanlight.server.connection.connection import RECV_BYTES, Connection
from fanlight.server.connection.phases import CLOSED, STREAM_PAUSED, STREAMING
from fanlight.server.io.poller import READ, WRITE
from fanlight.server.io.thread_pool import settle
from fanlight.wire.http1.header_fields import Pair
from fanlight.wire.websocket.websocket_connection import Closed, Ping, WebSocketConnection
from fanlight.wire.websocket.websocket_frames import (
    CLOSE,
    PING,
    PONG,
    CloseCode,
    WebSocketError,
    write_close,
    write_frame,
)
from fanlight.wire.websocket.websocket_handshake import Offer, accept_fields, read_offer

if TYPE_CHECKING:
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.connection_table import ConnectionTable

MAX_MESSAGES, MAX_BYTES = 64, 256 * 1024  # that wait for the view; more are left with the client
MAX_EVENTS = 64  # of one client, before others have their turn
CLOSE_SECONDS = 5.0  # for the client to answer a close frame

log = logging.getLogger("fanlight.server")


class WebSockets:
    """The WebSockets of one hub."""

    def __init__(
        self,
        table: ConnectionTable,
        ownership: Ownership,
        background: BackgroundTasks,
        linger: Callable[[Connection], object],
    ) -> None:
        """Begin without any; `linger` has a client that is refused read why, and then closes its connection."""
        self.table, self.ownership, self._background, self.linger = table, ownership, background, linger
        self._last_frame: tuple[Message, int, bytes] = "", 0, b""  # of a message that may go to many clients

    def attach(self, connection: Connection) -> None:
        """Attach to a request what carries its messages, or the error of its handshake."""
        request, head = connection.request, connection.request.head
        try:
            offer = read_offer(head.method, head.minor, head.values)
        except HTTPError as error:
            request.cache_value(WEBSOCKET_KEY, error)
        else:
            request.cache_value(WEBSOCKET_KEY, WebSocketStream(self, connection, offer))

    def end(self, connection: Connection, response: object) -> bool:
        """Close a WebSocket whose view has ended; False if it never was one: its client gets the response."""
        stream = connection.request.cached_value(WEBSOCKET_KEY)
        if not isinstance(stream, WebSocketStream) or not stream.is_accepted:
            return False
        self._background.schedule(connection)
        self.on_loop(lambda: stream.end(getattr(response, "status", 500)))
        return True

    def on_loop(self, act: Callable[[], object]) -> None:
        """Call a function in the loop's thread, when that holds the hub: at once, if it does; from any thread."""
        if self.ownership.on_loop_thread():
            act()
        else:
            self.ownership.post(self.ownership.when_on_loop, act)

    def frame(self, wire: WebSocketConnection, message: Message) -> bytes:
        """Return the frame of a message, which is made once where one message goes to many clients."""
        last, bits, frame = self._last_frame
        if last is message and bits == wire.window_bits:
            return frame
        frame = wire.write(message)
        self._last_frame = message, wire.window_bits, frame
        return frame


class WebSocketStream:
    """One WebSocket; for the view its `Transport`, for the hub what streams on its connection."""

    __slots__ = (
        "_closing_at",
        "_connection",
        "_heard_at",
        "_is_full",
        "_is_pinged",
        "_messages",
        "_offer",
        "_outgoing",
        "_receiver",
        "_sockets",
        "_table",
        "_waiting_bytes",
        "_wire",
        "_writable",
        "began",
        "closed",
        "is_accepted",
        "loop",
        "offered",
        "size",
        "source",
        "subprotocol",
    )

    def __init__(self, sockets: WebSockets, connection: Connection, offer: Offer) -> None:
        """Prepare, for a request whose handshake is valid; nothing is sent yet."""
        self._sockets, self._table, self._connection, self._offer = sockets, sockets.table, connection, offer
        self.loop, self.offered = sockets.ownership.loop, offer.subprotocols
        self.subprotocol: str | None = None
        self.closed: tuple[int, str] | None = None
        self.is_accepted = False
        self.source: object = connection.call.name
        self.size, self.began = 0, sockets.table.now
        self._wire = WebSocketConnection(self._table.limits.message_bytes, offer.deflate)
        self._messages: deque[Message] = deque()
        self._waiting_bytes = 0  # of them
        self._receiver: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._outgoing: list[bytes] = []  # behind what is pending in the connection
        self._is_full = self._is_pinged = False
        self._heard_at, self._closing_at = self.began, 0.0

    # --- for the view -------------------------------------------------------------------------

    async def accept(self, subprotocol: str | None, more: Sequence[Pair] = ()) -> None:
        """Complete the handshake (RFC 6455 section 4.2.2), with more fields in the response."""
        self._raise_if_closed()
        connection = self._connection
        self.subprotocol, self.is_accepted = subprotocol, True
        fields = [*accept_fields(self._offer, subprotocol), *more]
        standard = self._table.date_lines + connection.extra_headers
        opening, received = connection.wire.switch_protocol("websocket", fields, standard)
        connection.status = SWITCHING_PROTOCOLS
        connection.begin_stream(self)
        self._send(opening)
        self._wire.receive(received)
        self._sockets.on_loop(self._begin)

    async def receive(self) -> Message:
        """Return the next message."""
        if not self.is_accepted:
            await self.accept(None)
        while not self._messages:
            self._raise_if_closed()
            if self._receiver is not None:
                raise AppError("two tasks receive from the same WebSocket")
            self._receiver = self.loop.create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        message = self._messages.popleft()
        self._waiting_bytes -= len(message)
        if self._is_full and not self._messages:
            self._is_full = False
            self._sockets.on_loop(self._read_on)
        return message

    async def send(self, message: Message) -> None:
        """Send a message; wait until the client has taken what was sent before."""
        if not self.is_accepted:
            await self.accept(None)
        self._raise_if_closed()
        self._send(self._sockets.frame(self._wire, message))
        while self._outgoing or self._connection.phase is STREAM_PAUSED:
            if self._writable is None:
                self._writable = self.loop.create_future()
            await asyncio.shield(self._writable)
            self._raise_if_closed()

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame; messages that come behind it are discarded."""
        self._close(code, reason)

    def end(self, status: int) -> None:
        """Close it, as its view has ended with the status of a response."""
        code = CloseCode.NORMAL if status < 400 else CloseCode.POLICY if status < 500 else CloseCode.INTERNAL_ERROR
        self._close(code, "")

    def _raise_if_closed(self) -> None:
        if self.closed is not None:
            raise WebSocketClosed(*self.closed)

    # --- for the hub --------------------------------------------------------------------------

    def on_poll_event(self, _events: int) -> None:
        """Receive what the client has sent."""
        connection, table = self._connection, self._table
        if not self._sockets.ownership.on_loop_thread():
            table.watch(connection, 0)
            self._sockets.on_loop(self._watch)
            return
        try:
            data = connection.sock.recv(RECV_BYTES)
        except BlockingIOError:
            return
        if not data:
            table.close(connection)
            return
        self._heard_at, self._is_pinged = table.now, False
        self._wire.receive(data)
        self._take_events()

    def check(self, now: float) -> None:
        """Find out whether a silent client is still there; called every few seconds."""
        if not self._sockets.ownership.on_loop_thread():
            return
        if self._closing_at:
            if now - self._closing_at >= CLOSE_SECONDS:
                self._table.close(self._connection)
        elif self._is_full:
            self._heard_at = now  # it is not listened to
        elif now - self._heard_at >= self._table.limits.ping_seconds:
            if self._is_pinged:
                self._table.close(self._connection)
            else:
                self._is_pinged, self._heard_at = True, now
                self._send(write_frame(PING, b""))

    def on_disconnect(self, *, is_certain: bool) -> None:  # noqa: ARG002 - it is always certain
        """Tell the view, where it waits, that the connection is closed."""
        if self.closed is None:
            self.closed = int(CloseCode.ABNORMAL), ""
        self._wire.release()
        self._outgoing.clear()
        self._wake()

    def drain(self) -> None:
        """Ask the client to connect again: the server stops."""
        self._sockets.on_loop(lambda: self._close(CloseCode.GOING_AWAY, "the server stops"))

    # --- receiving ------------------------------------------------------------------------------

    def _begin(self) -> None:
        connection, table = self._connection, self._table
        if connection.phase is CLOSED:
            self.on_disconnect(is_certain=True)
            return
        connection.enter(STREAMING, table.now, 0.0)
        self._watch()
        if table.is_draining:
            self.drain()
        self._flush()
        self._take_events()

    def _watch(self) -> None:
        if self._connection.phase is STREAMING:
            self._table.watch(self._connection, 0 if self._is_full else READ)

    def _read_on(self) -> None:
        self._watch()
        self._take_events()

    def _take_events(self) -> None:
        """Take what has arrived, as far as the view has room, and others do not wait for too long."""
        wire, messages = self._wire, self._messages
        try:
            for _ in range(MAX_EVENTS):
                if len(messages) >= MAX_MESSAGES or self._waiting_bytes >= MAX_BYTES:
                    self._is_full = True
                    self._watch()
                    break
                event = wire.next_event()
                if event is None:
                    break
                if isinstance(event, str | bytes):
                    if not self._closing_at:
                        messages.append(event)
                        self._waiting_bytes += len(event)
                elif isinstance(event, Ping):
                    self._send(write_frame(PONG, event.data))
                elif isinstance(event, Closed):
                    self._on_closed(event)
            else:
                self._sockets.ownership.post(self._take_events)
        except WebSocketError as error:
            log.info("%s: a WebSocket is closed with %d: %s", self.source, error.code, error.reason)
            self._fail(error)
        if messages:
            self._wake_receiver()

    def _on_closed(self, event: Closed) -> None:
        """Answer the client's close frame, or take it as the answer to ours, and close (RFC 6455 section 7.1.1)."""
        if not self._closing_at:
            self.closed = event.code, event.reason
            self._send(write_close(event.code, "") if event.code != CloseCode.NONE else write_frame(CLOSE, b""))
        self._finish()

    def _fail(self, error: WebSocketError) -> None:
        """Close, as the client has broken the protocol: nothing more of it is read (RFC 6455 section 7.1.7)."""
        if not self._closing_at:
            self._close(error.code, error.reason)
        self._finish()

    def _finish(self) -> None:
        """Close the connection, once the client has taken what is pending; its view may go on."""
        self._wire.release()
        phase = self._connection.phase
        if phase is STREAMING:
            self._sockets.linger(self._connection)
        elif phase is STREAM_PAUSED:
            self._closing_at = self._closing_at or self._table.now

    # --- sending --------------------------------------------------------------------------------

    def _close(self, code: int, reason: str) -> None:
        if self.closed is None and self._connection.phase is not CLOSED:
            self._send(write_close(code, reason))
            self.closed, self._closing_at = (code, reason), self._table.now
            self._wake()

    def _send(self, data: bytes) -> None:
        """Send, or keep it until the client has taken what is before it."""
        self.size += len(data)
        self._outgoing.append(data)
        self._sockets.on_loop(self._flush)

    def _flush(self) -> None:
        connection, outgoing = self._connection, self._outgoing
        if not outgoing or connection.phase is not STREAMING:
            return
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        try:
            if not connection.send(data):
                connection.pause_stream(self._on_writable, self._table.now, self._table.limits)
                self._table.watch(connection, WRITE)
        except OSError:
            self._table.close(connection)

    def _on_writable(self, is_there: bool) -> None:  # noqa: FBT001 - called when written
        if not is_there:
            return
        self._watch()
        self._flush()
        if self._connection.phase is STREAMING:
            if self._closing_at and self._wire.is_closed:
                self._finish()
            elif self._writable is not None:
                settle(self._writable, None)
                self._writable = None

    # --- waking those who wait ------------------------------------------------------------------

    def _wake_receiver(self) -> None:
        if self._receiver is not None:
            settle(self._receiver, None)

    def _wake(self) -> None:
        """Wake all that wait: it is closed."""
        if threading.get_ident() == self._sockets.ownership.loop_thread_id:
            self._wake_on_loop()
        else:
            self.loop.call_soon_threadsafe(self._wake_on_loop)

    def _wake_on_loop(self) -> None:
        self._wake_receiver()
        if self._writable is not None:
            settle(self._writable, None)
            self._writable = None

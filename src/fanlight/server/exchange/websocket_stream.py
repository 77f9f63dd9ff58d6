"""One WebSocket: a connection that goes on after its handshake, with messages in both directions.

In: what its client sends, and what its view sends. Out: the view has the messages, the client has the frames, and one
of them, the server or the time closes it. Received is no more than the view takes: MAX_MESSAGES wait for it, and then
the client does. A message is sent at once; what the client does not take, its sender waits for. A client that sends
more than `Limits.messages_per_second` is slowed down, not cut off.

All of this runs in the loop's thread while that holds the hub; while a rescue thread does, what is to be sent waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fanlight.errors import AppError, HTTPError
from fanlight.message.body_policy import WEBSOCKET_KEY
from fanlight.message.handler import Lane
from fanlight.message.threads import wait_on
from fanlight.message.websocket import ABNORMAL, Message, WebSocketClosed
from fanlight.server.connection.connection import CONTENT_RECV_BYTES, RECV_BYTES, Connection
from fanlight.server.connection.phases import CLOSED, STREAM_PAUSED, STREAMING
from fanlight.server.exchange.view_end import ViewEnd
from fanlight.server.exchange.websocket_pace import WebSocketPace
from fanlight.server.exchange.websockets import FrameSender, WebSockets
from fanlight.server.io.poller import HALF_CLOSED, READ
from fanlight.server.io.thread_pool import settle
from fanlight.wire.http1.header_fields import Pair
from fanlight.wire.http1.response_writer import write_switch
from fanlight.wire.websocket.websocket_connection import FRAGMENT, Closed, Ping, WebSocketConnection
from fanlight.wire.websocket.websocket_frames import (
    CLOSE,
    PING,
    PONG,
    CloseCode,
    WebSocketError,
    close_code_of,
    write_close,
    write_frame,
)
from fanlight.wire.websocket.websocket_handshake import Offer, accept_fields, read_offer

MAX_MESSAGES, MAX_BYTES = 64, 256 * 1024  # that wait for the view; more are left with the client
MAX_EVENTS = 64  # of one client, before others have their turn
MAX_SENT = 64  # messages of one view, before others have their turn
CLOSE_SECONDS = 5.0  # for the client to return a close frame
STOPS, RESTARTS = "the server stops", "the server restarts"

T = TypeVar("T")

log = logging.getLogger("fanlight.server")


class WebSocketStream(FrameSender):
    """One WebSocket; for the view its `Transport`, for the hub what streams on its connection."""

    __slots__ = (
        "_closing_at",
        "_heard_at",
        "_holds_thread",
        "_is_full",
        "_is_left",
        "_is_pinged",
        "_is_slowed",
        "_last",
        "_messages",
        "_offer",
        "_pace",
        "_receiver",
        "_sent_in_turn",
        "_view_end",
        "_waiting_bytes",
        "_wire",
        "began",
        "closed",
        "is_accepted",
        "offered",
        "source",
        "subprotocol",
    )

    def __init__(self, sockets: WebSockets, connection: Connection, offer: Offer) -> None:
        """Prepare, for a request whose handshake is valid; nothing is sent yet."""
        super().__init__(sockets, connection)
        self._offer = offer
        self._holds_thread = False
        self.offered, self.subprotocol = offer.subprotocols, None
        self.closed: tuple[int, str] | None = None
        self.is_accepted = False
        self.source: object = connection.call.name
        self.began = sockets.table.now
        limits = self._table.limits
        self._wire = WebSocketConnection(limits.message_bytes, offer.deflate)
        self._messages: list[Message] = []
        self._waiting_bytes = self._sent_in_turn = 0  # bytes of those that wait; messages that were sent
        self._last: Closed | WebSocketError | None = None  # for which it is closed when the view has taken all
        self._receiver: asyncio.Future[None] | None = None
        self._view_end: ViewEnd | None = None
        self._is_full = self._is_left = self._is_pinged = self._is_slowed = False
        self._heard_at, self._closing_at = self.began, 0.0
        rate = limits.messages_per_second
        self._pace = WebSocketPace(rate, self.began) if rate else None

    subprotocol: str | None

    # --- for the view -------------------------------------------------------------------------

    async def accept(self, subprotocol: str | None, more: Sequence[Pair] = ()) -> None:
        """Complete the handshake (RFC 6455 section 4.2.2), with more fields in the response."""
        self._accept(subprotocol, more)

    async def receive(self) -> Message:
        """Return the next message."""
        while (message := self._take()) is None:
            await self._until_message()
        return message

    async def send(self, message: Message) -> None:
        """Send a message; wait until the client has taken what was sent, or others have had their turn."""
        if not self.is_accepted:
            self._accept(None)
        self._raise_if_closed()
        self._send(self._sockets.frame(self._wire, message))
        self._sent_in_turn += 1
        if self._outgoing or self._sent_in_turn >= MAX_SENT or self._connection.phase is not STREAMING:
            await self._until_taken()

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame; messages that come behind it are discarded."""
        self._close(code, reason)

    def when_left(self, act: Callable[[float], object] | None) -> None:
        """Have a view ended some time after its client has left; None: it has ended."""
        if self._view_end is not None:
            self._view_end.cancel()
        self._view_end = None if act is None else self._sockets.view_end(self._connection, self._messages, act)

    def _accept(self, subprotocol: str | None, more: Sequence[Pair] = ()) -> None:
        self._raise_if_closed()
        connection = self._connection
        if connection.call.lane is Lane.THREAD:
            self._sockets.take_thread()
            self._holds_thread = True
        self.subprotocol, self.is_accepted = subprotocol, True
        fields = [*accept_fields(self._offer, subprotocol), *more]
        standard = self._table.date_lines + connection.extra_headers
        received = connection.wire.switch_protocol()
        connection.switch_to(self)
        self._send(write_switch("websocket", fields, standard))
        self._wire.receive(received)
        self._sockets.on_loop(self._begin)

    def _take(self) -> Message | None:
        """Return the next message, None if it has not come yet."""
        messages = self._messages
        if not messages:
            if self._last is not None:
                self._end_by(self._last)
            if self.closed is not None:
                raise WebSocketClosed(*self.closed)
            if not self.is_accepted:
                self._accept(None)
            if not messages:
                return None
        message = messages.pop(0)
        self._waiting_bytes -= len(message)
        if self._is_full and not messages:
            self._is_full = False
            self._sockets.on_loop(self._read_on)
        return message

    async def _until_message(self) -> None:
        """Wait until there is a message, or none can come."""
        if self._receiver is not None:
            raise AppError("two tasks receive from the same WebSocket; have one of them pass messages on")
        self._receiver = self._sockets.ownership.loop.create_future()
        try:
            await self._receiver
        finally:
            self._receiver = None

    async def _until_taken(self) -> None:
        self._sent_in_turn = 0
        await asyncio.sleep(0)
        while self._has_unsent:
            self._raise_if_closed()
            await self._until_writable()
        self._raise_if_closed()

    def _close(self, code: int, reason: str) -> None:
        if self.closed is None and self._connection.phase is not CLOSED:
            self._send(write_close(code, reason))
            self.closed, self._closing_at = (code, reason), self._table.now
            self._messages.clear()
            self._waiting_bytes = 0
            self._connection.move_deadline(self._closing_at + CLOSE_SECONDS)
            if self._is_full:  # the client's close frame may be behind what was not received
                self._is_full = False
                self._sockets.on_loop(self._read_on)
            self._wake()

    def end(self, status: int) -> None:
        """Close it, as its call has ended with the status of a response; from any thread."""
        self._sockets.background.schedule(self._connection)
        self._sockets.on_loop(lambda: self._end(close_code_of(status)))

    def _end(self, code: int) -> None:
        if self._holds_thread:
            self._sockets.release_thread()
        self._close(code, "")

    def wait(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns on the event loop, from a thread that waits for it."""
        return wait_on(self._sockets.ownership.loop, waiting, WebSocketClosed(ABNORMAL, ""))

    def _raise_if_closed(self) -> None:
        if self.closed is not None:
            raise WebSocketClosed(*self.closed)

    # --- for the hub --------------------------------------------------------------------------

    def on_poll_event(self, events: int) -> None:
        """Receive what the client has sent."""
        connection, table = self._connection, self._table
        turn = self._sockets.ownership.turn
        if turn is None or not turn.is_on_loop:
            table.watch(connection, 0)
            self._sockets.on_loop(self._watch)
            return
        if self._is_full and not events & READ:  # it has left, perhaps behind messages that the view has yet to take
            self._is_left = True
            table.watch(connection, 0)
            return
        try:
            data = connection.sock.recv(CONTENT_RECV_BYTES if self._wire.has_buffered else RECV_BYTES)
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
        silence = now - self._heard_at
        if self._last is not None:
            self._end_by(self._last)
        elif self._closing_at:
            if now - self._closing_at >= CLOSE_SECONDS:
                self._table.close(self._connection)
        elif self._is_full and not self._is_left:
            self._heard_at = now  # it is not listened to
        elif silence >= self._table.limits.ping_seconds:
            if self._is_pinged or self._is_left:
                self._table.close(self._connection)
            else:
                self._is_pinged, self._heard_at = True, now
                self._send(write_frame(PING, b""))

    def on_disconnect(self, *, is_certain: bool) -> None:  # noqa: ARG002 - it is always certain
        """Wake the view, where it waits: the connection is closed."""
        if self.closed is None:
            self.closed = ABNORMAL, ""
        self._wire.release()
        self._outgoing.clear()
        self._wake()

    def drain(self) -> None:
        """Have the client connect again: the server stops, or others take its place."""
        last = (CloseCode.SERVICE_RESTART, RESTARTS) if self._table.is_replaced else (CloseCode.GOING_AWAY, STOPS)
        self._sockets.on_loop(lambda: self._close(*last))

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
            events = READ if not self._is_full else 0 if self._is_left else HALF_CLOSED
            self._table.watch(self._connection, 0 if self._is_slowed else events)

    def _read_on(self) -> None:
        self._watch()
        self._take_events()

    def _take_events(self) -> None:
        """Take what has arrived, as far as the view has room, and others do not wait for too long."""
        wire, messages, pace = self._wire, self._messages, self._pace
        try:
            for _ in range(MAX_EVENTS):
                if len(messages) >= MAX_MESSAGES or self._waiting_bytes >= MAX_BYTES:
                    self._is_full = True
                    self._watch()
                    break
                if pace is not None and self._is_too_fast(pace):
                    break
                event = wire.next_event()
                if event is None:
                    break
                if event.__class__ is str or event.__class__ is bytes:
                    if not self._closing_at:
                        messages.append(event)
                        self._waiting_bytes += len(event)
                elif event is not FRAGMENT:
                    self._take_control(event)
            else:
                self._sockets.ownership.post(self._take_events)
        except WebSocketError as error:
            log.info("%s: a WebSocket is closed with %d: %s", self.source, error.code, error.reason)
            self._wire.release()  # nothing more of it is read (RFC 6455 section 7.1.7)
            self._end_when_taken(error)
        if messages and self._receiver is not None:
            settle(self._receiver, None)

    def _is_too_fast(self, pace: WebSocketPace) -> bool:
        """Return whether the client is to wait before its next frame is read."""
        if self._is_slowed or not self._wire.has_buffered:
            return self._is_slowed
        seconds = pace.seconds_to_wait(self._table.take_time())
        if seconds > 0:
            self._is_slowed = True
            self._watch()
            self._sockets.ownership.loop.call_later(seconds, self._sockets.on_loop, self._end_pause)
        return self._is_slowed

    def _end_pause(self) -> None:
        self._is_slowed = False
        self._read_on()

    def _take_control(self, event: object) -> None:
        if isinstance(event, Ping):
            self._send(write_frame(PONG, event.data))
        elif isinstance(event, Closed):
            self._end_when_taken(event)

    def _end_when_taken(self, last: Closed | WebSocketError) -> None:
        """Close for the last that came, when the view has taken what came before, and has had time to reply to it."""
        if self._messages and not self._closing_at:
            self._last = last
            self._connection.move_deadline(self._table.now + CLOSE_SECONDS)
        else:
            self._end_by(last)

    def _end_by(self, last: Closed | WebSocketError) -> None:
        """Return the client's close frame, unless it is for one of ours, or send our own for its fault, and close."""
        self._last = None
        if isinstance(last, WebSocketError):
            self._close(last.code, last.reason)
        elif self.closed is None:
            self.closed = last.code, last.reason
            self._send(write_close(last.code) if last.code != CloseCode.NONE else write_frame(CLOSE, b""))
            self._wake()
        self._sockets.on_loop(self._finish)

    def _finish(self) -> None:
        """Close the connection, once the client has taken what is pending; its view may go on."""
        self._wire.release()
        phase = self._connection.phase
        if phase is STREAMING:
            self._table.linger(self._connection)
        elif phase is STREAM_PAUSED:
            self._closing_at = self._closing_at or self._table.now

    def _on_all_taken(self) -> None:
        if self.closed is not None and self._wire.is_closed:
            self._finish()

    def _wake_on_loop(self) -> None:
        if self._receiver is not None:
            settle(self._receiver, None)
        self._wake_sender()
        if self._view_end is not None and self._connection.phase is CLOSED:
            self._view_end.begin()


def attach(sockets: WebSockets, connection: Connection) -> None:
    """Attach to a request what carries its messages, or the error of its handshake."""
    request, head = connection.request, connection.request.head
    try:
        offer = read_offer(head.method, head.minor, head.values)
    except HTTPError as error:
        request.cache_value(WEBSOCKET_KEY, error)
    else:
        request.cache_value(WEBSOCKET_KEY, WebSocketStream(sockets, connection, offer))

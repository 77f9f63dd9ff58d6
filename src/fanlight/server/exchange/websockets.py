"""What the WebSockets of one hub share, and how each of them sends.

In: WebSockets of plain views, which hold threads, and messages that may go to many clients. Out: a frame is made once
for all of them. Refuses a WebSocket that would leave plain pages no thread. A frame is
sent at once, or when the client has taken those before; while another thread holds the hub, it waits. The rest of a
WebSocket is in `websocket_stream`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sized
from typing import TYPE_CHECKING

from fanlight.errors import ServiceUnavailable
from fanlight.message.websocket import SWITCHING_PROTOCOLS
from fanlight.server.connection.phases import RUNNING, STREAM_PAUSED, STREAMING
from fanlight.server.exchange.call_links import ClientWatch
from fanlight.server.exchange.view_end import ViewEnd
from fanlight.server.io.poller import WRITE
from fanlight.server.io.thread_pool import RETRY, settle

if TYPE_CHECKING:
    from fanlight.message.websocket import Message
    from fanlight.server.connection.connection import Connection
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.wire.websocket.websocket_connection import WebSocketConnection

_THREADS_SHARE = 4  # one thread of so many, at least one, is left to plain pages

NO_THREAD = "Every thread that may hold a WebSocket has one; raise Limits.threads, or write the view as `async def`."


class WebSockets:
    """What the WebSockets of one hub share."""

    def __init__(self, table: ConnectionTable, ownership: Ownership, background: BackgroundTasks) -> None:
        """Begin without any."""
        self.table, self.ownership, self.background = table, ownership, background
        threads = table.limits.threads
        self._threads_left = threads - max(1, threads // _THREADS_SHARE)
        self._last_frame: tuple[Message | None, int, bytes] = None, 0, b""  # of a message that may go to many clients

    def take_thread(self) -> None:
        """Note that the view of a WebSocket keeps its thread. Raises ServiceUnavailable."""
        if self._threads_left <= 0:
            raise ServiceUnavailable(NO_THREAD, headers=RETRY)
        self._threads_left -= 1

    def release_thread(self) -> None:
        """Note that the view of a WebSocket has given its thread back."""
        self._threads_left += 1

    def on_loop(self, act: Callable[[], object]) -> None:
        """Call a function in the loop's thread, when that holds the hub: at once, if it does; from any thread."""
        if self.ownership.on_loop_thread():
            act()
        else:
            self.ownership.post(self.ownership.when_on_loop, act)

    def view_end(self, connection: Connection, messages: Sized, act: Callable[[float], object]) -> ViewEnd:
        """Return the end of a view; it begins by itself if the client leaves before the handshake is complete."""
        end = ViewEnd(self.ownership.loop, messages, act)
        self.ownership.post(self._watch_handshake, connection, end.begin)
        return end

    def _watch_handshake(self, connection: Connection, on_left: Callable[[], object]) -> None:
        if connection.phase is RUNNING and connection.status != SWITCHING_PROTOCOLS:
            connection.read_body_by(ClientWatch(self.table, connection, on_left))
            self.table.watch(connection)

    def frame(self, wire: WebSocketConnection, message: Message) -> bytes:
        """Return the frame of a message, which is made once where one message goes to many clients."""
        last, bits, frame = self._last_frame
        if last is message and bits == wire.window_bits:
            return frame
        frame = wire.write(message)
        self._last_frame = message, wire.window_bits, frame
        return frame


class FrameSender:
    """The sending half of a WebSocket."""

    __slots__ = ("_connection", "_outgoing", "_sockets", "_table", "_writable", "size")

    def __init__(self, sockets: WebSockets, connection: Connection) -> None:
        self._sockets, self._table, self._connection = sockets, sockets.table, connection
        self._outgoing: list[bytes] = []  # behind what is pending in the connection
        self._writable: asyncio.Future[None] | None = None  # for a view that waits until the client takes more
        self.size = 0  # bytes sent, or waiting to be

    def _send(self, data: bytes) -> None:
        """Send, or keep it until the client has taken what is before it."""
        self.size += len(data)
        self._outgoing.append(data)
        if self._sockets.ownership.on_loop_thread():
            self._flush()
        else:
            self._sockets.on_loop(self._flush)

    def _flush(self) -> None:
        connection, outgoing = self._connection, self._outgoing
        if not outgoing or connection.phase is not STREAMING:
            return
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        try:
            if connection.send(data):
                self._wake_sender()  # which waits where another thread held the hub when it sent
            else:
                connection.pause_stream(self._on_writable, self._table.now, self._table.limits)
                self._table.watch(connection, WRITE)
        except OSError:
            self._table.close(connection)

    def _on_writable(self, is_there: bool) -> None:  # noqa: FBT001 - called when written
        if is_there:
            self._sockets.on_loop(self._go_on)

    def _go_on(self) -> None:
        self._watch()
        self._flush()
        if self._connection.phase is STREAMING:
            self._wake_sender()
            self._on_all_taken()

    def _watch(self) -> None:
        """Have the poller watch for what is to be received now."""
        raise NotImplementedError

    def _on_all_taken(self) -> None:
        """Go on, as the client has taken all."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Wake all that waits: it is closed."""
        ownership = self._sockets.ownership
        if threading.get_ident() == ownership.loop_thread_id:
            self._wake_on_loop()
        else:
            ownership.loop.call_soon_threadsafe(self._wake_on_loop)

    def _wake_on_loop(self) -> None:
        raise NotImplementedError

    @property
    def _has_unsent(self) -> bool:
        return bool(self._outgoing) or self._connection.phase is STREAM_PAUSED

    async def _until_writable(self) -> None:
        """Wait until the client has taken all, or the connection is closed."""
        if self._writable is None:
            self._writable = self._sockets.ownership.loop.create_future()
        await asyncio.shield(self._writable)

    def _wake_sender(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None:
            settle(writable, None)

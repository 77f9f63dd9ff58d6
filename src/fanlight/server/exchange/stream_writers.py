"""Write streams to their clients, each at the pace of its client.

In: a stream and the connection that it goes to. Out: its pieces are sent. When the client takes no more, the stream
waits; a sync one gives its thread back meanwhile, so a slow client holds none. A stream that fails is cut off, so that
the client can tell it from a complete one.

When the client disconnects, the stream is closed: an async one at once, even while it waits for something else; a sync
one at its next piece, because nothing can interrupt a thread. A client that has only closed its sending side (RFC 9112
section 9.6) may still be reading: it gets what comes without a pause.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from fanlight.errors import ClientDisconnected
from fanlight.message import forked_child
from fanlight.message.stream import AsyncStream, SyncStream, to_bytes
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.content_flow import PAUSE_SECONDS
from fanlight.server.connection.phases import CLOSED
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.exchange.response_head import has_no_body
from fanlight.server.io.poller import DISCONNECTED, HALF_CLOSED, WRITE
from fanlight.server.io.thread_pool import ThreadPool, settle

log = logging.getLogger("fanlight.server")

S = TypeVar("S", SyncStream, AsyncStream)
Done = Callable[[Connection, int], None]
_END: Final = object()
_CUT_OFF = "the client disconnected in the middle of a stream"


class _StreamWriter(Generic[S]):
    """What both kinds of writer share: send, wait for the client, notice that it disconnects, end, fail."""

    def __init__(self, table: ConnectionTable, connection: Connection, stream: S, done: Done) -> None:
        """Prepare; the stream is not begun yet, and never is where the response has no content (to HEAD, for one)."""
        self._table, self._ownership = table, table.ownership
        self.connection, self._done = connection, done
        self._stream: S = stream
        self._has_content = not has_no_body(connection, connection.status)
        self.source: object = stream.source
        self.size = 0  # bytes sent, or waiting to be
        self.began = table.now

    # --- in the hub thread ---------------------------------------------------------------------

    def on_poll_event(self, events: int) -> None:
        """Handle a poll event while streaming: pipelined data waits, a disconnect ends the stream."""
        connection, table = self.connection, self._table
        is_certain = bool(events & DISCONNECTED)
        if not is_certain and not events & HALF_CLOSED:
            try:
                # Peek only: pipelined data is received by the owner of the connection after the stream.
                if connection.sock.recv(1, socket.MSG_PEEK):
                    table.watch(connection, HALF_CLOSED)
                    return
            except BlockingIOError:
                return
            except OSError:
                is_certain = True
        table.watch(connection, 0)
        self.on_disconnect(is_certain=is_certain)

    def on_disconnect(self, *, is_certain: bool) -> None:
        """End the stream. Where the client may only have closed its sending side, see first whether it pauses."""
        raise NotImplementedError

    def check(self, now: float) -> None:
        """Do nothing: sending the next piece will show it."""

    def drain(self) -> None:
        """Do nothing: a stream with a natural end is waited for."""

    def _begin_waiting(self, on_writable: Callable[[bool], object]) -> None:
        connection = self.connection
        if connection.phase is CLOSED:
            on_writable(False)
            return
        connection.pause_stream(on_writable, self._table.now, self._table.limits)
        self._table.watch(connection, WRITE)

    # --- in the thread or task that owns the connection ------------------------------------------

    def _send(self, data: bytes) -> bool:
        """Send; False if the client must take the rest first. Raises OSError when it has disconnected."""
        self.size += len(data)
        return not data or self.connection.send(data)

    def _wait_until_written(self, on_writable: Callable[[bool], object]) -> None:
        """Have the hub write the rest, then call `on_writable(True)`, or `(False)` if the client disconnected."""
        self._ownership.post(self._begin_waiting, on_writable)

    def _end(self) -> None:
        # A rest, if any, stays pending in the connection: it is written by what follows the stream.
        self._send(self.connection.wire.end_response(getattr(self.source, "trailers", ())))
        self._ownership.post(self._done, self.connection, self.size)

    def _fail(self, error: BaseException | None) -> None:
        if error is not None and not self._is_about_client(error):
            log.error("%s failed while it streamed; its response is cut off", self.connection.call.name, exc_info=error)
        self._ownership.post(self._table.close, self.connection)

    def _is_about_client(self, error: BaseException) -> bool:
        """Return whether an error is the client's disconnect, and not a failure of the view's own I/O."""
        is_closed = self.connection.phase is CLOSED and isinstance(error, OSError)
        return is_closed or isinstance(error, ClientDisconnected | ConnectionError)

    def _log_close_failure(self, error: BaseException) -> None:
        log.error("%s failed while its stream was closed", self.connection.call.name, exc_info=error)


class ThreadStreamWriter(_StreamWriter[SyncStream]):
    """Pull a sync stream in the threads of the pool."""

    _is_disconnected = False

    def __init__(
        self, table: ConnectionTable, connection: Connection, stream: SyncStream, done: Done, pool: ThreadPool
    ) -> None:
        super().__init__(table, connection, stream, done)
        self._pool = pool

    def on_disconnect(self, *, is_certain: bool) -> None:
        """End the stream at its next piece; where the disconnect is not certain, sending that piece will show it."""
        self._is_disconnected = is_certain

    def submit(self, data: bytes) -> None:
        """Send the head or nothing, then pull, in a thread of the pool."""
        if not self._pool.submit(self._run, data):
            log.warning("%s can't stream: every thread is busy and the queue is full", self.connection.call.name)
            self._close()
            self._fail(None)

    def _on_writable(self, is_connected: bool) -> None:  # noqa: FBT001 - called when written
        if is_connected:
            self.submit(b"")
        elif not self._pool.submit(self._close):
            self._close()  # here, although it may block: what the stream depends on must not stay open

    def _run(self, data: bytes) -> None:
        wire, stream = self.connection.wire, self._stream
        try:
            run = self.connection.request.context.run
            has_room = self._send(data)  # first: a stream that fails later is cut off
            while has_room and self._has_content:
                piece = run(next, stream, _END)
                if piece is _END:
                    break
                if self._is_disconnected:
                    raise ClientDisconnected(_CUT_OFF)  # noqa: TRY301 - one way out
                has_room = self._send(wire.send_content(piece if piece.__class__ is bytes else to_bytes(piece)))
            if not has_room:
                self._wait_until_written(self._on_writable)
                return
            self._close()
            self._end()
        except BaseException as error:  # noqa: BLE001 - the stream runs code of the view
            forked_child.exit_if_forked()
            self._close()
            self._fail(error)

    def _close(self) -> None:
        try:
            self.connection.request.context.run(self._stream.close)
        except BaseException as error:  # noqa: BLE001 - as above
            forked_child.exit_if_forked()
            self._log_close_failure(error)


class AsyncStreamWriter(_StreamWriter[AsyncStream]):
    """Pull an async stream on the event loop. One with a heartbeat gets it while it waits, and is ended by a drain."""

    _task: asyncio.Task[None] | None = None
    _writable: asyncio.Future[bool] | None = None  # while the client must take the rest first
    _is_pulling = _is_stopping = _is_disconnected = _is_finished = False
    _pieces = 0  # how many have been pulled
    _sent_at = 0.0  # when the last piece was sent, for the heartbeat

    async def run(self, opening: bytes) -> None:
        """Send the head, then every piece, and end."""
        wire, heartbeat = self.connection.wire, self._stream.heartbeat
        self._task = asyncio.current_task()
        try:
            if not self._send(opening):
                await self._until_written()
            if self._has_content:
                if heartbeat is not None:
                    self._sent_at = self._ownership.loop.time()
                    self._ownership.loop.call_later(heartbeat.interval, self._on_heartbeat_timer, heartbeat.interval)
                while (piece := await self._next()) is not _END:
                    data = wire.send_content(piece if piece.__class__ is bytes else to_bytes(piece))
                    if self._writable is not None:  # a heartbeat waits to be written
                        await self._until_written()
                    if not self._send(data):
                        await self._until_written()
                    if heartbeat is not None:
                        self._sent_at = self._ownership.loop.time()
            if self._writable is not None:
                await self._until_written()
            if not self._is_stopping:  # else a thread may be at it, for which the client does not wait
                await self._close()
            self._end()
        except BaseException as error:
            forked_child.exit_if_forked()
            if self._is_loop_ending(error):
                raise
            # Whatever the view's own code raises; also a cancellation that is not ours (`_next` handles ours).
            self._fail(error)
        finally:
            self._is_finished = True
            await self._close()

    async def _next(self) -> object:
        """Return the next piece, _END after the last one or when the stream is stopped. Raises ClientDisconnected."""
        if not self._is_stopping:
            self._is_pulling = True
            try:
                piece: object = await anext(self._stream, _END)
            except asyncio.CancelledError:
                if not self._is_stopping or self._task is None:
                    raise
                self._task.uncancel()  # `_stop` has cancelled it, to wake the stream where it waits
                piece = _END
            finally:
                self._is_pulling = False
            self._pieces += 1
            if not self._is_disconnected:
                return piece
        if self._is_disconnected:
            raise ClientDisconnected(_CUT_OFF)
        return _END

    async def _close(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException as error:
            forked_child.exit_if_forked()
            if self._is_loop_ending(error):
                raise
            self._log_close_failure(error)

    def _is_loop_ending(self, error: BaseException) -> bool:
        """Return whether an exception is a cancellation because the event loop ends, and its tasks with it."""
        return isinstance(error, asyncio.CancelledError) and self._ownership.is_closed

    # --- the client takes no more for now ------------------------------------------------------

    def _watch_writable(self) -> asyncio.Future[bool]:
        loop = self._ownership.loop
        self._writable = writable = loop.create_future()

        def on_writable(is_connected: bool) -> None:  # noqa: FBT001 - called when written
            loop.call_soon_threadsafe(settle, writable, is_connected)

        self._wait_until_written(on_writable)
        return writable

    async def _until_written(self) -> None:
        """Wait until the client has taken what was sent. Raises ClientDisconnected."""
        if not await (self._writable or self._watch_writable()):
            raise ClientDisconnected(_CUT_OFF)
        self._writable = None

    # --- a heartbeat, while the stream waits ----------------------------------------------------

    def _on_heartbeat_timer(self, interval: float) -> None:
        if self._is_finished:
            return
        now = self._ownership.loop.time()
        due = self._sent_at + interval
        if now >= due:
            self._send_heartbeat()
            due = now + interval
        self._ownership.loop.call_at(due, self._on_heartbeat_timer, interval)

    def _send_heartbeat(self) -> None:
        """Send it, unless a piece is being sent, or the client has yet to take what came before."""
        if not self._is_pulling or (self._writable is not None and not self._writable.done()):
            return
        self._writable = None
        try:
            if not self._send(self.connection.wire.send_content(self._stream.heartbeat_frame())):
                self._watch_writable()
        except OSError:
            self._stop(is_disconnected=True)

    # --- the end comes from outside -------------------------------------------------------------

    def on_disconnect(self, *, is_certain: bool) -> None:
        """End the stream at once, or (where the client may only be half-closed) at its first pause."""
        self._ownership.loop.call_soon_threadsafe(self._disconnected, is_certain)

    def drain(self) -> None:
        """End a stream with a heartbeat, which has no natural end, as if it had come to one."""
        if self._stream.heartbeat is not None:
            self._ownership.loop.call_soon_threadsafe(self._stop)

    def _disconnected(self, is_certain: bool) -> None:  # noqa: FBT001 - called by the loop
        if is_certain:
            self._stop(is_disconnected=True)
        else:
            self._ownership.loop.call_later(PAUSE_SECONDS, self._check_pause, self._pieces)

    def _check_pause(self, pieces: int) -> None:
        if self._is_pulling and self._pieces == pieces:
            self._stop(is_disconnected=True)
        elif not self._is_finished:
            self._ownership.loop.call_later(PAUSE_SECONDS, self._check_pause, self._pieces)

    def _stop(self, *, is_disconnected: bool = False) -> None:
        if self._is_finished:
            return
        self._is_stopping, self._is_disconnected = True, self._is_disconnected or is_disconnected
        if self._is_pulling and self._task is not None:
            self._task.cancel()

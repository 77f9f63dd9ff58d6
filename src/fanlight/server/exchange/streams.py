"""Start the streams of one hub, and end those without a natural end on a graceful shutdown.

In: a response whose content is an iterable, and the bytes of its head. Out: a writer that pulls it, an async one on the
event loop, a sync one in the thread pool. How a stream is written is in `stream_writers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Context
from typing import TYPE_CHECKING

from fanlight.message.handler import Lane
from fanlight.message.response import Response, check_length
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces
from fanlight.server.connection.connection import Connection, Streaming
from fanlight.server.connection.phases import CLOSED, RUNNING, STREAMING
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.exchange.stream_writers import AsyncStreamWriter, Done, ThreadStreamWriter

if TYPE_CHECKING:
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.dispatch import Executors


def open_stream(response: Response, context: Context) -> tuple[SyncStream | AsyncStream, int | None]:
    """Return the stream of a response, and its length if known. Raises InvalidResponse for content that is no stream.

    A sync stream with a heartbeat becomes an async one, whose pieces are made in threads: while it waits for one, the
    event loop sends the heartbeat.
    """
    stream, length, heartbeat = stream_of(response.content), response.length, response.heartbeat
    check_length(length)  # the app's own class of response may return anything
    if heartbeat is not None:
        if isinstance(stream, SyncStream):
            stream = AsyncStream(ThreadPieces(stream, context))
        stream = stream.with_parts(heartbeat=heartbeat)
    return stream, length


class Streams:
    """The streams of one hub."""

    def __init__(self, table: ConnectionTable, ownership: Ownership, executors: Executors, done: Done) -> None:
        """Pull on the hub's event loop and in this pool; `done` is called in the hub thread when a stream is sent."""
        self._table, self._ownership, self._done = table, ownership, done
        self._pool, self._watchdog = executors.pool, executors.watchdog

    def begin(self, connection: Connection, stream: SyncStream | AsyncStream, opening: bytes) -> None:
        """Send the head, then each piece. The writer owns the connection until `done` is called."""
        table, ownership = self._table, self._ownership
        if isinstance(stream, AsyncStream):
            writer = AsyncStreamWriter(table, connection, stream, self._done)
            self._listen(connection, writer)
            if table.is_draining:
                writer.drain()
            ownership.loop.call_soon_threadsafe(self._begin_task, writer, opening, connection)
            return
        thread_writer = ThreadStreamWriter(table, connection, stream, self._done, self._pool)
        self._listen(connection, thread_writer)
        if connection.call.lane is Lane.TASK:  # its task may still be in the context: begin when that has ended
            ownership.loop.call_soon_threadsafe(thread_writer.submit, opening)
        else:
            thread_writer.submit(opening)

    def is_refused(self, connection: Connection, stream: SyncStream | AsyncStream) -> bool:
        """Return whether no thread is free to pull a stream; then it is closed, and nothing of it has been sent."""
        if isinstance(stream, AsyncStream) or self._pool.has_room():
            return False
        # On the event loop: the task that has made the stream may still be in its context.
        self._ownership.loop.call_soon_threadsafe(connection.request.context.run, stream.close)
        return True

    def _begin_task(self, writer: AsyncStreamWriter, opening: bytes, connection: Connection) -> None:
        context = connection.request.context
        source = writer.source
        if isinstance(source, ThreadPieces) and source.context is context:
            context = context.copy()  # two threads can't be in one context at once
        task = self._ownership.loop.create_task(writer.run(opening), context=context)
        self._watchdog.tasks[task] = connection
        task.add_done_callback(self._watchdog.tasks.pop)

    def _listen(self, connection: Connection, writer: Streaming) -> None:
        """Enter STREAMING, in the hub thread; called before the writer can post anything."""
        connection.begin_stream(writer)
        if connection.phase is RUNNING and not self._ownership.on_loop_thread():
            self._ownership.post(self._enter_streaming, connection)
        else:
            self._enter_streaming(connection)

    def _enter_streaming(self, connection: Connection) -> None:
        if connection.phase is not CLOSED:
            connection.enter(STREAMING, self._table.now, 0.0)
            self._table.watch(connection)  # for the client's disconnect


def end_streams(connections: Iterable[Connection]) -> None:
    """End the streams that have no natural end, as if they had come to one. Only for the hub thread."""
    for connection in connections:
        if connection.stream is not None:
            connection.stream.drain()

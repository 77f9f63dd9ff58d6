"""Start the streams of one hub.

In: a response whose content is an iterable. Out: a writer that pulls it, an async one on the
event loop, a sync one in the thread pool. How a stream is written is in `stream_writers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.message.handler import Lane
from fanlight.message.response import Response, check_length
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.content_flow import Streaming
from fanlight.server.connection.phases import CLOSED, RUNNING, STREAMING
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.exchange.stream_writers import AsyncStreamWriter, Done, ThreadStreamWriter

if TYPE_CHECKING:
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.dispatch import Executors


class Streams:
    """The streams of one hub."""

    def __init__(self, table: ConnectionTable, ownership: Ownership, executors: Executors, done: Done) -> None:
        """Pull on the hub's event loop and in this pool; `done` is called in the hub thread when a stream is sent."""
        self._table, self._ownership, self._done = table, ownership, done
        self._pool, self._watchdog = executors.pool, executors.watchdog

    def start(self, connection: Connection, response: Response, standard: bytes) -> bool:
        """Send the head of a response, then each piece; False, and nothing is sent, if no thread is free to pull it.

        The writer owns the connection until `done` is called. Raises InvalidResponse for content that is no stream.
        """
        table, loop, context = self._table, self._ownership.loop, connection.request.context
        stream, length = stream_of(response.content), response.length
        check_length(length)  # the app's own class of response may return anything
        if response.heartbeat is not None:
            if isinstance(stream, SyncStream):  # its pieces are made in threads, and the loop sends the heartbeat
                stream = AsyncStream(ThreadPieces(stream, context))
            stream = stream.with_parts(heartbeat=response.heartbeat)
        if isinstance(stream, SyncStream) and not self._pool.has_room():
            # On the event loop: the task that has made the stream may still be in its context.
            loop.call_soon_threadsafe(context.run, stream.close)
            return False
        opening = connection.wire.start_response(response.status, response.fields(), length, standard)
        connection.status = response.status
        if isinstance(stream, AsyncStream):
            writer = AsyncStreamWriter(table, connection, stream, self._done)
            self._listen(connection, writer)
            if table.is_draining:
                writer.drain()
            loop.call_soon_threadsafe(self._begin_task, writer, opening, connection)
            return True
        thread_writer = ThreadStreamWriter(table, connection, stream, self._done, self._pool)
        self._listen(connection, thread_writer)
        if connection.call.lane is Lane.TASK:  # its task may still be in the context: begin when that has ended
            loop.call_soon_threadsafe(thread_writer.submit, opening)
        else:
            thread_writer.submit(opening)
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

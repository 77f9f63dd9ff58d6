"""Begin the streams of one hub, and end them when it drains.

In: a response whose content comes piece by piece, and the bytes of its head. Out: a pump is at it, async ones on
the loop, others in the pool. Knows how a stream begins and ends; the pumps know how it flows.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from fanlight.errors import InvalidResponse
from fanlight.message.handler import Lane
from fanlight.message.response import Heartbeat, Response, check_length
from fanlight.server.connection.connection import RUNNING, Connection
from fanlight.server.connection.host import Host
from fanlight.server.connection.response_head import NO_CONTENT
from fanlight.server.connection.stream_writers import AsyncStreamWriter, Done, ThreadStreamWriter
from fanlight.server.io.thread_pool import ThreadPool, in_thread

if TYPE_CHECKING:
    from fanlight.server.dispatch.loop_watchdog import EventLoopWatchdog

_END: Final = object()


@dataclass(frozen=True, slots=True)
class Stream:
    """What a response says of its content, looked at once, before its head is written."""

    content: Iterable[bytes | str] | AsyncIterable[bytes | str]
    length: int | None
    heartbeat: Heartbeat | None


def stream_of(response: Response) -> Stream:
    """Return the stream of a response. Raises InvalidResponse for what is none."""
    content: Any = response.content  # the app may have put anything there
    length: Any = response.length
    heartbeat = response.heartbeat
    if not isinstance(content, Iterable | AsyncIterable) or isinstance(content, Mapping):  # which would be its keys
        kind = type(content).__name__
        raise InvalidResponse(f"content of type {kind} can't be sent; give bytes, or an iterator of bytes or str")
    check_length(length)  # a class of the app's own may have another than `Response` has let in
    return Stream(content, length, heartbeat)


class Streams:
    """The streams of one hub."""

    def __init__(self, hub: Host, pool: ThreadPool, watchdog: EventLoopWatchdog, done: Done) -> None:
        """Pull on the hub's loop and in this pool; the holder calls `done` when a stream is out."""
        self._hub, self._pool, self._watchdog, self._done = hub, pool, watchdog, done

    def begin(self, connection: Connection, stream: Stream, opening: bytes) -> None:
        """Send the head, then what the content gives; the connection is the pump's until the holder calls `done`."""
        hub, content, heartbeat = self._hub, stream.content, stream.heartbeat
        has_content = connection.request.head.method != "HEAD" and connection.status not in NO_CONTENT
        context = connection.request.context
        if heartbeat is not None and not isinstance(content, AsyncIterable):
            content = InThreads(content, hub, self._pool, connection)
            context = context.copy()  # two threads can't be in one at once, and the task is in its own
        if isinstance(content, AsyncIterable):
            connection.stream = writer = AsyncStreamWriter(
                hub, connection, content, self._done, has_content=has_content
            )
            if heartbeat is not None:
                writer.heartbeat = heartbeat
                if hub.is_draining:
                    writer.drain()
            hub.loop.call_soon_threadsafe(self._begin_task, writer, opening, connection, context)
        else:
            connection.stream = thread_writer = ThreadStreamWriter(
                hub, connection, content, self._done, has_content=has_content
            )
            if connection.call.lane is Lane.TASK:  # whose task may be in the context still: begin when it has ended
                hub.loop.call_soon_threadsafe(thread_writer.begin, opening, self._pool)
            else:
                thread_writer.begin(opening, self._pool)
        if (
            not connection.interest or not hub.on_loop_thread()
        ):  # it may be that the holder no longer hears of its client
            hub.post(self._listen, connection, connection.stream)

    def is_refused(self, connection: Connection, stream: Stream) -> bool:
        """Say whether no thread could pull a stream; then it is closed, and nothing of it has been sent."""
        content = stream.content
        if stream.heartbeat is not None or isinstance(content, AsyncIterable) or self._pool.has_room():
            return False
        close = getattr(content, "close", None)
        if close is not None:  # on the loop: a task that has made it may be in its context still
            self._hub.loop.call_soon_threadsafe(connection.request.context.run, close)
        return True

    def _begin_task(self, writer: AsyncStreamWriter, opening: bytes, connection: Connection, context: Context) -> None:
        task = self._hub.loop.create_task(writer.run(opening), context=context)
        self._watchdog.tasks[task] = connection
        task.add_done_callback(self._watchdog.tasks.pop)

    def _listen(self, connection: Connection, stream: object) -> None:
        if connection.phase is RUNNING and connection.stream is stream and stream is not None:
            self._hub.watch(connection)


def end_streams(connections: Iterable[Connection]) -> None:
    """End those that have no end of their own, politely; only the holder may."""
    for connection in connections:
        if connection.stream is not None:
            connection.stream.drain()


class InThreads:
    """An async iterator over a sync one, each of whose pieces is made in a thread of the pool.

    Nothing can interrupt a thread: if the stream is ended while a piece is made, the iterator is closed behind it.
    """

    def __init__(self, content: Iterable[bytes | str], hub: Host, pool: ThreadPool, connection: Connection) -> None:
        """Take over the content; nothing is pulled yet, and all of it will be in the context of the request."""
        self._content, self._hub, self._pool = content, hub, pool
        self.connection, self._context = connection, connection.request.context
        self._pieces: Iterator[Any] | None = None
        self._lock = threading.Lock()  # of who closes: the one that sees both, that nobody is at it and that it is over
        self._is_making = self._is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes | str]:
        return self

    async def __anext__(self) -> bytes | str:
        piece = await in_thread(self._make, self._hub.loop, self._pool)
        if piece is _END:
            raise StopAsyncIteration
        return cast("bytes | str", piece)

    def _make(self) -> object:
        """Return the next piece; in a thread."""
        with self._lock:
            if self._is_closed:
                return _END
            self._is_making = True
        try:
            if self._pieces is None:
                self._pieces = self._context.run(iter, self._content)
            return self._context.run(next, self._pieces, _END)
        finally:
            with self._lock:
                self._is_making = False
                must_close = self._is_closed
            if must_close:
                self._close()

    async def aclose(self) -> None:
        """Close the content, or have it closed by the thread that is at it."""
        with self._lock:
            self._is_closed = True
            may_close = not self._is_making
        if may_close:
            await in_thread(self._close, self._hub.loop, self._pool)

    def _close(self) -> None:
        close = getattr(self._content, "close", None)
        if close is not None:
            self._context.run(close)

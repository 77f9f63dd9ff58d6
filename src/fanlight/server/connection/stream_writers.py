"""Send an answer that is made piece by piece, at the pace of the client that takes it.

In: an iterator, or an async one, of bytes. Out: its pieces are on their way; when the client takes
no more, the iterator waits (and a sync one gives its thread back meanwhile: a slow client holds
none). When the iterator fails half-way the connection is cut, so that the client can tell a whole
answer from a broken one.

When the client leaves, the iterator is closed: an async one at once, even where it waits for something
else; a sync one at its next piece, because nothing can interrupt a thread. A client that only says that it
sends no more (RFC 9112 section 9.6 lets it) may still be reading: it gets what comes without a pause.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fanlight.errors import ClientDisconnected, InvalidResponse
from fanlight.message import forked_child
from fanlight.server.connection.connection import CLOSED, WRITING, Connection
from fanlight.server.connection.host import Host
from fanlight.server.io.poller import GONE, LEFT, WRITE

if TYPE_CHECKING:
    from fanlight.message.response import Heartbeat
    from fanlight.server.io.thread_pool import ThreadPool

PAUSE_SECONDS = 1.0  # a client that sends no more, and gets nothing for so long, is taken to have left

log = logging.getLogger("fanlight.server")

Pieces = TypeVar("Pieces")
Done = Callable[[Connection, int], None]
_END: Final = object()


def _encoded(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise InvalidResponse(f"a stream's pieces are bytes or str, not {type(piece).__name__}")
    return bytes(piece)


class _StreamWriter(Generic[Pieces]):
    """What both kinds of stream share: send, wait for the client, hear that it leaves, end, fail."""

    def __init__(self, hub: Host, connection: Connection, content: Pieces, done: Done, *, has_content: bool) -> None:
        """Prepare; nothing is pulled yet, and nothing ever without content (an answer to HEAD)."""
        self._hub, self.connection, self._done = hub, connection, done
        self.content, self._has_content = content, has_content
        self.size = 0  # bytes that were sent, or wait to be
        self.began = hub.now

    # --- the holder's side -------------------------------------------------------------------

    def on_poll_event(self, events: int) -> None:
        """Look what the client means by an event: a next request waits, one that has left ends the stream."""
        connection, hub = self.connection, self._hub
        is_sure = bool(events & GONE)
        if not is_sure and not events & LEFT:
            try:
                # A look, no more: what is on its way is read by whoever owns the connection when the stream is over.
                if connection.sock.recv(1, socket.MSG_PEEK):
                    hub.watch(connection, LEFT)
                    return
            except BlockingIOError:
                return
            except OSError:
                is_sure = True
        hub.watch(connection, 0)
        self.client_left(is_sure=is_sure)

    def client_left(self, *, is_sure: bool) -> None:
        """End it: its client takes no more. Where that is not sure, as it only sends no more, see whether it waits."""
        raise NotImplementedError

    def drain(self) -> None:
        """Do nothing: it has an end of its own, and is waited for."""

    def _begin_waiting(self, go_on: Callable[[bool], object]) -> None:
        connection = self.connection
        if connection.phase is CLOSED:
            go_on(False)
            return
        connection.after_write = go_on
        connection.wait(WRITING, self._hub.now, self._hub.limits)
        self._hub.watch(connection, WRITE)

    # --- the owner's side ----------------------------------------------------------------------

    def _send(self, data: bytes) -> bool:
        """Send; False if the client must take the rest first. Raises OSError when it is gone."""
        self.size += len(data)
        return not data or self.connection.send(data)

    def _wait_for_client(self, go_on: Callable[[bool], object]) -> None:
        """Have the hub write the rest, then call `go_on(True)`, or `go_on(False)` if the client left."""
        self._hub.post(self._begin_waiting, go_on)

    def _end(self) -> None:
        self._hub.post(self._done, self.connection, self.size)

    def _fail(self, error: BaseException | None) -> None:
        if error is not None and not self._is_about_client(error):
            log.error("%s failed while it streamed; its answer is cut off", self.connection.call.name, exc_info=error)
        self._hub.post(self._hub.drop, self.connection)

    def _is_about_client(self, error: BaseException) -> bool:
        """Say whether an error is the client's leaving, and not a fault of the view's own input or output."""
        is_closed = self.connection.phase is CLOSED and isinstance(error, OSError)
        return is_closed or isinstance(error, ClientDisconnected | ConnectionError)

    def _tell_unclosed(self, error: BaseException) -> None:
        log.error("%s failed while its stream was closed", self.connection.call.name, exc_info=error)


class ThreadStreamWriter(_StreamWriter[Iterable[bytes | str]]):
    """Pulls a sync iterator in the pool's threads."""

    _pieces: Iterator[bytes | str] | None = None
    _pool: ThreadPool
    _has_left = False

    def begin(self, opening: bytes, pool: ThreadPool) -> None:
        """Send the head, then pull, in a thread of the pool."""
        self._pool = pool
        self._submit(self._run, opening)

    def client_left(self, *, is_sure: bool) -> None:
        """End it at its next piece; where it is not sure, the sending of that will tell."""
        self._has_left = is_sure

    def _submit(self, act: Callable[..., object], *args: object) -> None:
        if not self._pool.submit(act, *args):
            log.warning("%s can't stream: every thread is taken and too much waits", self.connection.call.name)
            self._close()
            self._fail(None)

    def _go_on(self, is_there: bool) -> None:  # noqa: FBT001 - the shape of `after_write`
        self._submit(self._run, b"") if is_there else self._pool.submit(self._close)

    def _run(self, data: bytes) -> None:
        wire = self.connection.wire
        try:
            run = self.connection.request.context.run
            is_room = self._send(data)  # first: what fails is cut off, and told from what was never answered
            if self._pieces is None:
                self._pieces = run(iter, self.content)
            while is_room and self._has_content:
                piece = run(next, self._pieces, _END)
                if piece is _END:
                    break
                if self._has_left:
                    raise ClientDisconnected("the client left in the middle of a stream")  # noqa: TRY301 - one way out
                is_room = self._send(wire.send_content(_encoded(piece)))
            if not is_room:
                self._wait_for_client(self._go_on)
                return
            self._close()
            self._send(wire.end_response())  # its rest, if any, stays in `out`: what follows the stream writes it
            self._end()
        except BaseException as error:  # noqa: BLE001 - the view's own code runs in the iterator
            forked_child.exit_if_forked()
            self._close()
            self._fail(error)

    def _close(self) -> None:
        close = getattr(self.content, "close", None)
        if close is not None:
            try:
                self.connection.request.context.run(close)
            except BaseException as error:  # noqa: BLE001 - as above
                self._tell_unclosed(error)


class AsyncStreamWriter(_StreamWriter[AsyncIterable[bytes | str]]):
    """Pull an async iterator on the loop. With a heartbeat, send that while the iterator waits, and end on a drain."""

    heartbeat: Heartbeat | None = None
    _task: asyncio.Task[None] | None = None
    _taken: asyncio.Future[bool] | None = None  # while the client must take the rest first
    _is_pulling = _must_end = _has_left = _is_over = False
    _pieces = 0  # how many have come
    _sent_at = 0.0

    async def run(self, opening: bytes) -> None:
        """Send the head, then every piece, and end."""
        wire = self.connection.wire
        pieces: AsyncIterator[bytes | str] | None = None
        self._task = asyncio.current_task()
        try:
            await self._pass_on(opening)
            pieces = aiter(self.content)
            if self._has_content:
                self._start_heartbeat()
                while (piece := await self._next(pieces)) is not _END:
                    await self._pass_on(wire.send_content(_encoded(piece)))
            if self._taken is not None:
                await self._client()
            self._send(wire.end_response())  # its rest, if any, stays in `out`: what follows the stream writes it
            self._end()
        except BaseException as error:
            forked_child.exit_if_forked()
            if (
                isinstance(error, asyncio.CancelledError) and self._hub.is_closed
            ):  # the loop ends, and its tasks with it
                raise
            # Whatever the view's own code raises; also a cancellation, if it is not ours (`_next` knows ours).
            self._fail(error)
        finally:
            self._is_over = True
            await self._close(self.content if pieces is None else pieces)

    async def _next(self, pieces: AsyncIterator[bytes | str]) -> object:
        """Return the next piece, _END after the last one, or when the stream is ended. Raises ClientDisconnected."""
        if not self._must_end:
            self._is_pulling = True
            try:
                piece: object = await anext(pieces, _END)
            except asyncio.CancelledError:
                if not self._must_end or self._task is None:
                    raise
                self._task.uncancel()  # it was we who cancelled it, to wake the iterator where it waits
                piece = _END
            finally:
                self._is_pulling = False
            self._pieces += 1
            if not self._has_left:
                return piece
        if self._has_left:
            raise ClientDisconnected("the client left in the middle of a stream")
        return _END

    async def _pass_on(self, data: bytes) -> None:
        if self._taken is not None:
            await self._client()
        if not self._send(data):
            self._ask_client()
            await self._client()
        if self.heartbeat is not None:
            self._sent_at = self._hub.loop.time()

    async def _close(self, pieces: AsyncIterable[bytes | str]) -> None:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            try:
                await close()
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError) and self._hub.is_closed:
                    raise
                self._tell_unclosed(error)

    # --- the client takes no more for now -----------------------------------------------------

    def _ask_client(self) -> None:
        loop = self._hub.loop
        self._taken = taken = loop.create_future()

        def tell(is_there: bool) -> None:  # noqa: FBT001 - the shape of `after_write`
            loop.call_soon_threadsafe(_set, taken, is_there)

        self._wait_for_client(tell)

    async def _client(self) -> None:
        """Wait until the client has taken what was sent. Raises ClientDisconnected."""
        assert self._taken is not None
        if not await self._taken:
            raise ClientDisconnected("the client left in the middle of a stream")
        self._taken = None

    # --- a heartbeat, while the iterator waits ----------------------------------------------------

    def _start_heartbeat(self) -> None:
        if self.heartbeat is not None:
            self._hub.loop.call_later(self.heartbeat.interval, self._on_heartbeat_timer)

    def _on_heartbeat_timer(self) -> None:
        if self._is_over or self.heartbeat is None:
            return
        due = self._sent_at + self.heartbeat.interval
        if self._hub.loop.time() >= due:
            self._send_heartbeat(self.heartbeat)
            due = self._hub.loop.time() + self.heartbeat.interval
        self._hub.loop.call_at(due, self._on_heartbeat_timer)

    def _send_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Send it, if nobody else is at it, and the client has taken all that came before."""
        if not self._is_pulling or (self._taken is not None and not self._taken.done()):
            return
        self._taken = None
        try:
            if not self._send(self.connection.wire.send_content(heartbeat.make_frame())):
                self._ask_client()
        except OSError:
            self._stop(has_left=True)

    # --- the end comes from outside -----------------------------------------------------------

    def client_left(self, *, is_sure: bool) -> None:
        """End it at once, or see for a while whether it has something for a client that only sends no more."""
        self._hub.loop.call_soon_threadsafe(self._left, is_sure)

    def drain(self) -> None:
        """End it as if its iterator had ended, if it has a heartbeat: those go on for ever."""
        if self.heartbeat is not None:
            self._hub.loop.call_soon_threadsafe(self._stop)

    def _left(self, is_sure: bool) -> None:  # noqa: FBT001 - called by the loop
        if is_sure:
            self._stop(has_left=True)
        else:
            self._hub.loop.call_later(PAUSE_SECONDS, self._look, self._pieces)

    def _look(self, pieces: int) -> None:
        if self._is_pulling and self._pieces == pieces:
            self._stop(has_left=True)
        elif not self._is_over:
            self._hub.loop.call_later(PAUSE_SECONDS, self._look, self._pieces)

    def _stop(self, *, has_left: bool = False) -> None:
        if self._is_over:
            return
        self._must_end, self._has_left = True, self._has_left or has_left
        if self._is_pulling and self._task is not None:
            self._task.cancel()


def _set(taken: asyncio.Future[bool], is_there: bool) -> None:  # noqa: FBT001 - called by the loop
    if not taken.done():  # its stream was cancelled
        taken.set_result(is_there)

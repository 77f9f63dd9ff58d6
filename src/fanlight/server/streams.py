"""Send an answer that is made piece by piece, at the pace of the client that takes it.

In: an iterator, or an async one, of bytes. Out: its pieces are on their way; when the client takes
no more, the iterator waits (and a sync one gives its thread back meanwhile: a slow client holds
none). When the client leaves, the iterator is closed at once. When the iterator fails half-way the
connection is cut, so that the client can tell a whole answer from a broken one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from fanlight.errors import InvalidResponse, PeerGone
from fanlight.server.connection import CLOSED, WRITING, Connection
from fanlight.server.host import Host

if TYPE_CHECKING:
    from fanlight.server.pool import Pool

log = logging.getLogger("fanlight.server")


Pieces = TypeVar("Pieces")
Done = Callable[[Connection, int], None]


def _encoded(piece: bytes | str) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise InvalidResponse(f"a stream's pieces are bytes or str, not {type(piece).__name__}")
    return bytes(piece)


class _Sender(Generic[Pieces]):
    """What both kinds of stream share: send, wait for the client, end, fail."""

    def __init__(self, hub: Host, connection: Connection, content: Pieces, done: Done, *, has_content: bool) -> None:
        """Prepare; nothing is pulled yet, and nothing ever without content (an answer to HEAD)."""
        self._hub, self._connection, self._done = hub, connection, done
        self._content, self._has_content = content, has_content
        self._size = 0

    @property
    def connection(self) -> Connection:
        """Whose answer it is."""
        return self._connection

    def _send(self, data: bytes) -> bool:
        """Send; False if the client must take the rest first. Raises OSError when it is gone."""
        self._size += len(data)
        return not data or self._connection.send(data)

    def _wait_for_client(self, go_on: Callable[[bool], object]) -> None:
        """Have the hub write the rest, then call `go_on(True)`, or `go_on(False)` if the client left."""
        self._hub.post(self._begin_waiting, go_on)

    def _begin_waiting(self, go_on: Callable[[bool], object]) -> None:
        connection = self._connection
        if connection.phase is CLOSED:
            go_on(False)
            return
        connection.after_write = go_on
        connection.wait(WRITING, self._hub.now, self._hub.limits)
        self._hub.watch(connection, for_writing=True)

    def _end(self) -> None:
        self._hub.post(self._done, self._connection, self._size)

    def _fail(self, error: BaseException | None) -> None:
        if error is not None:
            log.error("%s failed while it streamed; its answer is cut off", self._connection.call.name, exc_info=error)
        self._hub.post(self._hub.drop, self._connection)


class Pump(_Sender[Iterable[bytes | str]]):
    """Pulls a sync iterator in the pool's threads."""

    _pieces: Iterator[bytes | str] | None = None
    _pool: Pool

    def begin(self, opening: bytes, pool: Pool) -> None:
        """Send the head, then pull, in a thread of the pool."""
        self._pool = pool
        self._submit(self._run, opening)

    def _submit(self, act: Callable[..., object], *args: object) -> None:
        if not self._pool.submit(act, *args):
            log.warning("%s can't stream: every thread is taken and too much waits", self._connection.call.name)
            self._close()
            self._fail(None)

    def _go_on(self, is_there: bool) -> None:  # noqa: FBT001 - the shape of `after_write`
        self._submit(self._run, b"") if is_there else self._pool.submit(self._close)

    def _run(self, data: bytes) -> None:
        wire = self._connection.wire
        try:
            if self._pieces is None:
                self._pieces = iter(self._content)
            is_room = self._send(data)
            while is_room and self._has_content:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                is_room = self._send(wire.send_content(_encoded(piece)))
            if not is_room:
                self._wait_for_client(self._go_on)
                return
            self._close()
            self._send(wire.end_response())  # its rest, if any, stays in `out`: what follows the stream writes it
            self._end()
        except OSError as error:
            self._close()
            self._fail(None if _is_about_client(error) else error)
        except Exception as error:  # noqa: BLE001 - the view's own code runs in the iterator
            self._close()
            self._fail(error)

    def _close(self) -> None:
        close = getattr(self._content, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                log.exception("%s failed while its stream was closed", self._connection.call.name)


class AsyncPump(_Sender[AsyncIterable[bytes | str]]):
    """Pulls an async iterator on the loop."""

    async def run(self, opening: bytes) -> None:
        """Send the head, then every piece, and end."""
        wire = self._connection.wire
        pieces: AsyncIterator[bytes | str] = aiter(self._content)
        try:
            if not self._send(opening):
                await self._client()
            if self._has_content:
                async for piece in pieces:
                    if not self._send(wire.send_content(_encoded(piece))):
                        await self._client()
            self._send(wire.end_response())
            self._end()
        except (PeerGone, OSError) as error:
            self._fail(None if isinstance(error, PeerGone) or _is_about_client(error) else error)
        except asyncio.CancelledError:
            self._fail(None)
            raise
        except Exception as error:  # noqa: BLE001 - the view's own code runs in the iterator
            self._fail(error)
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()

    async def _client(self) -> None:
        """Wait until the client has taken what was sent."""
        loop = self._hub.loop
        taken: asyncio.Future[bool] = loop.create_future()

        def tell(is_there: bool) -> None:  # noqa: FBT001 - the shape of `after_write`
            loop.call_soon_threadsafe(_set, taken, is_there)

        self._wait_for_client(tell)
        if not await taken:
            raise PeerGone("the client left in the middle of a stream")


def _set(taken: asyncio.Future[bool], is_there: bool) -> None:  # noqa: FBT001 - called by the loop
    if not taken.done():  # its stream was cancelled
        taken.set_result(is_there)


def _is_about_client(error: OSError) -> bool:
    """Say whether an error is the client's leaving, and not a fault of the view's own input or output."""
    return isinstance(error, ConnectionError | BrokenPipeError)

"""Threads and coroutines that wait for each other.

In: a function or a sync stream, in a coroutine that serves a request; it runs in the server's thread pool, an iterator
piece by piece. Or a coroutine, in a thread that waits for it. Out: what it returns, or raises. Without a server (an app
that is called by hand) asyncio's default executor is used.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from fanlight.message import forked_child

if TYPE_CHECKING:
    import asyncio

# Runs a function in the server's thread pool: `await POOL_RUNNER.get()(act, waits)`. The server sets it in the context
# of every request. If the pool is full it raises ServiceUnavailable, or with `waits` waits until there is room.
POOL_RUNNER: ContextVar[Callable[[Callable[[], Any], bool], Awaitable[Any]]] = ContextVar("fanlight_threads")
T = TypeVar("T")
_END: Any = object()


class Closable(Protocol):
    """An iterator with a `close`, such as a sync stream."""

    def __next__(self) -> bytes | str: ...

    def close(self) -> None:
        """End it wherever it is."""


async def run_in_thread(act: Callable[[], T], *, waits: bool = True) -> T:
    """Return what `act` returns in a thread, or raise what it raises.

    If the pool is full, wait for room; or raise ServiceUnavailable, if not `waits`.
    """
    run = POOL_RUNNER.get(None)
    if run is None:
        import asyncio  # noqa: PLC0415 - large, and a site without async views needs none of it

        return await asyncio.to_thread(act)
    return cast("T", await run(act, waits))


def wait_on(loop: asyncio.AbstractEventLoop, waiting: Coroutine[Any, Any, T], gone: Exception) -> T:
    """Return what a coroutine returns on an event loop, to a thread that waits for it; raise what it raises.

    Raises `gone` if the loop is closed: the server has stopped, and did not wait for the thread.
    """
    import asyncio  # noqa: PLC0415 - as above

    try:
        found = asyncio.run_coroutine_threadsafe(waiting, loop)
    except RuntimeError:
        waiting.close()
        raise gone from None
    return found.result()


class ThreadPieces:
    """An async iterator over a sync stream: each piece is made in a thread of the server's pool.

    Nothing can interrupt a thread. If this is closed while a thread makes a piece, that thread closes the stream
    afterwards, and `aclose` waits for it.
    """

    def __init__(self, stream: Closable, context: Context | None = None) -> None:
        """Take ownership of a stream. It runs in `context`, or in a copy of the current one at its first piece."""
        self.context = context
        self._stream = stream
        self._lock = threading.Lock()  # decides which thread closes the stream
        self._is_pulling = self._is_closed = False
        self._closed: asyncio.Future[None] | None = None  # set if the thread that makes a piece has to close the stream

    def __aiter__(self) -> AsyncIterator[bytes | str]:
        return self

    async def __anext__(self) -> bytes | str:
        if self.context is None:
            self.context = copy_context()
        piece = await run_in_thread(self._pull)
        if piece is _END:
            raise StopAsyncIteration
        return cast("bytes | str", piece)

    async def aclose(self) -> None:
        """Close the stream, or wait until the thread that uses it has closed it."""
        with self._lock:
            self._is_closed = True
            if self._is_pulling:
                import asyncio  # noqa: PLC0415 - as above

                self._closed = asyncio.get_running_loop().create_future()
        if self._closed is None:
            await run_in_thread(self._close)
        else:
            await self._closed

    def _pull(self) -> object:
        assert self.context is not None
        with self._lock:
            if self._is_closed:
                return _END
            self._is_pulling = True
        try:
            return self.context.run(next, self._stream, _END)
        finally:
            with self._lock:
                self._is_pulling = False
                closed = self._closed
            if closed is not None:
                self._close_for(closed)

    def _close(self) -> None:
        (self.context or copy_context()).run(self._stream.close)

    def _close_for(self, closed: asyncio.Future[None]) -> None:
        error = None
        try:
            self._close()
        except BaseException as raised:  # noqa: BLE001 - it is raised where the stream is closed
            forked_child.exit_if_forked()
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it the task that waits
            closed.get_loop().call_soon_threadsafe(_settle, closed, error)


def _settle(closed: asyncio.Future[None], error: BaseException | None) -> None:
    if closed.done():  # the task that waited was cancelled
        return
    if error is None:
        closed.set_result(None)
    else:
        closed.set_exception(error)

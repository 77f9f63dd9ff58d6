"""The content of a response that an app sends piece by piece: the app puts pieces in, the server takes them.

In: pieces, put on the event loop. Out: an async iterator. An app that puts a piece waits until the system has it: it is
as fast as its client. Raises ClientGone for a client that has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from fanlight.errors import ClientDisconnected
from fanlight.message.headers import Pair


class ClientGone(OSError):
    """What is sent reaches no one: the client has disconnected."""

    def __init__(self) -> None:
        super().__init__("the client has disconnected")


def is_of_departure(error: BaseException | None) -> bool:
    """Return whether an app has raised an error because its client has left: a ClientGone, or one of its own for it."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_of_departure, error.exceptions))
    while error is not None and not isinstance(error, ClientGone):
        error = error.__cause__ or error.__context__
    return error is not None


class Pieces:
    """The pieces of one response."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_gone: Callable[[], object] = lambda: None) -> None:
        """Begin without any; `on_gone` is called if the server takes no more of content that is not complete."""
        self._loop, self._on_gone = loop, on_gone
        self._piece = b""  # that is to be taken
        self._puller: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None  # and sent
        self._is_complete = self._is_cut_off = self.is_closed = False
        self.trailers: list[Pair] = []  # sent behind the content

    async def put(self, piece: bytes) -> None:
        """Send a piece. Raises ClientGone."""
        while self._taken is not None and not self.is_closed:  # of another task
            await asyncio.shield(self._taken)
        if self.is_closed:
            raise ClientGone
        if not piece:
            return
        self._piece = piece
        self._taken = taken = self._loop.create_future()
        self._wake_puller()
        await asyncio.shield(taken)
        if self.is_closed and not self._is_complete:
            raise ClientGone

    def add_trailers(self, pairs: list[Pair]) -> None:
        """Add fields that are sent behind the content."""
        self.trailers += pairs

    def complete(self) -> None:
        """End the content."""
        self._is_complete = True
        self._wake_puller()

    def cut_off(self) -> None:
        """End it as something that failed: its client sees that it is not whole."""
        self._is_cut_off = True
        self._wake_puller()

    def _wake_puller(self) -> None:
        if self._puller is not None and not self._puller.done():
            self._puller.set_result(None)

    # --- for the server ---------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._release()
        while not self._piece:
            if self._is_cut_off:
                raise ClientDisconnected("the response is cut off")  # which is logged already
            if self._is_complete:
                raise StopAsyncIteration
            self._puller = self._loop.create_future()
            try:
                await self._puller
            finally:
                self._puller = None
        piece, self._piece = self._piece, b""
        return piece

    async def aclose(self) -> None:
        """Let the app know that nothing more is taken."""
        if not self.is_closed:
            self.is_closed = True
            self._release()
            if not self._is_complete:
                self._on_gone()

    def _release(self) -> None:
        taken = self._taken
        if taken is not None and (self.is_closed or not self._piece):
            self._taken = None
            if not taken.done():
                taken.set_result(None)

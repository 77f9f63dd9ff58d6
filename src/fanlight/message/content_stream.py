"""The content of a request as a stream, for a view with a parameter annotated `ContentStream`.

The class here is the empty stream of a request without content; the server's subclass waits for the client.
"""

from __future__ import annotations

from typing import BinaryIO, NoReturn, Self

from fanlight.errors import AppError
from fanlight.message.content import SpooledContent


class ContentStream:
    """The content, piece by piece: `async for piece in stream`. An async view gets it by this annotation.

    The server reads from the client no faster than the view takes the pieces. Raises ClientDisconnected if the client
    disconnects, and an HTTPError (400, 408, 413) if the content is malformed, too slow or too large. When the view
    returns, the server does not wait for content that was not read.
    """

    __slots__ = ("length",)

    def __init__(self, length: int | None = 0) -> None:
        """Begin; `length` is the announced number of bytes, None if the client sends chunks."""
        self.length = length

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """Return the rest of the content."""
        return b"".join([piece async for piece in self])


class _Streamed(SpooledContent):
    """The spooled content of a request whose view takes it as a stream: reading it is a mistake in the app."""

    __slots__ = ()

    def read(self) -> NoReturn:
        raise AppError(_ONLY)

    def open(self) -> BinaryIO:
        raise AppError(_ONLY)


_ONLY = "this view takes the content as a ContentStream; read it with `async for piece in stream`"
STREAMED_CONTENT = _Streamed()

"""The content of a request as it comes, for a view that asks for it.

In: pieces, by whoever receives them. Out: the same pieces, to the one that iterates. The class here is
the stream of a request without content; the server has one that waits for its client. Knows nothing
of sockets and of loops.
"""

from __future__ import annotations

from typing import BinaryIO, NoReturn, Self

from fanlight.errors import AppError
from fanlight.message.content import SpooledContent


class ContentStream:
    """The content, piece by piece: `async for piece in stream`. An async view gets it by this annotation.

    The client is read no faster than the pieces are taken. Raises ClientDisconnected when the client leaves
    half-way, and an HTTPError (400, 408, 413) when what it sends is malformed, too slow or too much.
    It ends with the view: what the view has not read then is not waited for.
    """

    __slots__ = ("length",)

    def __init__(self, length: int | None = 0) -> None:
        """Begin; `length` is how many bytes are announced, None if the client does not say."""
        self.length = length

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """Return all that is still to come."""
        return b"".join([piece async for piece in self])


class _Streamed(SpooledContent):
    """What stands for the content of a request whose view takes it as a stream."""

    __slots__ = ()

    def read(self) -> NoReturn:
        raise AppError(_ONLY)

    def open(self) -> BinaryIO:
        raise AppError(_ONLY)


_ONLY = "the view takes the content as a ContentStream: `async for piece in stream` is the one way to read it"
STREAMED_CONTENT = _Streamed()

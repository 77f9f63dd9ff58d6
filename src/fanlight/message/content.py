"""The content of a request: kept in a spool until it is complete, or a stream for a view that takes it as one.

`ContentStream` is here the empty stream of a request without content; the server's subclass waits for the client.
"""

from __future__ import annotations

from typing import BinaryIO, NoReturn, Self

from fanlight.errors import AppError, HTTPError
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits
from fanlight.message.spool import Spool

MEMORY_BYTES = 1024 * 1024


class SpooledContent(Spool):
    """Written by the server while it is received, read by the view when it is complete. Closing it deletes the file."""

    __slots__ = ("_files", "limits")

    def __init__(self, memory_bytes: int = MEMORY_BYTES, limits: FormLimits = DEFAULT_BODY_POLICY.form) -> None:
        """Begin empty; above `memory_bytes` it moves to a file. `limits` are for a form in it."""
        # PERF: benchmarks/forms.py: made for each request with content, so without a call of super().
        self._memory = b""
        self._memory_bytes = memory_bytes
        self._file = None
        self.size = 0
        self.limits = limits
        self._files: list[BinaryIO] = []

    def close_later(self, file: BinaryIO) -> None:
        """Close an uploaded file when the content is closed."""
        self._files.append(file)

    def close(self) -> None:
        """Discard the content and the uploaded files in it."""
        Spool.close(self)
        for file in self._files:
            file.close()


class RefusedContent(SpooledContent):
    """Content that was refused before it was complete: reading it raises the error that says why."""

    __slots__ = ("error",)

    def __init__(self, error: HTTPError) -> None:
        super().__init__()
        self.error = error
        self.size = 1  # not empty, so that it is read, and refused

    def read(self) -> NoReturn:
        """Raise the error."""
        raise self.error

    open = read


class _StreamedContent(SpooledContent):
    """The content of a request whose view takes it as a stream: reading it here is a mistake in the app."""

    __slots__ = ()

    def read(self) -> NoReturn:
        raise AppError("this view takes the content as a ContentStream; read it with `async for piece in stream`")

    open = read


STREAMED_CONTENT = _StreamedContent()


class ContentStream:
    """The content, piece by piece: `async for piece in stream`. An async view gets it by this annotation.

    The server reads from the client no faster than the view takes the pieces. Raises ClientDisconnected if the client
    disconnects, and an HTTPError (400, 408, 413) if the content is malformed, too slow or too large. When the view
    returns, the server does not wait for content that was not read.
    """

    __slots__ = ("length",)

    def __init__(self, length: int | None = 0) -> None:
        self.length = length  # as announced; None if the client sends chunks

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """Return the rest of the content."""
        return b"".join([piece async for piece in self])

"""Streams: content that is produced piece by piece while it is sent, and cleaned up when it ends.

In: an iterable of pieces, sync or async. Out: an iterator of the same kind. Framing, content coding and the cleanup are
parts of one stream, not layers around it. Whatever ends a stream (its last piece, an exception, `close`), its source is
closed and its cleanup is run, each once. Refuses content that is not iterable. Pulls nothing in advance.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import InvalidResponse
from fanlight.message.response import Heartbeat
from fanlight.message.threads import run_in_thread

LARGE_PIECE_BYTES = 64 * 1024  # a bigger piece is encoded in a thread, so that the event loop is not held up

Piece = bytes | str
_END: Any = object()


class PieceEncoder(Protocol):
    """Encodes the pieces of one stream."""

    def encode(self, piece: bytes, /) -> bytes:
        """Return the encoded piece."""

    def finish(self) -> bytes:
        """Return what ends the encoded content."""


class _Stream(Struct, eq=False):
    """The parts of a stream, in the order in which they are applied."""

    source: Any
    prologue: bytes = b""  # sent before the first piece
    frame: Callable[[Any], bytes] | None = None  # makes bytes of what the source yields
    encoder: PieceEncoder | None = None
    cleanup: Callable[[BaseException | None], Any] | None = None  # gets the exception that ended the stream
    heartbeat: Heartbeat | None = None
    iterator: Any = None  # of the source, once it is made
    _has_begun: bool = False
    _is_ended: bool = False  # no more pieces
    _is_closed: bool = False

    def with_parts(self, **parts: Any) -> Self:
        """Return a stream with more parts, to use in place of this one. It wraps this one only if that has begun."""
        if not (self._has_begun or self._is_ended) and not any(getattr(self, name) for name in parts):
            return replace(self, **parts)
        return type(self)(self, **parts)

    def open(self) -> None:
        """Create the iterator, without pulling a piece. Called early if a failure should become an error response."""
        raise NotImplementedError

    def _begin(self) -> bytes:
        """Open the stream for its first piece; return what is sent before that."""
        self._has_begun = True
        self.open()
        return self.prologue if self.encoder is None or not self.prologue else self.encoder.encode(self.prologue)

    def _cut_off(self) -> GeneratorExit | None:
        """End the stream; return GeneratorExit for its cleanup if it was cut off, None if it has not begun."""
        is_cut_off = self._has_begun and not self._is_ended
        self._is_ended = True
        return GeneratorExit() if is_cut_off else None

    def _take_closers(self, name: str) -> list[Callable[[], Any]]:
        """Return the methods that close the iterator and the source; none the second time."""
        if self._is_closed:
            return []
        self._is_closed = True
        objects = [self.source]
        if self.iterator is not None and self.iterator is not self.source:
            objects.insert(0, self.iterator)
        return [close for each in objects if (close := getattr(each, name, None)) is not None]


class SyncStream(_Stream, eq=False):
    """A stream of a sync iterable, pulled by one thread at a time."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Piece:
        if self._is_ended:
            raise StopIteration
        encoder = self.encoder
        try:
            if not self._has_begun and (begin := self._begin()):
                return begin
            while (piece := next(self.iterator, _END)) is not _END:
                if self.frame is not None:
                    piece = self.frame(piece)
                if encoder is None:
                    return piece  # type: ignore[no-any-return]  # its type is checked when it is sent
                if data := to_bytes(piece):
                    return encoder.encode(data)
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)
        if encoder is None:
            raise StopIteration
        return encoder.finish()

    def open(self) -> None:
        """Create the iterator, without pulling a piece. Called early if a failure should become an error response."""
        if self.iterator is None:
            try:
                self.iterator = iter(self.source)
            except StopIteration as error:  # else it would pass for the end of the stream
                raise RuntimeError("the source of a stream raised StopIteration") from error

    def close(self) -> None:
        """End the stream wherever it is. A second call does nothing."""
        self._finish(self._cut_off())

    def _end(self, error: BaseException | None) -> None:
        self._is_ended = True
        if self.cleanup is not None:  # else `close` closes the source: the caller logs what that raises
            self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        cleanup, self.cleanup = self.cleanup, None
        try:
            for close in self._take_closers("close"):
                close()
        except BaseException as raised:
            if cleanup is not None:
                cleanup(raised if error is None else error)
            raise
        if cleanup is not None:
            cleanup(error)


class AsyncStream(_Stream, eq=False):
    """A stream of an async iterable, pulled on the event loop. Its cleanup is awaited."""

    _is_encoding: bool = False  # in a thread

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        if self._is_ended:
            raise StopAsyncIteration
        encoder = self.encoder
        try:
            if not self._has_begun and (begin := self._begin()):
                return begin
            async for piece in self.iterator:
                framed = piece if self.frame is None else self.frame(piece)
                if encoder is None:
                    return framed
                if data := to_bytes(framed):
                    return encoder.encode(data) if len(data) <= LARGE_PIECE_BYTES else await self._encode(encoder, data)
        except BaseException as error:
            await self._end(error)
            raise
        await self._end(None)
        if encoder is None:
            raise StopAsyncIteration
        return encoder.finish()

    def open(self) -> None:
        """Create the iterator, as above."""
        if self.iterator is None:
            try:
                self.iterator = aiter(self.source)
            except StopAsyncIteration as error:  # as above
                raise RuntimeError("the source of a stream raised StopAsyncIteration") from error

    async def aclose(self) -> None:
        """End the stream wherever it is. A second call does nothing."""
        await self._finish(self._cut_off())

    def heartbeat_frame(self) -> bytes:
        """Return the heartbeat, encoded; nothing while a piece is being encoded."""
        assert self.heartbeat is not None
        frame = self.heartbeat.make_frame()
        if self.encoder is None:
            return frame
        return b"" if self._is_encoding else self.encoder.encode(frame)

    async def _encode(self, encoder: PieceEncoder, data: bytes) -> bytes:
        self._is_encoding = True
        encoded = await run_in_thread(partial(encoder.encode, data))
        self._is_encoding = False
        return encoded

    async def _end(self, error: BaseException | None) -> None:
        self._is_ended = True
        if self.cleanup is not None:  # else `aclose` closes the source, and waits for a thread that uses it
            await self._finish(error)

    async def _finish(self, error: BaseException | None) -> None:
        cleanup, self.cleanup = self.cleanup, None
        try:
            for close in self._take_closers("aclose"):
                await close()
        except BaseException as raised:
            if cleanup is not None:
                await cleanup(raised if error is None else error)
            raise
        if cleanup is not None:
            await cleanup(error)


def stream_of(content: Any, **parts: Any) -> SyncStream | AsyncStream:
    """Return the stream of a response's content, with more parts. Raises InvalidResponse for what is not iterable."""
    if isinstance(content, SyncStream | AsyncStream):
        return content.with_parts(**parts) if parts else content
    if isinstance(content, AsyncIterable):
        return AsyncStream(content, **parts)
    if isinstance(content, Iterable) and not isinstance(content, Mapping):  # which would be its keys
        return SyncStream(content, **parts)
    kind = type(content).__name__
    raise InvalidResponse(f"content of type {kind} can't be sent; give bytes, or an iterator of bytes or str")


def to_bytes(piece: object) -> bytes:
    """Return a piece as bytes, text in UTF-8. Raises InvalidResponse."""
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise InvalidResponse(f"a stream's pieces are bytes or str, not {type(piece).__name__}")
    return bytes(piece)

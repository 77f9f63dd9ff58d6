"""Streams: how their pieces are made, and what happens at their end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fanlight.errors import InvalidResponse
from fanlight.message.response import Heartbeat
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces


class Numbers:
    """An iterator of either kind, which counts how often it is closed and can fail when it is."""

    def __init__(self, *, fails_at: int = 0, fails_to_close: bool = False) -> None:
        self.count = self.closed = 0
        self._fails_at, self._fails_to_close = fails_at, fails_to_close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.count += 1
        if self.count == self._fails_at:
            raise OSError("failed")
        if self.count > 3:
            raise StopIteration
        return b"%d" % self.count

    async def __anext__(self) -> bytes:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self) -> None:
        self.closed += 1
        if self._fails_to_close:
            raise ValueError("not closed")

    async def aclose(self) -> None:
        self.close()


class Doubling:
    """A content coding that sends everything twice."""

    def encode(self, piece: bytes, /) -> bytes:
        return piece * 2

    def finish(self) -> bytes:
        return b"."


class Both:
    """A stream of one kind, driven alike."""

    def __init__(self, kind: type[SyncStream | AsyncStream], source: Any, **parts: Any) -> None:
        self.ended_by: list[BaseException | None] = []
        self.is_async = kind is AsyncStream
        cleanup = self._clean_up_async if self.is_async else self.ended_by.append
        self.stream: Any = kind(source, cleanup=cleanup, **parts)

    async def _clean_up_async(self, error: BaseException | None) -> None:
        self.ended_by.append(error)

    def pull(self, count: int = 100) -> list[bytes]:
        pieces = []
        for _ in range(count):
            piece = asyncio.run(self._pull()) if self.is_async else next(self.stream, None)
            if piece is None:
                break
            pieces.append(piece)
        return pieces

    async def _pull(self) -> Any:
        return await anext(self.stream, None)

    def close(self) -> None:
        if self.is_async:
            asyncio.run(self.stream.aclose())
        else:
            self.stream.close()


kinds = pytest.mark.parametrize("kind", [SyncStream, AsyncStream])


@kinds
def test_the_parts_of_a_stream_are_applied_in_order(kind: Any) -> None:
    """The prologue comes first, each piece is framed, then everything is encoded; the encoder has the last word."""
    both = Both(kind, Numbers(), prologue=b"a", frame=lambda piece: piece + b"!", encoder=Doubling())
    assert both.pull() == [b"aa", b"1!1!", b"2!2!", b"3!3!", b"."]
    assert both.pull() == []
    bare = Both(kind, Numbers(), prologue=b"a")
    assert bare.pull() == [b"a", b"1", b"2", b"3"]


@kinds
def test_an_encoder_skips_empty_pieces(kind: Any) -> None:
    """A source may yield nothing: nothing is encoded then, and a piece that is no text or bytes is refused."""
    both = Both(kind, Numbers(), frame=lambda piece: b"" if piece == b"2" else piece, encoder=Doubling())
    assert both.pull() == [b"11", b"33", b"."]
    wrong = Both(kind, Numbers(), frame=lambda _: 5, encoder=Doubling())
    with pytest.raises(InvalidResponse, match="int"):
        wrong.pull()
    assert isinstance(wrong.ended_by[0], InvalidResponse)


@kinds
def test_a_stream_that_ends_is_cleaned_up_once(kind: Any) -> None:
    """At the natural end the source is closed, then the cleanup runs with None; closing the stream adds nothing."""
    source = Numbers()
    both = Both(kind, source)
    both.pull()
    assert (source.closed, both.ended_by) == (1, [None])
    both.close()
    both.close()
    assert (source.closed, both.ended_by) == (1, [None])
    assert both.pull() == []


@kinds
def test_a_stream_that_fails_passes_its_exception_on(kind: Any) -> None:
    """The exception of the source is what the cleanup gets, and what is raised."""
    source = Numbers(fails_at=2)
    both = Both(kind, source)
    assert both.pull(1) == [b"1"]
    with pytest.raises(OSError, match="failed"):
        both.pull()
    both.close()
    assert source.closed == 1
    assert [type(each) for each in both.ended_by] == [OSError]


@kinds
def test_a_stream_that_is_cut_off_gets_generator_exit(kind: Any) -> None:
    """A stream closed half-way ends with GeneratorExit, one that was never begun with None."""
    source, other = Numbers(), Numbers()
    both, unbegun = Both(kind, source), Both(kind, other)
    both.pull(1)
    both.close()
    unbegun.close()
    assert [type(each) for each in both.ended_by] == [GeneratorExit]
    assert unbegun.ended_by == [None]
    assert (source.closed, other.closed, other.count) == (1, 1, 0)


@kinds
def test_a_source_that_can_not_be_closed_is_cleaned_up_after(kind: Any) -> None:
    """What closing the source raises is raised, and passed to the cleanup where nothing else has ended the stream."""
    both = Both(kind, Numbers(fails_to_close=True))
    with pytest.raises(ValueError, match="not closed"):
        both.pull()
    assert [type(each) for each in both.ended_by] == [ValueError]
    cut_off = Both(kind, Numbers(fails_to_close=True))
    cut_off.pull(1)
    with pytest.raises(ValueError, match="not closed"):
        cut_off.close()
    assert [type(each) for each in cut_off.ended_by] == [GeneratorExit]


@kinds
def test_a_stream_without_a_cleanup_is_closed_by_its_reader(kind: Any) -> None:
    """At its natural end the source stays open until the stream is closed: what that raises can't cut it off."""
    source = Numbers(fails_to_close=True)
    stream = stream_of(source) if kind is AsyncStream else SyncStream(source)
    both = Both(kind, Numbers())
    both.stream = stream
    assert both.pull() == [b"1", b"2", b"3"]
    assert source.closed == 0
    with pytest.raises(ValueError, match="not closed"):
        both.close()
    both.close()
    assert source.closed == 1


def test_both_the_iterator_and_its_iterable_are_closed() -> None:
    """An iterable that makes a new iterator each time is closed behind that."""
    order: list[str] = []

    class Rows:
        def __iter__(self) -> Iterator[bytes]:
            try:
                yield b"row"
            finally:
                order.append("iterator")

        def close(self) -> None:
            order.append("iterable")

    stream = SyncStream(Rows())
    assert next(stream) == b"row"
    stream.close()
    assert order == ["iterator", "iterable"]


@kinds
def test_a_source_that_can_not_be_iterated_is_no_empty_stream(kind: Any) -> None:
    """StopIteration from `__iter__` is a failure, and not the end of the stream."""

    class Unreadable:
        def __iter__(self) -> Iterator[bytes]:
            raise StopIteration

        def __aiter__(self) -> AsyncIterator[bytes]:
            raise StopAsyncIteration

    both = Both(kind, Unreadable())
    with pytest.raises(RuntimeError, match="Iteration"):
        both.pull()
    assert [type(each) for each in both.ended_by] == [RuntimeError]


def test_a_source_is_iterated_once() -> None:
    """An iterator that was created early is kept when parts are added: iterating may run a query."""
    count = 0

    class Query:
        def __iter__(self) -> Iterator[bytes]:
            nonlocal count
            count += 1
            return iter([b"row"])

    stream = SyncStream(Query())
    stream.open()
    assert list(stream.with_parts(encoder=Doubling())) == [b"rowrow", b"."]
    assert count == 1


def test_parts_are_added_without_a_layer() -> None:
    """A stream that is not begun is replaced by one with more parts; else, or for a second cleanup, it is wrapped."""
    source = Numbers()
    stream = stream_of(source, frame=lambda piece: piece + b"!")
    more = stream_of(stream, encoder=Doubling())
    assert (more.source, stream_of(more)) == (source, more)
    assert isinstance(more, AsyncStream)
    ended: list[int] = []
    first = SyncStream(iter([b"a", b"b"]), cleanup=lambda _: ended.append(1))
    second = first.with_parts(cleanup=lambda _: ended.append(2))
    assert second.source is first
    assert next(second) == b"a"
    third = second.with_parts(encoder=Doubling())
    assert third.source is second
    assert list(third) == [b"bb", b"."]
    assert ended == [1, 2]


@pytest.mark.parametrize("content", [5, None, {"a": "b"}])
def test_what_is_no_iterable_is_no_stream(content: Any) -> None:
    """A value that can't be iterated is refused, and a mapping, of which only the keys would be sent."""
    with pytest.raises(InvalidResponse, match=type(content).__name__):
        stream_of(content)


def test_pieces_are_made_in_threads() -> None:
    """Each piece of a sync stream is made in a thread, and it is closed in one."""
    threads: set[int] = set()

    def pieces() -> Iterator[bytes]:
        try:
            for piece in (b"a", b"b"):
                threads.add(threading.get_ident())
                yield piece
        finally:
            threads.add(threading.get_ident())

    async def run() -> list[bytes | str]:
        stream = AsyncStream(ThreadPieces(SyncStream(pieces())))
        got = [await anext(stream)]
        await stream.aclose()
        whole = AsyncStream(ThreadPieces(SyncStream(pieces())))
        return [*got, *[piece async for piece in whole]]

    assert asyncio.run(run()) == [b"a", b"a", b"b"]
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("fails", [True, False])
def test_a_thread_that_makes_a_piece_closes_the_stream_behind_it(*, fails: bool) -> None:
    """A stream is not closed under a thread that is at it: the thread does that, and whoever closes waits for it."""
    at_work, go_on = threading.Event(), threading.Event()
    closed: list[int] = []

    def pieces() -> Iterator[bytes]:
        try:
            at_work.set()
            go_on.wait()
            yield b"late"
        finally:
            closed.append(threading.get_ident())
            if fails:
                raise ValueError("not closed")

    async def run() -> None:
        source = ThreadPieces(SyncStream(pieces()))
        pulling = asyncio.ensure_future(anext(source))
        await asyncio.to_thread(at_work.wait)
        pulling.cancel()
        closing = asyncio.ensure_future(source.aclose())
        await asyncio.sleep(0)
        assert closed == []
        go_on.set()
        try:
            await closing
        finally:
            assert len(closed) == 1
            assert pulling.cancelled()

    if fails:
        with pytest.raises(ValueError, match="not closed"):
            asyncio.run(run())
    else:
        asyncio.run(run())
    assert closed != [threading.get_ident()]


def test_nothing_is_made_after_the_end() -> None:
    """A piece that was requested before the stream was closed, and had no thread yet, is not made."""
    source = ThreadPieces(SyncStream(Numbers()))

    async def run() -> list[bytes | str]:
        await source.aclose()
        return [piece async for piece in source]

    assert asyncio.run(run()) == []


def test_a_large_piece_is_encoded_in_a_thread() -> None:
    """While that happens a heartbeat sends nothing, as one encoder can't do both; else it is encoded too."""
    frames: list[bytes] = []
    threads: list[int] = []

    class Watching(Doubling):
        def encode(self, piece: bytes, /) -> bytes:
            if len(piece) > 10:
                threads.append(threading.get_ident())
                frames.append(stream.heartbeat_frame())
            return piece * 2

    async def large() -> AsyncIterator[bytes]:
        yield b"x" * 100_000

    stream = AsyncStream(large(), encoder=Watching(), heartbeat=Heartbeat(1, lambda: b":"))
    plain = AsyncStream(large(), heartbeat=Heartbeat(1, lambda: b":"))

    async def run() -> int:
        return sum([len(piece) async for piece in stream])

    assert asyncio.run(run()) == 200_001
    assert frames == [b""]
    assert threads != [threading.get_ident()]
    assert (stream.heartbeat_frame(), plain.heartbeat_frame()) == (b"::", b":")

"""Answers that a test reads while they are made."""

import asyncio
import http.client
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, EventStream, Request, Response
from fanlight.compression.options import Compression
from fanlight.message.events import Event
from fanlight.testing import Client


class Site:
    """An app with streams, and what has become of them."""

    def __init__(self) -> None:
        """Make the app."""
        self.closed = threading.Event()
        self.app = App(
            {
                "/lines": self.lines,
                "/broken": self.broken,
                "/events": self.events,
                "/cookie": self.cookie,
                "/status": lambda: (EventStream(["a"]), 203, {"x-one": "1"}),
            }
        )

    async def lines(self) -> AsyncIterator[str]:
        """Yield lines for ever, slowly."""
        try:
            for number in range(1_000_000):
                yield f"{number}\nand "
                await asyncio.sleep(0.001)
        finally:
            self.closed.set()

    async def broken(self) -> AsyncIterator[str]:
        """Yield, then fail."""
        yield "begun"
        raise RuntimeError("half-way")

    def events(self, request: Request) -> EventStream:
        """Go on where the client was."""

        async def news() -> AsyncIterator[Any]:
            for number in range(int(request.last_event_id or 0) + 1, 4):
                yield Event({"number": number}, "news", id=str(number))
            yield "one\ntwo"

        return EventStream(news(), retry_seconds=2, keep_alive_seconds=0.5)

    def cookie(self) -> Response:
        """Set a cookie, in a stream."""
        response = Response(iter(["a", "b"]))
        response.set_cookie("taste", "sweet")
        return response


def test_a_stream_is_read_as_it_comes() -> None:
    """The first pieces are there while the view still makes the next; behind the block the client has left."""
    site = Site()
    with Client(site.app) as client:
        with client.stream("GET", "/lines") as answer:
            assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            lines = answer.lines()
            assert [next(lines) for _ in range(3)] == ["0", "and 1", "and 2"]
            assert not site.closed.is_set()
        assert site.closed.wait(PATIENCE)


def test_a_stream_that_is_cut_off_is_no_whole_one() -> None:
    """Who reads it is told, as a browser is."""
    with (
        Client(Site().app) as client,
        client.stream("GET", "/broken") as answer,
        pytest.raises(http.client.IncompleteRead),
    ):
        answer.read()


def test_events_are_read_as_a_browser_reads_them() -> None:
    """Name, id, data of several lines, and the wait before a new try."""
    with Client(Site().app) as client:
        with client.stream("GET", "/events") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            events = list(answer.events())
        assert events == [
            Event(None, retry_seconds=2),
            Event('{"number":1}', "news", "1"),
            Event('{"number":2}', "news", "2"),
            Event('{"number":3}', "news", "3"),
            Event("one\ntwo"),
        ]
        with client.stream("GET", "/events", headers={"last-event-id": "2"}) as answer:
            assert [event.id for event in answer.events()] == [None, "3", None]


def test_the_cookies_of_a_stream_are_kept() -> None:
    """A stream's answer is an answer like others."""
    with Client(Site().app) as client:
        with client.stream("GET", "/cookie") as answer:
            assert answer.read() == b"ab"
        assert client.cookies == {"taste": "sweet"}


def test_events_may_have_a_status_and_fields() -> None:
    """What stands in a tuple is still a stream of events."""
    with Client(Site().app) as client, client.stream("GET", "/status") as answer:
        assert (answer.status, answer.headers["x-one"]) == (203, "1")
        assert [event.data for event in answer.events()] == ["a"]


class Database:
    """What a view depends on."""


@pytest.mark.parametrize("is_async", [True, False])
def test_what_a_stream_depends_on_is_closed_when_the_client_leaves(*, is_async: bool) -> None:
    """A database connection of a stream that waits goes back when its reader goes."""
    closed, waiting, let_go = threading.Event(), threading.Event(), threading.Event()

    async def database() -> AsyncIterator[Database]:
        try:
            yield Database()
        finally:
            await asyncio.sleep(0)
            closed.set()

    async def view(base: Annotated[Database, database]) -> EventStream:
        async def news() -> AsyncIterator[Any]:
            yield type(base).__name__
            waiting.set()
            await asyncio.Event().wait()

        def news_in_thread() -> Iterator[Any]:
            yield type(base).__name__
            waiting.set()
            assert let_go.wait(PATIENCE)

        return EventStream(news() if is_async else news_in_thread())

    with Client(App({"/": view})) as client:
        with client.stream("GET", "/") as answer:
            assert next(answer.events()).data == "Database"
            assert waiting.wait(PATIENCE)
            assert not closed.is_set()
        let_go.set()
        assert closed.wait(PATIENCE)


@pytest.mark.parametrize("is_async", [True, False])
def test_events_are_compressed_where_that_is_asked_for(*, is_async: bool) -> None:
    """A site that names their media type has them compressed as they come, with comments; those of threads not."""
    go_on = threading.Event()

    async def news() -> AsyncIterator[Any]:
        yield "x" * 2000
        await asyncio.to_thread(go_on.wait, PATIENCE)
        yield "y" * 200_000

    def news_in_thread() -> Iterator[Any]:
        yield "x" * 2000

    app = App(
        {"/": lambda: EventStream(news() if is_async else news_in_thread(), keep_alive_seconds=0.01)},
        compression=Compression(media_types=("text/event-stream",)),
    )
    with Client(app) as client, client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer:
        pieces = iter(answer)
        if not is_async:
            assert "content-encoding" not in answer.headers
            content = b"".join(pieces).replace(b":\n\n", b"")  # a comment may come before a thread has begun
            assert content == b"data: " + b"x" * 2000 + b"\n\n"
            return
        assert answer.headers["content-encoding"] == "gzip"
        decoder = zlib.decompressobj(wbits=31)
        data = b""
        while not data.endswith(b"\n\n:\n\n"):
            data += decoder.decompress(next(pieces))
        go_on.set()
        data += b"".join(decoder.decompress(piece) for piece in pieces)
    assert data.replace(b":\n\n", b"") == b"data: " + b"x" * 2000 + b"\n\ndata: " + b"y" * 200_000 + b"\n\n"

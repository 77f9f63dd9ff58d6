"""Responses that a test reads while they are sent."""

import asyncio
import http.client
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, EventStream, Request, Response
from fanlight.compression.compression_settings import Compression
from fanlight.message.events import Event
from fanlight.testing import Client


class Site:
    """An app with streams, and a record of what became of them."""

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


def test_a_stream_is_read_as_it_arrives() -> None:
    """The first pieces arrive before the view makes the next; after the block the client has disconnected."""
    site = Site()
    with Client(site.app) as client:
        with client.stream("GET", "/lines") as response:
            assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            lines = response.lines()
            assert [next(lines) for _ in range(3)] == ["0", "and 1", "and 2"]
            assert not site.closed.is_set()
        assert site.closed.wait(PATIENCE)


def test_a_stream_that_is_cut_off_raises() -> None:
    """Reading a stream that was cut off raises IncompleteRead."""
    with (
        Client(Site().app) as client,
        client.stream("GET", "/broken") as response,
        pytest.raises(http.client.IncompleteRead),
    ):
        response.read()


def test_events_are_read_as_a_browser_reads_them() -> None:
    """Name, id, data of several lines, and the reconnection time are parsed."""
    with Client(Site().app) as client:
        with client.stream("GET", "/events") as response:
            assert response.headers["content-type"] == "text/event-stream"
            events = list(response.events())
        assert events == [
            Event(None, retry_seconds=2),
            Event('{"number":1}', "news", "1"),
            Event('{"number":2}', "news", "2"),
            Event('{"number":3}', "news", "3"),
            Event("one\ntwo"),
        ]
        with client.stream("GET", "/events", headers={"last-event-id": "2"}) as response:
            assert [event.id for event in response.events()] == [None, "3", None]


def test_the_cookies_of_a_stream_are_kept() -> None:
    """The cookies of a streamed response are kept like any others."""
    with Client(Site().app) as client:
        with client.stream("GET", "/cookie") as response:
            assert response.read() == b"ab"
        assert client.cookies == {"taste": "sweet"}


def test_events_may_have_a_status_and_fields() -> None:
    """An EventStream in a tuple is still a stream of events."""
    with Client(Site().app) as client, client.stream("GET", "/status") as response:
        assert (response.status, response.headers["x-one"]) == (203, "1")
        assert [event.data for event in response.events()] == ["a"]


class Database:
    """A dependency that records that it was closed."""


@pytest.mark.parametrize("is_async", [True, False])
def test_dependencies_of_a_stream_are_closed_when_the_client_disconnects(*, is_async: bool) -> None:
    """A waiting stream gives its database connection back when the client disconnects."""
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
        with client.stream("GET", "/") as response:
            assert next(response.events()).data == "Database"
            assert waiting.wait(PATIENCE)
            assert not closed.is_set()
        let_go.set()
        assert closed.wait(PATIENCE)


@pytest.mark.parametrize("is_async", [True, False])
def test_events_are_compressed_if_named(*, is_async: bool) -> None:
    """If their media type is named, async events and comments are compressed; those made in threads are not."""
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
    with Client(app) as client, client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as response:
        pieces = iter(response)
        if not is_async:
            assert "content-encoding" not in response.headers
            content = b"".join(pieces).replace(b":\n\n", b"")  # a comment may come before a thread has begun
            assert content == b"data: " + b"x" * 2000 + b"\n\n"
            return
        assert response.headers["content-encoding"] == "gzip"
        decoder = zlib.decompressobj(wbits=31)
        data = b""
        while not data.endswith(b"\n\n:\n\n"):
            data += decoder.decompress(next(pieces))
        go_on.set()
        data += b"".join(decoder.decompress(piece) for piece in pieces)
    assert data.replace(b":\n\n", b"") == b"data: " + b"x" * 2000 + b"\n\ndata: " + b"y" * 200_000 + b"\n\n"

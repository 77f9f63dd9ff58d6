"""Content that a view takes as it comes, through real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight import App, BadRequest, Limits, limits
from fanlight.errors import ClientDisconnected, ContentTooLarge, HTTPError
from fanlight.message.content import ContentStream
from fanlight.message.request import Request
from fanlight.testing import Client, LiveServer

MIB = 1024 * 1024


class Seen:
    """What the views of this file have met."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.met = threading.Event()
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.bytes = 0


seen = Seen()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    global seen  # noqa: PLW0603 - a fresh one for each test
    seen = Seen()


async def count(stream: ContentStream) -> str:
    pieces = size = 0
    async for piece in stream:
        pieces += 1
        size += len(piece)
    return f"{size} of {stream.length}"


async def echo(stream: ContentStream, name: str = "nobody") -> str:
    return f"{name}: {(await stream.read()).decode()}"


async def watch(stream: ContentStream) -> str:
    seen.began.set()
    try:
        async for piece in stream:
            seen.bytes += len(piece)
    except BaseException as error:
        seen.error = error
        seen.met.set()
        raise
    return "whole"


async def slow(stream: ContentStream) -> str:
    """Take one piece, and the next when the test says so."""
    async for piece in stream:
        seen.bytes += len(piece)
        seen.began.set()
        await asyncio.to_thread(seen.go_on.wait, PATIENCE)
    return str(seen.bytes)


async def early(stream: ContentStream) -> Any:
    async for _ in stream:
        raise BadRequest("I have seen enough")


async def unread(stream: ContentStream) -> str:
    return f"not interested in {stream.length}"


async def nosy(stream: ContentStream, request: Request) -> str:
    return str(len(request.content) + (stream.length or 0))


@limits(content_bytes=1000)
async def small(stream: ContentStream) -> str:
    try:
        return str(len(await stream.read()))
    except ContentTooLarge as error:
        seen.error = error
        raise


URLS = {
    "POST /count": count,
    "GET|POST /echo": echo,
    "POST /watch": watch,
    "POST /slow": slow,
    "POST /early": early,
    "POST /unread": unread,
    "POST /nosy": nosy,
    "POST /small": small,
    "/": "home",
}


@pytest.fixture
def server() -> Iterator[LiveServer]:
    with LiveServer(App(URLS), limits=Limits(content_bytes=64 * MIB)) as running:
        yield running


def connect(server: LiveServer) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.settimeout(PATIENCE)
    return sock


def head(path: str, *fields: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "host: a", *fields, "", "")).encode()


def answer(sock: socket.socket) -> tuple[int, str]:
    """Read one response with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, f"the server left after {data!r}"
        data += more
    start, _, content = data.partition(b"\r\n\r\n")
    length = int(start.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(content) < length:
        content += received_next(sock)
    return int(start.split()[1]), content.decode()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_all_of_it_arrives(server: LiveServer) -> None:
    """A length and chunks are both read to their end, and the connection goes on."""
    with connect(server) as sock:
        sock.sendall(head("/count", "content-length: 3000000") + b"a" * 3_000_000)
        assert answer(sock) == (200, "3000000 of 3000000")
        sock.sendall(head("/count", "transfer-encoding: chunked") + chunked(b"a" * 100_000) * 20 + b"0\r\n\r\n")
        assert answer(sock) == (200, "2000000 of None")


def test_the_next_request_may_stand_behind(server: LiveServer) -> None:
    """A view that has read its content leaves the next request to the next call."""
    with connect(server) as sock:
        last = head("/echo", "content-length: 3", "connection: close") + b"you"
        sock.sendall(head("/echo?name=Ada", "content-length: 2") + b"hi" + last)
        received = b""
        while more := sock.recv(65536):
            received += more
    assert received.count(b"HTTP/1.1 200 ") == 2
    assert b"Ada: hiHTTP" in received
    assert received.endswith(b"nobody: you")


@pytest.mark.parametrize("size", [1, 7])
def test_it_may_come_byte_by_byte(server: LiveServer, size: int) -> None:
    """However the content is cut on its way, the view gets the same."""
    data = head("/echo", "transfer-encoding: chunked") + chunked(b"grue") + chunked(b"zi") + b"0\r\n\r\n"
    with connect(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            sock.sendall(data[at : at + size])
        assert answer(sock) == (200, "nobody: gruezi")


def test_without_content_the_stream_is_empty(server: LiveServer) -> None:
    """A request that has none ends at once, with any method."""
    with connect(server) as sock:
        sock.sendall(head("/echo"))
        assert answer(sock) == (200, "nobody: ")
        sock.sendall(head("/echo?name=x").replace(b"POST", b"GET"))
        assert answer(sock) == (200, "x: ")


def test_the_view_starts_with_the_head(server: LiveServer) -> None:
    """It runs before any content is there."""
    with connect(server) as sock:
        sock.sendall(head("/watch", "content-length: 5"))
        assert seen.began.wait(PATIENCE)
        sock.sendall(b"12345")
        assert answer(sock) == (200, "whole")
        assert seen.bytes == 5


def test_a_slow_view_slows_its_client(server: LiveServer) -> None:
    """While the view takes nothing, nothing is read: the client's own buffers fill, not the server's memory."""
    size = 48 * MIB
    with connect(server) as sock:
        sock.sendall(head("/slow", f"content-length: {size}"))
        sock.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < size:
                sent += sock.send(b"a" * min(MIB, size - sent))
        assert seen.began.is_set()
        assert seen.bytes <= MIB  # one piece
        assert sent < size / 2  # the rest is in the system's buffers
        seen.go_on.set()
        sock.settimeout(PATIENCE)
        while sent < size:
            sent += sock.send(b"a" * min(MIB, size - sent))
        assert answer(sock) == (200, str(size))


def test_continue_is_sent_when_the_view_reads(server: LiveServer) -> None:
    """`Expect: 100-continue` gets its 100 when the stream is first read, and never without that."""
    with connect(server) as sock:
        sock.sendall(head("/count", "content-length: 3", "expect: 100-continue"))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert answer(sock) == (200, "3 of 3")
        sock.sendall(head("/unread", "content-length: 3", "expect: 100-continue"))
        assert answer(sock) == (200, "not interested in 3")
        assert sock.recv(1) == b""


def test_an_early_response_reaches_a_client_that_still_sends(server: LiveServer) -> None:
    """A response before the content is whole can be read by the client, and the connection ends."""
    with connect(server) as sock:
        sock.sendall(head("/early", "content-length: 20000000") + b"a" * 3_000_000)
        status, text = answer(sock)
        assert (status, "enough" in text) == (400, True)
        assert sock.recv(1) == b""


def test_a_disconnect_is_raised_in_the_view(server: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    """Half-way gone: ClientDisconnected in the view, and no one calls it a fault."""
    with connect(server) as sock:
        sock.sendall(head("/watch", "content-length: 5") + b"12")
    assert seen.met.wait(PATIENCE)
    assert isinstance(seen.error, ClientDisconnected)
    with connect(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert answer(sock)[0] == 200
    assert not caplog.records


def test_limits_hold_while_it_streams(server: LiveServer) -> None:
    """What is announced over the limit is refused before the view runs; chunks are, as soon as they are over."""
    with connect(server) as sock:
        sock.sendall(head("/small", "content-length: 1001"))
        status, text = answer(sock)
        assert status == 413
        assert "1000 bytes" in text
        assert "@limits" not in text
        assert seen.error is None
    with connect(server) as sock:
        sock.sendall(head("/small", "transfer-encoding: chunked") + chunked(b"a" * 999) + b"2\r\n")
        status, text = answer(sock)
        assert (status, "1000 bytes" in text) == (413, True)
        assert isinstance(seen.error, ContentTooLarge)
    with connect(server) as sock:
        sock.sendall(head("/small", "content-length: 1000") + b"a" * 1000)
        assert answer(sock) == (200, "1000")


def test_malformed_chunks_are_400(server: LiveServer) -> None:
    """The view meets it as the error that the client gets."""
    with connect(server) as sock:
        sock.sendall(head("/watch", "transfer-encoding: chunked") + chunked(b"ab") + b"nonsense\r\n")
        assert answer(sock)[0] == 400
        assert isinstance(seen.error, HTTPError)
        assert sock.recv(1) == b""


def test_a_client_that_is_too_slow_gets_408(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadline and least rate hold for what a view takes itself."""
    monkeypatch.setattr("fanlight.server.connection.client_pace.LEAST_RATE", MIB)
    slow_limits = Limits(content_seconds=0.1)
    with LiveServer(App(URLS), limits=slow_limits) as server, connect(server) as sock:
        sock.sendall(head("/watch", "content-length: 5") + b"12")
        assert answer(sock)[0] == 408
        assert isinstance(seen.error, HTTPError)
        assert seen.error.status == 408


def test_single_bytes_buy_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's time is what the view has waited for it in all: a client that drips gets 408 as well."""
    monkeypatch.setattr("fanlight.server.connection.client_pace.LEAST_RATE", MIB)
    slow_limits = Limits(content_seconds=0.3)
    with LiveServer(App(URLS), limits=slow_limits) as server, connect(server) as sock:
        sock.sendall(head("/watch", "content-length: 100000"))
        for _ in range(400):  # about 20 s; it has 0.3, and the sweep for deadlines comes by once a second
            sock.sendall(b"a")
            if select.select([sock], [], [], 0.05)[0]:
                break
        else:
            raise AssertionError("it may drip on and on")
        assert answer(sock)[0] == 408
        assert 1 < seen.bytes < 400


def test_time_that_the_view_takes_is_not_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that is slow to ask does not use up what the client has."""
    monkeypatch.setattr("fanlight.server.connection.client_pace.LEAST_RATE", MIB)
    tight = Limits(content_seconds=0.5)
    with LiveServer(App(URLS), limits=tight) as server, connect(server) as sock:
        sock.sendall(head("/slow", "content-length: 5") + b"12")
        assert seen.began.wait(PATIENCE)
        time.sleep(2)  # the sweep for deadlines comes by once a second
        seen.go_on.set()
        sock.sendall(b"345")
        assert answer(sock) == (200, "5")


def test_nothing_else_reads_the_content(server: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    """`request.content` beside a stream is the author's mistake, and said."""
    with connect(server) as sock:
        sock.sendall(head("/nosy", "content-length: 1") + b"a")
        assert answer(sock)[0] == 500
    assert "takes the content as a ContentStream" in caplog.text


def test_the_client_of_tests_has_streams() -> None:
    """What holds on a port holds in the client for tests."""
    with Client(App(URLS)) as client:
        assert client.post("/count", content=b"a" * 1_000_000).text == "1000000 of 1000000"
        assert client.post("/unread", content=b"abc").text == "not interested in 3"
        assert client.get("/echo", query={"name": "Ada"}).text == "Ada: "


def test_a_stopping_server_ends_the_wait() -> None:
    """A view that waits for a client that sends nothing ends with its server."""
    with LiveServer(App(URLS), limits=Limits(drain_seconds=0.2)) as server:
        sock = connect(server)
        sock.sendall(head("/watch", "content-length: 5"))
        assert seen.began.wait(PATIENCE)
    assert seen.met.wait(PATIENCE)
    sock.close()

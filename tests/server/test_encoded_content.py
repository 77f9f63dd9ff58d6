"""Content that is compressed, through a socket: what comes is refused, what goes is there as soon as it is made."""

from __future__ import annotations

import asyncio
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.compression.options import Compression
from fanlight.message.content_stream import ContentStream
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.settings.limits import Limits
from fanlight.testing import Client, LiveServer

POST = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"


# --- what comes -------------------------------------------------------------------------------------


def echo(request: Request) -> bytes:
    return request.content


async def stream(content: ContentStream) -> bytes:
    return b"".join([piece async for piece in content])


@pytest.mark.parametrize("view", [echo, stream])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "GZIP", "gzip, identity", "nonsense"])
def test_compressed_content_is_refused(view: Any, coding: str) -> None:
    """A request whose content is encoded is 415, and the answer says that nothing but identity is taken."""
    with Client(App({"POST /": view})) as client:
        answer = client.send(f"{POST}content-encoding: {coding}\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 415 Unsupported Media Type\r\n")
    assert b"\r\naccept-encoding: identity\r\n" in answer
    assert f"send the content as it is, not as {coding}: nothing is decoded here".encode() in answer


@pytest.mark.parametrize("coding", ["identity", "", "Identity"])
def test_content_as_it_is_may_say_so(coding: str) -> None:
    """`identity` is no encoding."""
    with Client(App({"POST /": echo})) as client:
        answer = client.send(f"{POST}content-encoding: {coding}\r\nconnection: close\r\n\r\nhello".encode())
    assert answer.endswith(b"\r\n\r\nhello")


def test_who_waits_for_leave_is_refused_before_it_sends() -> None:
    """A client that expects 100-continue hears the refusal instead."""
    with Client(App({"POST /": echo})) as client:
        answer = client.send(f"{POST}content-encoding: gzip\r\nexpect: 100-continue\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 415 ")


def test_content_that_nobody_reads_may_be_anything() -> None:
    """Where the answer does not depend on the content it is thrown away, encoded or not."""
    with Client(App({"/": "hello"})) as client:
        answer = client.send(f"{POST}content-encoding: gzip\r\nconnection: close\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 405 ")


# --- what goes --------------------------------------------------------------------------------------


class Reader:
    """Reads a compressed stream from a socket, as far as it has come."""

    def __init__(self, port: int, path: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".encode())
        self._file = self.sock.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self._file.readline()
        self._decoder = zlib.decompressobj(31)

    def read(self, text: str) -> None:
        """Read chunks until a text has come; nothing else may come."""
        got = b""
        while got != text.encode():
            size = int(self._file.readline(), 16)
            assert size, f"it ended after {got!r}"
            got += self._decoder.decompress(self._file.read(size))
            self._file.readline()
            assert text.encode().startswith(got)

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class Streams:
    """Streams whose next piece waits until it is wanted, and that tell when they are closed."""

    def __init__(self) -> None:
        self.go_on, self.closed = threading.Event(), threading.Event()

    def sync(self) -> Iterator[str]:
        try:
            yield "first"
            self.go_on.wait(PATIENCE)
            while True:
                yield "second" * 1000
        finally:
            self.closed.set()

    async def asynchronous(self) -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.to_thread(self.go_on.wait, PATIENCE)
            while True:
                yield "second" * 1000
        finally:
            self.closed.set()


@pytest.mark.parametrize("kind", ["sync", "asynchronous"])
def test_a_piece_is_there_when_it_is_made(kind: str) -> None:
    """The client can decode a piece while the next is not made yet; when it leaves, the generator is closed."""
    streams = Streams()
    with LiveServer(App({"/": getattr(streams, kind)})) as server:
        reader = Reader(server.port, "/")
        assert b"\r\ncontent-encoding: gzip\r\n" in reader.head
        reader.read("first")
        streams.go_on.set()
        reader.read("second" * 1000)
        assert not streams.closed.is_set()
        reader.close()
        assert streams.closed.wait(PATIENCE)


@pytest.mark.parametrize("kind", ["sync", "asynchronous"])
def test_head_closes_a_stream_that_has_not_begun(kind: str) -> None:
    """An answer to HEAD pulls nothing, and closes what it does not pull."""

    class Waiting:
        """An iterable of either kind that was never begun."""

        def __init__(self) -> None:
            self.closed = threading.Event()

        def close(self) -> None:
            self.closed.set()

        async def aclose(self) -> None:
            self.closed.set()

    class Sync(Waiting):
        def __iter__(self) -> Sync:
            return self

        def __next__(self) -> bytes:
            raise AssertionError

    class Async(Waiting):
        def __aiter__(self) -> Async:
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError

    content = Sync() if kind == "sync" else Async()
    with (
        LiveServer(App({"/": lambda: content})) as server,
        socket.create_connection(("127.0.0.1", server.port)) as sock,
    ):
        sock.settimeout(PATIENCE)
        sock.sendall(b"HEAD / HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n")
        assert b"\r\ncontent-encoding: gzip\r\n" in sock.recv(65536)
        assert content.closed.wait(PATIENCE)


def test_events_are_compressed_only_where_they_are_named() -> None:
    """Server-sent events go as they are; a site that names them has each flushed."""
    streams = Streams()
    app = {"/": lambda: Response(streams.sync(), media_type="text/event-stream")}
    with LiveServer(App(app)) as server:
        reader = Reader(server.port, "/")
        assert b"content-encoding" not in reader.head
        reader.close()
        streams.go_on.set()
    streams.go_on.clear()
    with LiveServer(App(app, compression=Compression(media_types=(*COMPRESSIBLE, "text/event-stream")))) as server:
        reader = Reader(server.port, "/")
        assert b"\r\ncontent-encoding: gzip\r\n" in reader.head
        reader.read("first")
        reader.close()
        streams.go_on.set()


def test_http_1_0_is_compressed_until_the_end_of_the_connection() -> None:
    """A client of HTTP/1.0 that takes gzip gets it, ended by the close."""

    def three() -> Iterator[str]:
        yield from ("one ", "two ", "three")

    with Client(App({"/": three})) as client:
        answer = client.send(b"GET / HTTP/1.0\r\naccept-encoding: gzip\r\n\r\n")
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert zlib.decompress(content, 31) == b"one two three"


def test_big_content_waits_for_no_thread() -> None:
    """While every thread is busy, what would be compressed in one is sent as it is, at once."""
    begun, go_on = threading.Event(), threading.Event()

    @lane("thread")
    def slow() -> str:
        begun.set()
        go_on.wait(PATIENCE)
        return "slow"

    headers = {"accept-encoding": "gzip"}
    app = App({"/": lambda: "text " * 50_000, "/page": lambda: "text " * 5_000, "/slow": slow})
    with Client(app, limits=Limits(threads=1)) as client:
        assert client.get("/", headers=headers).headers["content-encoding"] == "gzip"
        with client.connect() as other:
            other.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert begun.wait(PATIENCE)
            answer = client.get("/", headers=headers)
            assert "content-encoding" not in answer.headers
            assert (answer.headers["vary"], len(answer.content)) == ("accept-encoding", 250_000)
            assert client.get("/page", headers=headers).headers["content-encoding"] == "gzip"
            go_on.set()
            assert other.recv(100).startswith(b"HTTP/1.1 200 ")

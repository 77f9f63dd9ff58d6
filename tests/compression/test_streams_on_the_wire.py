"""Compressed responses, read from a socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.speed import PATIENCE

from fanlight import App
from fanlight.compression.compression_settings import Compression
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.message.lane import lane
from fanlight.message.response import Response
from fanlight.settings.limits import Limits
from fanlight.testing import Client, LiveServer


class Reader:
    """Reads a compressed stream from a socket as it arrives."""

    def __init__(self, port: int, path: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".encode())
        self._file = self.sock.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self._file.readline()
        self._decoder = zlib.decompressobj(31)

    def read(self, text: str) -> None:
        """Read chunks until a text has arrived; nothing else may."""
        got = b""
        while got != text.encode():
            size = int(self._file.readline(), 16)
            assert size, f"the stream ended after {got!r}"
            got += self._decoder.decompress(self._file.read(size))
            self._file.readline()
            assert text.encode().startswith(got)

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class Streams:
    """Streams whose second piece waits for `go_on`, and that set `closed` when they are closed."""

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
def test_each_piece_can_be_decoded_when_it_is_made(kind: str) -> None:
    """The client can decode a piece before the next one is made; when it disconnects, the generator is closed."""
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
    """A response to HEAD pulls nothing, and closes the stream."""

    class Waiting:
        """An iterable that records that it was closed."""

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


def test_events_are_compressed_only_if_named() -> None:
    """Server-sent events are not compressed, unless the site names their media type; then each is flushed."""
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
    """An HTTP/1.0 client that accepts gzip gets it; the close ends the content."""

    def three() -> Iterator[str]:
        yield from ("one ", "two ", "three")

    with Client(App({"/": three})) as client:
        answer = client.send(b"GET / HTTP/1.0\r\naccept-encoding: gzip\r\n\r\n")
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert zlib.decompress(content, 31) == b"one two three"


def test_big_content_does_not_wait_for_a_thread() -> None:
    """While every thread is busy, content that would be compressed in one is sent uncompressed."""
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

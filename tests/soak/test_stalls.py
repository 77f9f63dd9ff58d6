"""Views block the server again and again, so that the connections change hands: no exchange has more than a delay.

The server moves a view that has blocked it to the thread pool, so each of these views blocks it once.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Site
from tests.soak.stall_site.main import PIECES, STALLS
from tests.speed import PATIENCE
from tests.wire.client_frames import TEXT, frame

FOLDER = Path(__file__).parent / "stall_site"
HANDSHAKE = (
    "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LEAST_STALLS = 10  # that were found out: a busy machine delays the views, too, which are not blamed then
EACH = 2  # clients of a kind
LINES = b"".join(b"%08d %b\n" % (number, b"x" * 100) for number in range(PIECES))
CONTENT = bytes(range(256)) * 1200


class Clients:
    """Clients of one server, which send requests until they are to stop."""

    def __init__(self, port: int) -> None:
        """Begin without any."""
        self.port = port
        self.is_over = False
        self.done = Counter[str]()
        self.published = 0

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Give a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def ask(self, request: str, content: bytes = b"") -> bytes:
        """Send a request; return the content of the whole response."""
        async with self.connected() as (reader, writer):
            writer.write(f"{request} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {len(content)}\r\n\r\n".encode())
            for at in range(0, len(content), 20_000):
                writer.write(content[at : at + 20_000])
                await asyncio.sleep(0.001)  # so that it arrives in pieces
            head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        assert b" 200 " in head, head
        return rest

    async def stall(self) -> None:
        """Ask for views that block, one after the other, while all others go on."""
        for number in range(STALLS):
            async with asyncio.timeout(PATIENCE):
                assert await self.ask(f"GET /stall/{number}") == b"stalled %d" % number
            self.done["stall"] += 1
            await asyncio.sleep(0.01)
        self.is_over = True

    async def pages(self, path: str) -> None:
        """Ask for five pages at a time on one connection."""
        async with self.connected() as (reader, writer):
            asked = [f"GET {path}/{number} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode() for number in range(5)]
            writer.write(b"".join(asked))
            for number in range(5):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 "), head
                assert await reader.readexactly(6) == b"page %d" % number

    async def echo(self, path: str) -> None:
        """Send messages of some sizes without waiting, then read all of them."""
        messages = [b"%03d" % number + b"x" * size for number, size in enumerate([0, 10, 3000, 70_000] * 5)]
        async with self.socket(path) as (reader, writer):
            for each in messages:
                writer.write(frame(TEXT, each))
            for each in messages:
                assert await _message(reader) == each

    async def download(self, path: str) -> None:
        """Read a stream more slowly than it is made."""
        async with self.connected() as (reader, writer):
            writer.write(f"GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            received = b""
            while data := await reader.read(20_000):
                received += data
                await asyncio.sleep(0.001)
        assert sha256(received).digest() == sha256(LINES).digest()

    async def upload(self, path: str) -> None:
        """Send content."""
        assert await self.ask(f"POST {path}", CONTENT) == sha256(CONTENT).hexdigest().encode()

    async def publish(self) -> None:
        """Publish the next three numbers."""
        first, self.published = self.published, self.published + 3
        assert await self.ask(f"POST /publish/{first}/3") == b"published"

    @asynccontextmanager
    async def socket(self, path: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Give a WebSocket."""
        async with self.connected() as (reader, writer):
            writer.write(HANDSHAKE.format(path).encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            yield reader, writer

    async def listen(self, begun: asyncio.Event, until: Callable[[], int | None]) -> None:
        """Hear all that is published, over a WebSocket."""
        async with self.socket("/listen") as (reader, _):
            assert await _message(reader) == b"ready"
            begun.set()
            number = 0
            while number != until():
                assert await _message(reader) == b"%d" % number
                number += 1

    async def follow(self, begun: asyncio.Event, until: Callable[[], int | None]) -> None:
        """Hear all that is published, as an event stream."""
        async with self.connected() as (reader, writer):
            writer.write(b"GET /stream HTTP/1.0\r\nhost: localhost\r\n\r\n")
            await reader.readuntil(b"data: ready\n")
            begun.set()
            number = 0
            while number != until():
                line = await reader.readline()
                if line.startswith(b"data: "):
                    assert line == b"data: %d\n" % number
                    number += 1

    async def again(self, name: str, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something again and again, until all views have blocked."""
        while not self.is_over:
            async with asyncio.timeout(PATIENCE):
                await act()
            self.done[name] += 1


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Return the next text of a WebSocket."""
    while True:
        first, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
        data = await reader.readexactly(size)
        if first != 0x89:  # a ping
            assert first == 0x81, (first, data)
            return data


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve the site."""
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--no-access-log", "--ping-seconds", "600"]
    running = Site(command, FOLDER)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.wait_for_exit()


def test_views_that_block_delay_all_other_exchanges_and_lose_nothing(site: Site) -> None:
    """Pages, WebSockets, streams, uploads and topics, beside a view that blocks at any moment."""
    clients = Clients(int(site.port))

    async def trial() -> None:
        kinds = {
            "page": lambda: clients.pages("/page"),
            "wait": lambda: clients.pages("/wait"),
            "echo": lambda: clients.echo("/echo"),
            "blocking echo": lambda: clients.echo("/blocking-echo"),
            "download": lambda: clients.download("/numbers"),
            "plain download": lambda: clients.download("/plain-numbers"),
            "upload": lambda: clients.upload("/digest"),
            "stored upload": lambda: clients.upload("/digest-whole"),
            "echo of ASGI": lambda: clients.echo("/asgi/"),
            "download of ASGI": lambda: clients.download("/asgi/"),
            "upload to ASGI": lambda: clients.upload("/asgi/"),
            "download of WSGI": lambda: clients.download("/wsgi/"),
            "upload to WSGI": lambda: clients.upload("/wsgi/"),
        }
        published: list[int] = []  # how many, once that is known
        begun = [asyncio.Event() for _ in range(2 * EACH)]

        def until() -> int | None:
            return published[0] if published else None

        async def publish() -> None:
            for each in begun:
                await each.wait()
            await clients.again("publish", clients.publish)
            published.append(clients.published + 1)
            await clients.ask(f"POST /publish/{clients.published}/1")  # one more, so that none waits for another

        async with asyncio.TaskGroup() as group:
            for name, act in kinds.items():
                for _ in range(EACH):
                    group.create_task(clients.again(name, act))
            for each in begun:
                group.create_task((clients.listen if begun.index(each) % 2 else clients.follow)(each, until))
            group.create_task(publish())
            group.create_task(clients.stall())
        assert min(clients.done[name] for name in (*kinds, "publish")) >= EACH

    async def bounded() -> None:
        async with asyncio.timeout(4 * PATIENCE):  # also for those that listen
            await trial()

    asyncio.run(bounded())
    site.process.terminate()
    printed = site.rest()
    assert printed.count("blocked the server") >= LEAST_STALLS, printed
    assert "ERROR" not in printed

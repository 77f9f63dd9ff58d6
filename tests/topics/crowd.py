"""A crowd that listens to topics: WebSockets and event streams, each of which notes the numbers that it gets.

Its clients are written for these tests, on asyncio's streams: they read what a server sends (RFC 6455 section 5.2, the
HTML standard's section 9.2.6), and know nothing of our own parsers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import suppress

from tests.speed import PATIENCE

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Listener:
    """A client that listens: `numbers` are those of the messages, in the order in which they came."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self.numbers: list[int] = []
        self.last_at = 0.0
        self.worker = 0
        self.last_id = ""
        self.code: int | None = None  # of the close frame
        self.ready, self.ended = asyncio.Event(), asyncio.Event()
        self.goal = 0
        self.reached = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            await self._listen(reader, self._writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()
            self.reached.set()
            if self._writer is not None:
                self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    def _take(self, text: str) -> None:
        if not self.ready.is_set():
            self.worker = int(text)
            self.ready.set()
            return
        self.numbers.append(json.loads(text)["number"])
        self.last_at = time.perf_counter()
        if len(self.numbers) >= self.goal:
            self.reached.set()

    async def wait_for(self, count: int) -> None:
        """Wait until it has had so many messages, or has ended."""
        self.goal = count
        if len(self.numbers) < count and not self.ended.is_set():
            self.reached.clear()
            await asyncio.wait_for(self.reached.wait(), PATIENCE)

    async def wait_for_number(self, number: int) -> None:
        """Wait until it has had a message; those before it may have come twice."""
        while number not in self.numbers:
            await self.wait_for(len(self.numbers) + 1)
            assert not self.ended.is_set(), f"it has ended after {self.numbers}"

    async def close(self) -> None:
        """Disconnect."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


class SocketListener(Listener):
    """A WebSocket."""

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_HANDSHAKE.format(path=f"/listen{self._path}").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        while True:
            first, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            elif length == 127:
                length = int.from_bytes(await reader.readexactly(8))
            data = await reader.readexactly(length)
            if first == 0x88:
                self.code = int.from_bytes(data[:2])
                return
            if first == 0x81:
                self._take(data.decode())


class StreamListener(Listener):
    """An event stream."""

    def __init__(self, port: int, path: str, last_id: str = "") -> None:
        super().__init__(port, path)
        self._since = last_id

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        since = f"last-event-id: {self._since}\r\n" if self._since else ""
        writer.write(f"GET /stream{self._path} HTTP/1.0\r\nhost: localhost\r\n{since}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        while line := await reader.readline():
            if line.startswith(b"id: "):
                self.last_id = line[4:-1].decode()
            elif line.startswith(b"data: "):
                self._take(line[6:-1].decode())


class SlowClient:
    """A client that begins to listen, by a path, and then does not read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @classmethod
    async def connected(cls, port: int, path: str) -> SlowClient:
        """Return one that listens."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, _HANDSHAKE.format(path=path).encode())
        begun = b""
        while b"\r\n\r\n" not in begun:
            begun += await asyncio.wait_for(loop.sock_recv(sock, 1), PATIENCE)
        return cls(sock)

    async def wait_until_closed(self) -> None:
        """Wait until the server has closed the connection, and read what it had sent before."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while await loop.sock_recv(self._sock, 65536):
                    pass
        self._sock.close()


class Crowd:
    """Many listeners of some topics; every second one is an event stream."""

    def __init__(self, port: int, names: list[str], count: int) -> None:
        self.port = port
        self.listeners = [
            (SocketListener if number % 2 else StreamListener)(port, f"/{names[number // 2 % len(names)]}")
            for number in range(count)
        ]
        self.names = [names[number // 2 % len(names)] for number in range(count)]

    async def wait_until_ready(self) -> None:
        """Wait until each gets all that is published."""
        async with asyncio.timeout(PATIENCE):
            for each in self.listeners:
                await each.ready.wait()

    async def wait_for(self, count: int) -> None:
        """Wait until each has had so many messages."""
        await asyncio.gather(*(each.wait_for(count) for each in self.listeners))

    async def close(self) -> None:
        """Disconnect all."""
        for each in self.listeners:
            await each.close()


async def post(port: int, path: str) -> bytes:
    """Send a POST; return the whole response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        response = await reader.read()
    writer.close()
    return response

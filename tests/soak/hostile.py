"""Hostile clients: slow ones, silent ones, ones that vanish, ones that send garbage.

Counts what they did and got. All of them run in one event loop in a thread of its own, each again and again, until
`stop`; then every connection is closed. What they get is not checked one by one, except that garbage never gets a
success.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable

from tests.soak.tally import Tally

PAUSE_SECONDS = 0.4  # between two bytes of a slow client
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
BROKEN_CHUNKS = (
    b"5\r\nhelloXX",
    b"0x5\r\nhello\r\n",
    b"-1\r\n",
    b"zz\r\n",
    b"5;" + b"a" * 5000,
    b"ffffffffffffffffff\r\n",
)
HEAD = b"POST /upload HTTP/1.1\r\nhost: soak.example\r\ncontent-type: text/plain\r\n"


class Hostile:
    """A number of clients of each kind, in a thread."""

    def __init__(self, port: int, tally: Tally, of_each: int) -> None:
        """Prepare; `start` begins."""
        self._port, self._tally, self._of_each = port, tally, of_each
        self._rng = random.Random(0)
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._run, name="hostile")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close all connections, and wait for the thread."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._all())

    async def _all(self) -> None:
        kinds = (
            self.slow_head,
            self.slow_content,
            self.slow_read,
            self.silent,
            self.vanish_in_the_head,
            self.vanish_in_the_response,
            self.garbage,
            self.broken_chunks,
        )
        self._tasks = [asyncio.create_task(self._again(kind)) for kind in kinds for _ in range(self._of_each)]
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _again(self, kind: Callable[[socket.socket], Awaitable[None]]) -> None:
        while True:
            with socket.socket() as sock:
                sock.setblocking(False)
                with contextlib.suppress(OSError):
                    if kind == self.slow_read:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    await self._loop.sock_connect(sock, ("127.0.0.1", self._port))
                    self._tally.count_hostile(kind.__name__.replace("_", " "))
                    await kind(sock)
            await asyncio.sleep(self._rng.random() / 2)

    # --- slow ---------------------------------------------------------------------------------

    async def slow_head(self, sock: socket.socket) -> None:
        """Send a head byte by byte, until the server closes the connection."""
        for byte in b"GET /page/1 HTTP/1.1\r\nhost: " + b"a" * 10_000:
            await self._loop.sock_sendall(sock, bytes((byte,)))
            await asyncio.sleep(PAUSE_SECONDS)

    async def slow_content(self, sock: socket.socket) -> None:
        """Send content byte by byte."""
        await self._loop.sock_sendall(sock, HEAD + b"content-length: 100000\r\n\r\n")
        for _ in range(10_000):
            await self._loop.sock_sendall(sock, b"x")
            await asyncio.sleep(PAUSE_SECONDS)

    async def slow_read(self, sock: socket.socket) -> None:
        """Request 2 MiB, and read a few bytes at a time."""
        await self._loop.sock_sendall(sock, b"GET /download HTTP/1.1\r\nhost: soak.example\r\n\r\n")
        for _ in range(100_000):
            if not await self._loop.sock_recv(sock, 64):
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def silent(self, sock: socket.socket) -> None:
        """Connect, and send nothing."""
        await self._loop.sock_recv(sock, 1)

    # --- gone ---------------------------------------------------------------------------------

    async def vanish_in_the_head(self, sock: socket.socket) -> None:
        """Send half a request, and reset the connection."""
        await self._loop.sock_sendall(sock, HEAD[: self._rng.randrange(1, len(HEAD))])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    async def vanish_in_the_response(self, sock: socket.socket) -> None:
        """Read the first bytes of a large response, and reset the connection."""
        path = self._rng.choice((b"/download", b"/stream/200000", b"/ticks/1000"))
        await self._loop.sock_sendall(sock, b"GET %s HTTP/1.1\r\nhost: soak.example\r\n\r\n" % path)
        await self._loop.sock_recv(sock, 1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    # --- garbage ------------------------------------------------------------------------------

    async def garbage(self, sock: socket.socket) -> None:
        """Send random bytes."""
        await self._loop.sock_sendall(sock, self._rng.randbytes(self._rng.randrange(1, 20_000)) + b"\r\n\r\n")
        await self._must_be_refused(sock)

    async def broken_chunks(self, sock: socket.socket) -> None:
        """Send a valid head, and invalid chunks."""
        content = self._rng.choice(BROKEN_CHUNKS)
        await self._loop.sock_sendall(sock, HEAD + b"transfer-encoding: chunked\r\n\r\n" + content)
        await self._must_be_refused(sock)

    async def _must_be_refused(self, sock: socket.socket) -> None:
        response = await self._loop.sock_recv(sock, 100)
        if response:
            self._tally.count_hostile(
                "refused" if response.startswith(b"HTTP/1.1 4") else f"wrongly accepted: {response[:20]!r}"
            )

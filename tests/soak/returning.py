"""Clients of the trial of a bus with faults: publishers that try again, and listeners that return with their last id.

A publisher notes the id of each message that was confirmed, and how long it waited where none was. A listener notes the
ids that it gets: each must be above the one before. What it has is compared with what was confirmed.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.topics.crowd import post

PAUSE_SECONDS = 0.2, 1.0  # before a listener connects again
RETRY_SECONDS = 0.1
_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

Id = tuple[int, int]


def read_id(text: str) -> Id:
    """Return an id as a pair of numbers, which can be compared."""
    milliseconds, _, count = text.partition("-")
    return int(milliseconds), int(count)


@dataclass
class Noted:
    """What all clients have noted."""

    confirmed: list[Id] = field(default_factory=list)
    refused: int = 0
    slowest_seconds: float = 0.0  # of a call of `publish`, as its view has measured it
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Publisher:
    """Publishes numbers by one site, one after the other; each until it is confirmed."""

    def __init__(self, port: int, first: int, every_seconds: float, noted: Noted) -> None:
        """Begin with none."""
        self._port, self._number, self._every, self._noted = port, first, every_seconds, noted

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self.publish()
            await asyncio.sleep(self._every)

    async def publish(self) -> None:
        """Publish the next number."""
        while True:
            try:
                response = await post(self._port, f"/attempt/{self._number}")
            except OSError:
                response = b""
            head, _, content = response.partition(b"\r\n\r\n")
            if b" 200 " in head or (b" 503 " in head and content.startswith(b"{")):
                document = json.loads(content)
                self._noted.slowest_seconds = max(self._noted.slowest_seconds, document["seconds"])
                if document["id"]:
                    self._noted.confirmed.append(read_id(document["id"]))
                    self._number += 1
                    return
            elif head:
                self._noted.problems.append(f"publishing was answered with {head[:60]!r}")
            self._noted.refused += 1
            await asyncio.sleep(RETRY_SECONDS)


class Listener:
    """A client that listens; an even number is an event stream, an odd one a WebSocket."""

    def __init__(self, port: int, number: int, noted: Noted) -> None:
        """Begin with nothing."""
        self._port, self._number, self._noted = port, number, noted
        self._random = random.Random(number)
        self.last: Id = 0, 0
        self.ids: set[Id] = set()
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Listen, and return whenever the connection has ended."""
        while True:
            listen = self._listen_to_socket if self._number % 2 else self._listen_to_stream
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    how = await listen(reader, writer)
                finally:
                    writer.transport.abort()
            except (OSError, EOFError) as error:
                how = type(error).__name__
            self._noted.ends[how] += 1
            self.connected.clear()
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))

    async def _listen_to_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        since = f"last-event-id: {self._last_id}\r\n" if self.ids else ""
        writer.write(f"GET /stream HTTP/1.0\r\nhost: localhost\r\n{since}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head:
            return f"a stream is refused: {head[9:12].decode()}"
        self.connected.set()
        while line := await reader.readline():
            if line.startswith(b"id: ") and line.endswith(b"\n"):
                self._take(line[4:-1].decode())
        return "a stream ended"

    async def _listen_to_socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        after = f"?after={self._last_id}" if self.ids else ""
        writer.write(_HANDSHAKE.format(path=f"/tell{after}").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            return f"a socket is refused: {head[9:12].decode()}"
        self.connected.set()
        while True:
            first, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            data = await reader.readexactly(length)
            if first == 0x89:  # a ping; a client that returns none is taken to be gone
                writer.write(b"\x8a\x80" + bytes(4))
            if first == 0x88:
                return f"a socket closed with {int.from_bytes(data[:2])}"
            if first == 0x81:
                self._take(json.loads(data)["id"])

    @property
    def _last_id(self) -> str:
        return f"{self.last[0]}-{self.last[1]}"

    def _take(self, text: str) -> None:
        found = read_id(text)
        if found <= self.last:
            what = "twice" if found in self.ids else "out of order"
            self._noted.problems.append(f"listener {self._number} got {found} {what}, after {self.last}")
        self.last = max(self.last, found)
        self.ids.add(found)

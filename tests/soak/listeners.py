"""The clients of the soak of topics: a publisher that counts, and listeners that return with the last id they have.

Each listener must have every number once, and in order. It stays for a while, then leaves, politely or not, and
returns, as it does when the server ends its connection. All of it is counted in `Heard`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress

import websockets
from tests.topics.crowd import post
from websockets.asyncio.client import ClientConnection, connect

LEAST_STAY, MOST_STAY = 3.0, 60.0  # seconds of a listener, if the server does not end its connection before
PUBLISH_EVERY = 0.02


class Heard:
    """What all clients have counted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.messages = 0
        self.connections: Counter[str] = Counter()  # by the kind of listener
        self.ends: Counter[str] = Counter()  # how connections have ended
        self.problems: list[str] = []


class Publisher:
    """Publishes the numbers from 0 on, one after the other, each by a request on a connection of its own."""

    def __init__(self, port: int, heard: Heard) -> None:
        """Begin with none."""
        self._port, self._heard = port, heard
        self._ids: list[str] = []
        self._added = asyncio.Condition()

    @property
    def count(self) -> int:
        """How many were published."""
        return len(self._ids)

    async def run(self, seconds: float) -> None:
        """Publish for some seconds."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while clock() < until:
            await self.publish()
            await asyncio.sleep(PUBLISH_EVERY)

    async def publish(self) -> None:
        """Publish the next number."""
        try:
            response = await post(self._port, f"/publish/{self.count}")
        except OSError as error:
            response = repr(error).encode()
        head, _, content = response.partition(b"\r\n\r\n")
        if b" 200 " not in head:
            self._heard.problems.append(f"publishing {self.count} failed: {response[:200]!r}")
            return
        async with self._added:
            self._ids.append(content.decode())
            self._added.notify_all()

    async def id_of(self, number: int) -> str:
        """Return the id of a number, as soon as its publication is confirmed."""
        async with self._added:
            await self._added.wait_for(lambda: number < self.count)
        return self._ids[number]


class Listener:
    """A client that listens. `expected` is the next number."""

    kind = ""

    def __init__(self, port: int, publisher: Publisher, heard: Heard, seed: int) -> None:
        """Begin with nothing."""
        self._port, self._publisher, self._heard = port, publisher, heard
        self._random = random.Random(seed)
        self._name = f"{self.kind} {seed}"
        self._last_id = ""
        self.expected = 0

    async def run(self) -> None:
        """Listen, and return whenever the connection has ended."""
        while True:
            self._heard.connections[self.kind] += 1
            try:
                async with asyncio.timeout(self._random.uniform(LEAST_STAY, MOST_STAY)):
                    how = await self.listen(is_polite=self._random.random() < 0.5)
            except TimeoutError:
                how = "left"
            except (OSError, EOFError, websockets.WebSocketException) as error:
                how = type(error).__name__
                await asyncio.sleep(0.05)
            self._heard.ends[f"{self.kind}: {how}"] += 1

    async def listen(self, *, is_polite: bool) -> str:
        """Listen until the server ends the connection; return how it did. When cancelled, leave politely or not."""
        raise NotImplementedError

    def _take(self, beat: str, found: str = "") -> None:
        number = json.loads(beat)["number"]
        self._heard.messages += 1
        if number == self.expected:
            self._last_id = found
            self.expected += 1
            return
        if number < self.expected:
            self._heard.problems.append(f"{self._name} got {number} twice, or late, instead of {self.expected}")
        else:
            self._heard.problems.append(f"{self._name} lost {self.expected} to {number - 1}")
            self._last_id, self.expected = found, number + 1


class StreamListener(Listener):
    """Reads an event stream (the HTML standard, section 9.2.6) and returns with `Last-Event-ID`."""

    kind = "event stream"

    async def listen(self, *, is_polite: bool) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            since = f"last-event-id: {self._last_id}\r\n" if self._last_id else ""
            writer.write(f"GET /stream HTTP/1.0\r\nhost: localhost\r\n{since}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head:
                return f"refused {head.split(b' ')[1].decode()}"
            found = ""
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    found = line[4:-1].decode()
                elif line.startswith(b"data: ") and line.endswith(b"\n"):
                    self._take(line[6:-1].decode(), found)
            return "ended by the server"
        finally:
            if is_polite:
                writer.close()
            else:
                writer.transport.abort()


class SocketListener(Listener):
    """A WebSocket, which returns with the id of its last message in the query."""

    path = ""

    async def listen(self, *, is_polite: bool) -> str:
        after = await self._last()
        query = f"?after={after}" if after else ""
        socket = await connect(f"ws://127.0.0.1:{self._port}{self.path}{query}")
        try:
            with suppress(websockets.ConnectionClosed):
                while True:
                    self._take_message(await socket.recv())
            return f"closed with {socket.close_code}"
        finally:
            await _leave(socket, is_polite=is_polite)

    async def _last(self) -> str:
        return self._last_id

    def _take_message(self, message: str | bytes) -> None:
        document = json.loads(message)
        self._take(document["beat"], document["id"])


class ForwardedListener(SocketListener):
    """A WebSocket to which a topic is forwarded: it knows ids from the publisher."""

    kind, path = "forwarded socket", "/forward"

    async def _last(self) -> str:
        return await self._publisher.id_of(self.expected - 1) if self.expected else ""

    def _take_message(self, message: str | bytes) -> None:
        self._take(str(message))


class ToldListener(SocketListener):
    """A WebSocket whose messages have ids."""

    kind, path = "socket with ids", "/tell"


async def _leave(socket: ClientConnection, *, is_polite: bool) -> None:
    if is_polite:
        await socket.close()
    else:
        socket.transport.abort()
        await socket.wait_closed()


KINDS: tuple[type[Listener], ...] = (StreamListener, ForwardedListener, ToldListener)

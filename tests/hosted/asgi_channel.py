"""The other side of an ASGI app: a scope, what is received, and what the app has sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


class Channel:
    """What a server gives to an ASGI app, and gets of it, for one scope."""

    def __init__(self, messages: Sequence[Message] = (), *, stays: bool = True) -> None:
        """Receive these messages; then nothing more if the client stays, else its disconnect."""
        self._messages, self._stays = list(messages), stays
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.has_sent = asyncio.Event()

    async def receive(self) -> Message:
        """Return the next message."""
        await asyncio.sleep(0)
        if self._messages:
            return self._messages.pop(0)
        if self._stays:
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep a message of the app."""
        self.sent.append(message)
        self.has_sent.set()

    @property
    def status(self) -> int:
        """The status of the response."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        """The fields of the response."""
        return {name.decode(): value.decode("latin-1") for name, value in self.sent[0]["headers"]}

    @property
    def content(self) -> bytes:
        """The content of the response."""
        return b"".join([each.get("body", b"") for each in self.sent[1:]])


def scope(path: str = "/", method: str = "GET", headers: Sequence[tuple[str, str]] = (), **more: Any) -> Message:
    """Return the scope of a request (ASGI, HTTP 2.4)."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"a.example"), *((name.encode(), value.encode()) for name, value in headers)],
        "client": ("127.0.0.1", 4000),
        "server": ("127.0.0.1", 8000),
        **more,
    }


def body(*pieces: bytes) -> list[Message]:
    """Return the messages of a request's content."""
    last = len(pieces) - 1
    return [{"type": "http.request", "body": each, "more_body": at < last} for at, each in enumerate(pieces)]


class SocketChannel:
    """The server's side of one WebSocket: a queue of what its client does, and what the app has sent."""

    def __init__(self, *, refuses: bool = False) -> None:
        """Begin with a client that connects; where it `refuses`, `send` raises OSError when the client has left."""
        self._waiting: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self._waiting.put_nowait({"type": "websocket.connect"})
        self._refuses, self._is_left = refuses, False
        self.sent: list[Message] = []
        self.has_sent = asyncio.Event()
        self._has_received = asyncio.Event()

    def says(self, *messages: str | bytes) -> None:
        """Have the client send messages."""
        for each in messages:
            key = "text" if isinstance(each, str) else "bytes"
            self._waiting.put_nowait({"type": "websocket.receive", key: each})

    def does(self, event: Message) -> None:
        """Have `receive` return an event."""
        self._waiting.put_nowait(event)

    def leaves(self, code: int = 1001, reason: str = "") -> None:
        """Have the client leave."""
        self._is_left = True
        self._waiting.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def fails(self, error: Exception) -> None:
        """Have `receive` raise an exception."""
        self._waiting.put_nowait(error)

    @property
    def unread(self) -> int:
        """How much of what the client does the app has not received."""
        return self._waiting.qsize()

    async def receive(self) -> Message:
        """Return what the client does next."""
        event = await self._waiting.get()
        self._has_received.set()
        if isinstance(event, Exception):
            raise event
        return event

    async def until_unread(self, count: int) -> None:
        """Wait until the app has left no more than this to be received."""
        while self.unread > count:
            self._has_received.clear()
            await self._has_received.wait()

    async def send(self, message: Message) -> None:
        """Keep a message of the app."""
        if self._is_left and self._refuses:
            raise BrokenPipeError
        self.sent.append(message)
        self.has_sent.set()

    async def until_sent(self, kind: str) -> Message:
        """Wait until the app has sent a message of this type, and return it."""
        while True:
            for each in self.sent:
                if each["type"] == kind:
                    return each
            self.has_sent.clear()
            await self.has_sent.wait()

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

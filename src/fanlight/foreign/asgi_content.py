"""The content of a request, as an ASGI app receives it.

In: content that is kept, or a stream of it. Out: the events `http.request`. A stream is received as the app takes it,
so a slow app slows its client down. What an app has not received when it begins to stream its response is kept for it:
on one connection of HTTP/1, its client sends first, and reads then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fanlight.errors import ClientDisconnected
from fanlight.message.content import STREAMED_CONTENT, SpooledContent

if TYPE_CHECKING:
    from fanlight.message.request import Request

PIECE_BYTES = 64 * 1024


class AsgiContent:
    """The content of one request."""

    __slots__ = ("_at", "_kept", "_lock", "_received", "_request", "is_received")

    def __init__(self, request: Request) -> None:
        self._request = request
        self.is_received = False  # whole, by the app
        self._received = 0
        self._kept: SpooledContent | None = None  # what was read ahead of the app
        self._at = 0
        self._lock: asyncio.Lock | None = None  # of a stream, which several tasks of the app may read

    async def next_event(self) -> dict[str, Any] | None:
        """Return the next event; None if the client has disconnected. Raises HTTPError for content that is refused."""
        request = self._request
        if request.content_source is not STREAMED_CONTENT:
            self.is_received = True
            return _event(request.content, is_last=True)
        async with self._locked():
            if self._kept is not None:
                return self._kept_event(self._kept)
            if self.is_received:
                return _event(b"", is_last=True)
            stream = request.content_stream
            try:
                piece = await anext(stream, b"")
            except ClientDisconnected:
                self.is_received = True
                return None
            self._received += len(piece)
            self.is_received = is_last = not piece or self._received == stream.length
            return _event(piece, is_last=is_last)

    def _locked(self) -> asyncio.Lock:
        if self._lock is None:
            self._lock = asyncio.Lock()
        return self._lock

    async def keep_rest(self) -> None:
        """Receive the rest, to be given to the app later. Raises HTTPError, ClientDisconnected."""
        if self.is_received or self._kept is not None or self._request.content_source is not STREAMED_CONTENT:
            return
        async with self._locked():
            if self.is_received:
                return
            kept = SpooledContent(PIECE_BYTES)
            async for piece in self._request.content_stream:
                kept.write(piece)
            self._kept = kept

    def _kept_event(self, kept: SpooledContent) -> dict[str, Any]:
        piece = kept.read_at(self._at, PIECE_BYTES)
        self._at += len(piece)
        self.is_received = self._at == kept.size
        if self.is_received:
            kept.close()
        return _event(piece, is_last=self.is_received)


def _event(body: bytes, *, is_last: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": not is_last}

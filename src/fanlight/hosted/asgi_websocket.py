"""A WebSocket of another server (ASGI, WebSocket 2.5), as the views of an app have it.

In: a scope of type "websocket", and its channels. Out: a `Transport`. Frames, pings, limits and compression are the
other server's. A message that is longer than our own limit is refused with 1009.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fanlight.errors import AppError
from fanlight.hosted.asgi_responses import Receive, Send
from fanlight.hosted.hosted_app import Found, HostedApp
from fanlight.message.response import Response
from fanlight.message.threads import wait_on
from fanlight.message.websocket import SWITCHING_PROTOCOLS, Message, WebSocketClosed
from fanlight.wire.websocket.websocket_frames import CloseCode, close_code_of

T = TypeVar("T")


class AsgiWebSocket:
    """Carries the messages of one WebSocket."""

    def __init__(
        self, scope: Any, receive: Receive, send: Send, loop: asyncio.AbstractEventLoop, hosted: HostedApp
    ) -> None:
        self.loop, self._receive, self._send, self._hosted = loop, receive, send, hosted
        self.offered: tuple[str, ...] = tuple(scope.get("subprotocols", ()))
        self.subprotocol: str | None = None
        self.closed: tuple[int, str] | None = None
        self.is_accepted = False
        self._can_refuse_with_page = "websocket.http.response" in (scope.get("extensions") or {})
        self._is_receiving = False

    async def accept(self, subprotocol: str | None, more: Sequence[tuple[str, str]] = ()) -> None:
        """Complete the handshake, with more fields in the response."""
        self._raise_if_closed()
        self.is_accepted, self.subprotocol = True, subprotocol
        headers = [(name.encode(), value.encode("latin-1")) for name, value in more]
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def receive(self) -> Message:
        """Return the next message."""
        if not self.is_accepted:
            await self.accept(None)
        self._raise_if_closed()
        if self._is_receiving:
            raise AppError("two tasks receive from the same WebSocket")
        self._is_receiving = True
        try:
            event = await self._receive()
        finally:
            self._is_receiving = False
        if event["type"] == "websocket.disconnect":
            self.closed = event.get("code", int(CloseCode.NONE)), event.get("reason") or ""
            self._raise_if_closed()
        text = event.get("text")
        message: Message = event.get("bytes", b"") if text is None else text
        if len(message) > self._hosted.limits.message_bytes:
            await self.close(CloseCode.TOO_BIG, f"a message may have {self._hosted.limits.message_bytes} bytes")
            self._raise_if_closed()
        return message

    async def send(self, message: Message) -> None:
        """Send a message."""
        if not self.is_accepted:
            await self.accept(None)
        self._raise_if_closed()
        key = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", key: message})
        except OSError:  # ASGI, WebSocket 2.4: the client is gone
            self.closed = int(CloseCode.ABNORMAL), ""
            self._raise_if_closed()

    async def close(self, code: int, reason: str) -> None:
        """Close it."""
        if self.closed is None:
            self.closed = int(code), reason
            await self._send({"type": "websocket.close", "code": int(code), "reason": reason})

    def wait(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns on the event loop, from a thread that waits for it."""
        return wait_on(self.loop, waiting, WebSocketClosed(int(CloseCode.ABNORMAL), ""))

    def when_left(self, act: Callable[[float], object] | None) -> None:
        """Do nothing: under another server only `receive` and `send` learn it."""

    async def end(self, found: Found, response: Response) -> None:
        """Close it, as its view has ended; or refuse the handshake with the response, if it was never accepted."""
        if not self.is_accepted:
            await self._refuse(found, response)
            return
        code = close_code_of(getattr(response, "status", 500))
        try:
            await self.close(code, "")
        except OSError:
            self.closed = int(CloseCode.ABNORMAL), ""

    async def _refuse(self, found: Found, response: Response) -> None:
        if self.closed is not None:
            return
        self.closed = int(CloseCode.ABNORMAL), ""
        if not self._can_refuse_with_page or response.status == SWITCHING_PROTOCOLS:
            await self._send({"type": "websocket.close", "code": int(CloseCode.POLICY)})  # the server makes it a 403
            return
        response = self._hosted.finished(found, response)
        content = response.content if isinstance(response.content, bytes) else b""
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in self._hosted.fields_of(response)]
        fields.append((b"content-length", str(len(content)).encode()))
        await self._send({"type": "websocket.http.response.start", "status": response.status, "headers": fields})
        await self._send({"type": "websocket.http.response.body", "body": content})

    def _raise_if_closed(self) -> None:
        if self.closed is not None:
            raise WebSocketClosed(*self.closed)

"""A WebSocket of another server (ASGI, WebSocket 2.5), as the views of an app have it.

In: a scope of type "websocket", and its channels. Out: a `Transport`. Frames, pings, limits and compression are the
other server's. A message that is longer than our own limit is refused with 1009.

Only `receive` tells that the client has left. So a task receives ahead of the view, whatever that waits for. More than
MAX_MESSAGES or MAX_BYTES is left to the other server, which has its client wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fanlight.errors import AppError
from fanlight.hosted.asgi_channels import Receive, Send, next_event, text_or_bytes
from fanlight.hosted.hosted_app import Found, HostedApp
from fanlight.message.response import Response
from fanlight.message.threads import wait_on
from fanlight.message.websocket import SWITCHING_PROTOCOLS, Message, WebSocketClosed
from fanlight.server.exchange import view_end
from fanlight.server.exchange.websocket_stream import MAX_BYTES, MAX_MESSAGES
from fanlight.server.io.thread_pool import settle
from fanlight.wire.websocket.websocket_frames import CloseCode, close_code_of

T = TypeVar("T")
_LOST = int(CloseCode.ABNORMAL), ""
_WITHOUT_HEADERS, _WITHOUT_REASON = ("2.0",), ("2.0", "2.1", "2.2")  # versions of the message format


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
        self._version: str = scope.get("asgi", {}).get("spec_version", "2.0")
        self._messages: list[Message] = []
        self._waiting_bytes = 0  # of those messages
        self._all_taken = asyncio.Event()
        self._receiver: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_left = False
        self._view_end: view_end.ViewEnd | None = None

    # --- for the view -------------------------------------------------------------------------

    async def accept(self, subprotocol: str | None, more: Sequence[tuple[str, str]] = ()) -> None:
        """Complete the handshake, with more fields in the response."""
        self._raise_if_closed()
        self.is_accepted, self.subprotocol = True, subprotocol
        event: dict[str, Any] = {"type": "websocket.accept", "subprotocol": subprotocol}
        if self._version not in _WITHOUT_HEADERS:
            event["headers"] = [(name.encode(), value.encode("latin-1")) for name, value in more]
        await self._send_event(event)

    async def receive(self) -> Message:
        """Return the next message."""
        if not self.is_accepted:
            await self.accept(None)
        while not self._messages:
            self._raise_if_closed()
            await self._until_message()
        message = self._messages.pop(0)
        self._waiting_bytes -= len(message)
        if not self._messages:
            self._all_taken.set()
        return message

    async def send(self, message: Message) -> None:
        """Send a message."""
        if not self.is_accepted:
            await self.accept(None)
        self._raise_if_closed()
        key = "text" if isinstance(message, str) else "bytes"
        await self._send_event({"type": "websocket.send", key: message})

    async def close(self, code: int, reason: str) -> None:
        """Close it; messages that come behind it are discarded."""
        if self.closed is None:
            self.closed = int(code), reason
            self._messages.clear()
            self._waiting_bytes = 0
            self._all_taken.set()
            self._wake()
            with contextlib.suppress(OSError):  # the client is gone
                event: dict[str, Any] = {"type": "websocket.close", "code": int(code)}
                if self._version not in _WITHOUT_REASON:
                    event["reason"] = reason
                await self._send(event)

    def wait(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns on the event loop, from a thread that waits for it."""
        return wait_on(self.loop, waiting, WebSocketClosed(*_LOST))

    def when_left(self, act: Callable[[float], object] | None) -> None:
        """Have a view ended some time after its client has left; None: it has ended."""
        if self._view_end is not None:
            self._view_end.cancel()
        self._view_end = None if act is None else view_end.ViewEnd(self.loop, self._messages, act)
        if self._is_left and self._view_end is not None:
            self._view_end.begin()

    async def _until_message(self) -> None:
        """Wait until there is a message, or none can come."""
        if self._receiver is not None:
            raise AppError("two tasks receive from the same WebSocket; have one of them pass messages on")
        self._receiver = self.loop.create_future()
        try:
            await self._receiver
        finally:
            self._receiver = None

    async def _send_event(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except OSError:  # ASGI, WebSocket 2.4: the client is gone
            self.closed = self.closed or _LOST
            self._raise_if_closed()

    def _raise_if_closed(self) -> None:
        if self.closed is not None:
            raise WebSocketClosed(*self.closed)

    # --- receiving ahead of it ------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to receive."""
        self._reader = self.loop.create_task(self._read())

    async def release(self) -> None:
        """Receive no more: the view has ended. Raises what the other server's `receive` has raised."""
        reader = self._reader
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])
            if not reader.cancelled():
                reader.result()

    async def _read(self) -> None:
        """Receive until the client has left, and close it then, when the view has taken what came before."""
        last = _LOST
        try:
            with contextlib.suppress(OSError):
                last = await self._read_messages()
            self._is_left = True
            if self._view_end is not None:
                self._view_end.begin()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(view_end.LEFT_SECONDS):
                    await self._until_taken()
        finally:
            self.closed = self.closed or last
            self._wake()

    async def _read_messages(self) -> tuple[int, str]:
        """Receive the messages; return code and reason when the client has left."""
        most = self._hosted.limits.message_bytes
        while True:
            event = await next_event(self._receive, "websocket.receive", "websocket.disconnect")
            if event["type"] == "websocket.disconnect":
                return event.get("code", int(CloseCode.NONE)), event.get("reason") or ""
            message = text_or_bytes(event)
            if self.closed is not None:
                continue
            if len(message) > most:
                await self._until_taken()
                await self.close(CloseCode.TOO_BIG, f"a message may have {most} bytes")
                continue
            self._messages.append(message)
            self._waiting_bytes += len(message)
            self._wake()
            if len(self._messages) >= MAX_MESSAGES or self._waiting_bytes >= MAX_BYTES:
                await self._until_taken()

    async def _until_taken(self) -> None:
        """Wait until no message waits for the view."""
        while self._messages:
            self._all_taken.clear()
            await self._all_taken.wait()

    def _wake(self) -> None:
        if self._receiver is not None:
            settle(self._receiver, None)

    # --- its end --------------------------------------------------------------------------------

    async def end(self, found: Found, response: Response) -> None:
        """Close it, as its view has ended; or refuse the handshake with the response, if it was never accepted."""
        if self.is_accepted:
            await self.close(close_code_of(getattr(response, "status", 500)), "")
        elif self.closed is None:
            self.closed = _LOST
            with contextlib.suppress(OSError):  # as above
                await self._refuse(found, response)

    async def _refuse(self, found: Found, response: Response) -> None:
        if not self._can_refuse_with_page or response.status == SWITCHING_PROTOCOLS:
            await self._send({"type": "websocket.close", "code": int(CloseCode.POLICY)})  # the server makes it a 403
            return
        response = self._hosted.finished(found, response)
        content = response.content if isinstance(response.content, bytes) else b""
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in self._hosted.fields_of(response)]
        fields.append((b"content-length", str(len(content)).encode()))
        await self._send({"type": "websocket.http.response.start", "status": response.status, "headers": fields})
        await self._send({"type": "websocket.http.response.body", "body": content})

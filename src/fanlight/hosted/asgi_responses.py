"""Send the response of an app by the `send` of ASGI.

In: a response, complete or a stream. Out: its messages (ASGI, HTTP 2.4). A stream is pulled as fast as the other server
takes its pieces, and closed when the client disconnects. A file is read in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from fanlight.errors import ClientDisconnected, UpgradeRequired
from fanlight.hosted.asgi_channels import Receive, Send, next_event, noticing
from fanlight.hosted.hosted_app import Found, HostedApp
from fanlight.message.file_content import FileContent
from fanlight.message.response import Response
from fanlight.message.stream import AsyncStream, SyncStream, stream_of, to_bytes
from fanlight.message.threads import ThreadPieces
from fanlight.server.exchange.dispatch import broken
from fanlight.server.exchange.response_head import NO_CONTENT

_END: Any = object()
_UPGRADE = [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]  # of a 426 (RFC 9110 section 15.5.22)

log = logging.getLogger("fanlight.server")


class AsgiResponse:
    """Sends the response to one request."""

    def __init__(self, hosted: HostedApp, found: Found, receive: Receive, send: Send, version: str) -> None:
        """Prepare; `version` is that of HTTP, as ASGI writes it."""
        self._hosted, self._found, self._receive, self._send = hosted, found, receive, noticing(send)
        self._can_upgrade = version == "1.1"  # from HTTP/2 on, such fields are refused (RFC 9113 section 8.2.2)
        self._lock = asyncio.Lock()  # a heartbeat must not come into the middle of a piece
        self._has_begun = self._is_pulling = False
        self._sent_at = 0.0

    async def send(self, response: Response) -> None:
        """Send a response. What can't be sent becomes a 500, as long as nothing is sent."""
        request = self._found.request
        try:
            response = self._hosted.finished(self._found, response)
            await self._send_any(response)
        except (asyncio.CancelledError, ClientDisconnected):
            raise
        except BaseException:
            if self._has_begun:
                log.exception("%s failed while it streamed; its response is cut off", self._found.call.name)
                raise
            log.exception("the response of %s can't be sent", self._found.call.name)
            await self._send_any(broken(request))

    async def _send_any(self, response: Response) -> None:
        content = response.content
        has_body = self._found.request.head.method != "HEAD" and response.status not in NO_CONTENT
        if content.__class__ is bytes:
            await self._begin(response, len(content))
            await self._send({"type": "http.response.body", "body": content if has_body else b""})
        elif isinstance(content, FileContent):
            await self._send_file(response, content, has_body=has_body)
        else:
            await self._send_stream(response, has_body=has_body)

    async def _begin(self, response: Response, length: int | None) -> None:
        fields = self._hosted.fields_of(response)
        lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]
        if length is not None and response.status not in (204, 304):
            lines.append((b"content-length", str(length).encode()))
        if self._can_upgrade and response.status == UpgradeRequired.status:
            lines += _UPGRADE
        await self._send({"type": "http.response.start", "status": response.status, "headers": lines})
        self._has_begun = True

    async def _send_file(self, response: Response, content: FileContent, *, has_body: bool) -> None:
        try:
            await self._begin(response, content.length)
            # Not by `http.response.pathsend`: behind the path there may be another file by now.
            if has_body and content.length:
                async for piece in ThreadPieces(SyncStream(content), self._found.request.context):
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            content.close()

    async def _send_stream(self, response: Response, *, has_body: bool) -> None:
        context = self._found.request.context
        stream = stream_of(response.content)
        if isinstance(stream, SyncStream):
            context = context.copy()  # its thread is in it
            stream = AsyncStream(ThreadPieces(stream, self._found.request.context))
        if response.heartbeat is not None:
            stream = stream.with_parts(heartbeat=response.heartbeat)
        pump = self._hosted.on_loop().loop.create_task(self._pump(stream, response, has_body=has_body), context=context)
        watch = asyncio.ensure_future(self._until_disconnected())
        try:
            await asyncio.wait({pump, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            pump.cancel()  # nothing, if it is done
            await asyncio.wait({pump, watch})
        if not watch.cancelled():
            watch.result()  # which may be that the server's `receive` has failed
        if pump.cancelled():
            raise ClientDisconnected("the client disconnected in the middle of a stream")
        pump.result()

    async def _until_disconnected(self) -> None:
        while (await next_event(self._receive, "http.request", "http.disconnect"))["type"] != "http.disconnect":
            pass

    async def _pump(self, stream: AsyncStream, response: Response, *, has_body: bool) -> None:
        heartbeat = stream.heartbeat
        beats: asyncio.Task[None] | None = None
        try:
            await self._begin(response, response.length)
            if has_body:
                if heartbeat is not None:
                    beats = asyncio.ensure_future(self._send_heartbeats(stream, heartbeat.interval))
                while (piece := await self._next(stream)) is not _END:
                    await self._send_piece(piece if piece.__class__ is bytes else to_bytes(piece))
            if beats is not None:
                beats.cancel()
            async with self._lock:
                await self._send({"type": "http.response.body", "body": b""})
        finally:
            if beats is not None:
                beats.cancel()
            await stream.aclose()

    async def _next(self, stream: AsyncStream) -> object:
        self._is_pulling = True
        try:
            return await anext(stream, _END)
        finally:
            self._is_pulling = False

    async def _send_piece(self, data: bytes) -> None:
        async with self._lock:
            if data:
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._sent_at = asyncio.get_running_loop().time()

    async def _send_heartbeats(self, stream: AsyncStream, interval: float) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        with contextlib.suppress(ClientDisconnected):  # `receive` tells it, too, and ends the stream
            while True:
                await asyncio.sleep(max(0.0, self._sent_at + interval - loop.time()))
                if self._is_pulling and loop.time() >= self._sent_at + interval:
                    await self._send_piece(stream.heartbeat_frame())
                elif not self._is_pulling:
                    await asyncio.sleep(interval)

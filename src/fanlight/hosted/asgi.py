"""An app as an ASGI 3 application: `uvicorn site:app`, or mounted in another ASGI app.

In: a scope, and the two channels of the other server (ASGI 3.0; HTTP and WebSocket 2.5, lifespan 2.0). Out: the same
responses as under our own server, except for `server`, `date` and what concerns the connection, which are the other
server's. Where that server reports no lifespan, as for an app that is mounted, the app's own begins with its first
request.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from fanlight.errors import ClientDisconnected, HTTPError
from fanlight.hosted.asgi_channels import Receive, Send, next_event
from fanlight.hosted.asgi_responses import AsgiResponse
from fanlight.hosted.asgi_websocket import AsgiWebSocket
from fanlight.hosted.hosted_app import Found, HostedApp
from fanlight.hosted.hosted_content import attach_content
from fanlight.hosted.hosted_head import authority_of, head_of, path_below
from fanlight.message.body_policy import WEBSOCKET_KEY, BodyMode
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.wire.websocket.websocket_handshake import read_offer

Scope = Any  # a mutable mapping of str to values, as the server makes it

log = logging.getLogger("fanlight.server")


class AsgiApp:
    """The ASGI application of one app."""

    def __init__(self, hosted: HostedApp) -> None:
        self._hosted = hosted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the protocol (ASGI, "Applications"). Raises NotImplementedError for another type."""
        kind = scope["type"]
        if kind == "http":
            await self._serve_request(scope, receive, send)
        elif kind == "websocket":
            await self._serve_websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        else:
            raise NotImplementedError(f"an app of Fanlight serves http, websocket and lifespan, and not {kind}")

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = await next_event(receive, "lifespan.startup", "lifespan.shutdown")
            step = event["type"].removeprefix("lifespan.")
            try:
                await (self._hosted.start() if step == "startup" else self._hosted.stop())
            except BaseException as error:
                await send({"type": f"lifespan.{step}.failed", "message": f"{type(error).__name__}: {error}"})
                raise
            await send({"type": f"lifespan.{step}.complete"})
            if step == "shutdown":
                return

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._hosted.start()
        on_loop = self._hosted.on_loop()
        found: Found | None = None
        try:
            try:
                found = self._find(scope, "http")
                if found.call.body_policy.body_mode is BodyMode.WEBSOCKET:
                    _attach_handshake_error(found.request)
                found = await attach_content(found, _pieces(receive), self._hosted.limits)
            except HTTPError as error:
                found = found or self._hosted.nowhere(scope.get("method", "GET"), on_loop.new_context)
                response = self._hosted.refusal(error)
            else:
                response = await self._hosted.run(found, on_loop)
            version = scope.get("http_version", "1.1")
            await AsgiResponse(self._hosted, found, receive, send, version).send(response)
        except ClientDisconnected:
            return
        finally:
            if found is not None:
                self._hosted.end(found, on_loop)

    def _find(self, scope: Scope, scheme: str) -> Found:
        """Return the request of a scope, and its call. Raises BadRequest."""
        request = self._request_of(scope, scheme)
        found = self._hosted.find(request, self._hosted.on_loop().new_context)
        if root := scope.get("root_path", ""):
            request.context.run(MOUNT_PATH.set, root.rstrip("/"))
        return found

    def _request_of(self, scope: Scope, scheme: str) -> Request:
        raw, server = scope.get("raw_path"), scope.get("server")
        root = scope.get("root_path", "")
        path = path_below(None if raw is None else raw.decode("latin-1"), scope["path"], root)
        version = scope.get("http_version", "1.1")
        authority = "localhost" if server is None else authority_of(*server)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        query = (scope.get("query_string") or b"").decode("latin-1")
        head = head_of(scope.get("method", "GET"), path, query, 0 if version == "1.0" else 1, pairs, authority)
        client = scope.get("client")
        request = self._hosted.request_class(head, None if client is None else client[0], None)
        secure = {"https": "https", "wss": "https"}
        request.set_origin(scheme=secure.get(scope.get("scheme", scheme), "http"))
        return request

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._hosted.start()
        if (await next_event(receive, "websocket.connect", "websocket.disconnect"))["type"] == "websocket.disconnect":
            return
        on_loop = self._hosted.on_loop()
        found: Found | None = None
        socket: AsgiWebSocket | None = None
        try:
            try:
                found = self._find(scope, "ws")
                socket = AsgiWebSocket(scope, receive, send, on_loop.loop, self._hosted)
                if found.call.body_policy.body_mode is BodyMode.WEBSOCKET:
                    found.request.cache_value(WEBSOCKET_KEY, socket)
                    socket.begin()
                response = await self._hosted.run(found, on_loop)
            except HTTPError as error:
                response = self._hosted.refusal(error)
            if socket is None or found is None:
                await send({"type": "websocket.close", "code": 1008})
            else:
                await socket.end(found, response)
        finally:
            if found is not None:
                self._hosted.end(found, on_loop)
            if socket is not None:
                await socket.release()


def _attach_handshake_error(request: Request) -> None:
    """Attach why a plain request is no handshake: a server passes those that are to the type "websocket"."""
    head = request.head
    try:
        read_offer(head.method, head.minor, head.values)
    except HTTPError as error:
        request.cache_value(WEBSOCKET_KEY, error)


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the content of a request. Raises ClientDisconnected."""
    while True:
        event = await next_event(receive, "http.request", "http.disconnect")
        if event["type"] == "http.disconnect":
            raise ClientDisconnected("the client disconnected before its content was whole")
        if piece := event.get("body", b""):
            yield piece
        if not event.get("more_body", False):
            return

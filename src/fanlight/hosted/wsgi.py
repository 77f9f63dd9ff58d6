"""An app as a WSGI application (PEP 3333): `gunicorn site:app.wsgi`.

In: an environ, and `start_response`. Out: the same responses as under our own server. A plain view runs in the thread
that calls; async ones, their streams, and the lifespan, on an event loop in a thread of this app. There are no
WebSockets, and each stream holds a thread of the other server.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextvars import Context
from functools import partial
from typing import Any, TypeVar

from fanlight.errors import ClientDisconnected, HTTPError, UpgradeRequired
from fanlight.hosted.hosted_app import Found, HostedApp, OnLoop
from fanlight.hosted.hosted_content import announced_length, attach_content
from fanlight.hosted.hosted_head import authority_of, head_of, path_below
from fanlight.message.body_policy import WEBSOCKET_KEY, BodyMode
from fanlight.message.file_content import FileContent
from fanlight.message.handler import Lane
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.stream import AsyncStream, SyncStream, stream_of, to_bytes
from fanlight.message.threads import run_in_thread
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.server.exchange.dispatch import broken
from fanlight.server.exchange.response_head import NO_CONTENT

PIECE_BYTES = 64 * 1024
Environ = dict[str, Any]
StartResponse = Callable[..., object]
T = TypeVar("T")

log = logging.getLogger("fanlight.server")


class LoopThread:
    """An event loop in a thread of its own, which is started when it is first used: after a server's fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, waiting: Coroutine[Any, Any, T], context: Context | None = None) -> T:
        """Return what a coroutine returns, or raise what it raises; it runs in a copy of a context.

        What may wait for a thread takes that of its request, which has our pool. This thread's own may have the pool of
        another Fanlight, in which this app is mounted.
        """
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="fanlight-loop", daemon=True).start()
        own = Context() if context is None else context.copy()
        return own.run(asyncio.run_coroutine_threadsafe, waiting, self._loop).result()


class WsgiApp:
    """The WSGI application of one app."""

    def __init__(self, hosted: HostedApp) -> None:
        self._hosted = hosted
        self._loop = LoopThread()
        self._on_loop: OnLoop | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        on_loop = self._started()
        found: Found | None = None
        try:
            found = self._find(environ, on_loop)
            response = self._respond(found, environ, on_loop)
        except HTTPError as error:
            found = found or self._hosted.nowhere(environ["REQUEST_METHOD"], on_loop.new_context)
            response = self._hosted.refusal(error)
        try:
            return self._send(found, self._hosted.finished(found, response), on_loop, start_response)
        except Exception as error:
            log.exception("the response of %s can't be sent: %s", found.call.name, error)  # noqa: TRY401
            again = partial(_start_again, start_response, (type(error), error, error.__traceback__))
            return self._send(found, broken(found.request), on_loop, again)

    def _started(self) -> OnLoop:
        """Begin the app, with the first request."""
        if self._on_loop is None:
            with self._lock:
                if self._on_loop is None:
                    self._on_loop = self._loop.run(self._start())
        return self._on_loop

    async def _start(self) -> OnLoop:
        await self._hosted.start()
        return self._hosted.on_loop()

    def _find(self, environ: Environ, on_loop: OnLoop) -> Found:
        """Return the request of an environ, and its call. Raises BadRequest."""
        root = _text(environ.get("SCRIPT_NAME", ""))
        raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")  # not in PEP 3333, but what keeps `%2F` apart
        path = _text(environ.get("PATH_INFO", ""))
        whole = raw.partition("?")[0] if isinstance(raw, str) and raw.startswith("/") else None
        if whole is not None and _decoded(whole) != root + path:  # it was rewritten
            whole = None
        pairs = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
        pairs += [
            (name.replace("_", "-"), environ[name]) for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)
        ]
        minor = 0 if environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else 1
        authority = authority_of(environ["SERVER_NAME"], environ["SERVER_PORT"])
        query = environ.get("QUERY_STRING", "")
        below = path_below(whole, path if whole is None else root + path, "" if whole is None else root)
        head = head_of(environ["REQUEST_METHOD"], below, query, minor, pairs, authority)
        request = self._hosted.request_class(head, environ.get("REMOTE_ADDR") or None, None)
        request.set_origin(scheme="https" if environ.get("wsgi.url_scheme") == "https" else "http")
        found = self._hosted.find(request, on_loop.new_context)
        if root:
            request.context.run(MOUNT_PATH.set, root.rstrip("/"))
        return found

    def _respond(self, found: Found, environ: Environ, on_loop: OnLoop) -> Response:
        policy = found.call.body_policy
        if policy.body_mode is BodyMode.WEBSOCKET:
            found.request.cache_value(WEBSOCKET_KEY, UpgradeRequired("there are no WebSockets under this server"))
        if found.call.reads_content:
            reading = attach_content(found, _pieces(found.request, environ), self._hosted.limits)
            found = self._loop.run(reading, found.request.context)
        if found.call.lane is Lane.TASK:
            return self._loop.run(self._hosted.run(found, on_loop))
        return self._hosted.run_here(found)

    def _send(
        self, found: Found, response: Response, on_loop: OnLoop, start_response: StartResponse
    ) -> Iterable[bytes]:
        content = response.content
        fields = self._hosted.fields_of(response)
        length = content.length if isinstance(content, FileContent) else response.length
        if isinstance(content, bytes):
            length = len(content)
        if length is not None and response.status not in (204, 304):
            fields.append(("content-length", str(length)))
        has_body = found.request.head.method != "HEAD" and response.status not in NO_CONTENT
        body = self._body(found, content) if has_body else iter(())
        start_response(f"{response.status} {REASON_PHRASES.get(response.status, 'Unknown')}", fields)
        if isinstance(content, bytes):
            self._hosted.end(found, on_loop)
            return [content] if has_body else []
        if isinstance(content, FileContent) and not has_body:
            content.close()
        return _Body(body, lambda: self._hosted.end(found, on_loop))

    def _body(self, found: Found, content: Any) -> Iterator[bytes]:
        if isinstance(content, FileContent):
            return iter(content)
        stream = stream_of(content)
        context = found.request.context
        if isinstance(stream, SyncStream):
            return _sync_pieces(stream, context)
        return self._async_pieces(stream, context)

    def _async_pieces(self, stream: AsyncStream, context: Context) -> Iterator[bytes]:
        async def step() -> object:
            return await asyncio.get_running_loop().create_task(_next(stream), context=context)

        try:
            while (piece := self._loop.run(step())) is not None:
                yield to_bytes(piece)
        finally:
            self._loop.run(stream.aclose(), context)


def _start_again(
    start_response: StartResponse, exc_info: tuple[object, ...], status: str, fields: list[tuple[str, str]]
) -> None:
    """Call `start_response` as PEP 3333 wants it where it may have been called before, and have refused the fields."""
    start_response(status, fields, exc_info)


class _Body:
    """The pieces of a response; the server calls `close` in any case (PEP 3333)."""

    def __init__(self, pieces: Iterator[bytes], end: Callable[[], object]) -> None:
        self._pieces, self._end_request, self._is_closed = pieces, end, False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            try:
                close = getattr(self._pieces, "close", None)
                if close is not None:
                    close()
            finally:
                self._end_request()


def _sync_pieces(stream: SyncStream, context: Context) -> Iterator[bytes]:
    end: Any = object()
    try:
        while (piece := context.run(next, stream, end)) is not end:
            yield to_bytes(piece)
    finally:
        context.run(stream.close)


async def _next(stream: AsyncStream) -> object:
    return await anext(stream, None)


async def _pieces(request: Request, environ: Environ) -> AsyncIterator[bytes]:
    """Yield the content of a request, which is read in threads. Raises ClientDisconnected."""
    source, left = environ["wsgi.input"], announced_length(request)
    if left is None and not environ.get("wsgi.input_terminated"):
        return  # PEP 3333: without a length there is none that could be read safely
    while left is None or left > 0:
        size = PIECE_BYTES if left is None else min(left, PIECE_BYTES)
        try:
            piece: bytes = await run_in_thread(lambda: source.read(size))  # noqa: B023 - it is awaited here
        except OSError:
            raise ClientDisconnected("the client disconnected before its content was whole") from None
        if not piece:
            if left:
                raise ClientDisconnected("the client disconnected before its content was whole")
            return
        if left is not None:
            left -= len(piece)
        yield piece


def _text(value: str) -> str:
    """Return a value of the environ, which has bytes as characters (PEP 3333, "Unicode Issues"), as text."""
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


def _decoded(path: str) -> str:
    from urllib.parse import unquote_to_bytes  # noqa: PLC0415

    return unquote_to_bytes(path).decode("utf-8", "surrogateescape")

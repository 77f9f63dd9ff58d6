"""Run a WSGI app for a request, in a thread of the pool.

In: an app, and where it is mounted. Out: for each request its response. Content of a known length that is there at
once is bytes; a file is sent by the server; anything else is a stream, whose pieces are sent one by one, each before
the next is pulled. Whatever happens, `close` of what the app has returned is called. Raises what the app raises
before its response has begun.

What an app writes by the older `write` is sent while it runs, unless something is around its call that has a part in
the response, such as middleware: then it is sent when the app returns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from fanlight.errors import ClientDisconnected, InternalServerError
from fanlight.foreign.foreign_response import NO_CONTENT, ForeignResponse
from fanlight.foreign.mount_point import MountPoint
from fanlight.foreign.pieces import ClientGone, Pieces
from fanlight.foreign.wsgi_environ import make_environ
from fanlight.foreign.wsgi_file import FileWrapper
from fanlight.foreign.wsgi_start import WsgiStart
from fanlight.message import forked_child
from fanlight.message.call_link import RESPONDED, CallLink, link_of
from fanlight.message.response import Response
from fanlight.message.threads import wait_on

if TYPE_CHECKING:
    from fanlight.message.request import Request

log = logging.getLogger("fanlight.app")
OnError = Callable[[BaseException, "Request"], Any]
_END: Any = object()


def wsgi_run(app: Any, name: str, mount: MountPoint, on_error: OnError) -> Callable[[Request], Any]:
    """Return what runs an app for a request; `name` is for the log, `on_error` makes a response of an exception."""

    def run(request: Request) -> Any:
        link = link_of(request)
        try:
            return _WsgiExchange(request, link, name).run(app, make_environ(request, link, mount))
        except BaseException as error:  # noqa: BLE001 - it becomes a response, or goes to the middleware
            return on_error(error, request)
        finally:
            link.end()

    return run


class _WsgiExchange:
    """One request, and its response."""

    __slots__ = ("_link", "_name", "_pieces", "_request", "_sent", "_start", "_written")

    def __init__(self, request: Request, link: CallLink, name: str) -> None:
        self._request, self._link, self._name = request, link, name
        self._start = WsgiStart(request, name, self._write)
        self._written: list[bytes] = []  # what waits until the app returns
        self._pieces: Pieces | None = None  # what was written is sent already
        self._sent = 0

    def run(self, app: Any, environ: dict[str, Any]) -> Response:
        """Return the response; RESPONDED if it is sent. Raises what the app raises before it has begun."""
        result = None
        is_closed_later = False
        try:
            result = app(environ, self._start)
            if self._pieces is not None:
                self._send_rest(result)
                return RESPONDED
            response, is_closed_later = self._respond(result)
        except BaseException as error:  # noqa: BLE001 - raised again, unless its response has begun
            forked_child.exit_if_forked()
            if self._pieces is None:
                raise (InternalServerError() if self._start.broken_rule else error) from None
            self._fail(error)
            return RESPONDED
        finally:
            if not is_closed_later:
                _close(result, self._name)
        return response

    # --- what the app returns ---------------------------------------------------------------------

    def _respond(self, result: Any) -> tuple[Response, bool]:
        """Return the response for what the app has returned, and whether that is closed with it."""
        start = self._start
        if result is None:
            start.broken("the app returns an iterable of bytes, not None")
        if isinstance(result, FileWrapper) and not self._written and start.is_called and not self._has_no_body:
            file = result.content(start.fields.length)
            if file is not None:
                return ForeignResponse(start.status, start.fields, file, file.length), False
        if result.__class__ is list or result.__class__ is tuple:
            return self._whole(b"".join([*self._written, *map(start.checked, result)])), False
        if isinstance(result, bytes | str):
            kind = type(result).__name__
            start.broken(
                f"the app returns an iterable of bytes, and not {kind}, which is sent byte by byte: write [...]"
            )
        pieces = iter(result)
        first = b"".join(self._written)
        if not first:  # the app may call start_response with its first piece
            first = next((piece for each in pieces if (piece := start.checked(each))), b"")
        self._check_started()
        length = start.fields.length
        if self._has_no_body:
            content: Any = b"" if start.status in NO_CONTENT else iter(())
            return ForeignResponse(start.status, start.fields, content, length), False
        if not first or (length == len(first) and result.__class__ is not GeneratorType):
            return self._whole(first + b"".join(map(start.checked, pieces))), False
        start.begin()
        stream = _Rest(self, first, pieces, result)
        return ForeignResponse(start.status, start.fields, stream, length), True

    @property
    def _has_no_body(self) -> bool:
        return self._request.head.method == "HEAD" or self._start.status in NO_CONTENT

    def _check_started(self) -> None:
        if not self._start.is_called:
            self._start.broken("start_response is called before the first piece of content")

    def _whole(self, content: bytes) -> Response:
        """Return the response with all of its content."""
        self._check_started()
        start = self._start
        length = start.fields.length
        if self._has_no_body:
            if start.status not in NO_CONTENT and length != len(content):
                return ForeignResponse(start.status, start.fields, iter(()), length)
        elif length is not None and length != len(content):
            start.broken(f"Content-Length is {length}, and the content has {len(content)} bytes")
        start.begin()
        return ForeignResponse(start.status, start.fields, content)

    def check_length(self, piece: bytes) -> bytes:
        """Count a piece, and return it. Raises AppError if it is more than was announced."""
        self._sent += len(piece)
        length = self._start.fields.length
        if length is not None and self._sent > length:
            self._start.broken(f"the content is longer than its Content-Length of {length}")
        return piece

    def check_end(self) -> None:
        """Raise AppError if there was less than was announced."""
        length = self._start.fields.length
        if length is not None and self._sent < length and not self._has_no_body:
            self._start.broken(f"the content is shorter than its Content-Length of {length}: it has {self._sent} bytes")

    def checked(self, piece: Any) -> bytes:
        """Return a piece of a stream, counted. Raises AppError."""
        return self.check_length(self._start.checked(piece))

    def failure(self, error: BaseException) -> ClientDisconnected:
        """Log an error of a stream, and return what cuts it off."""
        self._fail(error)
        return ClientDisconnected("the response is cut off")  # which is logged already

    # --- what the app writes ----------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if not self._link.may_respond or self._has_no_body:
            self._written.append(data)
            return
        start, link = self._start, self._link
        if self._pieces is None:
            start.begin()
            self._pieces = Pieces(link.loop)
            link.respond_from_thread(ForeignResponse(start.status, start.fields, self._pieces, start.fields.length))
        self._put(self.check_length(data))

    def _put(self, data: bytes) -> None:
        assert self._pieces is not None  # it has been begun
        wait_on(self._link.loop, self._pieces.put(data), ClientGone())

    def _send_rest(self, result: Any) -> None:
        assert self._pieces is not None  # as above
        for piece in result or ():
            self._put(self.checked(piece))
        self.check_end()
        self._link.loop.call_soon_threadsafe(self._pieces.complete)

    def _fail(self, error: BaseException) -> None:
        if not self._start.broken_rule and not isinstance(error, ClientGone | ClientDisconnected):
            log.error("%s failed after its response had begun; id %s", self._name, self._request.id, exc_info=error)
        if self._pieces is not None:
            self._link.loop.call_soon_threadsafe(self._pieces.cut_off)


class _Rest:
    """The pieces of a stream, the first of which is there already; closing it closes what the app has returned."""

    def __init__(self, exchange: _WsgiExchange, first: bytes, pieces: Iterator[Any], result: Any) -> None:
        self._exchange, self._first, self._pieces, self._result = exchange, first, pieces, result

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        try:
            first, self._first = self._first, b""
            if first:
                return exchange.check_length(first)
            piece = next(self._pieces, _END)
            if piece is not _END:
                return exchange.checked(piece)
            exchange.check_end()
        except BaseException as error:  # noqa: BLE001 - it is logged, and ends the stream
            forked_child.exit_if_forked()
            raise exchange.failure(error) from None
        raise StopIteration

    def close(self) -> None:
        """Close what the app has returned."""
        result, self._result = self._result, None
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _close(result: Any, name: str) -> None:
    """Close what an app has returned; the response is not held up by what that raises."""
    close = getattr(result, "close", None)
    if close is None:
        return
    try:
        close()
    except BaseException:
        forked_child.exit_if_forked()
        log.exception("%s failed while its response was closed", name)

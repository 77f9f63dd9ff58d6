"""One request, and its response, of an ASGI app: what the app receives and sends.

In: the app's messages. Out: a response, as soon as its content begins. One that is whole with its first message is
bytes; any other is a stream, at the pace of its client. Refuses what breaks the rules of the HTTP message format: the
app gets an exception, the log a line that names the rule, and the client a 500, or a response that is cut off where it
has begun.

    state      message                  next state
    NOTHING    http.response.start      STARTED
    STARTED    http.response.body       STREAMING (more_body), TRAILERS or OVER
    STARTED    http.response.pathsend   OVER
    STREAMING  http.response.body       STREAMING (more_body), TRAILERS or OVER
    TRAILERS   http.response.trailers   TRAILERS (more_trailers) or OVER
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

from fanlight.errors import ClientDisconnected, HTTPError, InvalidResponse
from fanlight.foreign.asgi_content import AsgiContent
from fanlight.foreign.asgi_rules import AsgiRules
from fanlight.foreign.foreign_response import NO_CONTENT, BrokenRule, Fields, ForeignResponse, check_status
from fanlight.foreign.pieces import ClientGone, Pieces
from fanlight.message.early_hints import EarlyHints
from fanlight.message.file_content import FileContent, Span, open_regular

if TYPE_CHECKING:
    from fanlight.message.call_link import CallLink
    from fanlight.message.request import Request
    from fanlight.message.response import Response

_DISCONNECT = "http.disconnect"
_NO_FIELDS = Fields()  # of a response that is not begun


class State(IntEnum):
    """What has been sent."""

    NOTHING = 0
    STARTED = 1
    STREAMING = 2
    TRAILERS = 3
    OVER = 4


# PERF: benchmarks/guests.py: a name of the module is found faster than a member of an Enum
_NOTHING, _STARTED, _STREAMING, _TRAILERS, _OVER = State


class AsgiExchange(AsgiRules):
    """One exchange; `respond` is called once, with the response."""

    __slots__ = (
        "_content",
        "_fields",
        "_gone",
        "_has_trailers",
        "_link",
        "_pieces",
        "_respond",
        "_sent",
        "_status",
        "is_client_gone",
        "state",
    )

    def __init__(self, request: Request, link: CallLink, name: str, respond: Callable[[Response], object]) -> None:
        self._request, self._link, self._name, self._respond = request, link, name, respond
        self._content: AsgiContent | None = None  # made when the app first receives
        self._fields = _NO_FIELDS
        self._status = self._sent = 0
        self._pieces: Pieces | None = None  # None: the response has no content, or it is not begun
        self._has_trailers = False
        self._gone: asyncio.Event | None = None  # set when nothing more is to be received
        self.is_client_gone = False
        self.state = _NOTHING
        self.broken_rule = ""

    # --- what the app calls -----------------------------------------------------------------------

    async def receive(self) -> dict[str, Any]:
        """Return the next event: a part of the content, then that the exchange is over, when it is."""
        if self._content is None:
            self._content = AsgiContent(self._request)
        if not self._content.is_received and self.state is not _OVER:
            try:
                event = await self._content.next_event()
            except HTTPError as refusal:  # the content is malformed, too slow or too large
                self._refuse(refusal)
                event = None
            if event is not None:
                return event
            self._leave()
        if self.state is not _OVER and not self.is_client_gone:
            await self._until_gone()
        return {"type": _DISCONNECT}

    async def send(self, message: Any) -> None:
        """Take a message of the app. Raises AppError for one that breaks the rules, ClientGone (an OSError)."""
        try:
            kind = message["type"]
        except (TypeError, KeyError):
            self.broken("a message is a dict with a `type`")
        if kind == "http.response.body" and self.state is _STARTED and not self._has_trailers:
            # PERF: benchmarks/guests.py: most responses are whole with their first message: no coroutine more
            body = message.get("body", b"")
            if body.__class__ is bytes and not message.get("more_body", False):
                self._respond_whole(body)
                return
        try:
            if kind == "http.response.body":
                await self._take_body(message)
            elif kind == "http.response.start":
                self._take_start(message)
            elif kind == "http.response.pathsend":
                self._take_path(message)
            elif kind == "http.response.early_hint":
                self._take_hints(message)
            elif kind == "http.response.trailers":
                self._take_trailers(message)
            else:
                self.broken(f"{kind!r} is no message of this connection; it takes http.response.start and .body")
        except BrokenRule as rule:
            self.broken(str(rule))

    def fail(self) -> None:
        """Cut off a response that has begun, and is not complete."""
        if self.state in (_STREAMING, _TRAILERS):
            self.state = _OVER
            if self._pieces is not None:
                self._pieces.cut_off()
            self._set_gone()

    # --- messages ---------------------------------------------------------------------------------

    def _take_start(self, message: dict[str, Any]) -> None:
        if self.state is not _NOTHING:
            self.broken("http.response.start is sent once, before the content")
        try:
            status = check_status(message["status"])
            fields = Fields()
            fields.add_bytes(message.get("headers") or ())
        except KeyError:
            self.broken("http.response.start has a `status`")
        except (TypeError, ValueError):
            self.broken("the headers of http.response.start are pairs of bytes: [(b'name', b'value')]")
        self._status, self._fields = status, fields
        self._has_trailers = bool(message.get("trailers", False))
        self.state = _STARTED

    async def _take_body(self, message: dict[str, Any]) -> None:
        body = message.get("body", b"")
        if body.__class__ is not bytes:
            if not isinstance(body, bytes | bytearray | memoryview):
                self.broken(f"`body` of http.response.body is bytes, not {type(body).__name__}")
            body = bytes(body)
        if self.state is _STARTED:
            if not message.get("more_body", False) and not self._has_trailers:
                self._respond_whole(body)
                return
            await self._begin_stream()
        elif self.state is not _STREAMING:
            self._refuse_body()
        await self._stream(body, is_last=not message.get("more_body", False))

    def _refuse_body(self) -> NoReturn:
        if self.state is _NOTHING:
            self.broken("http.response.start is sent before http.response.body")
        if self.is_client_gone:
            raise ClientGone
        self.broken("nothing is sent behind the content, which ends with the http.response.body without more_body")

    def _respond_whole(self, body: bytes) -> None:
        status, fields = self._status, self._fields
        length = fields.length
        if self._has_no_body:
            if status not in NO_CONTENT and length != (len(body) or -1) and (length is not None or not body):
                self._respond_over(ForeignResponse(status, fields, _nothing(), length))
                return
        elif length is not None and length != len(body):
            self.broken(f"content-length is {length}, and the content has {len(body)} bytes")
        self._respond_over(ForeignResponse(status, fields, body))

    def _respond_over(self, response: Response) -> None:
        self.state = _OVER
        self._set_gone()
        self._respond(response)

    @property
    def _has_no_body(self) -> bool:
        return self._request.head.method == "HEAD" or self._status in NO_CONTENT

    async def _begin_stream(self) -> None:
        try:
            if self._content is None:
                self._content = AsgiContent(self._request)
            await self._content.keep_rest()
        except ClientDisconnected:
            self._leave()
            raise ClientGone from None
        except HTTPError as refusal:
            self._refuse(refusal)
            raise ClientGone from None
        self.state = _STREAMING
        if self._has_no_body:
            self._respond(ForeignResponse(self._status, self._fields, _nothing(), self._fields.length))
            return
        pieces = self._pieces = Pieces(self._link.loop, self._leave)
        self._respond(ForeignResponse(self._status, self._fields, pieces, self._fields.length))

    async def _stream(self, body: bytes, *, is_last: bool) -> None:
        pieces, length = self._pieces, self._fields.length
        if pieces is not None:
            self._sent += len(body)
            if length is not None and self._sent > length:
                self.broken(f"the content is longer than its content-length of {length}")
            try:
                await pieces.put(body)
            except ClientGone:
                self._leave()
                raise
        if not is_last:
            return
        if pieces is not None and length is not None and self._sent < length:
            self.broken(f"the content is shorter than its content-length of {length}: it has {self._sent} bytes")
        if self._has_trailers:
            self.state = _TRAILERS
        else:
            self._complete()

    def _complete(self) -> None:
        self.state = _OVER
        if self._pieces is not None:
            self._pieces.complete()
        self._set_gone()

    def _take_trailers(self, message: dict[str, Any]) -> None:
        if self.state is not _TRAILERS:
            self.broken("http.response.trailers follows the content of a response that began with `trailers`")
        fields = Fields()
        fields.add_bytes(message.get("headers") or ())
        head = self._request.head
        takes_trailers = head.minor and "trailers" in head.values.get("te", "").lower()
        if self._pieces is not None and takes_trailers and self._fields.length is None:
            self._pieces.add_trailers(fields.pairs)
        if not message.get("more_trailers", False):
            self._complete()

    def _take_path(self, message: dict[str, Any]) -> None:
        if self.state is not _STARTED:
            self.broken("http.response.pathsend follows http.response.start, in the place of the content")
        path = message.get("path")
        if not isinstance(path, str):
            self.broken("http.response.pathsend has a `path`")
        if self._has_no_body:
            self._respond_over(ForeignResponse(self._status, self._fields, _nothing(), self._fields.length))
            return
        file, found = open_regular(path)
        size, length = found.st_size, self._fields.length
        if length is not None and size < length:
            file.close()
            self.broken(f"content-length is {length}, and the file has {size} bytes")
        content = FileContent(file, (Span(0, size if length is None else length),))
        self._respond_over(ForeignResponse(self._status, self._fields, content, content.length))

    def _take_hints(self, message: dict[str, Any]) -> None:
        if self.state is _OVER or self.state is _TRAILERS:
            self.broken("http.response.early_hint is sent before the end of the content")
        if self.state is _STREAMING:
            return  # a 103 can't follow the response that has begun
        self._link.enable_hints()
        try:
            links = [bytes(each).decode("latin-1") for each in message.get("links", ())]
            EarlyHints(self._request).send(*links)
        except (TypeError, InvalidResponse) as error:
            self.broken(f"the links of http.response.early_hint are values of the field Link: {error}")

    # --- the end ----------------------------------------------------------------------------------

    def _refuse(self, refusal: HTTPError) -> None:
        """Respond to content that is refused, in the place of the app."""
        self.is_client_gone = True
        if self.state in (_NOTHING, _STARTED):
            text = f"{refusal.detail}\n".encode()
            fields = Fields()
            fields.add_text("content-type", "text/plain; charset=utf-8")
            for name, value in refusal.headers.items():
                fields.add_text(name, value)
            self._respond_over(ForeignResponse(refusal.status, fields, text))

    async def _until_gone(self) -> None:
        if self._gone is None:
            self._gone = asyncio.Event()
            if self.state is not _STREAMING:
                self._link.watch_client(self._on_gone)
        await self._gone.wait()

    def _on_gone(self) -> None:
        """Note that the client has left; called also when its response has begun, which then knows by itself."""
        if self.state in (_NOTHING, _STARTED):
            self._leave()

    def _leave(self) -> None:
        self.is_client_gone = True
        self._set_gone()

    def _set_gone(self) -> None:
        if self._gone is not None:
            self._gone.set()


def _nothing() -> Pieces:
    """Return content of no pieces, for a response whose length may be that of another one."""
    pieces = Pieces(asyncio.get_running_loop())
    pieces.complete()
    return pieces

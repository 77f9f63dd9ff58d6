"""One WebSocket of an ASGI app.

In: the app's messages, and the transport that the server has attached. Out: the client's messages, and a handshake that
is accepted, or refused: with 403, or with the response that the app sends. Refuses what breaks the rules of the
WebSocket message format: the app gets an exception, the log a line that names the rule, the client the code 1011, or
500 before the handshake.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from fanlight.foreign.asgi_rules import AsgiRules
from fanlight.foreign.foreign_response import BrokenRule, Fields, ForeignResponse, check_status
from fanlight.foreign.pieces import ClientGone
from fanlight.message.response import Response
from fanlight.message.websocket import NORMAL, SWITCHING_PROTOCOLS, Transport, WebSocketClosed

if TYPE_CHECKING:
    from fanlight.message.call_link import CallLink
    from fanlight.message.request import Request

FORBIDDEN, NO_CODE = 403, 1005
_MOST_REASON = 123  # bytes (RFC 6455 section 5.5)


class State(IntEnum):
    """How far it is."""

    CONNECTING = 0
    OPEN = 1
    DENYING = 2  # a response is sent in the place of the handshake
    OVER = 3


class AsgiWebSocket(AsgiRules):
    """One WebSocket; `response` is what its call returns."""

    __slots__ = (
        "_body",
        "_decided",
        "_fields",
        "_is_announced",
        "_link",
        "_status",
        "_transport",
        "is_client_gone",
        "response",
        "state",
    )

    def __init__(self, request: Request, link: CallLink, transport: Transport, name: str) -> None:
        self._request, self._link, self._transport, self._name = request, link, transport, name
        self._is_announced = self.is_client_gone = False  # before it is accepted or refused
        self._decided = asyncio.Event()  # accepted, or refused
        self._status, self._fields, self._body = 0, Fields(), bytearray()
        self.state = State.CONNECTING
        self.broken_rule = ""
        self.response = Response(status=SWITCHING_PROTOCOLS)

    async def receive(self) -> dict[str, Any]:
        """Return the next event."""
        if not self._is_announced:
            self._is_announced = True
            return {"type": "websocket.connect"}
        if self.state is State.CONNECTING:
            self._link.watch_client(self._on_gone)
            await self._decided.wait()
        if self.state is State.OPEN:
            try:
                message = await self._transport.receive()
            except WebSocketClosed as closed:
                self.state = State.OVER
                return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
            # One key, not both with None in one: apps ask `"text" in message`, as WebSocketEndpoint of Starlette does.
            return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}
        code, reason = self._transport.closed or (1006, "")
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def send(self, message: Any) -> None:
        """Take a message of the app. Raises AppError for one that breaks the rules, ClientGone (an OSError)."""
        try:
            kind = message["type"]
        except (TypeError, KeyError):
            self.broken("a message is a dict with a `type`")
        try:
            await self._take(kind, message)
        except BrokenRule as rule:
            self.broken(str(rule))
        except WebSocketClosed:
            self.state = State.OVER
            raise ClientGone from None

    async def _take(self, kind: object, message: dict[str, Any]) -> None:
        if self.is_client_gone and kind != "websocket.close":
            raise ClientGone
        if kind == "websocket.send":
            await self._send_data(message)
        elif kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.close":
            await self._close(message)
        elif kind == "websocket.http.response.start":
            if self.state is not State.CONNECTING:
                self.broken("websocket.http.response.start is sent in the place of websocket.accept")
            self._status = check_status(message.get("status"))
            self._fields.add_bytes(message.get("headers") or ())
            self.state = State.DENYING
        elif kind == "websocket.http.response.body":
            if self.state is not State.DENYING:
                self.broken("websocket.http.response.body follows websocket.http.response.start")
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._deny(ForeignResponse(self._status, self._fields, bytes(self._body)))
        else:
            self.broken(f"{kind!r} is no message of a WebSocket; it takes websocket.accept, .send and .close")

    def _on_gone(self) -> None:
        """Note that the client has left before the handshake was complete."""
        if self.state is State.CONNECTING:
            self.state, self.is_client_gone = State.OVER, True
            self._decided.set()

    @property
    def is_accepted(self) -> bool:
        """Whether its handshake is complete."""
        return self._transport.is_accepted

    # --- messages ---------------------------------------------------------------------------------

    async def _accept(self, message: dict[str, Any]) -> None:
        if self.state is not State.CONNECTING:
            self.broken("websocket.accept is sent once, before anything else")
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol not in self._transport.offered:
            self.broken(f"the subprotocol {subprotocol!r} of websocket.accept is none that the client offers")
        fields = Fields()
        fields.add_bytes(message.get("headers") or ())
        if any(name == "sec-websocket-protocol" for name, _ in fields.pairs):
            self.broken("the headers of websocket.accept are without sec-websocket-protocol: use `subprotocol`")
        await self._transport.accept(subprotocol, fields.pairs)
        self.state = State.OPEN
        self._decided.set()

    async def _send_data(self, message: dict[str, Any]) -> None:
        if self.state is State.OVER:
            raise ClientGone
        if self.state is not State.OPEN:
            self.broken("websocket.accept is sent before websocket.send")
        text, data = message.get("text"), message.get("bytes")
        if (text is None) is (data is None):
            self.broken("websocket.send has either `text` or `bytes`")
        if text is not None and not isinstance(text, str):
            self.broken(f"`text` of websocket.send is str, not {type(text).__name__}")
        if data is not None and not isinstance(data, bytes | bytearray | memoryview):
            self.broken(f"`bytes` of websocket.send is bytes, not {type(data).__name__}")
        await self._transport.send(text if text is not None else bytes(data or b""))

    async def _close(self, message: dict[str, Any]) -> None:
        if self.state is State.OVER:
            return  # many apps close at their end, also behind the client's close
        if self.state is State.CONNECTING:
            self._deny(Response(b"", FORBIDDEN))
            return
        if self.state is State.DENYING:
            self.broken("a response in the place of the handshake ends with websocket.http.response.body")
        code, reason = message.get("code", NORMAL), message.get("reason") or ""
        if code != NO_CODE and not (isinstance(code, int) and 1000 <= code <= 4999):
            self.broken(f"the code of websocket.close is a number from 1000 to 4999, not {code!r}")
        self.state = State.OVER
        await self._transport.close(NORMAL if code == NO_CODE else code, _cut(reason))

    def _deny(self, response: Response) -> None:
        self.response, self.state = response, State.OVER
        self._decided.set()


def _cut(reason: str) -> str:
    """Return as much of a reason as fits into a close frame."""
    return reason.encode()[:_MOST_REASON].decode(errors="ignore")

"""A WebSocket, as a view sees it: messages from the client, and messages to it.

    async def chat(socket: WebSocket, room: str):
        async for message in socket:
            await socket.send(message)

In: what carries the messages: the server's side of a connection. Out: text, bytes, and objects of the site's own
classes as JSON. A plain view has the same by `BlockingWebSocket`, whose methods wait. Refuses a message that does not
fit the class that is expected, with the close code 1008.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Protocol, Self, TypeVar, overload

import msgspec

from fanlight.errors import AppError, ClientDisconnected, Forbidden, HTTPError, UpgradeRequired
from fanlight.message.body_policy import WEBSOCKET_KEY
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider, UnusableArgument

SWITCHING_PROTOCOLS = 101
NORMAL, ABNORMAL, POLICY = 1000, 1006, 1008  # codes of a close frame (RFC 6455 section 7.4)
_OWN_CODES = (NORMAL, 1001, 1003, *range(1007, 1015))
_REASON_BYTES = 123

T = TypeVar("T")
Message = str | bytes


class WebSocketClosed(ClientDisconnected):
    """The WebSocket is closed, so nothing can be sent to its client, or received; the view may just end.

    `code` and `reason` are those of the client, or our own if we have closed it; 1006: the connection was lost.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the WebSocket is closed: {code} {reason}".rstrip())
        self.code, self.reason = code, reason


class InvalidMessage(ClientDisconnected):
    """A message does not fit the class that the view expects; unless that is caught, the client gets a code 1008."""


class Transport(Protocol):
    """What carries the messages of one WebSocket. All of it but `wait` is called on the event loop."""

    offered: tuple[str, ...]  # subprotocols
    subprotocol: str | None
    closed: tuple[int, str] | None  # code and reason, when it is closed
    is_accepted: bool

    async def accept(self, subprotocol: str | None, more: Sequence[tuple[str, str]] = ()) -> None:
        """Complete the handshake, with more fields in the response. Raises WebSocketClosed."""

    async def receive(self) -> Message:
        """Return the next message; accept before. Raises WebSocketClosed."""
        ...

    async def send(self, message: Message) -> None:
        """Send a message, accept before; wait while the client takes none. Raises WebSocketClosed."""

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, and receive no more."""

    def wait(self, waiting: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns on the event loop, from a thread that waits for it."""
        ...

    def when_left(self, act: Callable[[float], object] | None) -> None:
        """Have a view ended some time after its client has left, as it may wait for ever; None: it has ended.

        `act` ends it, at a time of the event loop.
        """


class _State:
    """What both kinds of WebSocket have: how it is now."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """The subprotocols that the client offers, the one that it likes best first."""
        return self._transport.offered

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was accepted."""
        return self._transport.subprotocol

    @property
    def is_open(self) -> bool:
        """Whether the handshake is complete, and neither side has closed it, as far as is known."""
        return self._transport.is_accepted and self._transport.closed is None

    @property
    def close_code(self) -> int | None:
        """The code with which it was closed; None while it is open."""
        return None if self._transport.closed is None else self._transport.closed[0]

    @property
    def close_reason(self) -> str:
        """The reason for which it was closed, "" if none was given."""
        return "" if self._transport.closed is None else self._transport.closed[1]

    def __repr__(self) -> str:
        closed = self.close_code
        state = f"closed {closed}" if closed is not None else "open" if self.is_open else "not accepted yet"
        return f"<{type(self).__name__} {state}>"


class WebSocket(_State):
    """A WebSocket for an async view, which gets it by this annotation.

    The handshake is completed by the first message that is received or sent, or by `accept`; until then the view may
    raise an HTTPError, which is an ordinary response. When the view ends, it is closed with code 1000.
    """

    __slots__ = ()

    @classmethod
    def __fanlight_provider__(cls, argument: Any) -> TypeProvider:
        if argument is not None:
            raise UnusableArgument(
                "a WebSocket has no argument", "write `WebSocket`, and `await socket.receive(Message)`"
            )
        return WebSocketProvider()

    async def accept(self, subprotocol: str | None = None) -> None:
        """Complete the handshake, with one of the subprotocols that the client offers, or none.

        Raises WebSocketClosed, AppError for a subprotocol that was not offered.
        """
        transport = self._transport
        if subprotocol is not None and subprotocol not in transport.offered:
            raise AppError(f"the client has not offered the subprotocol {subprotocol!r}; see `socket.subprotocols`")
        if transport.is_accepted:
            raise AppError("the WebSocket is accepted already, by its first message; call `accept` before")
        await transport.accept(subprotocol)

    @overload
    async def receive(self) -> Message: ...
    @overload
    async def receive(self, kind: type[T]) -> T: ...
    async def receive(self, kind: Any = None) -> Any:
        """Return the next message: text, bytes, or JSON converted to a class, and validated.

        Raises WebSocketClosed; InvalidMessage for JSON that does not fit.
        """
        message = await self._transport.receive()
        return message if kind is None else decode_message(message, kind)

    async def send(self, message: object) -> None:
        """Send text, bytes, or anything else as JSON; wait while the client takes no more. Raises WebSocketClosed."""
        await self._transport.send(message if message.__class__ in (str, bytes) else encode_message(message))

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it; before it is accepted, the client gets a 403. Raises AppError for a code that can't be sent."""
        if code not in _OWN_CODES and not 3000 <= code <= 4999:
            raise AppError(f"{code} is no code to close a WebSocket with; use 1000, or 4000 to 4999 for your own")
        if len(reason.encode()) > _REASON_BYTES:
            raise AppError(f"the reason is over {_REASON_BYTES} bytes long")
        if not self._transport.is_accepted:
            raise Forbidden(reason)
        await self._transport.close(code, reason)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """Return the next message, until it is closed, by either side: see `close_code`."""
        try:
            return await self._transport.receive()
        except WebSocketClosed:
            raise StopAsyncIteration from None

    async def messages(self, kind: type[T]) -> AsyncIterator[T]:
        """Yield messages of JSON as objects of a class, until it is closed. Raises InvalidMessage."""
        async for message in self:
            yield decode_message(message, kind)


class BlockingWebSocket(_State):
    """A WebSocket for a plain view, which runs in a thread: its methods wait, and are called there.

    A plain view gets it by the annotation `WebSocket`, or by this one, which type checkers understand.
    """

    __slots__ = ("_waiting",)

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._waiting = WebSocket(transport)  # on the event loop

    @classmethod
    def __fanlight_provider__(cls, argument: Any) -> TypeProvider:
        return WebSocket.__fanlight_provider__(argument)

    def accept(self, subprotocol: str | None = None) -> None:
        """Complete the handshake; see `WebSocket.accept`."""
        self._transport.wait(self._waiting.accept(subprotocol))

    @overload
    def receive(self) -> Message: ...
    @overload
    def receive(self, kind: type[T]) -> T: ...
    def receive(self, kind: Any = None) -> Any:
        """Wait for the next message, and return it; see `WebSocket.receive`."""
        message: Message = self._transport.wait(self._waiting.receive())
        return message if kind is None else decode_message(message, kind)

    def send(self, message: object) -> None:
        """Send a message; see `WebSocket.send`."""
        self._transport.wait(self._waiting.send(encode_message(message)))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it; see `WebSocket.close`."""
        self._transport.wait(self._waiting.close(code, reason))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        try:
            return self.receive()
        except WebSocketClosed:
            raise StopIteration from None

    def messages(self, kind: type[T]) -> Iterator[T]:
        """Yield messages of JSON as objects of a class, until it is closed. Raises InvalidMessage."""
        for message in self:
            yield decode_message(message, kind)


class WebSocketProvider(TypeProvider):
    """Provides the WebSocket of a request: the blocking one where the view is plain."""

    description = "a WebSocket"
    is_websocket = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebSocketProvider)

    def __hash__(self) -> int:
        return hash(WebSocketProvider)

    def __call__(self, request: Request) -> BlockingWebSocket:
        """Return the WebSocket for a plain view. Raises HTTPError."""
        return BlockingWebSocket(transport_of(request))

    async def open_async(self, request: Request) -> WebSocket:
        """Return the WebSocket for an async view. Raises HTTPError."""
        return WebSocket(transport_of(request))


def transport_of(request: Request) -> Transport:
    """Return what carries the messages of a request. Raises HTTPError if it asks for no WebSocket, or wrongly."""
    attached: Transport | HTTPError | None = request.cached_value(WEBSOCKET_KEY)
    if attached is None:
        raise UpgradeRequired("this address is a WebSocket; connect to it with a WebSocket client")
    if isinstance(attached, HTTPError):
        raise attached
    return attached


def transport_under(socket: WebSocket) -> Transport:
    """Return what carries the messages of a WebSocket."""
    return socket._transport  # noqa: SLF001 - its own


def encode_message(message: object) -> Message:
    """Return a message as it is sent: bytes as they are, everything but text as JSON. Raises TypeError."""
    if isinstance(message, bytes | bytearray | memoryview):
        return bytes(message)
    return str(message) if isinstance(message, str) else msgspec.json.encode(message).decode()


def decode_message(message: Message, kind: type[T]) -> T:
    """Return a message of JSON as an object of a class. Raises InvalidMessage."""
    try:
        return msgspec.json.decode(message, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidMessage(str(error)) from None

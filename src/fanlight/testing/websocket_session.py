"""A WebSocket of the test client: it sends and receives as a browser does.

In: a connection on which the handshake is complete. Out: the messages of the view. Pings are returned by themselves. A
handshake that is refused raises WebSocketRefused, which has the response.
"""

from __future__ import annotations

import base64
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self, TypeVar, overload

import msgspec

from fanlight.message.websocket import Message, WebSocketClosed, encode_message
from fanlight.wire.websocket.websocket_frames import (
    BINARY,
    CLOSE,
    FIN,
    MASKED,
    PING,
    PONG,
    TEXT,
    CloseCode,
    unmask,
    write_close,
    write_frame,
)

PIECE_BYTES = 64 * 1024
T = TypeVar("T")


class WebSocketRefused(Exception):
    """The handshake was refused; `response` is what the app has sent in its place."""

    def __init__(self, response: Any) -> None:
        super().__init__(f"the WebSocket was refused with {response.status}: {response.text[:200]!r}")
        self.response = response


def handshake_fields(subprotocols: Sequence[str]) -> dict[str, str]:
    """Return the fields of a handshake."""
    fields = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
    }
    return {**fields, "sec-websocket-protocol": ", ".join(subprotocols)} if subprotocols else fields


class ClientWebSocket:
    """An open WebSocket; `for message in socket` yields messages until it is closed."""

    def __init__(self, sock: socket.socket, received: bytes, subprotocol: str | None, seconds: float) -> None:
        """Begin behind the handshake; `seconds` is how long a message is waited for by default."""
        self._sock, self._received, self._seconds = sock, bytearray(received), seconds
        self.subprotocol = subprotocol
        self.close_code: int | None = None  # None while it is open; 1006 if the connection was lost
        self.close_reason = ""
        self._has_sent_close = False

    def send(self, message: object) -> None:
        """Send text, bytes, or anything else as JSON. Raises WebSocketClosed."""
        self._raise_if_closed()
        data = encode_message(message)
        self.send_frame(*(TEXT, data.encode()) if isinstance(data, str) else (BINARY, data))

    def send_frame(self, opcode: int, payload: bytes, first_bits: int = FIN) -> None:
        """Send one frame, whatever it is: for a test of what is unusual."""
        frame = write_frame(opcode, payload, first_bits)
        head, key = bytearray(frame[: len(frame) - len(payload)]), os.urandom(4)
        head[1] |= MASKED
        try:
            self._sock.sendall(bytes(head) + key + unmask(payload, key))
        except (BrokenPipeError, ConnectionResetError):
            self._set_closed(CloseCode.ABNORMAL, "")

    @overload
    def receive(self, *, timeout: float | None = None) -> Message: ...
    @overload
    def receive(self, kind: type[T], *, timeout: float | None = None) -> T: ...
    def receive(self, kind: Any = None, *, timeout: float | None = None) -> Any:
        """Return the next message: text, bytes, or JSON converted to a class.

        Raises WebSocketClosed, and TimeoutError if none comes in time.
        """
        message = self._next(time.monotonic() + (self._seconds if timeout is None else timeout))
        if message is None:
            assert self.close_code is not None
            raise WebSocketClosed(self.close_code, self.close_reason)
        return message if kind is None else msgspec.json.decode(message, type=kind)

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until it is closed. Raises TimeoutError if none comes in time."""
        while (message := self._next(time.monotonic() + self._seconds)) is not None:
            yield message

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close it, and wait until the app has done so too; messages that come meanwhile are dropped."""
        if self.close_code is None and not self._has_sent_close:
            self._has_sent_close = True
            self.send_frame(CLOSE, write_close(code, reason)[2:])
            for _ in self:
                pass
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _raise_if_closed(self) -> None:
        if self.close_code is not None:
            raise WebSocketClosed(self.close_code, self.close_reason)

    def _next(self, deadline: float) -> Message | None:
        """Return the next message, None if it is closed."""
        parts, is_text = list[bytes](), False
        while self.close_code is None:
            try:
                first, payload = self._read_frame(deadline)
            except (EOFError, ConnectionResetError):
                self._set_closed(CloseCode.ABNORMAL, "")
                break
            opcode = first & 0x0F
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big") if payload else CloseCode.NONE
                if not self._has_sent_close:
                    self._has_sent_close = True
                    self.send_frame(CLOSE, payload[:2])
                self._set_closed(code, payload[2:].decode())
            elif opcode != PONG:
                is_text = is_text or opcode == TEXT
                parts.append(payload)
                if first & FIN:
                    return b"".join(parts).decode() if is_text else b"".join(parts)
        return None

    def _read_frame(self, deadline: float) -> tuple[int, bytes]:
        """Return the first byte and the payload of a frame, which is left where it was if it does not come in time."""
        self._fill(2, deadline)
        head, size = 2, self._received[1]
        if size > 125:
            head += 2 if size == 126 else 8
            self._fill(head, deadline)
            size = int.from_bytes(self._received[2:head], "big")
        self._fill(head + size, deadline)
        first, payload = self._received[0], bytes(self._received[head : head + size])
        del self._received[: head + size]
        return first, payload

    def _fill(self, size: int, deadline: float) -> None:
        """Receive until so many bytes are there. Raises TimeoutError, EOFError."""
        while len(self._received) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no message came in time")
            self._sock.settimeout(left)
            data = self._sock.recv(PIECE_BYTES)
            if not data:
                raise EOFError
            self._received += data

    def _set_closed(self, code: int, reason: str) -> None:
        if self.close_code is None:
            self.close_code, self.close_reason = int(code), reason

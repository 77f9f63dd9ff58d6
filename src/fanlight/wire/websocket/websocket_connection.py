"""The server side of a WebSocket, without I/O: bytes in, messages out; messages in, frames out (RFC 6455).

In: received bytes, in pieces of any size. Out: whole messages, and what else the app or the server has to know: `Ping`,
`Pong`, `Closed`. Raises WebSocketError for every frame that breaks the protocol or a limit, with the code to close
with. Knows nothing of time, and sends nothing by itself.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

from fanlight.wire.websocket.deflate import LEAST_BYTES, MOST_BYTES, Decompressor, Deflate, compress
from fanlight.wire.websocket.websocket_frames import (
    BINARY,
    COMPRESSED,
    CONTINUATION,
    FIN,
    MASKED,
    MAX_CONTROL_BYTES,
    PING,
    PONG,
    TEXT,
    CloseCode,
    WebSocketError,
    is_sendable_code,
    unmask,
    write_frame,
)

_RESERVED = 0x70  # bits of the first byte
_IS_CONTROL = 0x08  # of an opcode
_LENGTH_2 = 126
_WHOLE_TEXT, _WHOLE_BINARY = _WHOLE = (
    FIN | TEXT,
    FIN | BINARY,
)  # the first byte of a message in one frame, and not compressed
_FREE_FRAGMENTS = 1024  # of a message, besides one for each
_FRAGMENT_BYTES = 16  # of its limit
_SHORT_HEADS = {each: [bytes((FIN | each, size)) for size in range(_LENGTH_2)] for each in (TEXT, BINARY)}
_new_decoder = codecs.getincrementaldecoder("utf-8")


class Ping(NamedTuple):
    """The client asks for a pong with the same data."""

    data: bytes


class Pong(NamedTuple):
    """The client has received a ping, or just is there."""

    data: bytes


class Closed(NamedTuple):
    """The client has closed its side; 1005 if it has named no code."""

    code: int
    reason: str


class Fragment(NamedTuple):
    """A part of a message whose rest has not come."""


FRAGMENT = Fragment()
Event = str | bytes | Ping | Pong | Closed | Fragment


class _Fragments:
    """A message whose last frame has not come."""

    __slots__ = ("count", "data", "decoder", "decompressor")

    def __init__(self, *, is_text: bool, decompressor: Decompressor | None) -> None:
        self.count = 0
        self.data = bytearray()
        self.decoder = _new_decoder() if is_text else None
        self.decompressor = decompressor


class WebSocketConnection:
    """The state of one connection."""

    __slots__ = ("_buffer", "_deflate", "_fragments", "_max_bytes", "_position", "is_closed")

    def __init__(self, max_bytes: int, deflate: Deflate | None = None) -> None:
        """Begin after the handshake; `max_bytes` is the limit of a message, compressed or not."""
        self._max_bytes, self._deflate = max_bytes, deflate
        self._buffer: bytes | bytearray = b""
        self._position = 0
        self._fragments: _Fragments | None = None
        self.is_closed = False  # the client has sent its last frame, so what follows is not read

    # --- receiving --------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Add received bytes. At most this piece, and one incomplete frame within the limit, are kept."""
        if not self._buffer:
            self._buffer = data
            return
        if self._buffer.__class__ is bytes:
            self._buffer = bytearray(self._buffer)
        if self._position:
            del self._buffer[: self._position]  # type: ignore[union-attr]  # a bytearray, by the line above
            self._position = 0
        self._buffer += data

    def next_event(self) -> Event | None:
        """Return the next message or event, None if more bytes are needed first. Raises WebSocketError."""
        buffer, start = self._buffer, self._position
        size = len(buffer) - start
        if size < 2 or self.is_closed:
            return None
        first, length = buffer[start], buffer[start + 1] - MASKED
        if length < 0:
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a frame of a client must be masked")
        head, is_whole = 6, first in _WHOLE and self._fragments is None
        if not is_whole:
            self._check(first, first & 0x0F, length)
        if length >= _LENGTH_2:
            head = 8 if length == _LENGTH_2 else 14
            if size < head - 4:
                return None
            length = _read_length(buffer[start + 2 : start + head - 4])
        if length > self._max_bytes:
            raise self._too_big()
        end, body = start + head + length, start + head
        if end > len(buffer):
            return None
        payload = unmask(buffer[body:end], buffer[body - 4 : body])
        if end == len(buffer):
            self._buffer, end = b"", 0
        self._position = end
        if is_whole:
            return payload if first == _WHOLE_BINARY else _decoded(payload)
        return self._read(first, first & 0x0F, payload)

    @property
    def has_buffered(self) -> bool:
        """Whether something was received that no event has been made of."""
        return bool(self._buffer)

    def _check(self, first: int, opcode: int, length: int) -> None:
        """Refuse a frame by its first two bytes (section 5.2)."""
        reserved = first & _RESERVED
        if reserved and (reserved != COMPRESSED or self._deflate is None or opcode not in (TEXT, BINARY)):
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a frame has a reserved bit that no extension uses")
        if opcode & _IS_CONTROL:
            if opcode > PONG:
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, f"a frame has an unknown opcode: {opcode}")
            if not first & FIN:
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a control frame is fragmented")
            if length > MAX_CONTROL_BYTES:
                raise WebSocketError(CloseCode.PROTOCOL_ERROR, f"a control frame has over {MAX_CONTROL_BYTES} bytes")
        elif opcode > BINARY:
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, f"a frame has an unknown opcode: {opcode}")
        elif (opcode == CONTINUATION) != (self._fragments is not None):
            text = "continues no message" if opcode == CONTINUATION else "begins a message within another"
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, f"a frame {text}")

    def _read(self, first: int, opcode: int, payload: bytes) -> Event:
        if opcode & _IS_CONTROL:
            return self._read_control(opcode, payload)
        fragments = self._fragments
        if fragments is None:
            decompressor = Decompressor(self._max_bytes) if first & COMPRESSED else None
            fragments = self._fragments = _Fragments(is_text=opcode == TEXT, decompressor=decompressor)
        return self._read_fragment(fragments, payload, is_last=bool(first & FIN))

    def _read_fragment(self, fragments: _Fragments, payload: bytes, *, is_last: bool) -> str | bytes | Fragment:
        fragments.count += 1
        if fragments.count > _FREE_FRAGMENTS + self._max_bytes // _FRAGMENT_BYTES:
            raise WebSocketError(CloseCode.POLICY, "a message has too many fragments")
        if fragments.decompressor is not None:
            payload = fragments.decompressor.feed(payload, is_last=is_last)
        data = fragments.data
        if len(data) + len(payload) > self._max_bytes:
            raise self._too_big()
        data += payload
        if fragments.decoder is not None:
            # A long message that is not UTF-8 is refused at its first wrong byte (section 8.1).
            try:
                fragments.decoder.decode(payload, is_last)
            except UnicodeDecodeError:
                raise _not_utf8() from None
        if not is_last:
            return FRAGMENT
        self._fragments = None
        return bytes(data) if fragments.decoder is None else data.decode()

    def _read_control(self, opcode: int, payload: bytes) -> Event:
        if opcode == PING:
            return Ping(payload)
        if opcode == PONG:
            return Pong(payload)
        self.is_closed, self._buffer, self._position = True, b"", 0
        if not payload:
            return Closed(CloseCode.NONE, "")
        code = int.from_bytes(payload[:2], "big")
        if len(payload) < 2 or not is_sendable_code(code):
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a close frame has no valid code (RFC 6455 section 7.4)")
        return Closed(code, _decoded(payload[2:]))

    def _too_big(self) -> WebSocketError:
        return WebSocketError(CloseCode.TOO_BIG, f"a message may have {self._max_bytes} bytes")

    # --- sending ----------------------------------------------------------------------------

    @property
    def window_bits(self) -> int:
        """The window of our compressed messages; 0 if none are sent. Connections with the same have the same frames."""
        return 0 if self._deflate is None else self._deflate.window_bits

    def write(self, message: str | bytes) -> bytes:
        """Return the frame of a message."""
        opcode, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
        size = len(data)
        if size <= MAX_CONTROL_BYTES:
            return _SHORT_HEADS[opcode][size] + data
        if self._deflate is not None and LEAST_BYTES <= size <= MOST_BYTES:
            return write_frame(opcode, compress(data, self._deflate.window_bits), FIN | COMPRESSED)
        return write_frame(opcode, data)

    def release(self) -> None:
        """Free what was received: nothing more is read."""
        self.is_closed, self._buffer, self._position, self._fragments = True, b"", 0, None


def _read_length(data: bytes | bytearray) -> int:
    """Return an extended length (section 5.2): the shortest form must be used, and 63 bits at most."""
    length = int.from_bytes(data, "big")
    if length < (_LENGTH_2 if len(data) == 2 else 1 << 16) or length >> 63:
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a frame's length is not in its shortest form")
    return length


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _not_utf8() -> WebSocketError:
    return WebSocketError(CloseCode.INVALID_DATA, "a text is not UTF-8")

"""The extension `permessage-deflate` (RFC 7692): messages that are compressed, each by itself.

In: the extensions a client offers. Out: the parameters that are agreed on, or none; compressed messages from messages,
and back, up to a limit. Neither side keeps what it has learned from one message for the next (`no_context_takeover`):
an idle connection holds no tables of zlib, which are 300 KiB otherwise, and a message to many clients is compressed
once.
"""

from __future__ import annotations

import zlib

from msgspec import Struct

from fanlight.wire.websocket.websocket_frames import CloseCode, WebSocketError

LEAST_BYTES, MOST_BYTES = 256, 256 * 1024  # a shorter message is sent as it is, and a longer one: others would wait
_MEMORY_LEVEL = 5  # of zlib: 16 KiB and the window
_LEVEL = 1  # of nine: twice as fast as the usual 6, for a result a tenth larger
_TAIL = b"\x00\x00\xff\xff"  # ends each compressed message, and is not sent (section 7.2.1)
_MOST_BITS, _LEAST_BITS = 15, 9  # of a window; zlib can't do 8
_MAX_OFFERS = 16


class Deflate(Struct, frozen=True, kw_only=True):
    """What was agreed on: how large the window of our own messages may be, and the text of the response."""

    window_bits: int
    response: str


def choose_deflate(offered: str) -> Deflate | None:
    """Return the first offer that can be accepted (section 7.1), None if there is none."""
    for offer in offered.split(",", _MAX_OFFERS)[:_MAX_OFFERS]:
        name, *parameters = [each.strip(" \t") for each in offer.split(";")]
        if name.lower() == "permessage-deflate" and (found := _accepted(parameters)) is not None:
            return found
    return None


def _accepted(parameters: list[str]) -> Deflate | None:
    values: dict[str, str] = {}
    for each in parameters:
        name, sign, value = (part.strip(" \t") for part in each.partition("="))
        name = name.lower()
        if name in values or (sign and not value):
            return None
        values[name] = value.strip('"') if len(value) > 1 and value[0] == value[-1] == '"' else value
    response = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    window_bits = _MOST_BITS
    for name, value in values.items():
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value:
                return None
        elif name == "server_max_window_bits":
            bits = _window_bits(value)
            if bits is None or bits < _LEAST_BITS:
                return None
            window_bits = bits
            response += f"; server_max_window_bits={bits}"
        elif name != "client_max_window_bits" or (value and _window_bits(value) is None):
            return None
    return Deflate(window_bits=window_bits, response=response)


def _window_bits(value: str) -> int | None:
    return int(value) if value in ("8", "9", "10", "11", "12", "13", "14", "15") else None


def compress(data: bytes, window_bits: int) -> bytes:
    """Return a compressed message (section 7.2.1)."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -window_bits, _MEMORY_LEVEL)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


class Decompressor:
    """Decompresses one message, frame by frame, up to a limit."""

    __slots__ = ("_left", "_stream")

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._stream = zlib.decompressobj(-_MOST_BITS)

    def feed(self, data: bytes, *, is_last: bool) -> bytes:
        """Return what the data of a frame is decompressed to (section 7.2.2). Raises WebSocketError."""
        if is_last:
            data += _TAIL
        parts: list[bytes] = []
        try:
            while data:
                # SECURITY: tests/wire/test_websocket_deflate.py: never more than the limit, whatever was compressed
                part = self._stream.decompress(data, self._left + 1)
                self._left -= len(part)
                if self._left < 0:
                    raise WebSocketError(CloseCode.TOO_BIG, "the message is too large when it is decompressed")
                parts.append(part)
                data = self._stream.unconsumed_tail
                if self._stream.eof:  # a block was marked as the last; what follows is another (section 7.2.3.4)
                    data, self._stream = self._stream.unused_data, zlib.decompressobj(-_MOST_BITS)
        except zlib.error:
            raise WebSocketError(CloseCode.INVALID_DATA, "the message can't be decompressed") from None
        return b"".join(parts)

"""Frames: their format, the codes with which a connection is closed, and what is refused (RFC 6455 sections 5 and 7).

In: the parts of a frame. Out: its bytes. A frame of a server is not masked.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

from fanlight.errors import ClientError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, COMPRESSED = 0x80, 0x40  # bits of the first byte; the second is RSV1, as RFC 7692 uses it
MASKED = 0x80  # of the second byte
MAX_CONTROL_BYTES = 125
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2
_SHORT, _MEDIUM = 126, 1 << 16
_AS_NUMBER = 2048  # bytes, up to which a payload is unmasked as one number
_number = int.from_bytes


class CloseCode(IntEnum):
    """Why a connection is closed (RFC 6455 section 7.4, and IANA's registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001  # the server stops, or the page is left
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    NONE = 1005  # never sent: the client has named no code
    ABNORMAL = 1006  # never sent: the connection has ended without a closing handshake
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013


def close_code_of(status: int) -> CloseCode:
    """Return the code that closes a WebSocket whose view has ended with the status of a response."""
    if status < 400:
        return CloseCode.NORMAL
    if status < 500:
        return CloseCode.POLICY
    return CloseCode.TRY_AGAIN_LATER if status == 503 else CloseCode.INTERNAL_ERROR


class WebSocketError(ClientError):
    """A client has broken the protocol, or a limit: the connection is closed with `code` and the reason."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def is_sendable_code(code: int) -> bool:
    """Return whether a code may stand in a close frame (RFC 6455 section 7.4)."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def write_frame(opcode: int, payload: bytes, first_bits: int = FIN) -> bytes:
    """Return a frame of the server (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < _SHORT:
        return bytes((first_bits | opcode, size)) + payload
    if size < _MEDIUM:
        return bytes((first_bits | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first_bits | opcode, 127)) + size.to_bytes(8, "big") + payload


def write_close(code: int, reason: str = "") -> bytes:
    """Return a close frame; a reason that is too long is cut."""
    text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
    return write_frame(CLOSE, code.to_bytes(2, "big") + text)


def unmask(payload: bytes | bytearray, key: bytes | bytearray) -> bytes:
    """Return what a client has masked (RFC 6455 section 5.3)."""
    size = len(payload)
    if size > _AS_NUMBER:
        return _unmask_by_tables(payload, key)
    # PERF: benchmarks/sockets.py: as two long numbers, which is faster than any loop in Python
    pad = key * (size >> 2)
    if size & 3:
        pad += key[: size & 3]
    return (_number(payload, "little") ^ _number(pad, "little")).to_bytes(size, "little")


def _unmask_by_tables(payload: bytes | bytearray, key: bytes | bytearray) -> bytes:
    """Unmask every fourth byte at once, by a table for the byte of the key: for what is long."""
    tables, result = _tables(), bytearray(payload)
    for at in range(4):
        result[at::4] = payload[at::4].translate(tables[key[at]])
    return bytes(result)


@cache
def _tables() -> list[bytes]:
    return [bytes(byte ^ key for byte in range(256)) for key in range(256)]

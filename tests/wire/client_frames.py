"""Frames of a WebSocket client, right and wrong, and what a server makes of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from fanlight.wire.websocket.deflate import Deflate
from fanlight.wire.websocket.websocket_connection import FRAGMENT, WebSocketConnection
from fanlight.wire.websocket.websocket_frames import WebSocketError

FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"
DEFLATE = Deflate(window_bits=15, response="")
MAX_BYTES = 1000


def frame(opcode: int, payload: bytes = b"", bits: int = FIN, *, key: bytes | None = KEY, form: int = 0) -> bytes:
    """Return a frame; `form` is how many bytes its length has behind the second one, the fewest by default."""
    size = len(payload)
    form = form or (0 if size < 126 else 2 if size < 1 << 16 else 8)
    second = size if not form else 126 if form == 2 else 127
    mask = 0 if key is None else 0x80
    head = bytes((bits | opcode, mask | second)) + (size.to_bytes(form, "big") if form else b"")
    if key is None:
        return head + payload
    return head + key + bytes(each ^ key[at % 4] for at, each in enumerate(payload))


def deflated(data: bytes) -> bytes:
    """Return a message as permessage-deflate sends it (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def events_of(
    pieces: Iterable[bytes], deflate: Deflate | None = None, max_bytes: int = MAX_BYTES
) -> tuple[list[object], int | None]:
    """Return the messages and events of received pieces, and the code with which the connection is closed for them."""
    wire, seen = WebSocketConnection(max_bytes, deflate), list[object]()
    try:
        for piece in pieces:
            wire.receive(piece)
            while (event := wire.next_event()) is not None:
                if event is not FRAGMENT:
                    seen.append(event)
    except WebSocketError as error:
        return seen, int(error.code)
    return seen, None

"""The frames of a WebSocket, as they pass the socket: when, which way, of which kind and size, and how they begin.

In: bytes that were received and sent, in pieces of any size, behind the handshake. Out: a `Frame` for each, to the
recording of its exchange. It refuses nothing: that is the server's part, and a frame that it refuses is shown, too.
"""

from __future__ import annotations

import zlib
from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.devtools.inspector.exchange_record import Frame
from fanlight.devtools.inspector.recording_limits import MAX_FRAME_BYTES
from fanlight.wire.websocket.websocket_frames import BINARY, CLOSE, COMPRESSED, FIN, PING, PONG, TEXT, unmask

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.devtools.inspector.recording import Recording

_KINDS = {TEXT: "text", BINARY: "bytes", CLOSE: "close", PING: "ping", PONG: "pong"}
_END_OF_HEAD = b"\r\n\r\n"


class RecordedFrames:
    """The frames of one WebSocket, in both directions."""

    def __init__(self, recording: Recording) -> None:
        """Begin with the response that completes the handshake, which is sent first."""
        self._recording = recording
        self._received, self._sent = FrameReader(self._add_received), FrameReader(self._add_sent)
        self._head: bytes | None = b""  # of the response, until it is sent
        self.is_closed = False  # by a close frame, in either direction

    def receive(self, data: bytes) -> None:
        """Take what was received."""
        self._received.read(data)

    def send(self, data: bytes | memoryview) -> None:
        """Take what was sent."""
        if self._head is not None:
            head, found, rest = (self._head + bytes(data)).partition(_END_OF_HEAD)
            self._head = None if found else head
            data = rest
        self._sent.read(bytes(data))

    def _add_received(self, kind: str, size: int, start: str) -> None:
        self._add(kind, size, start, is_received=True)

    def _add_sent(self, kind: str, size: int, start: str) -> None:
        self._add(kind, size, start, is_received=False)

    def _add(self, kind: str, size: int, start: str, *, is_received: bool) -> None:
        self.is_closed = self.is_closed or kind == "close"
        self._recording.take_frame(Frame(perf_counter(), is_received, kind, size, start))


class FrameReader:
    """Reads the frames of one direction; of each only the beginning is kept."""

    def __init__(self, add: Callable[[str, int, str], object]) -> None:
        """Begin; `add` is called with the kind, the size and the beginning of each frame."""
        self._add = add
        self._data = bytearray()  # of the frame that is not complete, as far as it is kept
        self._skipped = 0  # bytes of it that were not kept

    def read(self, data: bytes) -> None:
        """Take more bytes."""
        while data:
            head, size = _head_of(self._data)
            if not head:
                self._data += data[:1]  # a head has fourteen bytes at most
                data = data[1:]
                head, size = _head_of(self._data)
                if not head or size:
                    continue
            missing = head + size - len(self._data) - self._skipped
            piece, data = data[:missing], data[missing:]
            room = max(0, head + MAX_FRAME_BYTES - len(self._data))
            self._data += piece[:room]
            self._skipped += len(piece[room:])
            if len(piece) == missing:
                self._add(*_described(self._data, head, size))
                self._data, self._skipped = bytearray(), 0


def _head_of(data: bytearray) -> tuple[int, int]:
    """Return the size of a head and of its payload; 0 for a head that is not complete."""
    if len(data) < 2:
        return 0, 0
    short = data[1] & 0x7F
    more = 2 if short == 126 else 8 if short == 127 else 0
    head = 2 + more + (4 if data[1] & 0x80 else 0)
    if len(data) < head:
        return 0, 0
    return head, int.from_bytes(data[2 : 2 + more], "big") if more else short


def _described(data: bytearray, head: int, size: int) -> tuple[str, int, str]:
    """Return the kind of a frame, its size and its beginning as text."""
    first, payload = data[0], bytes(data[head:])
    if data[1] & 0x80:
        payload = unmask(payload, data[head - 4 : head])
    opcode = first & 0x0F
    kind = _KINDS.get(opcode, "continuation" if not opcode else f"opcode {opcode}")
    if opcode == CLOSE and len(payload) > 1:
        return kind, size, f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}".rstrip()
    if first & COMPRESSED:
        kind += ", compressed"
        payload = _decompressed(payload)
    if not first & FIN:
        kind += ", to be continued"
    if opcode == BINARY:
        return kind, size, payload.hex(" ")[: 3 * (MAX_FRAME_BYTES // 4)]
    return kind, size, payload.decode(errors="replace")


def _decompressed(payload: bytes) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(payload, MAX_FRAME_BYTES)
    except zlib.error:
        return b""

"""Decode the chunked transfer coding (RFC 9112 section 7.1).

In: a buffer and a position. Out: the content in it, and the next position. Refuses sizes with signs, spaces, prefixes
or too many digits, malformed or too long extensions, a chunk that does not end with CR LF, and trailers that would
affect the framing or routing of the message.
"""

from __future__ import annotations

import re

from fanlight.errors import BadMessage, ContentLimitExceeded, HeadTooLarge
from fanlight.wire.http1.header_fields import TOKEN_BYTES, VALUE_BYTES, Pair, read_line
from fanlight.wire.http1.wire_limits import WireLimits

_TOKEN = rb"[%b]++" % re.escape(TOKEN_BYTES)
_QUOTED = rb"\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+\""
_EXTENSION = rb"[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})((?:%b)*+)" % _EXTENSION)
_MAX_SIZE_DIGITS = 15
_CONTROL = "a line in chunked content contains a control character"
_NO_SIZE = "a chunk size is not a hexadecimal number of at most 15 digits, or its extension is malformed"
HINT = "raise Limits.content_bytes to allow it"
_FORBIDDEN_TRAILERS = frozenset(
    "authorization connection content-encoding content-length content-range content-type cookie expect host"
    " keep-alive max-forwards proxy-authorization range te trailer transfer-encoding upgrade".split()
)


class ChunkedReader:
    """The decoder of one message's content."""

    __slots__ = ("_limits", "_max_line", "_part", "_taken", "_trailer_bytes", "hint", "left", "max_bytes", "trailers")

    _SIZE, _DATA, _DATA_END, _TRAILERS, _END = range(5)

    def __init__(self, limits: WireLimits) -> None:
        self._limits = limits
        self._max_line = _MAX_SIZE_DIGITS + 1 + limits.chunk_extension_bytes  # a size and its extensions
        self.max_bytes, self.hint = limits.content_bytes, HINT  # set by `limit`
        self._part = self._SIZE
        self.left = 0  # bytes of the current chunk that have not been received
        self._taken = self._trailer_bytes = 0
        self.trailers: list[Pair] = []

    def limit(self, max_bytes: int, hint: str) -> None:
        """Set the size limit of this content, and the hint for a client that exceeds it."""
        self.max_bytes, self.hint = max_bytes, hint

    @property
    def is_done(self) -> bool:
        """Whether the last chunk and its trailers have been read."""
        return self._part == self._END

    def read(self, buffer: bytes | bytearray, start: int) -> tuple[bytes, int]:
        """Return the content in the buffer from `start`, and the next position. Raises ProtocolError."""
        pieces: list[bytes] = []
        position = start
        while self._part != self._END:
            if self._part == self._DATA:
                piece = bytes(buffer[position : position + self.left])
                pieces.append(piece)
                position += len(piece)
                self.left -= len(piece)
                if self.left:
                    break
                self._part = self._DATA_END
            if self._part == self._DATA_END:
                end = buffer[position : position + 2]
                if not b"\r\n".startswith(end):
                    raise BadMessage("a chunk does not end after the number of bytes in its size")
                if len(end) < 2:
                    break
                position += 2
                self._part = self._SIZE
            line, position = self._line(buffer, position)
            if line is None:
                break
            self._take_line(line)
        return b"".join(pieces), position

    def _line(self, buffer: bytes | bytearray, start: int) -> tuple[bytes | None, int]:
        """Return the next line and position, None if the line is incomplete."""
        end = buffer.find(b"\r\n", start)
        if self._part == self._SIZE and 0 <= end - start <= self._max_line:
            return bytes(buffer[start:end]), end + 2
        # A CR at the end of the buffer may belong to the line end; counting it would make the verdict depend on how the
        # network splits the message.
        stop = end if end >= 0 else len(buffer) - buffer.endswith(b"\r", start)
        room = self._max_line if self._part == self._SIZE else self._limits.trailer_bytes - self._trailer_bytes
        # A bare LF, or a byte that is not allowed in a line, will not become valid by more bytes.
        if buffer[start : min(stop, start + max(room, 0))].translate(None, VALUE_BYTES):
            raise BadMessage(_CONTROL)
        if stop - start > room:
            if self._part == self._TRAILERS:
                raise HeadTooLarge(f"the trailers are over {self._limits.trailer_bytes} bytes")
            raise BadMessage("a chunk size or its extension is too long")
        return (None, start) if end < 0 else (bytes(buffer[start:end]), end + 2)

    def _take_line(self, line: bytes) -> None:
        if self._part == self._SIZE:
            match = SIZE_LINE.fullmatch(line)
            # SECURITY: tests/wire/test_vectors.py: int(x, 16) alone would accept signs, spaces, 0x and underscores
            if match is None or len(match[2]) > self._limits.chunk_extension_bytes + 1:
                raise BadMessage(_CONTROL if line.translate(None, VALUE_BYTES) else _NO_SIZE)
            self.left = int(match[1], 16)
            self._taken += self.left
            if self._taken > self.max_bytes:
                raise ContentLimitExceeded(content_over(self.max_bytes, self.hint))
            self._part = self._DATA if self.left else self._TRAILERS
        elif not line:
            self._part = self._END
        else:
            self._trailer_bytes += len(line) + 2
            if len(self.trailers) >= self._limits.field_count:
                raise HeadTooLarge(f"there are over {self._limits.field_count} trailers")
            pair = read_line(line)
            # SECURITY: tests/wire/test_vectors.py: a trailer never has the effect of a header field
            if pair[0] in _FORBIDDEN_TRAILERS:
                raise BadMessage(f"{pair[0]} is not allowed as a trailer (RFC 9110 section 6.5.1)")
            self.trailers.append(pair)


def content_over(max_bytes: int, hint: str) -> str:
    """Return the message for content that exceeds its limit."""
    return f"the content is over {max_bytes} bytes; {hint}"

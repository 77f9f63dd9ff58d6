"""Size limits of one message, and the checks of a head that is still incomplete.

The verdict on a message does not depend on how the network splits it: an incomplete head is refused if and only if
every head that begins with these bytes would be refused, and for the same reason.
"""

from __future__ import annotations

from msgspec import Struct

from fanlight.errors import BadMessage, HeadTooLarge, ProtocolError, TargetTooLong

MAX_BEGUN_BYTES = 2048  # of a malformed message, for the log
_END_BYTES = 3  # the first three bytes of CR LF CR LF, which may be there without the last


class WireLimits(Struct, frozen=True, kw_only=True):
    """The limits of one message; the first two are settings, the others constants."""

    head_bytes: int  # all field lines
    content_bytes: int
    field_count: int = 100
    chunk_extension_bytes: int = 256  # of each chunk
    trailer_bytes: int = 4096

    @property
    def request_line_bytes(self) -> int:
        """The limit of the request line: method, target and version."""
        return self.head_bytes // 2

    @property
    def line_over(self) -> TargetTooLong:
        """The error for a request line that is too long."""
        return TargetTooLong(
            f"the request line is over {self.request_line_bytes} bytes, half of Limits.head_bytes; raise that"
        )

    @property
    def head_over(self) -> HeadTooLarge:
        """The error for field lines that are too long."""
        return HeadTooLarge(f"the request head is over {self.head_bytes} bytes; raise Limits.head_bytes to allow it")


def check_size(line_bytes: int, block_bytes: int, limits: WireLimits) -> None:
    """Refuse a complete head whose request line or field lines are over their limit."""
    if line_bytes > limits.request_line_bytes:
        raise limits.line_over
    if block_bytes > limits.head_bytes:
        raise limits.head_over


def check_incomplete_head(buffer: bytes | bytearray, start: int, fresh: int, limits: WireLimits) -> None:
    """Refuse an incomplete head that no further bytes can make valid, instead of waiting for its timeout.

    The head begins at `start`; the bytes before `fresh` were checked before. Of several errors the first one in the
    bytes is raised, because it is the one found when the head is received byte by byte.
    """
    size = len(buffer)
    line_end = buffer.find(b"\r\n", start)
    over: ProtocolError | None = None
    at = size  # where it certainly exceeds a limit
    if (size - 1 if line_end < 0 else line_end) > start + limits.request_line_bytes:
        at, over = start + limits.request_line_bytes + 1, limits.line_over
    elif line_end >= 0 and size > line_end + 2 + limits.head_bytes + _END_BYTES:
        at, over = line_end + 2 + limits.head_bytes + _END_BYTES, limits.head_over
    # LF alone does not end a line here, so the client would wait for a response until the timeout.
    if buffer.count(b"\n", fresh, at) > buffer.count(b"\r\n", max(start, fresh - 1), at):
        raise BadMessage("a line ends in LF without CR (RFC 9112 section 2.2)")
    if over is not None:
        raise over

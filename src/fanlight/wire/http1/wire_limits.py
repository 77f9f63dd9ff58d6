"""The sizes that the wire enforces; some are settings, in the server's `Limits`.

A message gets one verdict, however the network cuts it: what is refused as soon as it can't become a head any more is
what would be refused of it as a whole, for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from fanlight.errors import BadMessage, HeadTooLarge, ProtocolError, TargetTooLong

MAX_BEGUN_BYTES = 2048  # that are shown of a message which can not be read
_END_BYTES = 3  # of CR LF CR LF, which may be there without making an end


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """What one message may be, in bytes, but for the number of its fields."""

    request_line_bytes: int = 8192
    head_bytes: int = 16384
    field_count: int = 100
    content_bytes: int = 16 * 1024 * 1024
    chunk_extension_bytes: int = 256
    trailer_bytes: int = 4096

    @property
    def line_over(self) -> TargetTooLong:
        """What refuses a request line that is too long."""
        return TargetTooLong(
            f"the request line is over {self.request_line_bytes} bytes, half of Limits.head_bytes; raise that"
        )

    @property
    def head_over(self) -> HeadTooLarge:
        """What refuses a head that is too long."""
        return HeadTooLarge(f"the request head is over {self.head_bytes} bytes; raise Limits.head_bytes to allow it")


def check_size(line_bytes: int, block_bytes: int, limits: WireLimits) -> None:
    """Refuse a whole head whose request line, or whose field lines together, are over their limit."""
    if line_bytes > limits.request_line_bytes:
        raise limits.line_over
    if block_bytes > limits.head_bytes:
        raise limits.head_over


def check_half_a_head(buffer: bytes | bytearray, start: int, fresh: int, limits: WireLimits) -> None:
    """Refuse what can't become a head any more, so that nothing waits for its deadline.

    The head begins at `start` and has no end yet; what stands before `fresh` has been looked at before. Of several
    things that are wrong the first counts: it is the one that is met where the head comes byte by byte.
    """
    size = len(buffer)
    line_end = buffer.find(b"\r\n", start)
    over: ProtocolError | None = None
    at = size  # where it is over a limit for sure
    if (size - 1 if line_end < 0 else line_end) > start + limits.request_line_bytes:
        at, over = start + limits.request_line_bytes + 1, limits.line_over
    elif line_end >= 0 and size > line_end + 2 + limits.head_bytes + _END_BYTES:
        at, over = line_end + 2 + limits.head_bytes + _END_BYTES, limits.head_over
    # A line that ends in LF alone is no line end here; a client that sends one would wait in vain.
    if buffer.count(b"\n", fresh, at) > buffer.count(b"\r\n", max(start, fresh - 1), at):
        raise BadMessage("a line ends in LF without CR (RFC 9112 section 2.2)")
    if over is not None:
        raise over

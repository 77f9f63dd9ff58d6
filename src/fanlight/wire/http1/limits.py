"""The sizes that the wire enforces; the server's `Limits` has the same names."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BEGUN_BYTES = 2048  # that are shown of a message which can not be read


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
    def line_over(self) -> str:
        """Why a request line is refused that is too long."""
        return f"the request line is over {self.request_line_bytes} bytes; raise Limits.request_line_bytes to allow it"

    @property
    def head_over(self) -> str:
        """Why a head is refused that is too long."""
        return f"the request head is over {self.head_bytes} bytes; raise Limits.head_bytes to allow it"

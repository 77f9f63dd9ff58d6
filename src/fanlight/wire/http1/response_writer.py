"""Serialize the head of a response (RFC 9112 sections 2 and 4).

In: a status and fields. Out: bytes. Refuses invalid names and values (a line end in a value would start another field,
or a second response), and the fields that the wire writes itself. Serialized lines and heads are cached, in bounded
tables; the head of a file with the file's own fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fanlight.errors import InvalidResponse, ProtocolError
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.wire.http1.header_fields import TOKEN_BYTES, VALUE_BYTES, Pair

_UPGRADE_REQUIRED = 426
# Interim responses (1xx) have methods of their own.
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {reason}\r\n".encode() for status, reason in REASON_PHRASES.items() if status >= 200
}
# RFC 9110 section 15.5.22: it must name a protocol, and there is one.
_STATUS_LINES[_UPGRADE_REQUIRED] += b"upgrade: websocket\r\nconnection: upgrade\r\n"
# Fields for framing, and fields that the server adds to every response.
_OURS = frozenset(
    "connection content-length date keep-alive proxy-connection server te trailer transfer-encoding upgrade".split()
)

MAX_KNOWN_LINES = 2048
MAX_KNOWN_LINE_BYTES = 512
MAX_KNOWN_HEADS = 256
MAX_KNOWN_ENDS = 2048
_KNOWN: dict[Pair, bytes] = {}
known_heads: dict[tuple[int, Sequence[Pair]], bytes] = {}
known_ends: dict[int, bytes] = {}


class _Prebuilt(Protocol):
    """Fields that are sent again and again: their head is kept with them, for as long as they are."""

    head: tuple[int, bytes]  # the status, and the head


def write_head(status: int, fields: Sequence[Pair]) -> bytes:
    """Return the status line and the field lines, each with its line end. Raises InvalidResponse."""
    prebuilt: _Prebuilt | None = fields if hasattr(fields, "head") else None
    if prebuilt is not None and prebuilt.head[0] == status:
        return prebuilt.head[1]
    known = _KNOWN.get
    lines = [_STATUS_LINES.get(status) or _status_line(status)]
    lines += [known(pair) or write_line(pair) for pair in fields]
    head = b"".join(lines)
    if prebuilt is not None:
        # PERF: benchmarks/static.py: a table for the files of all sites would be too big, or too small
        prebuilt.head = status, head
    elif isinstance(fields, tuple) and len(head) < MAX_KNOWN_LINE_BYTES:
        if len(known_heads) >= MAX_KNOWN_HEADS:
            known_heads.clear()
        known_heads[status, fields] = head
    return head


def write_end(size: int) -> bytes:
    """Return the last lines of a head: the length of the content, and the empty line."""
    end = b"content-length: %d\r\n\r\n" % size
    if len(known_ends) >= MAX_KNOWN_ENDS:
        known_ends.clear()
    known_ends[size] = end
    return end


def write_early_hints(links: Sequence[str]) -> bytes:
    """Return an interim response with links (RFC 8297 section 2). Raises InvalidResponse."""
    return b"HTTP/1.1 103 Early Hints\r\n%b\r\n" % b"".join([write_line(("link", link)) for link in links])


def write_switch(protocol: str, fields: Sequence[Pair], standard: bytes) -> bytes:
    """Return the response that switches to another protocol (RFC 9110 section 7.8). Raises InvalidResponse."""
    lines = b"".join(map(write_line, fields))
    start = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: %b\r\nconnection: upgrade\r\n" % protocol.encode()
    return start + lines + standard + b"\r\n"


def write_line(pair: Pair) -> bytes:
    """Return one field line. Raises InvalidResponse."""
    name, value = pair
    try:
        raw_name, raw_value = name.encode("ascii"), value.encode("latin-1")
    except (UnicodeEncodeError, AttributeError):
        raise InvalidResponse(f"the field {name!r} contains a character that is not allowed in a header") from None
    if not raw_name or raw_name.translate(None, TOKEN_BYTES):
        raise InvalidResponse(f"{name!r} is not a valid name for a field")
    # SECURITY: tests/fuzz/test_fuzz_wire.py: the last check against header injection
    if raw_value.translate(None, VALUE_BYTES):
        raise InvalidResponse(f"the value of {name} contains a line end or another control character")
    if raw_name.lower().decode() in _OURS:
        raise InvalidResponse(f"{name} is set by the server; leave it out")
    line = b"%b: %b\r\n" % (raw_name, raw_value.strip(b" \t"))
    if len(line) < MAX_KNOWN_LINE_BYTES and name != "set-cookie":
        if len(_KNOWN) >= MAX_KNOWN_LINES:
            _KNOWN.clear()
        _KNOWN[pair] = line
    return line


def write_refusal(error: ProtocolError, standard: bytes, *, is_head: bool) -> bytes:
    """Return the response to a refused message, with its reason; without content if `is_head`."""
    content = f"{error}\n".encode()
    return b"HTTP/1.1 %d %b\r\n%bcontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n" % (
        error.status,
        REASON_PHRASES.get(error.status, "").encode(),
        standard + error.extra_headers,
    ) + b"content-length: %d\r\n\r\n%b" % (len(content), b"" if is_head else content)


def _status_line(status: object) -> bytes:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponse(f"{status!r} is not a valid status; use a number from 200 to 599")
    return b"HTTP/1.1 %d \r\n" % status

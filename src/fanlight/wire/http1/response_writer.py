"""Write the head of an answer (RFC 9112 sections 2 and 4).

In: a status and fields. Out: bytes. Refuses names and values that could be read as more than they
are (a line end in a value would begin a field, or a second answer), and the fields that are the
wire's own to write. A line that was checked once is kept, in a bounded table, as for requests.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.errors import InvalidResponse
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.wire.http1.header_fields import TOKEN_BYTES, VALUE_BYTES, Pair

_UPGRADE_REQUIRED = 426  # has to name a protocol (RFC 9110 section 7.8), and there is no other here
# Interim answers (1xx) are no answers: the wire sends the two that it knows by itself.
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {reason}\r\n".encode()
    for status, reason in REASON_PHRASES.items()
    if status >= 200 and status != _UPGRADE_REQUIRED
}
# What frames a message, and what stands in every answer already and may stand there once.
_OURS = frozenset(
    "connection content-length date keep-alive proxy-connection server te trailer transfer-encoding upgrade".split()
)

MAX_KNOWN_LINES = 2048
MAX_KNOWN_LINE_BYTES = 512
MAX_KNOWN_HEADS = 256
_KNOWN: dict[Pair, bytes] = {}
known_heads: dict[tuple[int, Sequence[Pair]], bytes] = {}


def write_head(status: int, fields: Sequence[Pair]) -> bytes:
    """Return the status line and the field lines, each with its line end. Raises InvalidResponse."""
    known = _KNOWN.get
    lines = [_STATUS_LINES.get(status) or _status_line(status)]
    lines += [known(pair) or write_line(pair) for pair in fields]
    head = b"".join(lines)
    if isinstance(fields, tuple) and len(head) < MAX_KNOWN_LINE_BYTES:
        if len(known_heads) >= MAX_KNOWN_HEADS:
            known_heads.clear()
        known_heads[status, fields] = head
    return head


def write_hints(links: Sequence[str]) -> bytes:
    """Return an interim answer with links (RFC 8297 section 2). Raises InvalidResponse."""
    return b"HTTP/1.1 103 Early Hints\r\n%b\r\n" % b"".join([write_line(("link", link)) for link in links])


def write_line(pair: Pair) -> bytes:
    """Return one field line. Raises InvalidResponse."""
    name, value = pair
    try:
        raw_name, raw_value = name.encode("ascii"), value.encode("latin-1")
    except (UnicodeEncodeError, AttributeError):
        raise InvalidResponse(f"the field {name!r} is not text that a header can hold") from None
    if not raw_name or raw_name.translate(None, TOKEN_BYTES):
        raise InvalidResponse(f"{name!r} is no name for a field")
    # SECURITY: tests/fuzz/test_fuzz_wire.py: header injection ends here, whatever let it in
    if raw_value.translate(None, VALUE_BYTES):
        raise InvalidResponse(f"the value of {name} has a line end or another control character in it")
    if raw_name.lower().decode() in _OURS:
        raise InvalidResponse(f"{name} is written by the server itself; leave it out")
    line = b"%b: %b\r\n" % (raw_name, raw_value.strip(b" \t"))
    if len(line) < MAX_KNOWN_LINE_BYTES and name != "set-cookie":
        if len(_KNOWN) >= MAX_KNOWN_LINES:
            _KNOWN.clear()
        _KNOWN[pair] = line
    return line


def _status_line(status: object) -> bytes:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponse(f"{status!r} is no status of an answer; it takes a number from 200 to 599")
    if status == _UPGRADE_REQUIRED:
        raise InvalidResponse("426 would have to name a protocol to upgrade to, and this server speaks no other")
    return b"HTTP/1.1 %d \r\n" % status

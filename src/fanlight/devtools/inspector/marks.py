"""What the parser makes of each byte of a request, and of a response.

In: the bytes of one message as they were received or sent. Out: marks that cover each byte exactly once, in order. They
agree with the wire: what it reads as a field is marked as that field, and what it does not read is marked so. Of a
refused message the bytes at fault are marked too.
"""

from __future__ import annotations

import re

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.fault_place import fault_place
from fanlight.devtools.inspector.marking import Mark, Marking, fields_of, with_fault
from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import RequestHead
from fanlight.wire.http1.wire_limits import WireLimits

# Whether a message was too big is in its record; here only its form counts.
NO_LIMITS = WireLimits(
    head_bytes=1 << 40, content_bytes=1 << 60, field_count=1 << 30, chunk_extension_bytes=1 << 30, trailer_bytes=1 << 30
)
_WITHOUT_CONTENT = frozenset({204, 205, 304})
_STATUS = re.compile(rb"[0-9]{3}").fullmatch
_LENGTH = re.compile(rb"[0-9]{1,18}").fullmatch
_EMPTY_LINES = 4  # before a request, which the wire skips


def marks(data: bytes, exchange: Exchange) -> list[Mark]:
    """Return the marks of a request's bytes."""
    marking = Marking(data)
    while data.startswith(b"\r\n", marking.position) and marking.position < 2 * _EMPTY_LINES:
        marking.mark(marking.position + 2, "quiet", "an empty line before the request")
    head = read_head(data, is_secured=bool(exchange.connection.tls))
    if not _mark_request_line(marking) or not marking.mark_fields("field") or head is None:
        marking.mark_rest("unread", "not read: the message was refused before")
    elif head.content_length is None:
        is_complete = marking.mark_chunks()
        marking.mark_rest(*(_NEXT if is_complete else ("unread", "not read: the content was refused before")))
    else:
        marking.mark_content(head.content_length)
        marking.mark_rest(*_NEXT)
    if exchange.refusal is None:
        return marking.marks
    return with_fault(marking.marks, *fault_place(data, exchange.refusal), exchange.refusal.rule)


_NEXT = "next", "behind this message"


def read_head(data: bytes, *, is_secured: bool = False) -> RequestHead | None:
    """Return the head as the wire reads it, None if it is incomplete or refused."""
    wire = Http1Connection(NO_LIMITS)
    if is_secured:
        wire.accept_https_targets()
    wire.receive(data)
    try:
        head = wire.next_event()
    except ProtocolError:
        return None
    return head if isinstance(head, RequestHead) else None


def _mark_request_line(marking: Marking) -> bool:
    """Mark method, target and version; return whether a line end follows."""
    end = marking.line_end()
    words = marking.data[marking.position : end].split(b" ")
    has_version = len(words) > 1 and words[-1].startswith(b"HTTP/")
    target_end = end - len(words[-1]) - 1 if has_version else end
    marking.mark(marking.position + len(words[0]), "method", "method", "method")
    if len(words) > 1:
        marking.mark(marking.position + 1, "quiet", "space")
    marking.mark(target_end, "target", "target", "target")
    if has_version:
        marking.mark(end - len(words[-1]), "quiet", "space")
        marking.mark(end, "version", "version", "version")
    marking.mark_line_end()
    return end < len(marking.data)


def response_marks(data: bytes, method: str) -> list[Mark]:
    """Return the marks of the bytes of a response to a method, interim responses before it included."""
    marking = Marking(data)
    while marking.position < len(data):
        end = marking.line_end()
        version, _, rest = data[marking.position : end].partition(b" ")
        status = rest[:3]
        if not version.startswith(b"HTTP/") or _STATUS(status) is None:
            break
        marking.mark(marking.position + len(version), "version", "version", "version")
        marking.mark(marking.position + 1, "quiet", "space")
        marking.mark(marking.position + 3, "status", "status", "status")
        marking.mark(end, "status", "reason phrase", "status")
        marking.mark_line_end()
        begin = len(marking.marks)
        if not marking.mark_fields("field"):
            break
        if not status.startswith(b"1"):
            fields = dict(fields_of(marking.marks[begin:], data))
            if method != "HEAD" and int(status) not in _WITHOUT_CONTENT:
                _mark_response_content(marking, fields)
            break
    marking.mark_rest("next", "behind this response")
    return marking.marks


def _mark_response_content(marking: Marking, fields: dict[bytes, bytes]) -> None:
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        marking.mark_chunks()
    else:
        length = fields.get(b"content-length", b"")
        marking.mark_content(int(length) if _LENGTH(length) else len(marking.data))

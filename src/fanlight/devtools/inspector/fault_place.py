"""Which bytes of a refused message are at fault.

In: the bytes that were received, and why they were refused. Out: a range of bytes, which is empty where no byte is at
fault: something is missing, or the client was slow. The checks are those of the wire, applied to one line after
another, until one fails.
"""

from __future__ import annotations

import re

from fanlight.devtools.inspector.exchange_record import Refusal
from fanlight.errors import ProtocolError
from fanlight.wire.http1.chunked import SIZE_LINE
from fanlight.wire.http1.header_fields import TOKEN_BYTES, VALUE_BYTES, FieldBlock, read_block, read_line
from fanlight.wire.http1.request_line import read_request_line

Range = tuple[int, int]
NOWHERE: Range = (0, 0)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_NOT_IN_TOKEN = re.compile(rb"[^%b]" % re.escape(TOKEN_BYTES))
_NOT_IN_VALUE = re.compile(rb"[^%b]" % re.escape(VALUE_BYTES))
_NOT_IN_LINE = re.compile(rb"[^\x21\x22\x24-\x7e ]")
_EMPTY_LINE_BYTES = 8  # before a request, which the wire skips
_TIMEOUT = 408
_WORD_OF_STATUS = {501: 0, 414: 1, 421: 1}  # of the request line: the method, the target
_OVER = re.compile(r"the request (head is|has) over ([0-9]+) (bytes|fields)")
_MAX_SIZE_LINE = 15 + 1 + 256  # digits, and the extension's limit
# The field that a rule is about, by a word of it; the last one is at fault if there are several.
_FIELD_OF_RULE = (
    (b"transfer-encoding", "transfer-encoding"),
    (b"transfer-encoding", "transfer coding"),
    (b"content-length", "content-length"),
    (b"expect", "expectation"),
    (b"content-encoding", "encod"),
    (b"host", "host must"),
    (b"content-type", "content-type"),
)


def fault_place(data: bytes, refusal: Refusal) -> Range:
    """Return the range of the bytes at fault, empty if there are none."""
    if refusal.offset >= 0:
        return refusal.offset, max(refusal.end, refusal.offset + 1)
    start = 0
    while data.startswith(b"\r\n", start) and start < _EMPTY_LINE_BYTES:
        start += 2
    end = data.find(b"\r\n\r\n", start)
    head_end = len(data) if end < 0 else end
    line_end = data.find(b"\r\n", start, head_end)
    line_end = head_end if line_end < 0 else line_end
    if data[start : start + 1] < b"\x21":
        place: Range | None = (start, min(start + 1, len(data)))
    elif "LF without CR" in refusal.rule:
        place = _found(_BARE_LF.search(data, start, head_end + 2))
    elif refusal.status in _WORD_OF_STATUS and "coding" not in refusal.rule:
        place = _word(data, start, line_end, _WORD_OF_STATUS[refusal.status])
    elif (over := _OVER.match(refusal.rule)) is not None:
        place = _over(data, line_end + 2, head_end, int(over[2]), over[3])
    else:
        place = (
            _in_request_line(data, start, line_end)
            or _in_fields(data, line_end + 2, head_end)
            or _by_rule(data, line_end + 2, head_end, refusal)
            or (_in_chunks(data, head_end + 4) if _is_chunked(data[line_end + 2 : head_end]) else None)
        )
    return NOWHERE if place is None or refusal.status == _TIMEOUT else place


def _over(data: bytes, start: int, end: int, most: int, unit: str) -> Range:
    """Return the first field, or byte, over a limit of the head."""
    if unit == "bytes":
        return min(start + most, len(data)), min(start + most + 1, len(data))
    lines = _lines(data, start, end)
    return lines[most] if most < len(lines) else NOWHERE


def _is_chunked(block: bytes) -> bool:
    try:
        return read_block(block, 1 << 30).is_chunked
    except ProtocolError:
        return False


def _found(match: re.Match[bytes] | None) -> Range:
    return match.span() if match else NOWHERE


def _word(data: bytes, start: int, end: int, number: int) -> Range:
    """Return the range of a word of the request line."""
    words = data[start:end].split(b" ")
    if number >= len(words):
        return start, end
    begin = start + sum(len(word) + 1 for word in words[:number])
    return begin, begin + len(words[number])


def _in_request_line(data: bytes, start: int, end: int) -> Range | None:
    line = data[start:end]
    try:
        read_request_line(line, FieldBlock({}), is_secured=True)
    except ProtocolError as error:
        message = str(error)
    else:
        return None
    if "token" in message:
        found = _NOT_IN_TOKEN.search(line, 0, len(line.split(b" ")[0]))
    elif "fragment" in message:
        found = re.search(rb"#", line)
    else:
        found = _NOT_IN_LINE.search(line)
    if found:
        return start + found.start(), start + found.end()
    if "version" in message and "separated" not in message:
        return end - len(line.rpartition(b" ")[2]), end
    if "supports" in message:
        return end - len(line.rpartition(b" ")[2]), end
    if "separated" in message or "HTTP/0.9" in message:
        return start, end
    return _word(data, start, end, 1)


def _in_fields(data: bytes, start: int, end: int) -> Range | None:
    """Return the place in the first field line that the wire does not read."""
    for begin, stop in _lines(data, start, end):
        place = _in_line(data[begin:stop], begin)
        if place:
            return place
    return None


def _lines(data: bytes, start: int, end: int) -> list[Range]:
    found = []
    while start < end:
        stop = data.find(b"\r\n", start, end)
        stop = end if stop < 0 else stop
        found.append((start, stop))
        start = stop + 2
    return found


def _in_line(line: bytes, begin: int) -> Range | None:
    try:
        read_line(line)
    except ProtocolError as error:
        message = str(error)
    else:
        return None
    name, colon, value = line.partition(b":")
    at = len(name) + 1
    first = at + len(value) - len(value.lstrip(b" \t"))
    if line[:1] in (b" ", b"\t"):
        low, high = 0, len(line) - len(line.lstrip(b" \t"))
    elif not colon:
        low, high = 0, max(1, len(line))
    elif "name" in message and "Host" not in message:
        low, high = _found(_NOT_IN_TOKEN.search(name)) if name else (0, 1)
    elif bad := _NOT_IN_VALUE.search(line, at):
        low, high = bad.span()
    else:
        low, high = first, max(first + 1, first + len(value.strip(b" \t")))
    return begin + low, begin + high


def _by_rule(data: bytes, start: int, end: int, refusal: Refusal) -> Range | None:
    """Return the field that a rule about the whole head is about: the last one of its name."""
    if refusal.status not in (413, 415) and "HTTP/1.0" not in refusal.rule:
        try:
            read_block(data[start:end], 1 << 30)
        except ProtocolError:
            pass
        else:
            return None
    for name, word in _FIELD_OF_RULE:
        if word in refusal.rule.lower() or (refusal.status == 413 and name == b"content-length"):
            for begin, stop in reversed(_lines(data, start, end)):
                if data[begin:stop].partition(b":")[0].lower() == name:
                    value_at = data.find(b":", begin, stop) + 1
                    value_at += len(data[value_at:stop]) - len(data[value_at:stop].lstrip(b" \t"))
                    return (value_at, stop) if value_at < stop else (begin, stop)
    return None


def _in_chunks(data: bytes, position: int) -> Range | None:
    """Return the place in chunked content where its framing breaks, or the last chunk size if it never does."""
    last: Range | None = None
    while position < len(data):
        end = data.find(b"\r\n", position)
        line = data[position : len(data) if end < 0 else end]
        if bad := _NOT_IN_VALUE.search(line):
            return position + bad.start(), position + bad.end()
        size_line = SIZE_LINE.match(line)
        read = size_line.end() if size_line else 0
        if size_line is None or read < len(line) or end < 0:
            return position + read, position + max(read + 1, len(line))
        if len(line) > _MAX_SIZE_LINE:
            return position, end
        last = position, end
        size = int(size_line[1], 16)
        if size == 0:
            return _in_trailers(data, end + 2) or last
        position = end + 2 + size
        if position < len(data) and data[position : position + 2] != b"\r\n":
            return position, min(position + 2, len(data))
        position += 2
    return last


def _in_trailers(data: bytes, start: int) -> Range | None:
    end = data.find(b"\r\n\r\n", start)
    lines = _lines(data, start, len(data) if end < 0 else end)
    for begin, stop in lines:
        if place := _in_line(data[begin:stop], begin):
            return place
    if not lines:
        return None
    begin, stop = lines[-1]
    return begin, begin + len(data[begin:stop].partition(b":")[0])

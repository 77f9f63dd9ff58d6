"""An exchange without its secrets, for every page and export that does not show them.

In: an exchange. Out: a copy in which the values of secret fields, parameters and cookies are replaced: text by `***`,
bytes by as many asterisks, so that every offset stays true. Where it is not certain which bytes are the secret, all are
replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from fanlight.devtools.inspector.exchange_record import ErrorReport, Exchange, Piece, Span
from fanlight.devtools.inspector.marking import Mark
from fanlight.devtools.inspector.marks import marks, response_marks
from fanlight.devtools.secrets import mask, mask_text
from fanlight.server.recording.redact import MASK, is_secret_name, redact

Range = tuple[int, int]
# Fields that have long random words in them which are no secrets, and whose meaning would be lost.
_PLAIN_FIELDS = frozenset(
    "content-security-policy content-type etag if-match if-none-match traceparent x-request-id".split()
)
_PLAIN_IN_JSON = frozenset({"code", "key", "sign"})  # of an error, of a pair, of a number
_SECRET_LINE = re.compile(rb"(?i)[ \t]*(?:proxy-)?(?:authorization|cookie|set-cookie)")
_SECRET_LINES = re.compile(rb"(?i)(?:^|[\r\n])[ \t]*(?:proxy-)?(?:authorization|cookie)[^\r\n:]*:?([^\r\n]*)")
# SECURITY: tests/devtools/inspector/test_masked_exchange.py: each is read in linear time
_JSON_PAIR = re.compile(rb'"([^"\\\r\n]{1,100})"\s{0,20}:\s{0,20}("(?:[^"\\]|\\.)*+"?|[^\s,}\]"]+)')
_FORM_PAIR = re.compile(rb"(?:^|&)([^=&\s]{1,100})=([^&\s]*)")
_BOUNDARY = re.compile(r"--([^\r\n]{1,70})\r\n")
_PART = re.compile(rb'(?i)name="?([^";\r\n]{1,100})"?[^\r\n]{0,300}\r\n(?:[^\r\n]{1,300}\r\n){0,4}\r\n')


def masked(exchange: Exchange) -> Exchange:
    """Return a copy without secrets."""
    received = b"".join(piece.data for piece in exchange.received)
    sent = b"".join(piece.data for piece in exchange.sent)
    request = list(_ranges(received, marks(received, exchange)))
    if exchange.refusal is not None:  # its lines may not be what they seem
        request += [found.span(1) for found in _SECRET_LINES.finditer(received)]
    response = list(_ranges(sent, response_marks(sent, exchange.method)))
    if exchange.encoded_bytes and any(_content_ranges(exchange.response_content)):  # in a form that can't be searched
        response += [(mark.start, mark.end) for mark in response_marks(sent, exchange.method) if mark.kind == "content"]
    fields = [replace(each, value=_masked_field(each.name, each.value)) for each in exchange.response_fields]
    parameters = [
        replace(
            each,
            raw=None if each.raw is None else mask(each.name, each.raw),
            value=mask(each.name, each.value),
            complaint=MASK if each.complaint and is_secret_name(each.name) else mask_text(each.complaint),
        )
        for each in exchange.parameters
    ]
    error, run = exchange.error, exchange.run
    return replace(
        exchange,
        target=redact(exchange.target),
        received=_pieces(exchange.received, received, request),
        sent=_pieces(exchange.sent, sent, response),
        request_content=_hidden(exchange.request_content, _content_ranges(exchange.request_content)),
        response_content=_hidden(exchange.response_content, _content_ranges(exchange.response_content)),
        response_fields=fields,
        candidates=[replace(each, reason=mask_text(each.reason)) for each in exchange.candidates],
        parameters=parameters,
        spans=[_span(each) for each in exchange.spans],
        logs=[replace(each, text=mask_text(each.text)) for each in exchange.logs],
        frames=[replace(each, start=mask_text(each.start)) for each in exchange.frames],
        error=None if error is None else ErrorReport(error.kind, mask_text(error.message), mask_text(error.text)),
        run=None if run is None else replace(run, stacks=[mask_text(each) for each in run.stacks]),
        note=mask_text(exchange.note),
    )


def _span(span: Span) -> Span:
    detail = {name: mask(name, value) for name, value in span.detail.items()}
    return replace(span, name=mask_text(span.name), detail=detail, error=mask_text(span.error))


def _pieces(pieces: list[Piece], data: bytes, ranges: list[Range]) -> list[Piece]:
    shown, position, made = _hidden(data, ranges), 0, []
    for piece in pieces:
        end = position + len(piece.data)
        made.append(replace(piece, data=shown[position:end]))
        position = end
    return made


def _hidden(data: bytes, ranges: Iterator[Range] | list[Range]) -> bytes:
    shown = bytearray(data)
    for start, end in ranges:
        shown[start:end] = b"*" * (end - start)
    return bytes(shown)


def _ranges(data: bytes, found: list[Mark]) -> Iterator[Range]:
    """Yield the ranges of a message's secrets: in its target, its fields and its content."""
    names: dict[str, str] = {}
    last_name = ""
    by_part: dict[str, Range] = {}
    content: list[Mark] = []
    for mark in found:
        if mark.label.endswith(" name"):
            names[mark.part] = names.get(mark.part, "") + data[mark.start : mark.end].decode("latin-1").strip()
        if mark.kind in ("content", "unread", "next"):
            content.append(mark)
        elif mark.part and not mark.label.endswith(" name"):
            low, _ = by_part.get(mark.part, (mark.start, 0))
            by_part[mark.part] = low, mark.end
    for part, (start, end) in by_part.items():
        if part == "target":
            yield from _moved(hidden_ranges(text := data[start:end].decode("latin-1"), redact(text)), start)
            continue
        name = names.get(part)
        last_name = name if name is not None else last_name
        if name is None and (data[start : start + 1] in (b" ", b"\t") and _is_secret(last_name)):
            yield start, end  # the rest of a folded field
        elif name is None and _SECRET_LINE.match(data, start, end):
            yield start, end
        elif name is not None:
            begin = start + 1 if data[start : start + 1] == b":" else start
            while data[begin : begin + 1] in (b" ", b"\t") and begin < end:
                begin += 1
            value = data[begin:end].decode("latin-1")
            yield from _moved(hidden_ranges(value, _masked_field(name, value)), begin)
    yield from _in_content(data, content)


def _masked_field(name: str, value: str) -> str:
    return value if name.lower() in _PLAIN_FIELDS else mask(name, value)


def _is_secret(name: str) -> bool:
    return mask(name, "a=b; c") != "a=b; c"


def _in_content(data: bytes, content: list[Mark]) -> Iterator[Range]:
    """Yield the secrets of content that is in several pieces, as ranges of the whole."""
    text = b"".join(data[mark.start : mark.end] for mark in content)
    for start, end in _content_ranges(text):
        position = 0
        for mark in content:
            size = mark.end - mark.start
            low, high = max(start - position, 0), min(end - position, size)
            if low < high:
                yield mark.start + low, mark.start + high
            position += size


def _content_ranges(content: bytes) -> Iterator[Range]:
    """Yield the ranges of the secrets in content: of a form, of JSON, or of text."""
    for pattern in (_JSON_PAIR, _FORM_PAIR):
        for match in pattern.finditer(content):
            name = match[1].decode("latin-1")
            if is_secret_name(name) and not (pattern is _JSON_PAIR and name.lower() in _PLAIN_IN_JSON):
                yield match.span(2)
    for part in _PART.finditer(content):
        if is_secret_name(part[1].decode("latin-1")):
            end = content.find(b"\r\n--", part.end())
            yield part.end(), len(content) if end < 0 else end
    text = content.decode("latin-1")
    boundary = _BOUNDARY.match(text)
    for start, end in hidden_ranges(text, mask_text(text)):
        if boundary is None or boundary[1] not in text[max(0, start - 2) : end + 2]:
            yield start, end


def _moved(ranges: Iterator[Range], by: int) -> Iterator[Range]:
    for start, end in ranges:
        yield start + by, end + by


def hidden_ranges(text: str, shown: str) -> Iterator[Range]:
    """Yield the ranges of a text that are `***` in another; all behind a place where that is not certain."""
    if text == shown:
        return
    position = 0
    for number, literal in enumerate(shown.split(MASK)):
        start = position
        if number == 0:
            found = 0 if text.startswith(literal) else -1
        elif not literal or text.count(literal, position) != 1:
            found = len(text) if not literal and number == shown.count(MASK) else -1
        else:
            found = text.find(literal, position)
        if found < 0:
            yield position, len(text)
            return
        if number:
            yield start, found
        position = found + len(literal)

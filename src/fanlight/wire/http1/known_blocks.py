"""Recognise the field lines of a head that differ from earlier ones in nothing but values that vary.

In: the bytes between the request line and the empty line. Out: a `FieldBlock`, the same that `header_fields` makes of
them, which parses all others. Refuses nothing by itself, and recognises nothing that would be refused: a pattern is the
text of a block that was valid and repeats no name, with gaps for the values of `_VARYING`. What fills a gap ends
where its line does, and has no control character, so these are the same lines; and no rule is about the value of one of
these names, but those that are checked when the values are known (`block_of`).

Patterns are found by a hash of how a block begins. Of the values that vary, which may be secrets, nothing is kept. Like
lines, beginnings are learned when they come a second time, and all are forgotten when they are too many.
"""

from __future__ import annotations

from msgspec import Struct

from fanlight.wire.http1.header_fields import REPLACE_CONTROLS, UNIQUE, FieldBlock, Pair, block_of
from fanlight.wire.http1.header_fields import read_block as read_lines

# Fields of a visitor or of a request, more than of a kind of client.
_VARYING = UNIQUE | frozenset(
    "cf-connecting-ip cf-ray content-type forwarded if-modified-since if-none-match tracestate user-agent"
    " x-amzn-trace-id x-csrf-token x-real-ip".split()
)
MAX_BEGINNINGS, MAX_ALIKE = 256, 12  # patterns that begin alike
MAX_PATTERN_BYTES = 1024
_BEGINNING_BYTES = 200  # up to where a browser has said which one it is


class _Pattern(Struct, frozen=True, gc=False):
    gaps: list[tuple[bytes, str]]  # the text before a value that varies, and its name
    end: bytes
    values: dict[str, str]  # in the order of the lines; those that vary are empty


_PATTERNS: dict[int, list[_Pattern]] = {}
_SEEN = [0] * 1024  # hashes of beginnings that came once


def read_block(block: bytes, max_fields: int) -> FieldBlock:
    """Return the fields of a head. Raises ProtocolError."""
    values = _find(block)
    if values is not None and len(values) <= max_fields:
        return block_of(values)
    fields = read_lines(block, max_fields)
    if block and fields.repeated is None:
        _learn(block, fields.pairs)
    return fields


def _find(block: bytes) -> dict[str, str] | None:
    """Return the values of the fields of a block, in their order; None if they are to be read line by line."""
    for pattern in _PATTERNS.get(hash(block[:_BEGINNING_BYTES]), ()):
        position, found = 0, []
        for text, name in pattern.gaps:
            if not block.startswith(text, position):
                break
            position += len(text)
            end = block.find(b"\r", position)
            if end < 0:
                end = len(block)
            found.append((name, block[position:end]))
            position = end
        else:
            if block[position:] == pattern.end:
                return _fill(pattern, found)
    return None


def _fill(pattern: _Pattern, found: list[tuple[str, bytes]]) -> dict[str, str] | None:
    values = pattern.values.copy()
    for name, value in found:
        if value.translate(REPLACE_CONTROLS) != value:
            return None
        values[name] = value.strip(b" \t").decode("latin-1")
    return values


def _learn(block: bytes, pairs: list[Pair]) -> None:
    """Remember a block, if one that begins like it came before."""
    key = hash(block[:_BEGINNING_BYTES])
    place = key % len(_SEEN)
    if _SEEN[place] != key:
        _SEEN[place] = key
        return
    if key not in _PATTERNS and len(_PATTERNS) >= MAX_BEGINNINGS:
        _PATTERNS.clear()
    alike = _PATTERNS.setdefault(key, [])
    gaps: list[tuple[bytes, str]] = []
    text, values = b"", dict[str, str]()
    for line, (name, value) in zip(block.split(b"\r\n"), pairs, strict=True):
        text += b"\r\n" if values else b""
        if name in _VARYING:
            gaps.append((text + line[: line.index(b":") + 1], name))
            text, values[name] = b"", ""
        else:
            text, values[name] = text + line, value
    if len(alike) < MAX_ALIKE and len(text) + sum(len(before) for before, _ in gaps) <= MAX_PATTERN_BYTES:
        alike.append(_Pattern(gaps, text, values))

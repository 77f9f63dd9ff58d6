"""Marks: which bytes of a message are what, made from left to right.

In: bytes. Out: marks that cover each byte exactly once, in order. `Marking` has the parts that requests and responses
share: lines, fields, chunks. It reads as the wire does, but never refuses: what can't be read is a mark as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(.*)", re.DOTALL)
_SPACES = b" \t"
NO_FIELD = "a line that is no field"


@dataclass(frozen=True, slots=True)
class Mark:
    """Bytes of one meaning. `part` is shared by the marks of one thing: a field, a chunk, the content."""

    start: int
    end: int
    # "method", "target", "version", "status", "name", "value", "framing", "content", "quiet" (spaces and line ends),
    # "unread" (not looked at), "next" (of the next message), "fault" (why the message was refused)
    kind: str
    label: str
    part: str = ""


class Marking:
    """The marks of one message, while they are made."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.marks: list[Mark] = []

    def mark(self, end: int, kind: str, label: str, part: str = "") -> None:
        """Mark the bytes from the position to `end`, and go there; nothing is marked if there are none."""
        end = min(end, len(self.data))
        if end > self.position:
            self.marks.append(Mark(self.position, end, kind, label, part))
            self.position = end

    def mark_rest(self, kind: str, label: str, part: str = "") -> None:
        """Mark everything from the position on."""
        self.mark(len(self.data), kind, label, part)

    def line_end(self) -> int:
        """Return where the line at the position ends, which is the end of the data if it is incomplete."""
        end = self.data.find(b"\r\n", self.position)
        return len(self.data) if end < 0 else end

    def mark_line_end(self) -> None:
        """Mark CR LF."""
        if self.data.startswith(b"\r\n", self.position):
            self.mark(self.position + 2, "quiet", "line end")

    def mark_fields(self, prefix: str) -> bool:
        """Mark field lines, up to the empty line behind them; return whether that line is there."""
        number = 0
        while self.position < len(self.data):
            end = self.line_end()
            if end == self.position:
                self.mark(end + 2, "quiet", f"the end of the {'trailers' if prefix == 'trailer' else 'head'}")
                return True
            self._mark_field(end, f"{prefix}-{number}", prefix)
            self.mark_line_end()
            number += 1
        return False

    def _mark_field(self, end: int, part: str, prefix: str) -> None:
        line = self.data[self.position : end]
        name, colon, value = line.partition(b":")
        if not colon or line[:1] in (b" ", b"\t"):
            self.mark(end, "value", NO_FIELD, part)
            return
        text = name.decode("latin-1")
        kind = "framing" if name.lower() in (b"content-length", b"transfer-encoding") else "value"
        self.mark(self.position + len(name), "name", f"{prefix} name", part)
        self.mark(self.position + 1, "quiet", "colon", part)
        begin = end - len(value.lstrip(_SPACES))
        self.mark(begin, "quiet", "space", part)
        self.mark(begin + len(value.strip(_SPACES)), kind, f"the value of {text}", part)
        self.mark(end, "quiet", "space", part)

    def mark_content(self, length: int) -> None:
        """Mark content of a known length."""
        self.mark(self.position + length, "content", "content", "content")

    def mark_chunks(self) -> bool:
        """Mark chunked content and its trailers; return whether it is complete."""
        number = 0
        while self.position < len(self.data):
            part = f"chunk-{number}"
            end = self.line_end()
            size_line = _SIZE_LINE.fullmatch(self.data, self.position, end)
            if size_line is None:
                self.mark(end, "unread", "no chunk size", part)
                return False
            size = int(size_line[1], 16)
            self.mark(size_line.end(1), "framing", f"chunk size: {size} bytes" if size else "the last chunk", part)
            self.mark(end, "framing", "chunk extension", part)
            self.mark_line_end()
            if size == 0:
                return self.mark_fields("trailer")
            self.mark(self.position + size, "content", f"content of chunk {number + 1}", part)
            if self.position < len(self.data) and not self.data.startswith(b"\r\n", self.position):
                return False
            self.mark(self.position + 2, "quiet", "the end of the chunk", part)
            number += 1
        return False


def with_fault(marks: list[Mark], start: int, end: int, label: str) -> list[Mark]:
    """Return the marks with one over the bytes that are at fault; the marks that it crosses are cut."""
    if start >= end:
        return marks
    found: list[Mark] = []
    for mark in marks:
        low, high = max(mark.start, start), min(mark.end, end)
        if low >= high:
            found.append(mark)
            continue
        if mark.start < low:
            found.append(replace(mark, end=low))
        found.append(Mark(low, high, "fault", label, mark.part))
        if high < mark.end:
            found.append(replace(mark, start=high))
    return found


def content_of(marks: list[Mark], data: bytes) -> bytes:
    """Return the content without its framing."""
    return b"".join(data[mark.start : mark.end] for mark in marks if mark.kind == "content")


def fields_of(marks: list[Mark], data: bytes, prefix: str = "field") -> list[tuple[bytes, bytes]]:
    """Return the names and values of the fields (or of prefix "trailer"), as they were sent."""
    found: dict[str, tuple[bytes, bytes]] = {}
    for mark in marks:
        if mark.kind == "name" and mark.part.startswith(f"{prefix}-"):
            found[mark.part] = data[mark.start : mark.end], b""
        elif mark.kind in ("value", "framing") and mark.part in found:
            found[mark.part] = found[mark.part][0], data[mark.start : mark.end]
    return list(found.values())

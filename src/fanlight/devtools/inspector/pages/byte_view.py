"""The bytes of a message for a page: as text and as hexadecimal digits, in the colours of what they are.

In: pieces with their times, and marks. Out: lines and runs for a template, each with the kind, the part and the label
of its mark. What is not plain text is written as escapes, so that no byte can pass for another or change the page:
control characters, broken UTF-8, characters that have no width or turn the direction of text. Bounded in bytes.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from fanlight.devtools.inspector.exchange_record import Piece
from fanlight.devtools.inspector.marking import NO_FIELD, Mark
from fanlight.devtools.inspector.pages.figures import duration, size
from fanlight.devtools.inspector.pages.visible_text import visible

MAX_TEXT_BYTES = 8192
MAX_HEX_BYTES = 2048
MAX_MARKS = 800  # thousands of tiny chunks would make a page of megabytes
MAX_ARRIVALS = 40  # pieces whose time is written into the text
MAX_PARTS = 120
MAX_PART_CHARACTERS = 240
MAX_CONTENT_CHARACTERS = 60  # of content, which stands beside the list
HEX_COLUMNS = 16
_NAMES = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}
# Part of a legend: what each kind of mark is called there.
KINDS = {
    "method": "method",
    "status": "status",
    "target": "target",
    "version": "version",
    "name": "field name",
    "value": "value",
    "framing": "framing",
    "content": "content",
    "unread": "not read",
    "next": "behind the message",
    "fault": "at fault",
}


@dataclass(slots=True)
class TextRun:
    """Bytes with one mark: `texts` are pairs of a text and whether it is an escape."""

    kind: str
    part: str
    label: str
    texts: list[tuple[str, bool]]
    arrival: str = ""  # what came before it: "+12.4 ms, 40 bytes"


@dataclass(slots=True)
class Part:
    """A thing that the parser has found: a field with its name and value, a chunk, the content."""

    key: str
    kind: str
    name: str
    text: str


@dataclass(slots=True)
class HexLine:
    """Sixteen bytes; `cells` are of one mark each: its kind, its part, the digits, the characters."""

    offset: str
    cells: list[tuple[str, str, str, str]]
    padding: str  # in the place of the bytes that the last line has less


@dataclass(slots=True)
class ByteView:
    """The bytes of one message."""

    runs: list[TextRun] = field(default_factory=list)
    hex_lines: list[HexLine] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)  # for the legend
    kept: int = 0
    total: int = 0
    shown: int = 0
    shown_hex: int = 0
    arrivals: int = 0


def byte_view(pieces: list[Piece], marks: list[Mark]) -> ByteView:
    """Return the view of the bytes in pieces, which `marks` cover."""
    data = b"".join(piece.data for piece in pieces)
    view = ByteView(kept=len(data), total=sum(piece.size for piece in pieces), arrivals=len(pieces))
    end = marks[MAX_MARKS].start if len(marks) > MAX_MARKS else len(data)
    view.shown, view.shown_hex = min(end, MAX_TEXT_BYTES), min(end, MAX_HEX_BYTES)
    visible = [mark for mark in marks if mark.start < view.shown]
    view.runs = _runs(data[: view.shown], visible, _arrivals(pieces))
    view.hex_lines = _hex_lines(data[: view.shown_hex], visible)
    view.parts = _parts(data, visible)
    used = {mark.kind for mark in visible}
    view.kinds = [(kind, name) for kind, name in KINDS.items() if kind in used]
    return view


def _arrivals(pieces: list[Piece]) -> dict[int, str]:
    """Return what to write before the byte with which a piece begins, if there are several."""
    found, position = {}, 0
    if len(pieces) < 2:
        return {}
    for piece in pieces[:MAX_ARRIVALS]:
        slow = f", {size(piece.wanted - piece.size)} had to wait" if piece.wanted > piece.size else ""
        found[position] = f"+{duration(piece.at)}, {size(piece.size)}{slow}"
        position += len(piece.data)
    return found


def _runs(data: bytes, marks: list[Mark], arrivals: dict[int, str]) -> list[TextRun]:
    runs = []
    cuts = sorted(arrivals)
    for mark in marks:
        start, stop = mark.start, min(mark.end, len(data))
        inside = [cut for cut in cuts if start < cut < stop]
        for begin, end in zip([start, *inside], [*inside, stop], strict=True):
            texts = readable(data[begin:end])
            runs.append(TextRun(mark.kind, mark.part, visible(mark.label), texts, arrivals.get(begin, "")))
    return runs


def readable(data: bytes) -> list[tuple[str, bool]]:
    """Return bytes as pairs of a text and whether it is an escape; a line feed ends its escape."""
    found: list[tuple[str, bool]] = []
    position = 0
    while position < len(data):
        character, width = _character_at(data, position)
        is_escape = not character
        text = character or "".join(_NAMES.get(byte, f"\\x{byte:02x}") for byte in data[position : position + width])
        if data[position] == 0x0A:
            text += "\n"
        if found and found[-1][1] == is_escape and not found[-1][0].endswith("\n"):
            found[-1] = (found[-1][0] + text, is_escape)
        else:
            found.append((text, is_escape))
        position += width
    return found


def _character_at(data: bytes, position: int) -> tuple[str, int]:
    """Return the character at a position, "" if it can't be shown as itself, and its number of bytes."""
    first = data[position]
    if 0x20 <= first < 0x7F:
        return chr(first), 1
    width = 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF5 else 1
    if width == 1:
        return "", 1
    try:
        character = data[position : position + width].decode()
    except UnicodeDecodeError:
        return "", 1
    # SECURITY: tests/devtools/inspector/test_byte_view.py: letters, marks, numbers, punctuation and symbols only: no
    # controls, no format characters, no private ones, no spaces of other widths, and nothing written right to left,
    # which would move what stands beside it
    is_plain = unicodedata.category(character)[0] in "LNPS" and unicodedata.bidirectional(character) not in ("R", "AL")
    return (character, width) if is_plain else ("", width)


def as_text(data: bytes, most: int) -> str:
    """Return bytes as one text with escapes, cut to `most` bytes."""
    cut = "..." if len(data) > most else ""
    return "".join(text for text, _ in readable(data[:most])) + cut


def _hex_lines(data: bytes, marks: list[Mark]) -> list[HexLine]:
    lines = []
    left = [mark for mark in marks if mark.start < len(data)]
    for begin in range(0, len(data), HEX_COLUMNS):
        end = min(begin + HEX_COLUMNS, len(data))
        cells = []
        for mark in left:
            low, high = max(mark.start, begin), min(mark.end, end)
            if low >= high:
                break
            shown = data[low:high]
            digits = "".join(f"{byte:02x} " for byte in shown)
            text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in shown)
            cells.append((mark.kind, mark.part, digits, text))
        lines.append(HexLine(f"{begin:05x}", cells, "   " * (HEX_COLUMNS - (end - begin))))
        left = [mark for mark in left if mark.end > end]
    return lines


def _parts(data: bytes, marks: list[Mark]) -> list[Part]:
    """Return the things that the marks are of, in order: a field is one, with its name and its value."""
    parts: dict[str, Part] = {}
    for mark in marks:
        if not mark.part:
            continue
        most = MAX_CONTENT_CHARACTERS if mark.kind == "content" else MAX_PART_CHARACTERS
        text = as_text(data[mark.start : mark.end], most).replace("\n", "")
        part = parts.get(mark.part)
        if part is None:
            if len(parts) == MAX_PARTS:
                break
            kind = mark.kind if mark.kind != "name" else "value"
            name = text if mark.kind == "name" else KINDS.get(mark.kind, mark.label)
            part = parts[mark.part] = Part(mark.part, kind, name, "" if mark.kind == "name" else text)
            if mark.label == NO_FIELD:
                part.name = "no field"
            elif mark.part.startswith("chunk-"):
                part.name, part.text = f"chunk {int(mark.part[6:]) + 1}", f"{mark.label}"
        elif mark.part.startswith("chunk-"):
            if mark.label == "chunk extension":
                part.text += f", extension {text}"
        elif mark.kind == "name":
            part.name += text
        elif mark.kind in ("value", "framing", "fault", "content", "target"):
            part.text += text
            part.kind = mark.kind if mark.kind in ("framing", "fault") and part.kind != "fault" else part.kind
    return list(parts.values())

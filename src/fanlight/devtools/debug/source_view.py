"""Lines of source around a place, in parts that can be coloured.

In: a frame. Out: a few lines before it and behind it, each in parts with a class: its kind of token,
or, in a template, what is Jinja's. What the frame has executed is marked. A string that is a password or a key is
masked. A file that can't be read gives no lines, one that is not valid Python is coloured up to the first mistake.
"""

from __future__ import annotations

import io
import keyword
import linecache
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fanlight.devtools.secrets import is_secret_string
from fanlight.tracebacks.frames import MAX_LINE, Frame
from fanlight.tracebacks.visible import visible

BEFORE, AFTER = 5, 4
MAX_COLOURED = 400_000  # characters of a file that is tokenized
_STRINGS = {tokenize.STRING} | {
    getattr(tokenize, name) for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END") if hasattr(tokenize, name)
}
_JINJA = re.compile(r"(?P<comment>\{#.*?(?:#\}|$))|(?P<keyword>\{%.*?(?:%\}|$))|(?P<string>\{\{.*?(?:\}\}|$))")
_FIRST_OF_DEFINITION = frozenset({"def", "class"})

Colour = tuple[int, int, str]  # columns of a line, and their class


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line: its number, and its parts, each with the classes of its element."""

    number: int
    is_current: bool
    parts: list[tuple[str, str]]


def source_around(frame: Frame) -> list[SourceLine]:
    """Return the lines around a frame's."""
    lines = linecache.getlines(frame.file)
    if not 1 <= frame.line <= len(lines):
        return []
    first, last = max(1, frame.line - BEFORE), min(len(lines), frame.line + AFTER)
    while first < frame.line and not lines[first - 1].strip():
        first += 1
    while last > frame.line and not lines[last - 1].strip():
        last -= 1
    shown = {number: lines[number - 1].rstrip()[:MAX_LINE] for number in range(first, last + 1)}
    colours = _template_colours(shown) if frame.is_template else _python_colours(lines, first, last)
    indentation = min((len(text) - len(text.lstrip()) for text in shown.values() if text.strip()), default=0)
    while indentation and any(text[:1] not in " \t" for text in shown.values() if text.strip()):
        indentation -= 1
    found = []
    for number, text in shown.items():
        mark = None
        if number == frame.line and frame.columns is not None:
            start = len(text) - len(text.lstrip())
            mark = (start + frame.columns[0], start + frame.columns[1])
        parts = list(_parts(text, colours.get(number, []), mark, indentation))
        found.append(SourceLine(number=number, is_current=number == frame.line, parts=parts))
    return found


def _parts(
    text: str, colours: list[Colour], mark: tuple[int, int] | None, indentation: int
) -> Iterator[tuple[str, str]]:
    """Yield the parts of a line, split where a colour or the mark begins or ends."""
    edges = {indentation, len(text), *(edge for begin, end, _ in colours for edge in (begin, end)), *(mark or ())}
    for begin, end in pairwise(sorted(edge for edge in edges if indentation <= edge <= len(text))):
        kinds = [kind for first, last, kind in colours if first <= begin and end <= last][:1]
        if mark is not None and mark[0] <= begin and end <= mark[1]:
            kinds.append("mark")
        if "secret" in kinds:
            yield "string", f"{text[begin]}***{text[begin]}"
        else:
            yield " ".join(kinds), visible(text[begin:end])


def _template_colours(shown: dict[int, str]) -> dict[int, list[Colour]]:
    return {
        number: [(found.start(), found.end(), found.lastgroup or "") for found in _JINJA.finditer(text)]
        for number, text in shown.items()
    }


def _python_colours(lines: list[str], first: int, last: int) -> dict[int, list[Colour]]:
    colours: dict[int, list[Colour]] = {}
    if sum(map(len, lines)) > MAX_COLOURED:
        return colours
    before = previous = ""
    try:
        for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
            (begin_line, begin), (end_line, end) = token.start, token.end
            if begin_line > last:
                break
            kind = _kind_of(token, previous)
            if kind == "string" and is_secret_string(token.string, previous, before):
                kind = "secret"
            before, previous = previous, token.string
            if kind and end_line >= first:
                for number in range(max(begin_line, first), min(end_line, last) + 1):
                    columns = begin if number == begin_line else 0, end if number == end_line else MAX_LINE
                    colours.setdefault(number, []).append((*columns, kind))
    except (tokenize.TokenError, SyntaxError):
        return colours
    return colours


def _kind_of(token: tokenize.TokenInfo, previous: str) -> str:
    if token.type in _STRINGS:
        return "string"
    if token.type == tokenize.COMMENT:
        return "comment"
    if token.type == tokenize.NUMBER:
        return "number"
    if token.type == tokenize.NAME:
        if keyword.iskeyword(token.string):
            return "keyword"
        return "defined" if previous in _FIRST_OF_DEFINITION else ""
    return ""

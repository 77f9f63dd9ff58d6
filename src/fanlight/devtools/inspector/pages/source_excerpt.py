"""The source of a view for a page: read from its file, cut to the function, in the colours of its syntax.

In: the site's folder, and a place such as "main.py:12". Out: lines of runs, each with a kind and a text, without the
strings that are secrets unless they are to be shown; None if there is nothing to show. Refuses a place outside of the
folder, one that is no Python file, and files that are too big.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from fanlight.devtools.inspector.pages.visible_text import visible
from fanlight.devtools.secrets import is_secret_string
from fanlight.syntax_tree import parse_source

_LINE = re.compile(r"[0-9]{1,7}").fullmatch
MAX_FILE_BYTES = 1024 * 1024
MAX_LINES = 80
_WITHOUT_FUNCTION = 12  # lines that are shown if no function begins there


@dataclass(slots=True)
class Excerpt:
    """Some lines of a file."""

    place: str
    first: int  # the number of the first line
    lines: list[list[tuple[str, str]]]
    is_cut: bool
    is_newer: bool  # the file has changed since


def source_excerpt(folder: Path | None, place: str, began_at: float, *, shows_secrets: bool = False) -> Excerpt | None:
    """Return the function at a place, as it is in its file now."""
    name, _, digits = place.rpartition(":")
    if folder is None or not name.endswith(".py") or not _LINE(digits):
        return None
    try:
        path = (folder / name).resolve()
        line = int(digits)
        if not path.is_relative_to(folder.resolve()) or path.stat().st_size > MAX_FILE_BYTES:
            return None
        text = path.read_bytes().decode()
        is_newer = path.stat().st_mtime > began_at
    except (OSError, ValueError):
        return None
    rows = text.splitlines()
    if not 0 < line <= len(rows):
        return None
    first, last = _function_at(text, line)
    last = min(last, len(rows))
    shown = min(last, first + MAX_LINES - 1)
    kinds = _kinds(text)
    lines = [
        [
            _shown(kind, text, shows_secrets=shows_secrets)
            for kind, text in _runs(rows[number - 1], kinds.get(number, []))
        ]
        for number in range(first, shown + 1)
    ]
    return Excerpt(place, first, lines, shown < last, is_newer)


def _shown(kind: str, text: str, *, shows_secrets: bool) -> tuple[str, str]:
    if kind != "secret":
        return kind, visible(text)
    return "string", visible(text) if shows_secrets else f"{text[0]}***{text[0]}"


def _function_at(text: str, line: int) -> tuple[int, int]:
    """Return the first and last line of the function that begins at a line, decorators included."""
    try:
        tree = parse_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return line, line + _WITHOUT_FUNCTION
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= line <= node.lineno:
                return first, node.end_lineno or line
    return line, line + _WITHOUT_FUNCTION


def _kinds(text: str) -> dict[int, list[tuple[int, int, str]]]:
    """Return for each line where words of which kind are: begin, end, kind."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    is_definition, before, previous = False, "", ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = ""
            if token.type == tokenize.COMMENT:
                kind = "comment"
            elif token.type == tokenize.NUMBER:
                kind = "number"
            elif token.type == tokenize.STRING or tokenize.tok_name[token.type].startswith("FSTRING"):
                kind = "secret" if is_secret_string(token.string, previous, before) else "string"
            elif token.type == tokenize.NAME:
                kind = "keyword" if keyword.iskeyword(token.string) else "defined" if is_definition else ""
                is_definition = token.string in ("def", "class")
            before, previous = previous, token.string
            if kind:
                _add(found, token, kind)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _add(found: dict[int, list[tuple[int, int, str]]], token: tokenize.TokenInfo, kind: str) -> None:
    (first, begin), (last, end) = token.start, token.end
    for number in range(first, last + 1):
        low = begin if number == first else 0
        high = end if number == last else 1 << 20
        found.setdefault(number, []).append((low, high, kind))


def _runs(line: str, kinds: list[tuple[int, int, str]]) -> list[tuple[str, str]]:
    runs, position = [], 0
    for begin, end, kind in sorted(kinds):
        if begin > position:
            runs.append(("", line[position:begin]))
        if end > position:
            runs.append((kind, line[max(begin, position) : end]))
            position = min(end, len(line))
    if position < len(line):
        runs.append(("", line[position:]))
    return runs

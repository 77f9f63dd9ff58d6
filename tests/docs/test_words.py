"""The pages are plain technical English: misleading phrases, and words that are not the field's, are kept out.

Only such phrases, each with what to write instead; this does not check style. And an example never teaches what would
hurt its reader: visitors' input in a page without escaping, or a package of an unknown owner.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
ALL_PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
QUOTING = ("why.md", "map.md", "conformance.md", "flaws.md")  # they name tests and reports, or are for contributors
PLAIN_PAGES = [page for page in ALL_PAGES if page.name not in QUOTING]

INSTEAD = {
    r"\b(?:he|him|his|she|her)\b": "`it` for a client, `they` for visitors",
    r"\bwhom\b|\bwhoever\b|\b(?:to|on|gets?|from|by) who\b": "`clients that ...`: `who` needs a person before it",
    r"(?:^|[.:;] )Who (?!was)\w+[^?\n]*(?:\.|,|$)": "`A client that ...`: `Who` begins a question",
    r"\b(?:client|server|proxy|worker|view|program|browser|setting)s?,? who(?:se)?\b": "`that`, `with`, `which`",
    r"\ba (?:plain )?text\b": "`a string`: what Python calls it",
    r"\b(?:stands|lies|lie) (?:in|at|behind|beside|once|above|before|on|there)\b|\bstand in\b": "`is`, `are`",
    r"\btold\b|\bsaid\b": "`is reported`, `the log shows`, `in the log`: only people tell and say",
    r"\b(?:client|server|proxy|worker|view|log|page|response|message|setting)s? (?:says?|tells?|knows?|hears?)\b": (
        "`shows`, `has`, `reports`, `names`: only people say and know"
    ),
    r"\bbelongs? into\b": "`belongs in`",
    r"\b(?:by|speaks?) https\b": "`over HTTPS`, `uses HTTPS`",
    r"\bline ends\b": "`line endings`",
    r"\banswer(?:s|ed|ing)?\b": "`response`, `respond`: HTTP's own word",
    r"\bwatchman\b|\bmanners\b|\bpolitely\b|\bwithout a word\b": "what really happens: a riddle helps no one",
    r"\b[Nn]othing of the\b": "`None of the`",
    r"\b(?:makes?|made) (?:text|bytes) of\b": "`turns ... into`",
    r"\b[Ss]teps? (?:around|of middleware)\b|\baround (?:the|every|each) views?\b": "`middleware`",
}

# What a view may put into HTML as it is, though a parameter is in it: page, expression, and why it is harmless.
HARMLESS = {
    ("how-to/middleware.md", "request.state['id']"): "made by the site itself",
    ("how-to/uploads.md", "picture.size"): "a number",
    ("reference/views.md", "state['greeting']"): "made by the site itself",
    ("how-to/database.md", "customer"): "not a visitor's words, but what a dependency found for a key",
    ("how-to/database.md", "user"): "not a visitor's words, but what a dependency found",
    ("reference/views.md", "user"): "not a visitor's words, but what a dependency found",
    ("how-to/every-page.md", "user"): "what a dependency gives to a view, not a page",
    ("how-to/database.md", "key"): "what another view is given, not a page",
    ("how-to/from-fastapi.md", "filter"): "an object of a class, which is JSON",
    ("how-to/from-fastapi.md", "note"): "an object of a class, which is JSON",
    ("how-to/from-fastapi.md", "person"): "an object of a class, which is JSON",
    ("how-to/from-fastapi.md", "self"): "a validator of pydantic, not a view",
    ("how-to/from-flask.md", "response"): "what Flask's after_request passes on, not a page",
    ("how-to/openapi.md", "token"): "what a dependency gives to a view, not a page",
    ("how-to/slow-views.md", "site"): "not a visitor's words, but an argument of the site's own",
}
Blocks = Callable[[str], list[Any]]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines of a page that are no code and no comment, with their numbers."""
    text = re.sub(
        r"```.*?^ *```|<!--.*?-->", lambda code: "\n" * code[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE
    )
    for number, line in enumerate(text.splitlines(), 1):
        yield number, re.sub(r"`[^`]*`", "`code`", line)


def misleading_phrases(text: str) -> list[str]:
    """Return the misleading phrases of a page, each with what to write instead."""
    return [
        f"line {number}: {found[0]!r}: write {instead}"
        for number, line in prose(text)
        for pattern, instead in INSTEAD.items()
        for found in [re.search(pattern, line)]
        if found
    ]


def unescaped(code: str) -> Iterator[str]:
    """Give what the views of a program put into HTML as it came from a parameter that may hold any text."""
    for function in ast.walk(ast.parse(code)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            free = {
                each.arg
                for each in (*function.args.args, *function.args.kwonlyargs)
                if each.annotation is None
                or ast.unparse(each.annotation) not in ("int", "float", "bool", "date", "UUID")
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    shown = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
                    for part in shown.values if isinstance(shown, ast.JoinedStr) else [shown]:
                        value = part.value if isinstance(part, ast.FormattedValue) else part
                        root = value
                        while isinstance(root, ast.Attribute | ast.Subscript):
                            root = root.value
                        is_page = isinstance(shown, ast.JoinedStr) or value is root
                        if is_page and isinstance(root, ast.Name) and root.id in free:
                            yield ast.unparse(value)


@pytest.mark.parametrize("page", PLAIN_PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_has_no_misleading_phrase(page: Path) -> None:
    """No page has a phrase that readers misread, or a word that is not the field's."""
    assert misleading_phrases(page.read_text()) == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_no_example_shows_input_without_escaping(page: Path, blocks_of: Blocks) -> None:
    """A string that a view returns is HTML: what a visitor sent is rendered by a template, escaped, or JSON."""
    name = str(page.relative_to(DOCS)) if page.is_relative_to(DOCS) else page.name
    for block in blocks_of(page.read_text()):
        if block.language == "python" and block.why_not_run is None:
            found = {each for each in unescaped(textwrap.dedent(block.text)) if (name, each) not in HARMLESS}
            assert not found, f"{name}, block at line {block.line}: render it, return a dict, or escape {found}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_no_page_installs_from_an_index_without_fanlight(page: Path) -> None:
    """Fanlight is on no package index yet: its name alone would install someone else's package, or none."""
    assert re.findall(r"pip install (?:-\S+ )*['\"]?fanlight(?!\[).*", page.read_text()) == []


def test_a_misleading_phrase_is_found() -> None:
    """Each phrase is found in prose and left alone in code; questions and titles pass."""
    code = "`on who`\n```python\n# on who\n```\n"
    page = f"It hangs up on who is late.\n{code}Who has none is asked.\nWho was that? Who gets what?\n"
    assert [each.partition(":")[0] for each in misleading_phrases(page)] == ["line 1", "line 6"]


def test_a_parameter_without_escaping_is_found() -> None:
    """A parameter in an f-string, or returned as it is, is found; a number, a dict and an escaped one pass."""
    code = (
        "def a(x, n: int):\n    return f'{x.y} {n} {escape(x)}'\ndef b(x):\n    return x\ndef c(x):\n    return [x]\n"
    )
    assert list(unescaped(code)) == ["x.y", "x"]

"""Docstrings, comments and messages are plain technical English: the words that made them riddles are kept out."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.house.test_rooms import ROOT, files

INSTEAD = {
    r"\banswer\w*": "response, respond: RFC 9110's words",
    r"\b(?:he|him|his|she|her)\b": "it: a client, a server, a view is a thing",
    r"\bwhom\b|\bwhoever\b": "name the thing: the client that ..., any caller that ...",
    r"\bwho\b(?<!person who)(?<!people who)(?<!anyone who)": "that, which: `who` is for people",
    r"\b(?:is|are|was|were|be|been|being) (?:told|asked)\b|\btold (?:of|at|that)\b": "is called, is given, is logged",
    r"\bbaton|\btenure|\bwatchman|\bmanners\b|\bpolite": "the field's term",
    r"\b(?:what|which|each|a|every) step (?:is |stands )?around|\bsteps? around\b": "middleware",
}
# A file's line that may keep a word, by a part of it.
ALLOWED = (
    "only for people who have signed in",
    "who has read what",
    "who owns the loop",
    "for those who run loops",
    "it is unknown who added the rest",
)


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file's comments and strings, each with its number."""
    for token in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for offset, line in enumerate(token.string.split("\n")):
                yield token.start[0] + offset, line


def riddles(file: Path) -> list[str]:
    """Return the words of a file that are kept out, each with what to write instead."""
    return [
        f"{file.name}:{number}: {found[0]!r}: write {instead}"
        for number, line in prose(file)
        if not any(part in line for part in ALLOWED)
        for pattern, instead in INSTEAD.items()
        for found in [re.search(pattern, line, re.IGNORECASE)]
        if found
    ]


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(ROOT))) for file in files()])
def test_a_file_is_written_in_plain_words(file: Path) -> None:
    """No docstring, comment or message of the package has one of the words that are kept out."""
    assert riddles(file) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "# the answer is sent",
        "# answered by the hub",
        "'the client has closed his connection'",
        "# a client who is late",
        "# Whoever asks for it",
        "# the caller is told",
        "# the steps around a view",
    ],
)
def test_a_riddle_is_found(tmp_path: Path, sentence: str) -> None:
    """Each of the words is found, in a comment and in a string."""
    file = tmp_path / "x.py"
    file.write_text(f"x = 1\n{sentence}\n")
    assert riddles(file)


def test_people_are_people(tmp_path: Path) -> None:
    """A person may read, know and ask."""
    file = tmp_path / "x.py"
    file.write_text("# the person who runs the site; people who know; anyone who can reach it\n")
    assert riddles(file) == []

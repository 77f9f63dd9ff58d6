"""The parser of a site's source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fanlight.syntax_tree import ATTEMPTS, parse_file, parse_source


class Disturbed:
    """`ast.parse` while other threads parse: the first calls fail as CPython's do."""

    def __init__(self, failures: int) -> None:
        self.failures, self.parse = failures, ast.parse

    def __call__(self, source: str | bytes) -> ast.Module:
        self.failures -= 1
        if self.failures >= 0:
            raise SystemError("AST constructor recursion depth mismatch (before=162, after=59)")
        return self.parse(source)


def test_a_parse_that_another_thread_disturbs_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is that of the source, and no check of a site fails for what is not its mistake."""
    monkeypatch.setattr(ast, "parse", Disturbed(ATTEMPTS - 1))
    assert ast.unparse(parse_source(b"a = 1")) == "a = 1"


def test_a_parse_that_never_succeeds_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the interpreter's own that does not go away is raised."""
    monkeypatch.setattr(ast, "parse", Disturbed(ATTEMPTS))
    with pytest.raises(SystemError, match="recursion depth"):
        parse_source("a = 1")


def test_a_mistake_in_the_source_is_raised() -> None:
    """What is no Python is not tried again."""
    with pytest.raises(SyntaxError):
        parse_source("a = = 1")


@pytest.mark.parametrize("content", [b"a = = 1", b"a = '\\d'\x00", b"(" * 1000, None])
def test_a_file_that_can_not_be_parsed_has_an_empty_tree(tmp_path: Path, content: bytes | None) -> None:
    """Its import says what is wrong with it; None: there is no such file."""
    file = tmp_path / "views.py"
    if content is not None:
        file.write_bytes(content)
    assert parse_file(file).body == []


def test_a_warning_about_a_file_is_left_to_its_import(tmp_path: Path) -> None:
    """An invalid escape is no error, and is not shown twice."""
    file = tmp_path / "views.py"
    file.write_bytes(b"a = '\\d'")
    assert len(parse_file(file).body) == 1  # warnings are errors here

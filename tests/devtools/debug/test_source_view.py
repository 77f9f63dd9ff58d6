"""Lines of source around a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.devtools.debug.source_view import MAX_COLOURED, SourceLine, source_around
from fanlight.tracebacks.frames import frame_at

SOURCE = '''\
def home(request):  # the front page
    """Return it."""
    password = "hunter2"
    login = {"token": "abc", "name": "ann"}
    key = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    if request.path == "/":
        return 7
'''


def lines(tmp_path: Path, source: str, line: int, *, is_template: bool = False) -> list[SourceLine]:
    file = tmp_path / "x"
    file.write_text(source)
    return source_around(frame_at(str(file), line, str(tmp_path), is_template=is_template))


def text(line: SourceLine) -> str:
    return "".join(part for _, part in line.parts)


def test_lines_before_and_behind_are_shown(tmp_path: Path) -> None:
    """The line is among its neighbours, within the file."""
    source = "\n".join(f"x{n}" for n in range(1, 31))
    found = lines(tmp_path, source, 15)
    assert [each.number for each in found] == list(range(10, 20))
    assert [each.number for each in found if each.is_current] == [15]
    assert [each.number for each in lines(tmp_path, source, 1)] == [1, 2, 3, 4, 5]
    assert [each.number for each in lines(tmp_path, source, 30)] == [25, 26, 27, 28, 29, 30]
    assert lines(tmp_path, source, 31) == lines(tmp_path, source, 0) == []


def test_the_tokenizer_says_what_is_what(tmp_path: Path) -> None:
    """Keywords, defined names, strings, numbers and comments have their classes."""
    parts = {part: kind for each in lines(tmp_path, SOURCE, 5) for kind, part in each.parts}
    assert parts["def"] == parts["if"] == "keyword"
    assert parts["home"] == "defined"
    assert parts["# the front page"] == "comment"
    assert parts['"""Return it."""'] == parts['"ann"'] == "string"
    assert parts["7"] == "number"


def test_passwords_and_keys_in_the_source_are_masked(tmp_path: Path) -> None:
    """A string of a secret name, or one that looks like a key, is not shown."""
    shown = [text(each).strip() for each in lines(tmp_path, SOURCE, 4)]
    assert shown[2:5] == ['password = "***"', 'login = {"token": "***", "name": "ann"}', 'key = "***"']


def test_common_indentation_is_left_out(tmp_path: Path) -> None:
    """Lines of a deep block begin at the left."""
    assert text(lines(tmp_path, "        if x:\n            y\n", 2)[0]) == "if x:"
    assert text(lines(tmp_path, "  a\n\t b\n", 2)[1]) == "b"


@pytest.mark.parametrize("source", ["def (:\n  x\n", "x = '''\n\n\n", "  x\n y\n", "\x00\n$\n", "f'{'\n\n"])
def test_what_is_not_python_is_shown_without_colours(tmp_path: Path, source: str) -> None:
    """A file with mistakes in it is shown."""
    assert lines(tmp_path, source, 2)


def test_a_large_file_is_not_tokenized(tmp_path: Path) -> None:
    """A file of megabytes is shown without colours, a long line in part."""
    found = lines(tmp_path, "if 1: pass\n" * (MAX_COLOURED // 10) + "x" * 5000, 3)
    assert found[0].parts == [("", "if 1: pass")]
    assert len(text(lines(tmp_path, "x" * 5000, 1)[0])) == 300


def test_what_is_jinja_s_is_coloured_in_a_template(tmp_path: Path) -> None:
    """Tags, expressions and comments of a template have classes, its markup has none."""
    found = lines(tmp_path, "<p>{{ a }}{% if b %}{# c #}</p>", 1, is_template=True)
    assert found[0].parts == [
        ("", "<p>"),
        ("string", "{{ a }}"),
        ("keyword", "{% if b %}"),
        ("comment", "{# c #}"),
        ("", "</p>"),
    ]

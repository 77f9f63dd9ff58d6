"""Reading env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.settings.env_file import MAX_BYTES, EnvFileError, apply_env_file, read_env_file, with_env_file

VALUES = [
    ("KEY=value", "value"),
    ("  KEY = value  ", "value"),
    ("export KEY=value", "value"),
    ("KEY=", ""),
    ("KEY=a=b", "a=b"),
    ("KEY=two words", "two words"),
    ("KEY=value # a comment", "value"),
    ("KEY=value#7", "value#7"),
    ("KEY=# a comment", ""),
    ("KEY='a # b'", "a # b"),
    (r"KEY='a\n$b'", r"a\n$b"),
    ("KEY='a' # b", "a"),
    (r'KEY="a\n\t\"b\"\\"', 'a\n\t"b"\\'),
    ('KEY=""', ""),
    ("KEY=$HOME", "$HOME"),
    ("KEY=grün", "grün"),
    (r"KEY=C:\new", r"C:\new"),
]
BROKEN = [
    ("KEY", "KEY=value"),
    ("=value", "KEY=value"),
    ("1KEY=value", "KEY=value"),
    ("MY-KEY=value", "KEY=value"),
    ("KEY='s3cret", "quotes of KEY"),
    ('KEY="s3cret', "quotes of KEY"),
    ("KEY='a'b", "quotes of KEY"),
    (r'KEY="\x"', "quotes of KEY"),
    ("KEY=a\0b", "NUL"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(("line", "value"), VALUES)
def test_a_line_gives_a_value(file: Path, line: str, value: str) -> None:
    """Each way to write a value gives that value."""
    file.write_text(f"# first\n\n{line}\n")
    assert read_env_file(str(file)) == {"KEY": value}


@pytest.mark.parametrize(("line", "reason"), BROKEN)
def test_a_broken_line_is_refused(file: Path, line: str, reason: str) -> None:
    """What is no KEY=value is an error with the file and the line, which is not shown: it may be a secret."""
    file.write_text(f"# first\nOTHER=1\n{line}\n")
    with pytest.raises(EnvFileError) as caught:
        read_env_file(str(file))
    assert (caught.value.file, caught.value.line) == (str(file), 3)
    assert reason in caught.value.reason
    assert "s3cret" not in str(caught.value)


def test_a_name_is_in_the_file_once(file: Path) -> None:
    """A second line of a name is refused, with the number of the first."""
    file.write_text("KEY=1\nKEY=2\n")
    with pytest.raises(EnvFileError, match=r":2: KEY is already in line 1"):
        read_env_file(str(file))


def test_line_ends_of_windows_are_read(file: Path) -> None:
    """A file may begin with a byte order mark and end its lines as on Windows."""
    file.write_bytes(b"\xef\xbb\xbfONE=1\r\nTWO=2\r\n")
    assert read_env_file(str(file)) == {"ONE": "1", "TWO": "2"}


@pytest.mark.parametrize("content", [b"\xff=1", b"A=1\n" * (MAX_BYTES // 4 + 1)], ids=["not UTF-8", "too big"])
def test_what_is_no_env_file_is_refused(file: Path, content: bytes) -> None:
    """A file in another encoding, or one without end, is refused."""
    file.write_bytes(content)
    with pytest.raises(EnvFileError, match=r"UTF-8|bytes"):
        read_env_file(str(file))


def test_a_missing_file_is_refused_where_it_was_asked_for(file: Path) -> None:
    """A file that does not exist is an error, unless it is only looked for."""
    with pytest.raises(EnvFileError, match="No such file"):
        apply_env_file(str(file), {})
    assert apply_env_file(str(file), {}, must_exist=False) == 0


def test_the_environment_takes_precedence(file: Path) -> None:
    """A name that the environment has keeps its value, even an empty one."""
    file.write_text("ONE=file\nTWO=file\nTHREE=file\n")
    environ = {"ONE": "real", "TWO": ""}
    assert with_env_file(environ, str(file)) == {"ONE": "real", "TWO": "", "THREE": "file"}
    assert apply_env_file(str(file), environ) == 3
    assert environ == {"ONE": "real", "TWO": "", "THREE": "file"}


def test_an_env_file_names_no_other(file: Path) -> None:
    """A file that would have another one read is refused."""
    file.write_text("FANLIGHT_ENV_FILE=other\n")
    with pytest.raises(EnvFileError, match="can't name another"):
        with_env_file({}, str(file))

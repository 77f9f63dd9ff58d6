r"""Read an env file: settings and secrets of a site as lines of KEY=value, for the environment of its process.

In: the path. Out: names and values; a line that is no such line is refused, with its file and number, as EnvFileError.

    # a comment; blank lines mean nothing
    DATABASE=shop.sqlite          up to the end of the line, or a " #" that begins a comment, without blanks around it
    export KEY='as it is: $x #1'  in single quotes every character stands for itself
    TEXT="one\ntwo"               in double quotes \n, \r, \t, \" and \\ are escapes
    EMPTY=

A value is on one line, and nothing is expanded in it. A name is letters, digits and _, does not begin with a digit, and
stands in the file once. The environment takes precedence over the file.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern

MAX_BYTES = 1024 * 1024
_LINE = lazy_pattern(r"(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?P<value>.*)")
_QUOTED = lazy_pattern(r"""(?:'(?P<plain>[^']*)'|"(?P<escaped>(?:[^"\\]|\\[nrt"\\])*)")[ \t]*(?:#.*)?""")
_COMMENT = lazy_pattern(r"(?:^|[ \t])#.*")
_ESCAPE = lazy_pattern(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_EXAMPLE = "write KEY=value, KEY='value' or # before a comment"


class EnvFileError(InvalidSetting):
    """An env file that can't be read; `line` is 0 where it is about the whole file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


def read_env_file(path: str) -> dict[str, str]:
    """Return the names and values in a file. Raises EnvFileError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise EnvFileError(path, 0, f"the env file can't be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise EnvFileError(path, 0, f"this is no env file: it has more than {MAX_BYTES} bytes")
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EnvFileError(path, line, "this is not UTF-8; save the file as UTF-8") from None
    found: dict[str, str] = {}
    places: dict[str, int] = {}
    for number, text in enumerate(map(str.strip, lines), 1):
        if not text or text.startswith("#"):
            continue
        name, value = _read_line(text, path, number)
        if name in found:
            raise EnvFileError(path, number, f"{name} is already in line {places[name]}; remove one of the two")
        found[name], places[name] = value, number
    return found


def apply_env_file(path: str, environ: MutableMapping[str, str], *, must_exist: bool = True) -> int:
    """Add what is in a file to the environment, except for names that it has; return how many names the file has."""
    if not path or (not must_exist and not Path(path).exists()):
        return 0
    found = read_env_file(path)
    for name, value in found.items():
        environ.setdefault(name, value)
    return len(found)


def with_env_file(environ: Mapping[str, str], path: str) -> Mapping[str, str]:
    """Return the environment with what is in a file besides."""
    if not path:
        return environ
    found = read_env_file(path)
    if "FANLIGHT_ENV_FILE" in found:
        raise EnvFileError(path, 0, "an env file can't name another one; remove FANLIGHT_ENV_FILE")
    return {**found, **environ}


def _read_line(text: str, path: str, number: int) -> tuple[str, str]:
    found = _LINE.fullmatch(text)
    if found is None:
        # SECURITY: tests/settings/test_env_file.py: the line is not shown, as it may be a part of a secret
        raise EnvFileError(path, number, f"this line is no KEY=value; {_EXAMPLE}")
    name, value = found["name"], found["value"]
    if "\0" in value:
        raise EnvFileError(
            path, number, f"the value of {name} has a NUL character in it, which no environment can hold"
        )
    if value[:1] not in ("'", '"'):
        return name, _COMMENT.sub("", value).strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        raise EnvFileError(
            path, number, f'the quotes of {name} are not in order; {_EXAMPLE}; in "..." write \\\\ for \\'
        )
    if quoted["plain"] is not None:
        return name, quoted["plain"]
    return name, _ESCAPE.sub(lambda each: _ESCAPES.get(each[1], each[1]), quoted["escaped"])

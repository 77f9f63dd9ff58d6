"""Messages and exceptions on the terminal of a development server."""

from __future__ import annotations

import io
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fanlight.devtools.terminal.message_lines import MessageLines, message_format_for
from fanlight.settings.options import Options


def console(*, is_terminal: bool = False, **environ: str) -> Console:
    kind: Any = {"TERM": "xterm-256color", **environ}
    return Console(file=io.StringIO(), force_terminal=is_terminal, legacy_windows=False, _environ=kind)


def record(text: str, *, error: BaseException | None = None, level: int = logging.ERROR) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("fanlight.app", level, "x.py", 1, text, (), info)


@pytest.fixture
def error(tmp_path: Path) -> BaseException:
    file = tmp_path / "prices.py"
    file.write_text("import json\n\ndef average(prices):\n    return 1, json.loads(prices)\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(ValueError, match="Expecting") as caught:
        names["average"]("{")
    trace = caught.value.__traceback__
    assert trace is not None
    return caught.value.with_traceback(trace.tb_next)


def test_the_last_line_comes_first(tmp_path: Path, error: BaseException) -> None:
    """Message and hint, the site's frame, the frames of libraries, the request: in this order, in columns."""
    lines = MessageLines(console(), tmp_path, lambda _: "send JSON").format(record("GET / failed", error=error))
    first, hint, place, source, caret, inner, last = lines.split("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  json\.decoder\.JSONDecodeError: Expecting property name .*", first)
    assert hint == " " * 12 + "send JSON"
    assert place == " " * 12 + "prices.py:4 in average"
    assert (source.strip(), caret.strip()) == ("return 1, json.loads(prices)", "^" * len("json.loads(prices)"))
    assert inner.strip().startswith("raised below it, in 3 frames of json: json/decoder.py:")
    assert last == " " * 10 + "GET / failed"


def test_colours_are_for_a_terminal(tmp_path: Path, error: BaseException) -> None:
    """A terminal gets colours; a pipe, and a terminal with NO_COLOR, the same text without them."""
    made = record("GET / failed", error=error)
    plain = MessageLines(console(), tmp_path).format(made)
    coloured = MessageLines(console(is_terminal=True), tmp_path).format(made)
    assert "\x1b" not in plain
    assert "\x1b[1;31mjson.decoder.JSONDecodeError\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
    assert MessageLines(console(is_terminal=True, NO_COLOR="1"), tmp_path).format(made) == plain


def test_messages_have_their_level(tmp_path: Path) -> None:
    """A warning says that it is one; what is for information does not."""
    lines = MessageLines(console(), tmp_path)
    assert lines.format(record("late", level=logging.WARNING))[8:] == "  WARNING  late"
    assert lines.format(record("two\nlines", level=logging.INFO))[8:] == f"  two\n{' ' * 10}lines"


def test_nothing_in_a_message_controls_the_terminal(tmp_path: Path) -> None:
    """Escapes of a client's are text, and secrets of URLs are left out."""
    odd = ValueError("\x1b[2J\u202e at /?token=abc\n12:00:00  forged")
    text = MessageLines(console(is_terminal=True), tmp_path).format(record("\x1b[2J /?token=abc", error=odd))
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "abc" not in text
    assert not re.search(r"^12:00:00", text, re.MULTILINE)


def test_a_file_and_a_full_traceback_have_the_log_s_own_format(tmp_path: Path) -> None:
    """Messages for a file, and whole tracebacks, are formatted as in production."""
    assert message_format_for(Options(log_file=str(tmp_path / "log"))) is None
    assert message_format_for(Options(traceback="full")) is None
    for path, stream in (("", sys.stderr), ("-", sys.stderr), ("/dev/stdout", sys.stdout)):
        made: Any = message_format_for(Options(log_file=path))
        assert made._console.file is stream

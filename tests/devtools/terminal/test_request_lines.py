"""The line of a request on the terminal of a development server."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from rich.console import Console
from tests.speed import seconds

from fanlight.devtools.terminal.request_lines import MAX_LINES, RequestLines, lines_for
from fanlight.message.request_id import choose_line
from fanlight.server.recording.formats import Entry
from fanlight.settings.options import Options

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
NOTE = "send (main.py:5) was not called"


def console(width: int = 80, *, is_terminal: bool = True, environ: Mapping[str, str] = NO_VARIABLES) -> Console:
    kind: Any = {"TERM": "xterm-256color", **environ}
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=width, legacy_windows=False, _environ=kind)


def lines(
    width: int = 80, note: str = "", *, is_terminal: bool = True, environ: Mapping[str, str] = NO_VARIABLES
) -> RequestLines:
    return RequestLines(console(width, is_terminal=is_terminal, environ=environ), lambda _: note)


def entry(
    target: str = "/about",
    status: int = 200,
    *,
    method: str = "GET",
    took: float = 0.0021,
    route: str = "",
    why: str = "",
) -> Entry:
    return 100.0, took, method, target, None, "127.0.0.1", "http", route, status, 6671, choose_line(None), why


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_line_has_columns() -> None:
    """Time, status, method, duration and size have fixed widths, the path follows."""
    text = plain(lines().line(entry(), 0.0))
    clock = time.strftime("%H:%M:%S", time.localtime(100))
    assert text == f"{clock}  200  GET        2.1 ms    6.7 kB  /about\n"
    other = plain(lines().line(entry("/x", 404, method="OPTIONS", took=12.5), 0.0))
    assert other.index("/x") == text.index("/about")
    assert " 12.50 s " in other


def test_status_and_duration_are_coloured() -> None:
    """Each kind of status has its colour, and a slow request another than a fast one."""
    made = lines()
    seen = {made.line(entry(status=status), 0.0).split("  ")[1] for status in (101, 200, 302, 404, 500)}
    assert len({text.partition("m")[0] for text in seen}) == 5
    slow = {made.line(entry(took=took), 0.0).split("  ", 3)[3].partition("m")[0] for took in (0.01, 0.2, 2)}
    assert len(slow) == 3


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_there_are_no_escapes(environ: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal are honoured."""
    assert "\x1b" not in lines(note=NOTE, environ=environ).line(entry(status=422), 0.0)


def test_the_reason_follows_the_path_or_stands_below_it() -> None:
    """A reason is on the line where there is room, and else whole on the next."""
    assert plain(lines(120, NOTE).line(entry(status=422), 0.0)).endswith(f"/about  {NOTE}\n")
    text = plain(lines(60, NOTE).line(entry(status=422), 0.0))
    assert text.endswith(f"/about\n          {NOTE}\n")


def test_a_refused_message_names_its_rule() -> None:
    """A message that reached no view has the reason, and the section of the RFC."""
    text = plain(lines(200).line(entry("", 408, method="", took=0.0, why="the head took over 10 s"), 0.0))
    assert text.endswith("-  refused: the head took over 10 s (RFC 9110 section 15.5.9)\n")
    text = plain(lines(200).line(entry("/", 400, why="a field name is empty"), 0.0))
    assert text.endswith("/  refused: a field name is empty (RFC 9112 section 5.1)\n")
    text = plain(lines(200).line(entry("/", 400, why="Host is missing (RFC 9112 section 3.2)"), 0.0))
    assert text.endswith("/  refused: Host is missing (RFC 9112 section 3.2)\n")


@pytest.mark.parametrize("width", [20, 50, 80, 200])
def test_a_long_path_is_cut_to_the_width(width: int) -> None:
    """A line is no wider than the terminal, down to a width at which nothing can be read."""
    text = plain(lines(width).line(entry("/" + "x" * 500), 0.0)).rstrip("\n")
    assert len(text) < max(width, 57)
    assert text.endswith("...")


def test_a_file_gets_whole_paths_and_no_colours() -> None:
    """What is no terminal gets all of each line."""
    text = lines(40, NOTE, is_terminal=False).line(entry("/" + "x" * 500, 404), 0.0)
    assert "\x1b" not in text
    assert text.endswith(f"/{'x' * 500}  {NOTE}\n")


@pytest.mark.parametrize("text", ["/\x1b[2J", "/\n200 OK", "/\x9b31m", "/\u202etxt", "/\x00"])
def test_nothing_controls_the_terminal(text: str) -> None:
    """Control characters in the method, the path and the reason are escaped."""
    for made in (
        lines(200, is_terminal=False).line(entry(text), 0.0),
        lines(200, is_terminal=False).line(entry(method=text), 0.0),
        lines(200, text, is_terminal=False).line(entry(status=404), 0.0),
        lines(200, is_terminal=False).line(entry(status=400, why=text), 0.0),
    ):
        assert made.rstrip("\n").isprintable()


def test_secrets_in_a_query_are_left_out() -> None:
    """A token in a query is replaced."""
    assert "/?token=***" in plain(lines().line(entry("/?token=abc"), 0.0))


def test_static_files_are_dimmed_and_tools_left_out() -> None:
    """A file is shown in a quiet colour, unless it is missing; a request to the tools is not shown."""
    made = lines()
    route = "GET /static/{path...} (Static('static'))"
    assert made.line(entry(route=route), 0.0).startswith("\x1b[2m")
    assert made.line(entry(route=route), 0.0).count("\x1b[") == 2
    assert made.line(entry(route=route, status=404), 0.0).count("\x1b[") > 2
    assert made.line(entry("/__fanlight__/live"), 0.0) == ""
    assert made.line(entry("/__fanlight__"), 0.0) == ""
    assert made.line(entry("/__fanlight__site"), 0.0) != ""


def test_a_flood_is_counted() -> None:
    """A terminal gets a number of lines in each round, then how many more there were; a file gets all."""
    made, file = lines(), lines(is_terminal=False)
    count = MAX_LINES + 1834
    assert sum(bool(made.line(entry(), 0.0)) for _ in range(count)) == MAX_LINES
    assert plain(made.end_round()) == "... and 1,834 more requests\n"
    assert made.end_round() == ""
    assert made.line(entry(), 0.0)
    assert all(file.line(entry(), 0.0) for _ in range(count))
    assert file.end_round() == ""


def test_a_line_costs_little() -> None:
    """Ten thousand lines take less than a second: styles are not made for each."""
    made = lines(is_terminal=False)
    before = time.thread_time()
    for number in range(10_000):
        made.line(entry(f"/{number}"), 0.0)
    assert time.thread_time() - before < seconds(1)


@pytest.mark.parametrize("form", ["json", "combined"])
def test_another_format_is_left_alone(form: str) -> None:
    """Only the format for people has another form in development."""
    assert lines_for(Options(access_format=form)) is None
    assert lines_for(Options()) is not None
    assert lines_for(Options(access_file="/tmp/access.log")) is not None

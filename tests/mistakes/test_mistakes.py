"""The twelve mistakes of docs/reference/mistakes.md: what the terminal says, and what the browser."""

from __future__ import annotations

import contextlib
import html
import http.client
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from tests.devtools.reload.conftest import DevSite
from tests.mistakes.broken_sites import SITES
from tests.speed import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "mistakes.md"
ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
_INLINE = re.compile(r"</?(?:code|b|i|small|mark|span|a|em|strong|wbr)\b[^>]*>")
_SILENT = re.compile(r"<(style|script|title)\b.*?</\1>|<!--.*?-->", re.DOTALL)


class Row(NamedTuple):
    """A row of the table: the lines of each cell, whose gaps (`...`) are in the lines as empty strings."""

    name: str
    terminal: list[list[str]]
    browser: list[str]


def spans(cell: str) -> list[str]:
    """Return what stands in double backticks in a cell."""
    return [each.strip() for each in re.findall(r"``(.+?)``(?!`)", cell)]


def rows() -> Iterator[Row]:
    for line in PAGE.read_text().splitlines():
        if line.startswith("| **"):
            first, terminal, browser = line.strip("| ").split(" | ")
            name = first.removeprefix("**").partition("**")[0]
            yield Row(name, [spans(each) for each in terminal.split("<br>")], spans(browser))


ROWS = {row.name: row for row in rows()}


def text_of(page: str) -> str:
    """Return the text of a page as a reader sees it, with single blanks."""
    text = re.sub(r"<[^>]+>", " ", _INLINE.sub("", _SILENT.sub("", page)))
    return " ".join(html.unescape(text).split())


def assert_in_order(parts: list[str], text: str) -> None:
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not in {text[at:]!r}"
        at = found + len(part)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., DevSite]]:
    """Return a function that starts `fanlight dev` with one of the broken sites."""
    started: list[DevSite] = []

    def run(name: str, *flags: str) -> DevSite:
        for file, text in SITES[name].items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text)
        started.append(DevSite(tmp_path, *flags))
        return started[-1]

    yield run
    for each in started:
        each.stop()


def request(site: DevSite, name: str) -> str:
    """Open the page as a browser does, or send the form on it; return the text of what comes."""
    page = site.send("GET", "/", accept=ACCEPT)[1]
    if name != "a form field that is missing":
        return text_of(page)
    assert "<form" in page
    connection = http.client.HTTPConnection("localhost", site.port, timeout=PATIENCE)
    fields = {"accept": ACCEPT, "referer": f"{site.url}/", "content-type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/", urlencode({"name": "Ada", "mesage": "Hi"}), fields)
    with contextlib.closing(connection):
        return text_of(connection.getresponse().read().decode())


def test_the_table_has_each_mistake() -> None:
    """The page has a row for each of the twelve sites, in the same order."""
    assert list(ROWS) == list(SITES)
    assert len(SITES) == 12


@pytest.mark.parametrize("name", [name for name in SITES if name != "a port in use"])
def test_the_mistake_is_explained(start: Callable[..., DevSite], name: str) -> None:
    """The terminal and the page say what the table says, in its order."""
    site = start(name)
    site.find_port()
    page = request(site, name)
    for parts in ROWS[name].terminal:
        assert_in_order(parts, site.read_until(parts[0]))
    assert_in_order(ROWS[name].browser, page)
    if name == "a blocking call in an async view":
        assert page == "Hello"


def test_a_port_in_use_is_explained(start: Callable[..., DevSite]) -> None:
    """The program that has the port is named, with what to write; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site = start("a port in use", "--port", str(port))
        (parts,) = ROWS["a port in use"].terminal
        assert_in_order([str(port), *parts], site.read_until(parts[0]))
        assert site.process.wait(PATIENCE) == 1

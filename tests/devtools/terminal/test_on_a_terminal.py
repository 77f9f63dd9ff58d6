"""`fanlight dev` on a terminal: a line for each request, coloured, never mixed with what the site prints."""

from __future__ import annotations

import fcntl
import http.client
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.speed import PATIENCE

MAIN = """
import logging

log = logging.getLogger("fanlight.site")


def home():
    print("the site prints a line that is much longer than the width of the terminal, to the last word")
    log.warning("the site logs a line")
    return "Hello"


URLS = {"/": home}
"""
COLUMNS = 60
COLOURS = re.compile(r"\x1b\[[\d;]*m")


class Terminal:
    """`fanlight dev` on a terminal of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        (folder / "main.py").write_text(MAIN)
        self._end, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fanlight", "dev", "--port", "0"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=inner,
            stderr=inner,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **environ},
        )
        os.close(inner)
        self._data = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        found = self.wait_for(r"http://localhost:(\d+)")
        self.port = int(found[1])

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._end, 65536)
            except OSError:  # the other end is closed
                return
            self._data += data

    @property
    def printed(self) -> str:
        """All that was printed so far; of the whole, as a read may end between the two bytes of a line's end."""
        return self._data.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the match of a pattern in what is printed, without colours."""
        self.wait_until(lambda: re.search(pattern, COLOURS.sub("", self.printed)))
        found = re.search(pattern, COLOURS.sub("", self.printed))
        assert found
        return found

    def wait_until(self, is_so: Callable[[], object]) -> None:
        """Return once a condition holds."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, self.printed
            time.sleep(0.01)

    def wait_for_count(self, text: str, count: int) -> None:
        """Return once a text is printed so many times."""
        self.wait_until(lambda: COLOURS.sub("", self.printed).count(text) == count)

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=PATIENCE)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self._reader.join()
        os.close(self._end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts the command on a terminal."""
    started: list[Terminal] = []

    def start(**environ: str) -> Terminal:
        started.append(Terminal(tmp_path, environ))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop()


def test_each_request_has_a_coloured_line(terminal: Callable[..., Terminal]) -> None:
    """The line is cut to the width of the terminal, and the reason of an error stands below it."""
    shown = terminal()
    assert shown.get("/" + "x" * 200) == 404
    line = shown.wait_for(r"(\d\d:\d\d:\d\d  404  GET .*x\.\.\.)\n {10}No route matches GET /x+")[1]
    assert len(line) < COLUMNS
    assert "\x1b[1;33m404\x1b[0m" in shown.printed


def test_no_color_is_honoured(terminal: Callable[..., Terminal]) -> None:
    """With NO_COLOR the lines are plain."""
    shown = terminal(NO_COLOR="1")
    assert shown.get("/nowhere") == 404
    shown.wait_for(r"  404  GET ")
    assert "\x1b" not in shown.printed


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_lines_are_never_mixed(terminal: Callable[..., Terminal], unbuffered: str) -> None:
    """What the site prints and logs, and the lines of requests, each have lines of their own."""
    shown, count = terminal(PYTHONUNBUFFERED=unbuffered), 60
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(shown.get, ["/"] * count)) == {200}
    for text in ("  200  ", "the site logs a line\n"):
        shown.wait_for_count(text, count)
    shown.stop()
    lines = COLOURS.sub("", shown.printed).split("\n")
    kinds = {
        r"the site prints a line that is much longer than the width of the terminal, to the last word": 0,
        r"\d\d:\d\d:\d\d  WARNING  the site logs a line": 0,
        r"\d\d:\d\d:\d\d  200  GET +[\d.]+ m?s +\d+ B  /": 0,
    }
    for line in lines:
        for kind in kinds:
            kinds[kind] += re.fullmatch(kind, line) is not None
    assert list(kinds.values()) == [count] * 3

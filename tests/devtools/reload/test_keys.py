"""The keys of `fanlight dev`, in a real terminal (a pseudo-terminal), under a shell with job control."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.devtools.reload.conftest import only_main, wait_until
from tests.speed import PATIENCE

MODES = termios.ICANON | termios.ECHO


class Terminal:
    """A terminal in which a shell runs."""

    def __init__(self, folder: Path) -> None:
        """Open it."""
        self.pid, self.fd = pty.fork()
        if not self.pid:  # in the shell
            os.chdir(folder)
            os.environ["PS1"] = "shell> "
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.printed = ""
        self.read_until("shell> ")

    def write(self, text: str) -> None:
        """Type a text."""
        os.write(self.fd, text.encode())

    def read_until(self, text: str) -> str:
        """Return what is printed up to a text."""
        until, printed = time.monotonic() + PATIENCE, ""
        while text not in printed:
            ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
            assert ready, f"in vain waited for {text!r}:\n{self.printed}"
            piece = os.read(self.fd, 65536).decode(errors="replace")
            printed += piece
            self.printed += piece
        return printed

    @property
    def is_read_by_lines(self) -> bool:
        """Whether the terminal waits for Enter, and shows what is typed."""
        return bool(termios.tcgetattr(self.fd)[3] & MODES == MODES)

    def start(self) -> int:
        """Start the server; return its process id."""
        self.write(f"{sys.executable} -m fanlight dev --port 0\n")
        self.read_until("watching")
        wait_until(lambda: not self.is_read_by_lines)
        return os.tcgetpgrp(self.fd)

    def close(self) -> None:
        """Close it, which ends all that runs in it."""
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Give a terminal, in the folder of a site."""
    only_main(folder, 'URLS = {"/": "Hello"}\n')
    browser = folder / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {folder / "opened.data"}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("TERM", "xterm")
    opened = Terminal(folder)
    yield opened
    opened.close()


def test_keys_do_what_the_banner_says(terminal: Terminal, folder: Path) -> None:
    """A key acts without Enter: reload, open the site and the inspector, help, quit; the terminal is as before."""
    terminal.start()
    assert "r reload" in terminal.printed
    found = re.search(r"http://localhost:\d+", terminal.printed)
    assert found
    terminal.write("r")
    terminal.read_until("reloaded")
    terminal.write("?")
    assert "open the inspector" in terminal.read_until("q  quit")
    opened = folder / "opened.data"
    terminal.write("o")
    wait_until(lambda: opened.exists() and opened.read_text() == f"{found[0]}\n")
    terminal.write("xi")
    wait_until(lambda: opened.read_text() == f"{found[0]}\n{found[0]}/__fanlight__/\n")
    terminal.write("q")
    terminal.read_until("shell> ")
    assert terminal.is_read_by_lines
    terminal.write("echo code $?\n")
    terminal.read_until("code 0")


def test_ctrl_c_restores_the_terminal(terminal: Terminal) -> None:
    """Ctrl+C ends the server with code 0, and the terminal shows again what is typed."""
    terminal.start()
    terminal.write("\x03")
    terminal.read_until("shell> ")
    assert terminal.is_read_by_lines
    terminal.write("echo code $?\n")
    terminal.read_until("code 0")


def test_ctrl_z_and_fg_work(terminal: Terminal) -> None:
    """While the server is stopped the terminal is as before; when it continues, keys are read again."""
    terminal.start()
    terminal.write("\x1a")
    terminal.read_until("shell> ")
    assert terminal.is_read_by_lines
    terminal.write("fg\n")
    wait_until(lambda: not terminal.is_read_by_lines)
    terminal.write("r")
    terminal.read_until("reloaded")
    terminal.write("q")
    terminal.read_until("shell> ")
    assert terminal.is_read_by_lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_restores_the_terminal(terminal: Terminal, number: signal.Signals) -> None:
    """A server that is ended from outside leaves the terminal as it was."""
    os.kill(terminal.start(), number)
    terminal.read_until("shell> ")
    assert terminal.is_read_by_lines


def test_in_the_background_no_key_is_read(terminal: Terminal) -> None:
    """A server that is started with & leaves the terminal to the shell."""
    terminal.write(f"{sys.executable} -m fanlight dev --port 0 &\n")
    terminal.read_until("watching")
    assert terminal.is_read_by_lines
    terminal.write("echo still $((40 + 2))\n")
    terminal.read_until("still 42")
    terminal.write("kill %1; wait %1; echo code $?\n")
    terminal.read_until("code 0")

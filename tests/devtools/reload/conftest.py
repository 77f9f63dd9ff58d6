"""A site in a folder, served by `fanlight dev` in a process of its own, and changed as a person changes it."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from tests.speed import PATIENCE

HOME = """<!doctype html>
<html lang="en"><head><title>Home</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{{ asset('site.css') }}"></head>
<body><h1>{{ greeting }}, template one</h1></body></html>
"""
MAIN = """from fanlight import Static, render

GREETING = "code one"


def home():
    return render("home.html", greeting=GREETING)


def text() -> str:
    return GREETING


URLS = {"/": home, "/text": text, "/static": Static("static")}
"""


def wait_until(is_so: Callable[[], object], why: Callable[[], str] = str) -> None:
    """Return once a condition holds; fail if it does not in time."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, why()
        time.sleep(0.005)


class DevSite:
    """A site that is developed."""

    def __init__(
        self, folder: Path, *flags: str, command: str = "dev", program: str = "", environ: dict[str, str] | None = None
    ) -> None:
        """Start the server, without waiting for it."""
        self.folder = folder
        address = [] if {"--port", "--host", "--bind"} & set(flags) else ["--port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, *(("-c", program) if program else ("-m", "fanlight", command, *address, *flags))],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | (environ or {}),
        )
        self._lines: SimpleQueue[str] = SimpleQueue()
        self.printed = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def read_until(self, text: str) -> str:
        """Return what is printed up to the line that contains a text."""
        printed = ""
        while text not in printed:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except Empty:
                line = ""
            assert line, f"in vain waited for {text!r}:\n{self.printed}"
            printed += line
            self.printed += line
        return printed

    def version(self) -> str:
        """Return the version that the pages of the site have."""
        return self._versions().partition("/")[0]

    def styles(self) -> str:
        """Return the version of the style sheets that the pages of the site have."""
        return self._versions().partition("/")[2]

    def _versions(self) -> str:
        found = re.search(r'data-version="([^"]+)"', self.get("/")[1])
        assert found
        return found[1]

    def begin(self) -> DevSite:
        """Wait until the site serves."""
        self.find_port()
        self.read_until("watching ")
        return self

    def find_port(self) -> None:
        """Wait until the port is known."""
        found = re.search(r"http://localhost:(\d+)", self.read_until("http://localhost:"))
        assert found
        self.port = int(found[1])

    @property
    def url(self) -> str:
        """The address of the site."""
        return f"http://localhost:{self.port}"

    def get(self, path: str = "/text", **fields: str) -> tuple[int, str]:
        """Return the status and the text of a page, over a connection of its own."""
        response, text = self.send("GET", path, **fields)
        return response.status, text

    def send(self, method: str, path: str, **fields: str) -> tuple[http.client.HTTPResponse, str]:
        """Return a response and its text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {name.replace("_", "-"): value for name, value in fields.items()}
            connection.request(method, path, headers={"host": f"localhost:{self.port}"} | headers)
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def write(self, name: str, text: str) -> None:
        """Save a file in place."""
        (self.folder / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a text in a file, as an editor does that writes another file and renames it."""
        file = self.folder / name
        text = file.read_text()
        assert old in text
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text.replace(old, new))
        beside.rename(file)

    def wait_for(self, text: str, path: str = "/text") -> None:
        """Wait until a page contains a text."""
        wait_until(lambda: text in self.get(path)[1], lambda: self.printed)

    def stop(self) -> int:
        """Press Ctrl+C; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join(PATIENCE)  # it goes on while any child has the pipe
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a small site."""
    for name in ("templates", "static"):
        (tmp_path / name).mkdir()
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "templates" / "home.html").write_text(HOME)
    (tmp_path / "static" / "site.css").write_text("h1 { color: rgb(1, 2, 3) }\n")
    return tmp_path


def only_main(folder: Path, text: str) -> None:
    """Have the site consist of one file."""
    for name in ("templates", "static"):
        shutil.rmtree(folder / name)
    (folder / "main.py").write_text(text)


@pytest.fixture
def develop(folder: Path) -> Iterator[Callable[..., DevSite]]:
    """Start `fanlight dev`; it is stopped at the end of the test."""
    started: list[DevSite] = []

    def start(*flags: str, **options: Any) -> DevSite:
        started.append(DevSite(folder, *flags, **options))
        return started[-1]

    yield start
    ended = [each for each in started if each.process.poll() is not None]  # a test has seen to it
    codes = {each.stop() for each in started if each not in ended}
    for each in ended:
        each.stop()
    assert codes <= {0}, "\n".join(each.printed for each in started)


@pytest.fixture
def plain_site(folder: Path, develop: Callable[..., DevSite]) -> DevSite:
    """Return a site of one file, served."""
    only_main(folder, 'def text() -> str:\n    return "code one"\n\n\nURLS = {"/text": text}\n')
    return develop().begin()


@pytest.fixture
def site(develop: Callable[..., DevSite]) -> DevSite:
    """Return the site, served."""
    return develop().begin()

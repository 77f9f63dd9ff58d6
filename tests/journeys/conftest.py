"""Serve a site by the command, in a process of its own, and send it requests with other programs."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from tests.browser import Tab
from tests.speed import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples"


def wait_until(is_so: Callable[[], object]) -> None:
    """Return once a condition holds; fail if it does not in time."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


class Site:
    """A site that is served until the test ends."""

    def __init__(self, command: list[str], folder: Path) -> None:
        """Start the server and read its banner."""
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.banner = self.read_until("Ctrl+C stops it")
        found = re.search(r"https?://\S+|unix:\S+", self.banner)
        self.url = found[0] if found else ""

    @property
    def port(self) -> str:
        """The port that the system chose."""
        return self.url.rpartition(":")[2]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def read_until(self, text: str) -> str:
        """Return the output up to the line that contains the text."""
        printed = ""
        while text not in printed:
            line = self._lines.get(timeout=PATIENCE)
            assert line, f"it ended without {text!r}:\n{printed}"
            printed += line
        return printed

    def rest(self) -> str:
        """Return the rest of the output, up to the end of the process."""
        printed = ""
        while line := self._lines.get(timeout=PATIENCE):
            printed += line
        return printed

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def wait_for_exit(self) -> int:
        """Wait for the end of the process; return its exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Serve = Callable[..., Site]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves the site of a folder by `fanlight run`, or by another command."""
    running: list[Site] = []

    def start(folder: Path, *words: str, command: tuple[str, ...] = ("-m", "fanlight", "run", "--port", "0")) -> Site:
        running.append(Site([sys.executable, *command, *words], folder))
        return running[-1]

    yield start
    for site in running:
        if site.process.poll() is None:
            site.process.kill()
        site.wait_for_exit()


@pytest.fixture
def lesson(serve: Serve) -> Site:
    """Serve the lesson's site."""
    return serve(EXAMPLES / "lesson")


@pytest.fixture
def run() -> Callable[..., str]:
    """Return a function that runs a program and returns its output."""

    def run_program(*words: str, stdin: bytes = b"") -> str:
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run_program


@pytest.fixture
def dom_of(tab: Tab) -> Callable[..., str]:
    """Return a function that opens a page in a browser and returns its DOM, once a text is part of it."""

    def open_page(url: str, text: str) -> str:
        tab.open(url)
        tab.wait_for(f"document.documentElement?.outerHTML.includes({json.dumps(text)})")
        return str(tab.evaluate("document.documentElement.outerHTML"))

    return open_page

"""Serve a site by the command, in a process of its own, in an environment that is made to fail."""

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest
from tests.speed import PATIENCE

SITE = """
import os, time

from fanlight import Upload

def hello():
    return "hello"

def broken():
    return 1 / 0

def take(request):
    return str(len(request.content))

def worker():
    return str(os.getpid())

def form(file: Upload):
    return str(file.size)

def later(request):
    return str(request.form["file"].size)

URLS = {"/": hello, "/broken": broken, "POST /take": take, "/worker": worker, "POST /form": form, "POST /later": later}
"""


class Served:
    """A served site, with its output and log."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        """Start it, and wait for its banner."""
        self.log = folder / "stderr"
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0
        while line := self._lines.get(timeout=PATIENCE):
            if found := re.search(r"http://\S+:(\d+)", line):
                self.port = int(found[1])
                break
        if not self.port:
            self.stop()
        assert self.port, self.log.read_text()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def request(self, path: str = "/", content: bytes | None = None, **fields: str) -> tuple[int, bytes]:
        """Send a request over a connection of its own; return the status and the content of the response."""
        connection = self.connect()
        try:
            connection.request("GET" if content is None else "POST", path, content, fields)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the site."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    @property
    def children(self) -> list[int]:
        """The process ids of its workers."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def wait_for_log(self, text: str, count: int = 1) -> str:
        """Return the log once it has the text `count` times."""
        return self.wait_until(lambda: self.log.read_text() if self.log.read_text().count(text) >= count else "", text)

    def wait_until(self, found: Callable[[], str], what: str) -> str:
        """Return the result of `found` once it is not empty."""
        until = time.monotonic() + PATIENCE
        while not (result := found()):
            assert time.monotonic() < until, f"no {what!r} in time; the log:\n{self.log.read_text()}"
            assert self.process.poll() is None, f"it has ended; the log:\n{self.log.read_text()}"
            time.sleep(0.02)  # another process writes the log: there is no event to wait for
        return result

    def stop(self) -> int:
        """Stop it; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves a site with `fanlight run` and flags, below a wrapper if there is one."""
    running: list[Served] = []

    def start(*words: str, wrapper: Sequence[str] = (), environment: dict[str, str] | None = None) -> Served:
        (tmp_path / "main.py").write_text(SITE)
        command = [*wrapper, sys.executable, "-m", "fanlight", "run", "--port", "0", *words]
        running.append(Served(command, tmp_path, environment or {}))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        each.stop()


@pytest.fixture
def run_refused(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Return a function that tries to serve a site, and returns exit code and stderr."""

    def run(*words: str) -> tuple[int, str]:
        (tmp_path / "main.py").write_text(SITE)
        command = [sys.executable, "-m", "fanlight", "run", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert "Fanlight  " not in done.stdout, "the banner was printed"
        return done.returncode, done.stderr

    return run


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[[int], tuple[list[str], dict[str, str]]]:
    """Return a function that returns a wrapper and an environment with little room for temporary files.

    A tmpfs of its own, where the system allows mounting one; else a limit for the size of each file.
    """

    def make(kibibytes: int) -> tuple[list[str], dict[str, str]]:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = f'mount -t tmpfs -o size={kibibytes}k tmpfs "{disk}" && exec "$@"'
        wrapper = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"]
        if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
            wrapper = ["prlimit", f"--fsize={kibibytes * 1024}"]
        return wrapper, {"TMPDIR": str(disk)}

    return make

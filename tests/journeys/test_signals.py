"""At every moment of a server's life one signal ends it, whatever the site or the terminal does."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.shown_exceptions import shows_exception
from tests.speed import PATIENCE, seconds

RUN = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--control", "none", "--no-access-log"]
STOPS = [signal.SIGTERM, signal.SIGINT]
WORKERS = ["0", "1"]
MARK = "import os\ndef mark(name='mark'):\n    open(name, 'w').close()\n"
QUICK = "URLS = {'/': 'x'}\n"
# Sites that mark where they are, and then wait for something that does not come.
STARTS = {
    "the import waits": "import time\nmark()\ntime.sleep(600)\n",
    "the import computes": "mark()\nwhile True:\n    pass\n",
    "the import tries again": """
import time
mark()
while True:
    try:
        raise OSError
    except Exception:
        time.sleep(0.1)
""",
    "the lifespan waits": """
import asyncio
async def LIFESPAN():
    mark()
    await asyncio.sleep(600)
    yield
""",
    "a plain lifespan waits": "import time\ndef LIFESPAN():\n    mark()\n    time.sleep(600)\n    yield\n",
    "the lifespan blocks": "import time\nasync def LIFESPAN():\n    mark()\n    time.sleep(600)\n    yield\n",
    "the lifespan tries again": """
import asyncio
async def LIFESPAN():
    mark()
    while True:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.1)
        except Exception:
            pass
    yield
""",
    "a task of the lifespan blocks": """
import asyncio, time
async def block():
    mark()
    time.sleep(600)
async def LIFESPAN():
    await asyncio.create_task(block())
    yield
""",
    "the lifespan turns the stop into an error": """
import asyncio
async def LIFESPAN():
    mark()
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError as error:
        raise ValueError("no") from error
    yield
""",
}


class Server:
    """A server whose startup may never end."""

    def __init__(self, folder: Path, source: str, *words: str, **how: Any) -> None:
        self.folder = folder
        (folder / "main.py").write_text(MARK + source)
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True} | how
        process: Any = subprocess.Popen([*RUN, *words], cwd=folder, **how)
        self.process: subprocess.Popen[bytes] = process

    def wait_for_mark(self, name: str = "mark") -> None:
        """Return once the site's code has reached `mark(name)`."""
        until = time.monotonic() + PATIENCE
        while not (self.folder / name).exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until
            time.sleep(0.005)

    def wait_for_banner(self) -> None:
        """Return once the banner is printed; stdout must be a pipe."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"Ctrl+C stops it" in line:
                return
        raise AssertionError(self.process.communicate())

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_for_exit(self) -> tuple[int, str]:
        """Return the exit code and what was written to stderr."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (errors or b"").decode()


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a server from source code; it is ended after the test."""
    made: list[Server] = []

    def begin(source: str, *words: str, **how: Any) -> Server:
        made.append(Server(tmp_path, source, *words, **how))
        return made[-1]

    yield begin
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("name", STARTS)
def test_one_signal_ends_a_stuck_start(start: Start, name: str, workers: str) -> None:
    """Whatever the startup waits for, the process ends with exit code 0 and without a traceback."""
    source, number = STARTS[name], STOPS[len(name) % 2]
    server = start(source + QUICK, "--workers", workers)
    server.wait_for_mark()
    server.send_signal(number)
    code, errors = server.wait_for_exit()
    assert code == 0
    assert not shows_exception(errors)


SWALLOWS = {
    "the import": """
import time
while True:
    try:
        mark()
        time.sleep(600)
    except BaseException:
        mark("stopped")
""",
    "the lifespan": """
import asyncio
async def LIFESPAN():
    while True:
        try:
            mark()
            await asyncio.sleep(600)
        except BaseException:
            pass
    yield
""",
}


@pytest.mark.parametrize("source", SWALLOWS.values(), ids=SWALLOWS)
def test_a_startup_that_ignores_the_stop_is_cut_off(start: Start, source: str) -> None:
    """A startup that continues whatever is raised in it is ended after a few seconds, and the exit code says so."""
    server = start(source + QUICK)
    server.wait_for_mark()
    server.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert server.wait_for_exit()[0] == 70
    assert time.monotonic() - began < 5 + seconds(3)


def test_a_second_signal_cuts_off_a_startup_at_once(start: Start) -> None:
    """A startup that continues after the first signal is ended by the second one."""
    server = start(SWALLOWS["the import"] + QUICK)
    server.wait_for_mark()
    server.send_signal(signal.SIGTERM)
    server.wait_for_mark("stopped")
    server.send_signal(signal.SIGTERM)
    assert server.wait_for_exit()[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize("workers", WORKERS)
def test_a_signal_at_any_moment_of_the_startup_is_handled(start: Start, workers: str) -> None:
    """From the start of the process to a moment after the banner, a signal ends it soon, without a traceback."""
    server = start(QUICK, "--workers", workers)
    began = time.monotonic()
    server.wait_for_banner()
    whole = (time.monotonic() - began) * 1.1
    server.send_signal(signal.SIGTERM)
    assert server.wait_for_exit()[0] == 0
    luck = random.Random(1)
    for step in range(12):
        server = start(QUICK, "--workers", workers)
        time.sleep(whole * (step + luck.random()) / 12)
        server.send_signal(signal.SIGTERM)
        code, errors = server.wait_for_exit()
        assert not shows_exception(errors)
        assert code in (0, 128 + signal.SIGTERM, -signal.SIGTERM)  # the last: before Python has reached our first line


UNSHARE = ["unshare", "--pid", "--fork", "--kill-child"]
CAN_UNSHARE = (
    sys.platform == "linux" and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
)


@pytest.mark.skipif(not CAN_UNSHARE, reason="only root can create a PID namespace")
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize(
    "source", [STARTS["the import waits"], STARTS["a plain lifespan waits"]], ids=["import", "lifespan"]
)
def test_process_1_handles_a_signal_while_it_starts(tmp_path: Path, source: str, workers: str) -> None:
    """The kernel drops signals that process 1 has no handler for: handlers are installed before the site is loaded."""
    (tmp_path / "main.py").write_text(MARK + source + QUICK)
    with subprocess.Popen([*UNSHARE, *RUN, "--workers", workers], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            until = time.monotonic() + PATIENCE
            while not (tmp_path / "mark").exists():
                assert time.monotonic() < until
                time.sleep(0.005)
            (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
            assert not shows_exception(errors)
        finally:
            process.kill()


# --- where output goes -------------------------------------------------------------------------------


def full_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return reader, writer


def broken_pipe() -> tuple[int, int]:
    """Return the writing end of a pipe whose reader is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    return -1, writer


def full_disk() -> tuple[int, int]:
    """Return a file that can't be written to."""
    return -1, os.open("/dev/full", os.O_WRONLY)


def hung_up_terminal() -> tuple[int, int]:
    """Return a terminal that was closed."""
    master, slave = os.openpty()
    os.close(master)
    return -1, slave


OUTPUTS = [full_pipe, broken_pipe, full_disk, hung_up_terminal]
BUSY = """
import time
def LIFESPAN():
    yield
    print("that was all")

def slow():
    mark()
    while not os.path.exists("gate"):
        time.sleep(0.005)
    return "done"

URLS = {"/": slow}
"""


def port_of(process: subprocess.Popen[bytes]) -> int:
    """Return the port that a process, or a child of it, listens on; its banner may be lost."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        inodes = set()
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                inodes.add(str(fd.readlink()).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                return int(fields[1].rpartition(":")[2], 16)
        time.sleep(0.01)
    raise AssertionError("it does not listen")


@pytest.mark.skipif(sys.platform != "linux", reason="the port is read from /proc")
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("make", OUTPUTS)
def test_output_that_can_not_be_written_does_not_delay_shutdown(
    start: Start, make: Callable[[], tuple[int, int]], workers: str, tmp_path: Path
) -> None:
    """After one signal the running request is finished, and the exit code is 0, though output can't be written."""
    reader, writer = make()
    number = STOPS[OUTPUTS.index(make) % 2]
    how: dict[str, Any] = {"stdout": writer, "stderr": writer}
    how["env"] = os.environ | {"PYTHONUNBUFFERED": ""}  # the site's output waits for the process to end
    server = start(BUSY, "--workers", workers, **how)
    try:
        with ask(port_of(server.process), "/") as client:
            server.wait_for_mark()
            server.send_signal(number)
            assert select.select([client], [], [], 0.3)[0] == []  # it gets no response, and is not cut off
            (tmp_path / "gate").touch()
            assert client.recv(65536).endswith(b"done")
        assert server.wait_for_exit()[0] == 0
    finally:
        for each in (reader, writer):
            if each != -1:
                os.close(each)


def ask(port: int, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client

"""The Dockerfile of the page about deployment: its command as process 1, and its health check."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

Config = Callable[..., str]
FreePort = Callable[[], int]


@pytest.fixture
def commands(config: Config, free_port: FreePort) -> tuple[list[str], list[str], int]:
    """Return the command of the file, its health check, and the port."""
    port, admin = free_port(), free_port()
    text = config("Dockerfile", {'":8000"': f'"localhost:{port}"', "localhost:9000": f"localhost:{admin}"})
    command, check = (json.loads(each) for each in re.findall(r"^ *CMD (\[.*\])$", text, re.MULTILINE)[::-1])
    assert (command[0], check[0]) == ("fanlight", "python")
    return [sys.executable, "-m", *command], [sys.executable, *check[1:]], port


@pytest.fixture
def process_1(commands: tuple[list[str], list[str], int], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command as the first process of a PID namespace."""
    (tmp_path / "main.py").write_text('import os\n\ndef own():\n    return str(os.getppid())\n\nURLS = {"/": own}\n')
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    first = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *rights]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*first, *commands[0]], cwd=tmp_path, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def inner(process: subprocess.Popen[bytes]) -> int:
    """Return the process id, in this namespace, of process 1 in the other."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def test_the_container_serves_is_healthy_and_stops(
    commands: tuple[list[str], list[str], int], process_1: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """The health check succeeds while it serves and fails when it does not; SIGTERM ends it."""
    _, check, port = commands
    until = time.monotonic() + PATIENCE
    while subprocess.run(check, capture_output=True, check=False).returncode:
        assert time.monotonic() < until, (tmp_path / "log").read_text()
        time.sleep(0.1)
    patient = [
        "curl",
        "-sS",
        "--retry",
        "30",
        "--retry-delay",
        "1",
        "--retry-connrefused",
    ]  # healthy does not mean ready
    curl = subprocess.run([*patient, f"http://localhost:{port}/"], capture_output=True, text=True, check=True)
    assert curl.stdout == "2"  # the supervisor of the worker; process 1 reaps orphans
    os.kill(inner(process_1), 15)
    assert process_1.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


ORPHANS = """
import os, subprocess
def orphan():
    os.system("(sleep 0.1 &)")
    return str(subprocess.run(["sh", "-c", "exit 7"]).returncode)
def pid():
    return str(os.getpid())
URLS = {"/": pid, "/orphan": orphan}
"""


def zombies_of(parent: int) -> list[str]:
    """Return the process ids of the zombie children of a process."""
    stats = [each.rpartition(")")[2].split() for each in _read_all("/proc/[0-9]*/stat")]
    return [fields[0] for fields in stats if fields[:2] == ["Z", str(parent)]]


def _read_all(pattern: str) -> Iterator[str]:
    for each in Path("/").glob(pattern[1:]):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield each.read_text(errors="replace")


@pytest.mark.parametrize("flags", [[], ["--workers", "1"]], ids=["alone", "workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_1_reaps_orphans(tmp_path: Path, free_port: FreePort, flags: list[str], number: signal.Signals) -> None:
    """Orphans are reaped, a view's own children are left to the view, and a signal stops all in time."""
    (tmp_path / "main.py").write_text(ORPHANS)
    port = free_port()
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    first = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *rights]
    command = [*first, sys.executable, "-m", "fanlight", "run", "--port", str(port), *flags]
    curl = ["curl", "-sS", "--retry", "30", "--retry-delay", "1", "--retry-connrefused"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log) as outer:
        try:
            for _ in range(10):
                url = f"http://localhost:{port}/orphan"
                assert subprocess.run([*curl, url], capture_output=True, text=True, check=True).stdout == "7"
            until = time.monotonic() + PATIENCE
            while zombies_of(inner(outer)) or len(children_of(inner(outer))) > 1:
                assert time.monotonic() < until
                time.sleep(0.05)
            os.kill(inner(outer), number)
            assert outer.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
        finally:
            outer.kill()


def children_of(process: int) -> list[str]:
    """Return the process ids of a process's children."""
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()

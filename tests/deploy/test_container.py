"""The container file of the page about deployment: its command as process 1, and its health check."""

import json
import os
import re
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
def words(config: Config, free_port: FreePort) -> tuple[list[str], list[str], int]:
    """Give what the file runs, what it checks its health with, and the port."""
    port, admin = free_port(), free_port()
    text = config("Dockerfile", {'":8000"': f'"localhost:{port}"', "localhost:9000": f"localhost:{admin}"})
    command, check = (json.loads(each) for each in re.findall(r"^ *CMD (\[.*\])$", text, re.MULTILINE)[::-1])
    assert (command[0], check[0]) == ("fanlight", "python")
    return [sys.executable, "-m", *command], [sys.executable, *check[1:]], port


@pytest.fixture
def process_1(words: tuple[list[str], list[str], int], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give the command, running as the first process of a process namespace."""
    (tmp_path / "main.py").write_text('import os\n\ndef own():\n    return str(os.getppid())\n\nURLS = {"/": own}\n')
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    first = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *rights]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*first, *words[0]], cwd=tmp_path, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def inner(process: subprocess.Popen[bytes]) -> int:
    """Return the process id, seen from here, of what is process 1 in there."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def test_it_serves_says_that_it_is_well_and_stops_when_told(
    words: tuple[list[str], list[str], int], process_1: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """As process 1 it serves, its health check succeeds while it does and fails when it does not, SIGTERM ends it."""
    _, check, port = words
    until = time.monotonic() + PATIENCE
    while subprocess.run(check, capture_output=True, check=False).returncode:
        assert time.monotonic() < until, (tmp_path / "log").read_text()
        time.sleep(0.1)
    patient = ["curl", "-sS", "--retry", "30", "--retry-delay", "1", "--retry-connrefused"]  # healthy is not yet ready
    curl = subprocess.run([*patient, f"http://localhost:{port}/"], capture_output=True, text=True, check=True)
    assert curl.stdout == "1"  # the parent of the worker that answers
    os.kill(inner(process_1), 15)
    assert process_1.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0

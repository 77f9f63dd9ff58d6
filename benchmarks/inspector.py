"""What the development server costs: `fanlight dev`, which records each exchange, beside `fanlight run`.

In: nothing but the time to measure (`python benchmarks/inspector.py [SECONDS]`). Out: for each of three pages requests
per second and the server's processor time for each request, of both servers in turns, and their ratios. Of several
rounds the quietest counts: the one with the least processor time. Needs wrk.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 5
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
GOAL = 0.4  # of the full speed
SITE = """
from fanlight import App, render

def small():
    return "hello"

def item(number: int, page: int = 1):
    return {"number": number, "page": page}

def shown():
    return render("page.html", items=["a", "b", "c"])

app = App({"/small": small, "/items/{number}": item, "/page": shown})
"""
PAGE = "<!doctype html><title>x</title><ul>{% for each in items %}<li>{{ each }}</li>{% endfor %}</ul>"
PATHS = {"text": "/small", "JSON, with parameters": "/items/7?page=3", "template": "/page"}


@dataclass(frozen=True)
class Round:
    """What one round has measured."""

    rate: float  # requests per second
    cost: float  # microseconds of the server's processor time for each request


@dataclass(frozen=True)
class Running:
    """A server, and all its processes."""

    url: str
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes have used."""
        return sum(_cpu_seconds(each) for each in (self.process.pid, *_children(self.process.pid)))


def main(seconds: int) -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(SITE)
        (Path(folder) / "templates").mkdir()
        (Path(folder) / "templates" / "page.html").write_text(PAGE)
        with _running("run", folder) as run, _running("dev", folder) as dev:
            for name, path in PATHS.items():
                rounds = [(_measure(run, path, seconds), _measure(dev, path, seconds)) for _ in range(ROUNDS)]
                full, recorded = (min(each, key=lambda one: one.cost) for each in zip(*rounds, strict=True))
                ratio, cost_ratio = recorded.rate / full.rate, full.cost / recorded.cost
                print(
                    f"{name:22} run {full.rate:7.0f}/s {full.cost:5.1f} us   dev {recorded.rate:7.0f}/s"
                    f" {recorded.cost:5.1f} us   {ratio:.0%} of the requests, {cost_ratio:.0%} by processor time"
                    f"{'' if ratio >= GOAL else '   below the goal'}"
                )


def _measure(server: Running, path: str, seconds: int) -> Round:
    before = server.cpu_seconds()
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", server.url + path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    spent = server.cpu_seconds() - before
    count = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert count is not None
    assert rate is not None
    assert "Non-2xx" not in output, output
    return Round(float(rate[1]), 1e6 * spent / int(count[1]))


@contextlib.contextmanager
def _running(command: str, folder: str) -> Iterator[Running]:
    """Run a server of the site on a port that the system has chosen."""
    port = _free_port()
    arguments = [sys.executable, "-m", "fanlight", command, "main.py", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*arguments, "--no-access-log"], cwd=folder, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        _wait_until_it_serves(f"http://127.0.0.1:{port}/small")
        yield Running(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_until_it_serves(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [*found, *(inner for each in found for inner in _children(each))]
    return []


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

"""Clients that come and go in rooms in which nothing is ever published: no task, no listener, no file stays behind.

    python -m tests.soak.quiet [--clients 10000] [--report]

They listen in each way that there is, some in one room, some each in a room of their own, and leave by closing or by a
reset. Prints a report; the exit code is 1 if anything is left in a worker or in the supervisor. With `--report` the
section Quiet rooms of docs/reference/trials.md is replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.soak.live import is_error
from tests.soak.report import MEBIBYTE, write_section
from tests.soak.served import Served
from tests.speed import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
SITE = Path(__file__).parent / "quiet_site"
HEADING = "## Quiet rooms"
WAYS = ("listen", "wait", "forward", "stream")
AT_ONCE = 250  # clients that are there at the same time, of each process
_REQUEST = (
    "GET /{way}/{room} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset

Counts = dict[int, dict[str, int]]


@dataclass
class Outcome:
    """What was measured."""

    clients: int
    begun: int = 0
    seconds: float = 0.0
    most_tasks: int = 0
    before: Counts = field(default_factory=dict)
    after: Counts = field(default_factory=dict)
    left_after: float = 0.0
    memory: list[int] = field(default_factory=list)  # bytes: before, after one half, after all
    log_lines: list[str] = field(default_factory=list)
    exit_code: int = 0


async def come_and_go(port: int, numbers: range, outcome: Outcome) -> None:
    """Have some clients come, all of them, then go."""
    there = await asyncio.gather(*(_come(port, number) for number in numbers))
    outcome.begun += len(there)
    for number, each in zip(numbers, there, strict=True):
        if number % 8 >= len(WAYS):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        each.close()


async def _come(port: int, number: int) -> socket.socket:
    loop, way = asyncio.get_running_loop(), WAYS[number % len(WAYS)]
    room = "lobby" if number % 3 else f"room-{number}"
    sock = socket.socket()
    sock.setblocking(False)
    async with asyncio.timeout(PATIENCE):
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, _REQUEST.format(way=way, room=room).encode())
        received = b""
        while way != "wait" and b"\r\n\r\n" not in received:
            found = await loop.sock_recv(sock, 4096)
            assert found, received
            received += found
    return sock


async def counted(served: Served) -> Counts:
    """Return what each worker has open."""
    found: Counts = {}
    workers = set(served.workers)
    async with asyncio.timeout(PATIENCE):
        while set(found) != workers:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /counts HTTP/1.0\r\nhost: localhost\r\n\r\n")
            document: dict[str, Any] = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
            writer.close()
            found[document.pop("pid")] = document
    return found


async def trial(served: Served, outcome: Outcome) -> None:
    """Have all clients come and go; wait until nothing of them is left, or PATIENCE is over."""
    await come_and_go(served.port, range(4 * len(WAYS)), Outcome(0))  # what the first one loads and opens stays
    await _until_left(served, {})
    outcome.before = await counted(served)
    outcome.memory.append(sum(served.memory().values()))
    began = time.monotonic()
    for first in range(0, outcome.clients, AT_ONCE):
        await come_and_go(served.port, range(first, min(first + AT_ONCE, outcome.clients)), outcome)
        now = await counted(served)
        if first <= outcome.clients // 2 < first + AT_ONCE:
            outcome.memory.append(sum(served.memory().values()))
        outcome.most_tasks = max(outcome.most_tasks, sum(each["tasks"] for each in now.values()))
    outcome.seconds = time.monotonic() - began
    outcome.after, outcome.left_after = await _until_left(served, outcome.before)
    outcome.memory.append(sum(served.memory().values()))


async def _until_left(served: Served, before: Counts) -> tuple[Counts, float]:
    """Return what is open when no more than before is, or after a while, and after how many seconds that was."""
    began = time.monotonic()
    while True:
        found, seconds = await counted(served), time.monotonic() - began
        if seconds > PATIENCE or not _left(before, found):
            return found, seconds
        await asyncio.sleep(0.25)


def _left(before: Counts, after: Counts) -> list[str]:
    found = []
    for pid, counts in after.items():
        for name, count in counts.items():
            allowed = before[pid][name] if pid in before else 0 if name == "topics" else count
            if count > allowed:
                found.append(f"{count - allowed} {name} are left in worker {pid}")
    return found


def problems(outcome: Outcome) -> list[str]:
    """Return what is wrong."""
    found = _left(outcome.before, outcome.after)
    found += [f"in the log: {line}" for line in outcome.log_lines if is_error(line)]
    if outcome.exit_code != 0:
        found.append(f"exit code {outcome.exit_code}")
    return found


def markdown(outcome: Outcome) -> str:
    """Return the section for the page of trials."""

    def total(counts: Counts, name: str) -> int:
        return sum(each[name] for each in counts.values())

    rows = {
        "clients": f"{outcome.begun:,} in {outcome.seconds:.0f} s, {AT_ONCE} at once",
        "tasks of both workers": f"{total(outcome.before, 'tasks')} before, {outcome.most_tasks:,} at most,"
        f" {total(outcome.after, 'tasks')} after",
        "topics with listeners": f"{total(outcome.before, 'topics')} before, {total(outcome.after, 'topics')} after",
        "open files": f"{total(outcome.before, 'files')} before, {total(outcome.after, 'files')} after",
        "until nothing was left, from the last client": f"{outcome.left_after:.1f} s",
        "memory of supervisor and workers: before, after one half, after all": ", ".join(
            f"{each / MEBIBYTE:.1f} MiB" for each in outcome.memory
        ),
        "ERROR lines in the log": f"{sum(map(is_error, outcome.log_lines))}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"{HEADING}\n\n`python -m tests.soak.quiet`: `fanlight run --workers 2`, fanlight {version('fanlight')},"
        f" CPython {platform.python_version()}, {sys.platform}. Clients come and go in rooms in which nothing is"
        " published: event streams, WebSockets with `forward_to`, and WebSockets whose view only waits for the topic,"
        " one half of these before their handshake is complete. A third of them is each in a room of its own; half"
        f" leave by a reset.\n\n| | |\n|---|---|\n{table}\n"
    )


def main(words: list[str] | None = None) -> int:
    """Run one trial; return the exit code."""
    parser = argparse.ArgumentParser(prog="quiet", description="Have clients come and go in quiet rooms.")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--report", action="store_true", help="write the section of docs/reference/trials.md again")
    arguments = parser.parse_args(words)
    outcome = Outcome(arguments.clients)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        shutil.copytree(SITE, folder / "site")
        flags = ["--workers", "2", "--no-access-log", "--connections-per-address", "0", "site/main.py"]
        served = Served(folder, flags, folder / "errors.log")
        try:
            asyncio.run(trial(served, outcome))
        finally:
            outcome.exit_code = served.stop()
            outcome.log_lines = served.log.read_text(errors="replace").splitlines()
    section = markdown(outcome)
    found = problems(outcome)
    print(section, *found, sep="\n")  # noqa: T201 - the report
    if arguments.report and not found:
        write_section(PAGE, HEADING, section)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

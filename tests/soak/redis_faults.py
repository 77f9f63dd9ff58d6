"""A Redis that is killed, loses its data, or hangs, under two sites and a thousand listeners that return by their id.

    python -m tests.soak.redis_faults [--listeners 1000] [--server redis-server] [--report]

Prints a report; the exit code is 1 if a listener lacks a message that was confirmed (and that Redis kept), got one
twice or out of order, if a publisher waited for longer than promised, or if the log has an error. Everything stays on
loopback. With `--report` the section of docs/reference/trials.md is replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.redis_server import RedisServer
from tests.soak.live import is_error, until
from tests.soak.report import write_section
from tests.soak.returning import Id, Listener, Noted, Publisher
from tests.soak.served import Served
from tests.speed import PATIENCE, seconds

from fanlight.topics.bus import PUBLISH_SECONDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
SITE = Path(__file__).parent / "live_site"
HEADING = "## A Redis with faults"
SITES, WORKERS = 2, 2  # as on two machines, with two workers each
EVERY_SECONDS = 0.5  # each site publishes
CALM_SECONDS = 5.0  # before and after a fault


@dataclass
class Round:
    """What was counted around one fault."""

    name: str
    confirmed: int = 0
    refused: int = 0
    slowest_seconds: float = 0.0
    lost: int = 0  # confirmed messages that a listener lacks, of all listeners together
    gone_with_data: int = 0  # those of them that Redis itself has lost
    ends: Counter[str] = field(default_factory=Counter)


@dataclass
class Outcome:
    """What was counted."""

    listeners: int
    server: str
    noted: Noted = field(default_factory=Noted)
    rounds: list[Round] = field(default_factory=list)
    received: int = 0
    log_lines: list[str] = field(default_factory=list)
    exit_code: int = 0


class Trial:
    """The sites, their Redis, and all clients."""

    def __init__(self, redis: RedisServer, sites: Sequence[Served], outcome: Outcome, stop_seconds: float) -> None:
        """Begin with clients that are not connected."""
        self._redis, self._sites, self._outcome, self._stop_seconds = redis, sites, outcome, stop_seconds
        self._noted = outcome.noted
        ports = [each.port for each in sites]
        self.listeners = [
            Listener(ports[number // 2 % len(ports)], number, self._noted) for number in range(outcome.listeners)
        ]
        self._publishers = [
            Publisher(port, number * 1_000_000, EVERY_SECONDS, self._noted) for number, port in enumerate(ports)
        ]

    async def run(self) -> None:
        """Go through all faults."""
        await self._publishers[0].publish()
        tasks = [asyncio.ensure_future(each.run()) for each in self.listeners]
        tasks += [asyncio.ensure_future(each.run()) for each in self._publishers]
        await self._connected()
        await self._round("killed (SIGKILL) and started again", self._restart)
        await self._round("killed, and started again without its data", self._restart_empty, keeps_data=False)
        await self._round(f"stopped (SIGSTOP) for {self._stop_seconds:.0f} s", self._hang)
        await self._round("a worker of each site killed (SIGKILL)", self._kill_workers)
        for each in tasks:
            each.cancel()
        done, _ = await asyncio.wait(tasks)
        self._noted.problems += [repr(each.exception()) for each in done if not each.cancelled()]
        self._outcome.received = sum(len(each.ids) for each in self.listeners)

    async def _connected(self) -> None:
        async with asyncio.timeout(PATIENCE):
            for each in self.listeners:
                await each.connected.wait()

    async def _round(self, name: str, fault: Callable[[], Awaitable[None]], *, keeps_data: bool = True) -> None:
        noted = self._noted
        first, refused, ends = len(noted.confirmed), noted.refused, Counter(noted.ends)
        noted.slowest_seconds = 0.0
        await asyncio.sleep(CALM_SECONDS)
        before = len(noted.confirmed)
        await fault()
        await self._confirmed(before + 2 * SITES)
        await asyncio.sleep(CALM_SECONDS)
        await self._connected()
        due = noted.confirmed[first:]
        gone = set() if keeps_data else set(due) - await asyncio.to_thread(self._kept)
        await self._have(set(due) - gone)
        self._outcome.rounds.append(
            Round(
                name,
                len(due),
                noted.refused - refused,
                noted.slowest_seconds,
                sum(len(set(due) - gone - each.ids) for each in self.listeners),
                sum(len(gone - each.ids) for each in self.listeners),
                noted.ends - ends,
            )
        )
        print(self._outcome.rounds[-1], noted.problems[-3:], file=sys.stderr, flush=True)  # noqa: T201 - progress

    async def _confirmed(self, count: int) -> None:
        await until(lambda: len(self._noted.confirmed) >= count, f"{count} messages")

    async def _have(self, due: set[Id]) -> None:
        """Wait until each listener has all of these, or for a while."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: all(due <= each.ids for each in self.listeners), "every message")

    def _kept(self) -> set[Id]:
        with self._redis.client() as client:
            entries = [found for key in client.keys("fanlight-topic:*") for found, _ in client.xrange(key)]
        return {(int(left), int(right)) for left, right in (each.split(b"-") for each in entries)}

    # --- faults ---------------------------------------------------------------------------------------

    async def _restart(self) -> None:
        await asyncio.to_thread(self._redis.kill)
        await asyncio.sleep(CALM_SECONDS)
        await asyncio.to_thread(self._redis.start)

    async def _restart_empty(self) -> None:
        await asyncio.to_thread(self._redis.kill)
        await asyncio.to_thread(shutil.rmtree, self._redis.folder / "appendonlydir")
        await asyncio.sleep(CALM_SECONDS)
        await asyncio.to_thread(self._redis.start)

    async def _hang(self) -> None:
        process = self._redis.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self._stop_seconds)
        process.send_signal(signal.SIGCONT)

    async def _kill_workers(self) -> None:
        for each in self._sites:
            os.kill(each.workers[0], signal.SIGKILL)
        await asyncio.sleep(2)


def problems(outcome: Outcome) -> list[str]:
    """Return what is wrong."""
    found = list(outcome.noted.problems)
    for each in outcome.rounds:
        if each.lost:
            found.append(f"{each.name}: {each.lost} were lost")
        if each.slowest_seconds > PUBLISH_SECONDS + seconds(2):
            found.append(f"{each.name}: publishing took {each.slowest_seconds:.1f} s")
        if "worker" not in each.name and "without" not in each.name and each.ends:
            found.append(f"{each.name}: listeners were disconnected: {dict(each.ends)}")
    found += [f"in the log: {line}" for line in outcome.log_lines if is_error(line) and "SIGKILL" not in line]
    if outcome.exit_code != 0:
        found.append(f"exit code {outcome.exit_code}")
    return found


def markdown(outcome: Outcome) -> str:
    """Return the section for the page of trials."""
    rows = [
        f"| {each.name} | {each.confirmed} | {each.refused}, {each.slowest_seconds:.1f} s | {each.lost} |"
        f" {each.gone_with_data} | {sum(each.ends.values())} |"
        for each in outcome.rounds
    ]
    wrong = len(outcome.noted.problems)
    return (
        f"{HEADING}\n\n`python -m tests.soak.redis_faults`: {outcome.listeners:,} listeners, half of them event streams"
        f" and half WebSockets, of {SITES} sites with {WORKERS} workers each, as on two machines, on one"
        f" {outcome.server}; fanlight {version('fanlight')}, CPython {platform.python_version()}, {sys.platform}. Both"
        " sites publish to one topic with a history, and try again where it is refused. A listener whose connection has"
        f" ended connects again with its last id. They got {outcome.received:,} messages, {wrong} of them twice or out"
        " of order.\n\n"
        "| Redis is | confirmed | refused, the slowest after | lost | gone with Redis's data | connections ended |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def main(words: list[str] | None = None) -> int:
    """Run one trial; return the exit code."""
    parser = argparse.ArgumentParser(prog="redis_faults", description="Kill and stop a Redis under many listeners.")
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--stop-seconds", type=float, default=20.0)
    parser.add_argument("--server", default="redis-server", help="the program: redis-server, or valkey-server")
    parser.add_argument("--report", action="store_true", help="write the section of docs/reference/trials.md again")
    arguments = parser.parse_args(words)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    shown = subprocess.run([arguments.server, "--version"], capture_output=True, text=True, check=True).stdout
    outcome = Outcome(arguments.listeners, " ".join(shown.split()[:3]))
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        redis = RedisServer(folder / "redis", program=arguments.server)
        sites: list[Served] = []
        try:
            for number in range(SITES):
                shutil.copytree(SITE, folder / f"{number}" / "site")
                flags = ["--workers", f"{WORKERS}", "--bus", redis.url, "--no-access-log", "site/main.py"]
                flags += ["--connections-per-address", "0"]
                sites.append(Served(folder / f"{number}", flags, folder / f"{number}.log"))
            asyncio.run(Trial(redis, sites, outcome, arguments.stop_seconds).run())
        finally:
            for each in sites:
                outcome.exit_code = max(outcome.exit_code, each.stop())
                outcome.log_lines += each.log.read_text(errors="replace").splitlines()
            redis.stop()
    section = markdown(outcome)
    found = problems(outcome)
    print(section, *found[:50], sep="\n")  # noqa: T201 - the report
    if arguments.report and not found:
        write_section(PAGE, HEADING, section)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

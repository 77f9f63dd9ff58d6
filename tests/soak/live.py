"""Publish to a topic for ten minutes, to listeners that come and go, while the server loads its code again and again.

    python -m tests.soak.live [--seconds 600] [--report]

Prints a report; the exit code is 1 if a listener did not get every message once and in order, if the server grew, or if
its log has an error. Everything stays on loopback. With `--report` the section Topics of docs/reference/trials.md is
replaced.

The time is divided into rounds: each begins with a reload, and at its end memory and open files are measured. So
workers of the same age are compared, with the same listeners.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from tests.shown_exceptions import shows_exception
from tests.soak.listeners import KINDS, Heard, Listener, Publisher
from tests.soak.report import LEAST_SECONDS, MEBIBYTE, write_section
from tests.soak.served import Served
from tests.speed import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trials.md"
SITE = Path(__file__).parent / "live_site"
HEADING = "## Topics"
ROUND_SECONDS = 25.0
MOST_GROWTH = {"supervisor": 1 * MEBIBYTE, "workers": 4 * MEBIBYTE, "files": 2}  # files: of connections being made


class Round(NamedTuple):
    """What the system reports at the end of a round."""

    supervisor: int  # resident bytes
    workers: int  # of both
    files: int  # open ones, of all three


@dataclass
class Outcome:
    """What was measured."""

    seconds: float
    listeners: int
    heard: Heard
    published: int = 0
    rounds: list[Round] = field(default_factory=list)
    files_before: int = 0
    files_after: int = 0
    log_lines: list[str] = field(default_factory=list)
    exit_code: int = 0

    def thirds(self, name: str) -> tuple[float, float]:
        """Return the median of a measure in the first third of the rounds, and in the last."""
        values = [getattr(each, name) for each in self.rounds]
        size = max(1, len(values) // 3)
        return statistics.median(values[:size]), statistics.median(values[-size:])


async def soak(served: Served, outcome: Outcome) -> None:
    """Publish and listen, reload and measure."""
    publisher = Publisher(served.port, outcome.heard)
    await publisher.publish()  # the first message opens the supervisor's relay, which stays
    await _reload(served)
    outcome.files_before = sum(served.files().values())
    listeners = [
        KINDS[number % len(KINDS)](served.port, publisher, outcome.heard, number) for number in range(outcome.listeners)
    ]
    listening = [asyncio.create_task(each.run()) for each in listeners]
    publishing = asyncio.create_task(publisher.run(outcome.seconds))
    count = max(2, int(outcome.seconds / ROUND_SECONDS))
    began = time.monotonic()
    for number in range(count):
        await _reload(served)
        await asyncio.sleep(max(0.0, began + (number + 1) * outcome.seconds / count - time.monotonic()))
        memory = served.memory()
        supervisor = memory.pop(served.pid)
        outcome.rounds.append(Round(supervisor, sum(memory.values()), sum(served.files().values())))
        _say(outcome, publisher, listeners)
    await publishing
    outcome.published = publisher.count
    await _catch_up(listeners, outcome)
    for each in listening:
        each.cancel()
    await asyncio.wait(listening)
    outcome.heard.problems += [repr(each.exception()) for each in listening if not each.cancelled()]
    await _reload(served)
    outcome.files_after = sum(served.files().values())


async def _catch_up(listeners: list[Listener], outcome: Outcome) -> None:
    try:
        await until(lambda: all(each.expected >= outcome.published for each in listeners), "every message")
    except TimeoutError:
        late = sorted(each.expected for each in listeners if each.expected < outcome.published)
        outcome.heard.problems.append(f"{len(late)} listeners lack the last of {outcome.published}: they have {late}")


async def _reload(served: Served) -> None:
    """Reload; return when the workers of before are gone."""
    before = set(served.workers)
    served.send_signal(signal.SIGHUP)
    await until(lambda: len(served.workers) == 2 and not before & set(served.workers), "two new workers")
    await asyncio.sleep(1)  # for what a worker does right after its start


async def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a condition of several clients or processes. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s: {what}")
        await asyncio.sleep(0.1)


def _say(outcome: Outcome, publisher: Publisher, listeners: list[Listener]) -> None:
    last = outcome.rounds[-1]
    slowest = min(each.expected for each in listeners)
    print(  # noqa: T201 - progress
        f"round {len(outcome.rounds)}: published {publisher.count}, all have {slowest}; supervisor"
        f" {_mib(last.supervisor)}, workers {_mib(last.workers)}, files {last.files};"
        f" {len(outcome.heard.problems)} problems {outcome.heard.problems[-3:]}",
        file=sys.stderr,
        flush=True,
    )


def problems(outcome: Outcome) -> list[str]:
    """Return what is wrong."""
    found = list(outcome.heard.problems)
    found += [f"unexpected in the log: {line}" for line in outcome.log_lines if is_error(line)]
    for name, most in MOST_GROWTH.items():
        first, last = outcome.thirds(name)
        if outcome.seconds >= LEAST_SECONDS and last > first + most:
            found.append(f"{name} grew: {first:,.0f} to {last:,.0f}")
    if outcome.files_after > outcome.files_before:
        found.append(f"open files grew: {outcome.files_before} to {outcome.files_after}")
    if outcome.exit_code != 0:
        found.append(f"exit code {outcome.exit_code}")
    return found


def is_error(line: str) -> bool:
    """Return whether a line of the log is one that a soak does not expect."""
    return bool(re.search(r"  (ERROR|CRITICAL)  ", line)) or shows_exception(line)


def markdown(outcome: Outcome) -> str:
    """Return the section for the page of trials."""
    heard = outcome.heard
    due = outcome.published * outcome.listeners
    supervisor, workers, files = (outcome.thirds(name) for name in ("supervisor", "workers", "files"))
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in heard.connections.items())
    ends = ", ".join(f"{how} {count:,}" for how, count in sorted(heard.ends.items()))
    rows = {
        "published, each confirmed": f"{outcome.published:,}",
        f"received by {outcome.listeners} listeners": f"{heard.messages:,} of {due:,}",
        "lost, doubled, out of order, or not published": f"{len(heard.problems)}",
        "reloads (SIGHUP)": f"{len(outcome.rounds) + 2}",
        "connections": f"{sum(heard.connections.values()):,} ({kinds})",
        "how they ended": ends,
        "memory of the supervisor": " to ".join(map(_mib, supervisor)),
        "memory of the two workers, at the same age": " to ".join(map(_mib, workers)),
        "open files of all three, with all listeners": f"{files[0]:.0f} to {files[1]:.0f}",
        "open files without listeners": f"{outcome.files_before} before, {outcome.files_after} after",
        "ERROR lines in the log": f"{sum(map(is_error, outcome.log_lines))}",
        "exit code after SIGTERM": f"{outcome.exit_code}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"{HEADING}\n\n`python -m tests.soak.live`: {outcome.seconds:.0f} seconds, `fanlight run --workers 2`, fanlight"
        f" {version('fanlight')}, CPython {platform.python_version()}, {sys.platform}."
        " One topic with a history, to which one client publishes. A third of the listeners are event streams, a third"
        " WebSockets with `forward_to`, a third WebSockets that get ids; each stays for 3 to 60 seconds, leaves (every"
        " second time by a reset), and comes back with the last id that it has. Memory and files: median of the first"
        f" third of the rounds between two reloads, to that of the last.\n\n| | |\n|---|---|\n{table}\n"
    )


def _mib(size: float) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"


def main(words: list[str] | None = None) -> int:
    """Run one soak; return the exit code."""
    parser = argparse.ArgumentParser(prog="live", description="Publish to listeners that come and go, over reloads.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--listeners", type=int, default=36)
    parser.add_argument("--report", action="store_true", help="write the section of docs/reference/trials.md again")
    arguments = parser.parse_args(words)
    outcome = Outcome(arguments.seconds, arguments.listeners, Heard())
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        shutil.copytree(SITE, folder / "site")
        served = Served(folder, ["--workers", "2", "--no-access-log", "site/main.py"], folder / "errors.log")
        try:
            asyncio.run(soak(served, outcome))
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

"""The report of a soak: what was counted, what is wrong, and the section for the page.

Takes the numbers; returns Markdown, and the list of problems.
"""

from __future__ import annotations

import platform
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.shown_exceptions import shows_exception
from tests.soak.tally import Failure, Tally

MEBIBYTE = 1024 * 1024
MOST_GROWTH_BYTES = 8 * MEBIBYTE  # of the supervisor and two fresh workers together
MOST_CALM_GROWTH = 1.10  # of workers that go on serving
LEAST_SECONDS = 120.0  # of a soak long enough for the memory of workers to be steady
EXPECTED_ERROR = re.compile(r"worker \d+ was killed by SIGKILL|the access log can't be written: Broken pipe")
HEADING = "## Soak\n"


@dataclass(kw_only=True)
class Measured:
    """What the system reports about the server."""

    memory_before: int = 0
    memory_after: int = 0
    memory_most: int = 0
    calm_begin: int = 0
    calm_end: int = 0
    files_before: int = 0
    files_after: int = 0
    exit_code: int = 0
    done: Counter[str] = field(default_factory=Counter)
    log_lines: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> list[str]:
        """The log lines of level ERROR or above, and tracebacks."""
        return [line for line in self.log_lines if re.search(r"  (ERROR|CRITICAL)  ", line) or shows_exception(line)]

    @property
    def unexpected_errors(self) -> list[str]:
        """Those about anything else than a killed worker."""
        return [line for line in self.errors if not EXPECTED_ERROR.search(line)]


def problems(tally: Tally, measured: Measured) -> list[str]:
    """Return what is wrong."""
    found = [f"unexplained: {describe(each)}" for each in tally.unexplained]
    found += [f"unexpected in the log: {line}" for line in measured.unexpected_errors]
    found += [f"{what}: {count} times" for what, count in tally.hostile.items() if what.startswith("wrongly")]
    if measured.memory_after > measured.memory_before + MOST_GROWTH_BYTES:
        found.append(f"memory grew: {_mib(measured.memory_before)} to {_mib(measured.memory_after)}")
    grown = measured.calm_end > measured.calm_begin * MOST_CALM_GROWTH + MOST_GROWTH_BYTES
    if measured.seconds >= LEAST_SECONDS and grown:
        found.append(f"workers grew: {_mib(measured.calm_begin)} to {_mib(measured.calm_end)}")
    if measured.files_after > measured.files_before:
        found.append(f"open files grew: {measured.files_before} to {measured.files_after}")
    if measured.exit_code != 0:
        found.append(f"exit code {measured.exit_code}")
    return found


def describe(failure: Failure) -> str:
    """Return a failure as one line."""
    led_to = f", led to worker {failure.worker}" if failure.worker is not None else ""
    return f"{failure.client}, {failure.kind}: {failure.how} (after {failure.ended - failure.began:.2f} s{led_to})"


def markdown(tally: Tally, measured: Measured) -> str:
    """Return the section for the page of trials."""
    failed = Counter(each.client for each in tally.failures if tally.explains(each))
    quiet = [each for each in tally.retried if not tally.explains(each)]
    kinds = Counter(each.kind for each in quiet)
    done = measured.done
    hostile = sum(tally.hostile.values()) - tally.hostile["refused"]
    rows = {
        "requests sent": f"{sum(tally.sent.values()):,} ({_counted(tally.sent)})",
        "completed, each response compared": f"{sum(tally.completed.values()):,}",
        "failed in a worker that was killed": f"{sum(failed.values())} ({_counted(failed)})",
        "failed otherwise": f"{len(tally.unexplained)}",
        "sent again (RFC 9112 section 9.3.1), after a kill": f"{len(tally.retried) - len(quiet)}",
        "sent again, after a kept connection was closed": f"{len(quiet)} ({_counted(kinds)})",
        "slowest response": f"{tally.slowest:.2f} s",
        "faults": f"{done['kill']} workers killed, {done['stop a worker']} stopped (SIGTERM, SIGINT),"
        f" {done['reload']} swapped releases (SIGHUP), {done['replace the supervisor']} supervisors replaced (SIGUSR2),"
        f" {done['restart']} restarts of the server (into a full pipe, a broken pipe),"
        f" {done['rotate']} log rotations (SIGUSR1)",
        "hostile connections": f"{hostile:,} ({_counted(tally.hostile)})",
        "workers that responded": f"{len(tally.workers)}",
        "memory, supervisor and two fresh workers": f"{_mib(measured.memory_before)} before,"
        f" {_mib(measured.memory_after)} after, {_mib(measured.memory_most)} at most in between",
        "memory in the quiet last fifth, under load": f"{_mib(measured.calm_begin)} at its beginning,"
        f" {_mib(measured.calm_end)} at its end",
        "open files": f"{measured.files_before} before, {measured.files_after} after",
        "ERROR lines in the log": f"{len(measured.errors)}, {len(measured.unexpected_errors)} of them about anything"
        " but a killed worker",
        "exit code after SIGTERM": f"{measured.exit_code}",
    }
    table = "\n".join(f"| {name} | {value.replace(' ()', '')} |" for name, value in rows.items())
    return (
        f"{HEADING}\n`make soak`: {measured.seconds:.0f} seconds, `fanlight run --workers 2`, fanlight"
        f" {version('fanlight')}, CPython {platform.python_version()}, {sys.platform}.\n\n| | |\n|---|---|\n{table}\n"
    )


def write_section(page: Path, heading: str, section: str) -> None:
    """Write a section into a page, replacing the one with this heading, or at the end."""
    text = page.read_text()
    before, _, rest = text.partition(f"{heading}\n")
    following = re.search(r"^## ", rest, re.MULTILINE)
    after = rest[following.start() :] if following else ""
    page.write_text("\n\n".join(each.strip() for each in (before, section, after) if each.strip()) + "\n")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.most_common())


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"

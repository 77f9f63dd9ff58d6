"""Find the processes that tests have started and not ended.

A process belongs to the session if it descends from this one, or has the session's mark in its environment, which an
orphan keeps. Only Linux (/proc) is supported; elsewhere nothing is found.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MARK = "TESTS_STARTED_BY"  # in the environment of all that a session starts; its value begins with the session's id


@dataclass(frozen=True)
class Process:
    """A running process."""

    pid: int
    parent: int
    command: str
    is_marked: bool


def processes(mark: str) -> dict[int, Process]:
    """Return all running processes by their ids."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile
        if state == "Z":
            continue
        try:
            is_marked = f"\0{MARK}={mark}".encode() in b"\0" + (folder / "environ").read_bytes()
        except OSError:
            is_marked = False  # of another user
        found[int(folder.name)] = Process(int(folder.name), int(parent), command, is_marked)
    return found


def leftovers(mark: str, *, of: int | None = None) -> list[Process]:
    """Return the descendants of a process (this one by default), and all processes with the mark.

    This process and its parents are never included.
    """
    known = processes(mark)
    root = os.getpid() if of is None else of

    def line(pid: int) -> list[int]:
        """Return a process and those from which it descends."""
        return [pid, *line(known[pid].parent)] if pid in known else []

    own = set(line(os.getpid()))
    return [each for each in known.values() if each.pid not in own and (each.is_marked or root in line(each.pid))]


def end_leftovers(mark: str, seconds: float, *, of: int | None = None) -> list[Process]:
    """Give leftover processes some time to end by themselves, kill the others, and return those."""
    until = time.monotonic() + seconds
    while (left := leftovers(mark, of=of)) and time.monotonic() < until:
        time.sleep(0.05)  # they are not our children: they can't be waited for
    for each in left:
        try:
            os.kill(each.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return left

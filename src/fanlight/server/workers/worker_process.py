"""A worker as its parent sees it, and how one is started.

In: a command, as it was typed. Out: a new interpreter that runs the same command and finds its
channel in its environment, so it serves instead of supervising. Nothing of the user's runs in the
parent, and a worker has nothing of an older worker's code.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from fanlight.errors import InvalidSetting
from fanlight.server.recording.counts import Snapshot
from fanlight.server.workers.channel import VARIABLE, Channel
from fanlight.settings.start_directory import here

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class WorkerState(Enum):
    """Where a worker stands."""

    STARTING = "starting"  # it loads the site
    READY = "ready"  # it serves
    LEAVING = "leaving"  # it finishes what runs
    KILLED = "killed"  # it was leaving, and took too long; it has been killed
    ABORTING = "aborting"  # it hangs; it has been told to say where, and is ended next


class ChildProcess(Protocol):
    """A child of ours."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code (a signal's number, negative, if one ended it), None while it lives."""


class InheritedProcess:
    """A child that was started by what this process was before it took up new code."""

    def __init__(self, pid: int) -> None:
        """Take a child by its process id."""
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it lives."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._code = -signal.SIGKILL  # somebody else has waited for it
            else:
                if pid:
                    self._code = os.waitstatus_to_exitcode(status)
        return self._code


@dataclass(eq=False, slots=True, kw_only=True)
class Worker:
    """One worker, from its start to its end."""

    process: ChildProcess
    channel: Channel
    generation: int
    began: float
    state: WorkerState = WorkerState.STARTING
    is_retired: bool = False  # it leaves as soon as another has taken its place
    heard: float = 0.0  # when it last showed that its hub turns
    asked: float = 0.0  # when it was last asked to
    told: float = 0.0  # when it was told to say where it hangs
    leave_by: float = 0.0  # when it is ended, if it leaves
    served: int = 0
    counts: Snapshot | None = None  # as it last told them
    why: str = ""  # why it is ended, if we end it

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; one that is gone gets none."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True, slots=True)
class Spawner:
    """Starts workers, all by the same command."""

    command: tuple[str, ...]  # as it was typed
    identity: tuple[int, int] | None = None  # user and group they change to
    folder: str | None = field(default_factory=here)  # None: it is gone, and they begin where we are

    def start(self, generation: int) -> Worker:
        """Start a worker, in a process group of its own: Ctrl+C is for the parent. Raises OSError."""
        channel, theirs = Channel.pair()
        process = subprocess.Popen(  # noqa: S603 - it is the command that we ourselves were started with
            self.command,
            cwd=self.folder,
            env=os.environ | {VARIABLE: str(theirs.fileno())},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            process_group=0,
            **self._switch(),
        )
        theirs.close()
        now = time.monotonic()
        return Worker(process=process, channel=channel, generation=generation, began=now, heard=now)

    def _switch(self) -> dict[str, Any]:
        if self.identity is None:
            return {}
        user, group = self.identity
        groups = os.getgrouplist(pwd.getpwuid(user).pw_name, group)
        return {"user": user, "group": group, "extra_groups": groups}


def own_command() -> tuple[str, ...]:
    """Return the command that this process was started with. Raises InvalidSetting if it can't be repeated."""
    words = sys.orig_argv[1:]
    if not words or words[-1] == "-":
        raise InvalidSetting("workers are started by the command that started this process, and it read a program"
                             " from its standard input; put the program into a file")  # fmt: skip
    return (sys.executable, *words)


def identity_of(user: str) -> tuple[int, int] | None:
    """Return the user and group, as numbers, that workers change to; None if they stay who we are.

    Raises InvalidSetting for somebody unknown, or somebody we can't become.
    """
    if not user:
        return None
    name, _, group = user.partition(":")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise InvalidSetting(f"there is no user {name!r} on this machine") from None
    try:
        group_id = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError:
        raise InvalidSetting(f"there is no group {group!r} on this machine") from None
    if os.geteuid() == 0:
        return entry.pw_uid, group_id
    if entry.pw_uid != os.geteuid():
        raise InvalidSetting(f"only root can run workers as {name!r}; start it as root, or leave --user out")
    return None


def memory_of(pid: int) -> int:
    """Return how many bytes of memory a process holds, 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - read every few seconds
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform.startswith("linux"):
        return 0
    told = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 - a number of ours
    return int(told.stdout.strip() or 0) * 1024

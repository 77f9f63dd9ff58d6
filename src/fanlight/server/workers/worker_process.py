"""Start worker processes: by which command, as which user, in which folder.

In: the command that started this process. Out: a new interpreter that runs the same command and finds its channel in
the environment, so it serves instead of supervising. No site code runs in the supervisor, and a new worker keeps
nothing of an older worker's code.
"""

from __future__ import annotations

import grp
import os
import pwd
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from fanlight.bootstrap import CHANNEL_VARIABLE
from fanlight.errors import InvalidSetting
from fanlight.server.workers.channel import Channel
from fanlight.server.workers.worker_state import Worker
from fanlight.settings.start_directory import here

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class InheritedProcess:
    """A child process that was started by this process before it replaced its own program."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it lives."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._code = -signal.SIGKILL  # its exit code was collected elsewhere
            else:
                if pid:
                    self._code = os.waitstatus_to_exitcode(status)
        return self._code


@dataclass(frozen=True, slots=True)
class Spawner:
    """Starts workers, all by the same command."""

    command: tuple[str, ...]  # as it was typed
    identity: tuple[int, int] | None = None  # user and group that workers run as
    folder: str | None = field(default_factory=here)  # None: it is gone, and workers start in ours

    def start(self, generation: int) -> Worker:
        """Start a worker, in a process group of its own, so that Ctrl+C only reaches the supervisor. Raises OSError."""
        channel, theirs = Channel.pair()
        process = subprocess.Popen(  # noqa: S603 - it is the command that we ourselves were started with
            self.command,
            cwd=self.folder,
            env=os.environ | {CHANNEL_VARIABLE: str(theirs.fileno())},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            process_group=0,
            **self._user_arguments(),
        )
        theirs.close()
        now = time.monotonic()
        return Worker(process=process, channel=channel, generation=generation, started_at=now, last_pong=now)

    def _user_arguments(self) -> dict[str, Any]:
        if self.identity is None:
            return {}
        user, group = self.identity
        groups = os.getgrouplist(pwd.getpwuid(user).pw_name, group)
        return {"user": user, "group": group, "extra_groups": groups}


def own_command() -> tuple[str, ...]:
    """Return the command that started this process. Raises InvalidSetting if it can't be repeated."""
    words = sys.orig_argv[1:]
    if not words or words[-1] == "-":
        raise InvalidSetting(
            "workers are started by the command that started this process, and that read a program from standard input;"
            " put the program into a file"
        )
    return (sys.executable, *words)


def identity_of(user: str) -> tuple[int, int] | None:
    """Return user and group id for "name" or "name:group"; None if workers run as the current user.

    Raises InvalidSetting for an unknown name, or a user that this process may not change to.
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
        raise InvalidSetting(f"only root can run workers as {name!r}; start the server as root, or omit --user")
    return None


def memory_of(pid: int) -> int:
    """Return the resident memory of a process in bytes, 0 where the system does not provide it."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - read every few seconds
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform.startswith("linux"):
        return 0
    shown = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 - a number of ours
    return int(shown.stdout.strip() or 0) * 1024

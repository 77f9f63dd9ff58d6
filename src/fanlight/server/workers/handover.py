"""How a parent takes up new code without anybody noticing: it becomes a new program, in place.

In: the listening sockets, the workers and what was counted. Out: the same process, with the same id,
in a new interpreter that goes on with all of it. The workers serve meanwhile. Before that the new
code is tried in a process of its own (`PreflightCheck`): what can't start there is not taken up.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import MutableMapping, Sequence
from typing import IO, Any

from fanlight.server.listening.listeners import Listener
from fanlight.server.listening.socket_files import registered_files, restore_files
from fanlight.server.recording.counts import merge
from fanlight.server.workers.channel import Channel
from fanlight.server.workers.worker_policy import WorkerPolicy
from fanlight.server.workers.worker_process import InheritedProcess, Worker, WorkerState

HANDOVER = "_FANLIGHT_HANDOVER"
TRIAL = "_FANLIGHT_TRIAL"
TRIAL_SECONDS = 60.0


class PreflightCheck:
    """The same command in a process that only checks: settings, the site, certificates."""

    def __init__(self, command: Sequence[str], folder: str | None = None) -> None:
        """Start it, in a folder. Raises OSError."""
        self._process = subprocess.Popen(  # noqa: S603 - it is the command that we ourselves were started with
            command, cwd=folder, env=os.environ | {TRIAL: "1"}, stdin=subprocess.DEVNULL
        )
        self._until = time.monotonic() + TRIAL_SECONDS

    @property
    def is_running(self) -> bool:
        """Say whether it is still at it; one that takes too long is ended, and has failed."""
        if self._process.poll() is not None:
            return False
        if time.monotonic() > self._until:
            self.end()
            return False
        return True

    def end(self) -> None:
        """End it: nothing depends on it any more."""
        self._process.kill()
        self._process.wait()

    @property
    def has_passed(self) -> bool:
        """Say whether it found nothing wrong."""
        return self._process.returncode == 0


def is_trial(environ: MutableMapping[str, str]) -> bool:
    """Say whether this process is only a trial."""
    return bool(environ.pop(TRIAL, ""))


class Handover:
    """All that the new program must know."""

    def __init__(self, listeners: Sequence[Listener], policy: WorkerPolicy | None = None) -> None:
        """Take it from a parent."""
        self.listeners = list(listeners)
        self.generation = policy.generation if policy is not None else 1
        self.past = policy.past if policy is not None else merge([])
        self.restarts = Counter(policy.restarts) if policy is not None else Counter()
        self.workers = list(policy.workers) if policy is not None else []
        self.admin: list[socket.socket] = []

    def exec(self, command: Sequence[str], signals: Sequence[signal.Signals]) -> None:
        """Become the new program, which begins with these signals blocked. Returns only by raising OSError."""
        now = time.monotonic()
        facts = {
            "listeners": [[each.sock.fileno(), each.bind, each.is_redirect] for each in self.listeners],
            "workers": [
                [
                    *(each.pid, each.channel.fileno(), each.generation, now - each.began, each.state.name, each.counts),
                    each.leave_by - now,
                ]
                for each in self.workers
            ],
            "generation": self.generation,
            "past": self.past,
            "restarts": dict(self.restarts),
            "admin": [each.fileno() for each in self.admin],
            "files": dict(registered_files()),
        }
        descriptors = [each.sock.fileno() for each in self.listeners]
        descriptors += [each.channel.fileno() for each in self.workers]
        descriptors += [each.fileno() for each in self.admin]
        with _memory() as file:
            file.write(json.dumps(facts).encode())  # not by msgspec: the path of a socket may be in any encoding
            file.seek(0)
            descriptors.append(file.fileno())
            # What comes before the new program listens must not end it.
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
            for fd in descriptors:
                os.set_inheritable(fd, True)
            try:
                os.execve(command[0], list(command), os.environ | {HANDOVER: str(file.fileno())})  # noqa: S606
            finally:
                for fd in descriptors:
                    os.set_inheritable(fd, False)
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    @classmethod
    def inherited(cls, environ: MutableMapping[str, str]) -> Handover | None:
        """Return what this process has left itself, None if it has just begun."""
        number = environ.pop(HANDOVER, "")
        if not number:
            return None
        with os.fdopen(int(number), "rb") as file:
            facts: dict[str, Any] = json.loads(file.read())
        made = cls([Listener(_socket(fd), bind, is_redirect) for fd, bind, is_redirect in facts["listeners"]])
        made.generation, made.past = facts["generation"], facts["past"]
        made.restarts = Counter(facts["restarts"])
        restore_files(facts["files"])
        made.admin = [_socket(fd) for fd in facts["admin"]]
        now = time.monotonic()
        for pid, fd, generation, seconds, state, counts, left in facts["workers"]:
            worker = Worker(
                process=InheritedProcess(pid), channel=Channel(_socket(fd)), generation=generation, began=now - seconds
            )
            worker.state, worker.counts, worker.heard, worker.told = WorkerState[state], counts, now, now
            worker.leave_by = now + left
            made.workers.append(worker)
        return made


def _memory() -> IO[bytes]:
    """Return a file that needs no disk, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("fanlight-handover"), "w+b")
    return tempfile.TemporaryFile()


def _socket(fd: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    with contextlib.suppress(OSError):
        sock.setblocking(False)
    return sock

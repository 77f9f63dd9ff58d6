"""Replace the supervisor's own program without closing the port: exec a new interpreter in the same process.

In: the listening sockets, the workers and the counts. Out: the same process, with the same id, in a new interpreter
that continues with all of them; the workers serve meanwhile. Before that, the new code is checked in a separate process
(`PreflightCheck`): code that does not start there is not used.
"""

from __future__ import annotations

import base64
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

from msgspec import Struct

from fanlight.bootstrap import PREFLIGHT_VARIABLE
from fanlight.server.listening.listen import registered_files, restore_files
from fanlight.server.listening.listeners import Listener
from fanlight.server.recording.counts import CountsSnapshot
from fanlight.server.workers.channel import Channel
from fanlight.server.workers.worker_process import InheritedProcess
from fanlight.server.workers.worker_state import Worker, WorkerState

HANDOVER = "_FANLIGHT_HANDOVER"
PREFLIGHT_SECONDS = 60.0


class PreflightCheck:
    """Runs the same command in a process that only checks the settings, the site and the certificates."""

    def __init__(self, command: Sequence[str], folder: str | None = None) -> None:
        """Start it, in a folder. Raises OSError."""
        self._process = subprocess.Popen(  # noqa: S603 - it is the command that we ourselves were started with
            command, cwd=folder, env=os.environ | {PREFLIGHT_VARIABLE: "1"}, stdin=subprocess.DEVNULL
        )
        self._until = time.monotonic() + PREFLIGHT_SECONDS

    @property
    def is_running(self) -> bool:
        """Whether it still runs; one that takes longer than PREFLIGHT_SECONDS is killed, and has failed."""
        if self._process.poll() is not None:
            return False
        if time.monotonic() > self._until:
            self.cancel()
            return False
        return True

    def cancel(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()

    @property
    def has_passed(self) -> bool:
        """Whether it found no errors."""
        return self._process.returncode == 0


class Handover(Struct, frozen=True, kw_only=True):
    """What the new program needs in order to continue."""

    listeners: list[Listener]
    workers: list[Worker]
    generation: int
    past: CountsSnapshot
    restarts: Counter[str]
    admin_sockets: list[socket.socket]
    relay: bytes = b""  # its state, if it runs; as msgpack
    relay_descriptors: list[int] = []

    def exec(self, command: Sequence[str], signals: Sequence[signal.Signals]) -> None:
        """Replace this program; the new one starts with these signals blocked. Returns only by raising OSError."""
        now = time.monotonic()
        facts = {
            "listeners": [[each.sock.fileno(), each.bind, each.is_redirect] for each in self.listeners],
            "workers": [
                [
                    *(each.pid, each.channel.fileno(), each.generation, now - each.started_at, each.state.name),
                    *(each.counts, each.exit_deadline - now),
                ]
                for each in self.workers
            ],
            "generation": self.generation,
            "past": self.past,
            "restarts": dict(self.restarts),
            "admin": [each.fileno() for each in self.admin_sockets],
            "relay": [base64.b64encode(self.relay).decode(), self.relay_descriptors],
            "files": dict(registered_files()),
        }
        descriptors = [each.sock.fileno() for each in self.listeners]
        descriptors += [each.channel.fileno() for each in self.workers]
        descriptors += [each.fileno() for each in self.admin_sockets]
        descriptors += self.relay_descriptors
        with _memory_file() as file:
            file.write(json.dumps(facts).encode())  # not by msgspec: the path of a socket may be in any encoding
            file.seek(0)
            descriptors.append(file.fileno())
            # A signal that arrives before the new program has its handlers must not end it.
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
        """Return what the previous program of this process has left, None if there was none."""
        number = environ.pop(HANDOVER, "")
        if not number:
            return None
        with os.fdopen(int(number), "rb") as file:
            facts: dict[str, Any] = json.loads(file.read())
        restore_files(facts["files"])
        relay, relay_descriptors = facts.get("relay", ("", []))  # of an older supervisor: none
        now = time.monotonic()
        return cls(
            listeners=[Listener(_socket(fd), bind, is_redirect) for fd, bind, is_redirect in facts["listeners"]],
            workers=[
                Worker(
                    process=InheritedProcess(pid),
                    channel=Channel(_socket(fd)),
                    generation=generation,
                    started_at=now - seconds,
                    last_pong=now,
                    state=WorkerState[state],
                    counts=counts,
                    exit_deadline=now + left,
                )
                for pid, fd, generation, seconds, state, counts, left in facts["workers"]
            ],
            generation=facts["generation"],
            past=facts["past"],
            restarts=Counter(facts["restarts"]),
            admin_sockets=[_socket(fd) for fd in facts["admin"]],
            relay=base64.b64decode(relay),
            relay_descriptors=relay_descriptors,
        )


def _memory_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("fanlight-handover"), "w+b")
    return tempfile.TemporaryFile()


def _socket(fd: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    with contextlib.suppress(OSError):
        sock.setblocking(False)
    return sock

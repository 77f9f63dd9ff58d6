"""The server under test: the command, in a process of its own, and what the system reports about it.

Takes a folder with a site, and flags; has its address, its workers, its memory, its open files and its log. `restart`
stops and starts it again on the same socket, which stays open, as a service manager keeps it: clients wait.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

START_SECONDS = 60.0
SITE = Path(__file__).parent / "site"


class NotServedError(Exception):
    """The server is not in the state that the soak needs to go on."""


class Served:
    """A process of `fanlight run`."""

    def __init__(self, folder: Path, words: Sequence[str], log: Path) -> None:
        """Start it; its stderr goes to a file. Raises NotServedError if there is no banner."""
        self.log, self._folder = log, folder
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._lines: SimpleQueue[str] = SimpleQueue()
        self.exit_codes: list[int] = []
        self._output: list[int] = []
        self.is_restarting = False
        self.process = self._started(words, subprocess.PIPE)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.port = self._port()

    def _started(self, words: Sequence[str], output: int) -> subprocess.Popen[str]:
        descriptor = self._socket.fileno()
        with self.log.open("ab") as errors:
            process: Any = subprocess.Popen(
                [sys.executable, "-m", "fanlight", "run", "--bind", f"fd:{descriptor}", *words],
                cwd=self._folder,
                stdout=output,
                stderr=errors,
                text=True,
                pass_fds=[descriptor],
            )
        started: subprocess.Popen[str] = process
        return started

    def restart(self, words: Sequence[str], number: signal.Signals, *, is_full: bool) -> None:
        """Stop it with a signal, and start it again; its output goes into a pipe that is full, or broken."""
        self.is_restarting = True
        self.send_signal(number)
        self.exit_codes.append(self.process.wait(60))
        reader, writer = os.pipe()
        self._output.append(reader)
        if is_full:
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, bytes(4096))
            os.set_blocking(writer, True)
        else:
            os.close(self._output.pop())
        self.process = self._started(words, writer)
        os.close(writer)
        self.is_restarting = False

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as printed:
            for line in printed:
                self._lines.put(line)

    def _port(self) -> int:
        try:
            while not (found := re.search(r"https?://\S+:(\d+)", self._lines.get(timeout=START_SECONDS))):
                pass
        except Empty:
            self.process.kill()
            raise NotServedError(f"no banner:\n{self.log.read_text()}") from None
        return int(found[1])

    @property
    def pid(self) -> int:
        """The process id of the supervisor."""
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """The process ids of its children."""
        try:
            return [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:  # it is just being restarted
            return []

    def memory(self) -> dict[int, int]:
        """Return the resident bytes of the supervisor and of each worker."""
        return {pid: _resident_bytes(pid) for pid in (self.pid, *self.workers)}

    def files(self) -> dict[int, int]:
        """Return the number of open descriptors of the supervisor and of each worker."""
        found = {}
        for pid in (self.pid, *self.workers):
            with contextlib.suppress(OSError):
                found[pid] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return found

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)

    def wait_until(self, is_so: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for a condition. Raises NotServedError if it does not hold in time."""
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until or self.process.poll() is not None:
                raise NotServedError(f"not within {seconds:g} s: {what}\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> int:
        """Stop it with SIGTERM; return its exit code."""
        self.send_signal(signal.SIGTERM)
        try:
            self.exit_codes.append(self.process.wait(60))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.exit_codes.append(self.process.wait())
        self._socket.close()
        for each in self._output:
            os.close(each)
        return max(map(abs, self.exit_codes))


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0

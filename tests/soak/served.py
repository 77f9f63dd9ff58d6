"""The server under test: the command, in a process of its own, and what the system knows of it.

In: a folder with a site, and flags. Out: its address, its workers, its memory, its open files, its log.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

START_SECONDS = 60.0
SITE = Path(__file__).parent / "site"


class NotServedError(Exception):
    """The server did not do what it must for the soak to go on."""


class Served:
    """`fanlight run`, from its start to its end."""

    def __init__(self, folder: Path, words: Sequence[str], log: Path) -> None:
        """Start it; its stderr goes to a file. Raises NotServedError when no banner comes."""
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fanlight", "run", "--port", "0", *words],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = self._port()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
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
        """The process id of the parent."""
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """The process ids of its children."""
        return [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def memory(self) -> dict[int, int]:
        """Return the resident bytes of the parent and of each worker."""
        return {pid: _resident_bytes(pid) for pid in (self.pid, *self.workers)}

    def files(self) -> dict[int, int]:
        """Return how many descriptors the parent and each worker have open."""
        return {pid: len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (self.pid, *self.workers)}

    def tell(self, number: signal.Signals) -> None:
        """Send the parent a signal."""
        self.process.send_signal(number)

    def wait_until(self, is_so: Callable[[], bool], seconds: float, what: str) -> None:
        """Return when something is so. Raises NotServedError when it is not in time."""
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until or self.process.poll() is not None:
                raise NotServedError(f"not within {seconds:g} s: {what}\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def end(self) -> int:
        """Stop it as a service manager does; return its exit code."""
        self.tell(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0

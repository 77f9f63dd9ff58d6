"""Run one server, pinned to its core, and look at it from outside.

In: a peer. Out: a running server with a port, its processor time, its wake-ups and its memory, all
summed over its processes (a supervisor and its worker count together). It is stopped by its process id,
whatever happens. Knows nothing of what the server is asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from machine import SERVER_CORE, TICKS_PER_SECOND, program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

APPS = Path(__file__).parent / "apps"
START_SECONDS, STOP_SECONDS = 60, 8
PROCESS_CLOCK = 2  # with the process id, Linux's number of the clock of a process: clock_getcpuclockid(3)


class CannotRunError(Exception):
    """A peer can't be measured here; the message says why, and stands in its row."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the processes of a server hold, in KiB: resident, and with shared pages divided by their sharers."""

    rss: int
    pss: int


class Serving:
    """One running server; use it in a `with` statement."""

    def __init__(
        self,
        peer: Peer,
        wrapper: Sequence[str] = (),
        start_seconds: float = START_SECONDS,
        cores: Sequence[int] = (SERVER_CORE,),
        *,
        is_waited_for: bool = True,
    ) -> None:
        """Take a server, and a program that runs it (valgrind, say): {folder} in its words is the server's folder."""
        self.peer, self._wrapper, self._start_seconds, self._cores = peer, wrapper, start_seconds, cores
        self._is_waited_for = is_waited_for
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="fanlight-bench-")
        self.output = Path(self.folder.name) / "output"

    def __enter__(self) -> Self:
        try:
            wrapper = [each.replace("{folder}", self.folder.name) for each in self._wrapper]
            command = wrapper + self.peer.command(self.port, Path(self.folder.name))
            with self._opened_output() as output:
                self.process = subprocess.Popen(
                    [program("taskset"), "-c", ",".join(map(str, self._cores)), *command],
                    cwd=APPS,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # What it spools is on one disk for all, and gone with its folder.
                    env=os.environ
                    | {"PYTHONDONTWRITEBYTECODE": "", "TMPDIR": self.folder.name}
                    | self.peer.environment,
                    start_new_session=True,
                )
        except FileNotFoundError as error:
            self.folder.cleanup()
            raise CannotRunError(str(error)) from None
        try:
            if self._is_waited_for:
                self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ask the server to leave, and make it leave if it doesn't."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(ProcessLookupError):  # what is left of the session that we made for it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.folder.cleanup()

    def _opened_output(self) -> BinaryIO:
        """Return what the server writes to; a pipe or a socket is read by a thread until its end."""
        if self.peer.output == "file":
            return self.output.open("wb")
        if self.peer.output == "pipe":
            reading, writing = os.pipe()
        else:
            reading, writing = (each.detach() for each in socket.socketpair())
        source, sink = (os.fdopen(each, mode, 0) for each, mode in ((reading, "rb"), (writing, "wb")))
        threading.Thread(target=_copied, args=(source, self.output), daemon=True).start()
        return sink

    def cpu_by_process(self) -> dict[int, float]:
        """Return the processor time of each process of the server so far."""
        return {pid: _cpu_seconds(pid) for pid in self.processes()}

    def cpu_seconds(self) -> float:
        """Return the processor time, user and system, that the server has spent so far, to the microsecond."""
        return sum(map(_cpu_seconds, self.processes()))

    def cpu_split(self) -> tuple[float, float]:
        """Return the processor time in two: seconds in its own code, and seconds in the system's."""
        ticks = [_cpu_ticks(pid) for pid in self.processes()]
        return sum(user for user, _ in ticks) / TICKS_PER_SECOND, sum(system for _, system in ticks) / TICKS_PER_SECOND

    def wake_ups(self) -> int:
        """Return how often threads of the server have gone to sleep, which is how often they woke."""
        return sum(
            _sum_in(f"/proc/{pid}/task/*/status", r"^voluntary_ctxt_switches:\s+(\d+)") for pid in self.processes()
        )

    def memory(self) -> Memory:
        """Return the memory that the server holds now."""
        files = [f"/proc/{pid}/smaps_rollup" for pid in self.processes()]
        return Memory(
            rss=sum(_sum_in(each, r"^Rss:\s+(\d+) kB") for each in files),
            pss=sum(_sum_in(each, r"^Pss:\s+(\d+) kB") for each in files),
        )

    def peak_kib(self) -> int:
        """Return the most memory since `forget_peak`, in KiB: the sum of what each process held at most."""
        return sum(_sum_in(f"/proc/{pid}/status", r"^VmHWM:\s+(\d+) kB") for pid in self.processes())

    def forget_peak(self) -> None:
        """Have the most memory be what its processes hold now."""
        for pid in self.processes():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def open_sockets(self) -> int:
        """Return how many sockets the server has open."""
        count = 0
        for pid in self.processes():
            for each in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    count += str(each.readlink()).startswith("socket:")
        return count

    def worker(self) -> int:
        """Return the id of the process that answers: the one that has spent most."""
        return max(self.processes(), key=lambda pid: sum(_cpu_ticks(pid)))

    def said(self) -> str:
        """Return the end of what the server has printed."""
        if not self.output.exists():
            return ""
        with self.output.open("rb") as output:
            output.seek(max(0, self.output.stat().st_size - 2000))
            return output.read().decode(errors="replace")

    def processes(self) -> list[int]:
        """Return the server's process and all below it; a process that just left is left out."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    waiting += map(int, children.read_text().split())
        return found

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise CannotRunError(f"left with exit code {self.process.returncode}: {_last_words(self.said())}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise CannotRunError(f"did not listen within {self._start_seconds:.0f} s: {_last_words(self.said())}")


def _copied(source: BinaryIO, path: Path) -> None:
    """Read to the end, and keep the beginning: a server that fails says why there."""
    with source:
        path.write_bytes(source.read(65536))
        while source.read(65536):
            pass


def free_port() -> int:
    """Return a port of the loopback that no one listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _cpu_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process, also of those that have ended."""
    try:
        return time.clock_gettime((~pid << 3) | PROCESS_CLOCK)
    except OSError:  # it has just left
        return 0.0


def _cpu_ticks(pid: int) -> tuple[int, int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    return int(fields[11]), int(fields[12])


def _sum_in(pattern: str, number: str) -> int:
    total = 0
    for each in Path("/").glob(pattern.removeprefix("/")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += sum(map(int, re.findall(number, each.read_text(), re.MULTILINE)))
    return total


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip(" []")]
    return lines[-1] if lines else "it printed nothing"

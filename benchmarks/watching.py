"""Look into a server while it is under load: which code its time goes to, and which system calls it makes.

In: a process id and seconds. Out: shares and counts. Each look needs a tool (perf, strace, py-spy) and says
why when it can't be had. A look slows the server, so it tells shares, never speed.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from machine import LOAD_CORE, program

SAMPLES_PER_SECOND = 400
PYTHON_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^:)]+)(?::(?P<line>\d+))?\)")


class CannotLookError(Exception):
    """A tool is missing, or it is not allowed to look; the message says which."""


def libraries(pid: int, seconds: float) -> dict[str, float]:
    """Return the share of processor time by what the code belongs to: kernel, interpreter, a library."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/perf.data"
        _run("perf", "record", "-q", "-e", "cpu-clock", "-o", data, "-p", str(pid), "--", "sleep", str(seconds))
        told = _run("perf", "report", "-q", "-i", data, "--stdio", "--sort", "dso")
    found = Counter[str]()
    for share, name in re.findall(r"^\s*([\d.]+)%\s+(\S+)", told, re.MULTILINE):
        found[_plain(name)] += float(share) / 100
    return dict(found.most_common())


def system_calls(pid: int, seconds: float) -> dict[str, float]:
    """Return how many system calls of each kind the server makes for one answer it sends."""
    told = _run("timeout", "-s", "INT", str(seconds), "strace", "-c", "-f", "-p", str(pid))
    counts = {
        line.split()[-1]: int(line.split()[3])
        for line in told.splitlines()
        if re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+\d+\s", line) and not line.endswith("total")
    }
    answers = sum(counts.get(name, 0) for name in ("sendto", "sendmsg", "writev", "write"))
    if not answers:
        raise CannotLookError(f"strace saw no answers: {told.strip()[-200:]}")
    return {name: count / answers for name, count in sorted(counts.items(), key=lambda item: -item[1])}


def functions(pid: int, seconds: float) -> dict[str, float]:
    """Return the share of samples by the Python function in which the main thread was found.

    A system call counts for the function that made it. The server is not stopped for a sample, because
    that would find it in system calls too often; a few samples are torn, and left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        rate = str(SAMPLES_PER_SECOND)
        _run(
            *(
                "py-spy",
                "record",
                "--nonblocking",
                "--threads",
                "--full-filenames",
                "-r",
                rate,
                "-d",
                str(round(seconds)),
                "-f",
                "raw",
            ),
            *("-o", str(stacks), "-p", str(pid)),
        )
        lines = stacks.read_text().splitlines()
    found = Counter[str]()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        leaf = stack.rpartition(";")[2]
        if "MainThread" in stack and "MainThread" not in leaf:
            found[_place(leaf)] += int(count)
    total = found.total()
    if not total:
        raise CannotLookError("py-spy took no samples")
    return {name: count / total for name, count in found.most_common()}


def _place(frame: str) -> str:
    """Return a frame as "room/file.py function"."""
    found = PYTHON_FRAME.fullmatch(frame)
    if found is None:
        return frame
    parts = Path(found["file"]).parts
    ours = max((i for i, part in enumerate(parts) if part in {"fanlight", "site-packages"}), default=len(parts) - 2)
    return f"{'/'.join(parts[ours + 1 :])} {found['function']}"


def _plain(name: str) -> str:
    if name.startswith("["):
        return "kernel"
    if re.match(r"(libpython|python)[\d.]", name):
        return "interpreter"
    return re.sub(r"\.(cpython|so).*", "", name)


def _run(name: str, *arguments: str) -> str:
    """Run a tool on the load's core and return all it says; strace leaves with the signal that ends it."""
    try:
        command = [program("taskset"), "-c", str(LOAD_CORE), program(name), *arguments]
    except FileNotFoundError as error:
        raise CannotLookError(str(error)) from None
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode and name != "timeout":
        raise CannotLookError(f"{name}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout + done.stderr

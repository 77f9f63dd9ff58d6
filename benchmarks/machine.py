"""What machine this is, which versions met, and who else was on its cores.

In: nothing. Out: facts for a result file, and the processor time each core has spent, so that a
measurement can say what part of it was ours. Linux only: it reads /proc.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from environment import build_of

SERVER_CORE, LOAD_CORE = 0, 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PACKAGES = (
    *("fanlight", "jinja2", "msgspec", "uvicorn", "uvloop", "httptools", "starlette", "fastapi", "granian"),
    *(
        "litestar",
        "socketify",
        "flask",
        "gunicorn",
        "gevent",
        "aiohttp",
        "sanic",
        "websockets",
        "wsproto",
        "django",
        "psycopg",
        "psycopg-pool",
    ),
)


@dataclass(frozen=True, slots=True)
class CoreTime:
    """The seconds a core has spent since boot."""

    processes: float  # at work for them
    idle: float  # with nothing to do
    stolen: float  # ready to work, while the host let another machine run
    total: float

    def since(self, before: CoreTime) -> CoreTime:
        """Return what was spent between two looks."""
        return CoreTime(
            self.processes - before.processes,
            self.idle - before.idle,
            self.stolen - before.stolen,
            self.total - before.total,
        )


def core_time(core: int) -> CoreTime:
    """Return the time a core has spent."""
    line = next(each for each in Path("/proc/stat").read_text().splitlines() if each.startswith(f"cpu{core} "))
    ticks = [int(each) / TICKS_PER_SECOND for each in line.split()[1:9]]
    user, nice, system, idle, io_wait, _, _, stolen = ticks
    return CoreTime(user + nice + system, idle + io_wait, stolen, sum(ticks))


def facts() -> dict[str, object]:
    """Return what a reader must know to compare figures with theirs."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": build_of(sys.executable).name,
        "python_build": build_of(sys.executable).facts(),
        "load_average_before": os.getloadavg()[0],
        "commit": _first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
        "versions": _versions(),
    }


def program(name: str) -> str:
    """Return the path of a program, also one in a folder for administrators or beside our interpreter."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def can_pin() -> str | None:
    """Return why servers and load can't be kept on a core each, or None when they can."""
    if not Path("/proc/self/stat").exists():
        return "the benchmarks read /proc and pin processes to cores: they run on Linux only"
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        return f"cores {SERVER_CORE} and {LOAD_CORE} are needed, one for the server and one for the load"
    return None


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | {
        "nginx": _first_line("nginx", "-v").rpartition("/")[2],
        "wrk": _first_line("wrk", "-v").partition(" [")[0].removeprefix("wrk "),
    }


def _first_line(name: str, *arguments: str) -> str:
    try:
        done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return ((done.stdout + done.stderr).splitlines() or ["unknown"])[0]

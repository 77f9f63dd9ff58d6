"""Measure what two thousand hostile clients of each kind cost, and what an honest client notices of them.

    python -m tests.hostile.measure [--connections 2000] [--seconds 8]

Prints the table of docs/reference/hostile.md. Every limit is the default, except for the limit per address, which is
off because all hostile clients come from one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hostile.crowd import BEHAVIOURS, Crowd
from tests.soak.served import SITE, Served


def honest(port: int, seconds: float) -> str:
    """Return what an honest client notices."""
    command = [sys.executable, "-m", "tests.soak.honest", str(port), str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def row(kind: str, connections: int, seconds: float, folder: Path) -> str:
    """Return the row of one kind."""
    behaviour = BEHAVIOURS[kind]
    flags = ["--connections-per-address", "0", "--no-access-log", *(["--tls", "dev"] if behaviour.is_tls else [])]
    served = Served(SITE, flags, folder / "log")
    try:
        quiet = "" if behaviour.is_tls else honest(served.port, 4)
        before = sum(served.memory().values())
        crowd = Crowd(served.port, behaviour, connections)
        with crowd.holding():
            noticed = "" if behaviour.is_tls else honest(served.port, seconds)
            after = sum(served.memory().values())
            held = sum(served.files().values())
    finally:
        served.stop()
    return (
        f"| {kind} | {held:,} | {(after - before) / connections / 1024:.1f} KiB | {_times(quiet)} | {_times(noticed)} |"
    )


def _times(line: str) -> str:
    return line.partition("failures, ")[2] or "-"


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(prog="measure")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=8)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| kind | open files of the server | memory for each | honest client before | honest client meanwhile |")  # noqa: T201 - the table
    print("|---|---|---|---|---|")  # noqa: T201 - same
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        os.environ["XDG_DATA_HOME"] = name
        for kind in BEHAVIOURS:
            print(row(kind, arguments.connections, arguments.seconds, Path(name)), flush=True)  # noqa: T201 - same


if __name__ == "__main__":
    main()

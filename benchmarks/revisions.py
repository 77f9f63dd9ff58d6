"""Requests per second before and after a change: an older revision and the files as they are now, in turn.

In: settings, with the older revision. Out: the tables of `throughput`, with a row for each of the two, and
results/revisions.json. What is the same in both costs the same, so a difference is the change, or the machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peers import FANLIGHT, Peer
from throughput import compare

if TYPE_CHECKING:
    from settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent


def main(settings: Settings) -> None:
    """Measure, print and save."""
    with tempfile.TemporaryDirectory(prefix="fanlight-before-") as folder:
        told = _git("log", "-1", "--format=%h, %cs", settings.before).decode().strip()
        subprocess.run(["tar", "-x", "-C", folder], input=_git("archive", settings.before, "src"), check=True)
        peers = [_of(Path(folder) / "src", f"before ({told})"), _of(REPOSITORY / "src", "Fanlight")]
        compare(replace(settings, only=()), peers, "revisions")


def _of(source: Path, name: str) -> Peer:
    command = [sys.executable, "-m", "fanlight", "run", "fanlight_app.py", "--no-access-log", "--port"]
    return replace(
        FANLIGHT, name=name, command=lambda port, _: [*command, str(port)], environment={"PYTHONPATH": str(source)}
    )


def _git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(REPOSITORY), *words], capture_output=True, check=True).stdout

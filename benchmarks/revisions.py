"""Before and after a change: an older revision and the files as they are now, in turn.

In: settings, with the older revision. Out: a table for each task, and results/revisions.json. What is the same in both
costs the same, so a difference is the change, or the machine.
"""

from __future__ import annotations

import compileall
import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import forms
from load import ALL_SHAPES, PIPELINED
from peers import compiled, fanlight
from tasks import compare
from throughput import small_page

import binding
import pages
import sessions

if TYPE_CHECKING:
    from peers import Peer

    from settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def older(revision: str, peers: Sequence[Peer]) -> Iterator[list[Peer]]:
    """Yield servers of ours as they were in a revision; none, if it is empty. Their names begin with "before"."""
    if not revision:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="fanlight-before-") as folder:
        source = Path(folder) / "src"
        subprocess.run(["tar", "-x", "-C", folder], input=_git("archive", revision, "src"), check=True)
        compileall.compile_dir(source, quiet=1)
        environment = {"PYTHONPATH": str(source)}  # not PURE: it may not know of a compiled reader
        yield [replace(each, name=f"before, {each.name}", environment=environment) for each in peers]


OURS = (
    fanlight("revisions_fanlight", name="access log off"),
    fanlight("revisions_fanlight", name="access log", log=True),
)
NOW = (*OURS, *(fast for each in OURS for fast in compiled(each)))


def main(settings: Settings) -> None:
    """Measure, print and save."""
    small = [small_page(shape) for shape in (*ALL_SHAPES, PIPELINED)]
    tasks = [*small, forms.task(), binding.JSON_TASK, pages.task(), *sessions.tasks()]
    with older(settings.before or "HEAD", OURS) as before:
        compare(settings, [*before, *NOW], tasks, "revisions", before[:1])


def _git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(REPOSITORY), *words], capture_output=True, check=True).stdout

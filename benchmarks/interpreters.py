"""Fanlight on each interpreter that an environment was made for (`benchmarks/setup --python PATH`), beside nginx.

In: settings. Out: a table for each shape, and results/interpreters.json. How an interpreter was built is a
fifth of the speed of all that is written in Python.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from environment import FOLDER, build_of
from load import TINY, VARIED
from peers import FANLIGHT, FANLIGHT_LOGGING, NGINX, Peer
from tasks import compare
from throughput import small_page

if TYPE_CHECKING:
    from settings import Settings


def _on(python: Path, peer: Peer) -> Peer:
    def command(port: int, folder: Path) -> list[str]:
        return [str(python), *peer.command(port, folder)[1:]]

    return replace(peer, name=f"{peer.name}: {build_of(str(python)).name}", command=command)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    pythons = sorted(each.parent / "python" for each in FOLDER.glob("*/bin/fanlight"))
    ours = [_on(python, peer) for python in pythons for peer in (FANLIGHT, FANLIGHT_LOGGING)]
    compare(settings, [NGINX, *ours], [small_page(TINY), small_page(VARIED)], "interpreters")

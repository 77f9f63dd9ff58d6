"""What the access log costs: off, and on in each format, to a file, a pipe and a socket.

In: settings. Out: a table for each shape, and results/logs.json. A thread of the benchmark reads the pipe and the
socket, as `journald` or a container's runtime would; its time is on the other core.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from load import TINY, VARIED
from peers import FANLIGHT, fanlight
from tasks import compare
from throughput import small_page

if TYPE_CHECKING:
    from peers import Peer

    from settings import Settings


def _logging(form: str, output: str) -> Peer:
    name = f"{form} to a {output}"
    peer = fanlight("fanlight_app", "--access-format", form, path="/user", name=name, log=True)
    return replace(peer, output=output)


PEERS = (
    replace(FANLIGHT, name="off"),
    *(_logging("text", output) for output in ("file", "pipe", "socket")),
    *(_logging(form, "file") for form in ("combined", "json")),
)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PEERS, [small_page(TINY), small_page(VARIED)], "logs")

"""Behind nginx on the same machine: over the loopback, and over a unix socket.

In: settings. Out: a table for each shape, and results/behind.json. nginx passes each request on over one of 32
connections that it keeps. Both are on the server's core, and the time is that of both; `direct` is Fanlight by itself.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from load import BROWSER, TINY
from machine import program
from peers import FANLIGHT, Peer, nginx
from serving import free_port
from tasks import compare
from throughput import small_page

if TYPE_CHECKING:
    from settings import Settings


def _behind(name: str, *, is_unix: bool) -> Peer:
    def command(port: int, folder: Path) -> list[str]:
        path, inner = str(folder / "site.sock"), str(free_port())
        place, bind = (path, f"unix:{path}") if is_unix else (inner, f"127.0.0.1:{inner}")
        folder.chmod(0o711)  # nginx's worker is another user, if we are root
        site = [program("fanlight"), "run", "fanlight_app.py", "--no-access-log", "--bind", bind]
        site += ["--socket-mode", "666"] if is_unix else []
        proxy = nginx(port, folder, "nginx_proxy.conf", {"UPSTREAM": bind})
        return [sys.executable, "behind_nginx.py", place, *site, "--", *proxy]

    return replace(FANLIGHT, name=name, command=command, note="nginx and Fanlight share a core")


PEERS = (
    replace(FANLIGHT, name="direct"),
    _behind("behind nginx, loopback", is_unix=False),
    _behind("behind nginx, unix socket", is_unix=True),
)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PEERS, [small_page(TINY), small_page(BROWSER)], "behind")

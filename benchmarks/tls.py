"""Requests per second over TLS, on kept connections and with a handshake for each: as `throughput`, over https.

In: settings. Out: a table a shape, and results/tls.json. All servers have the same certificate (ECDSA P-256), and
wrk speaks TLS 1.3 with each of them.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from load import BROWSER, CLOSING, TINY
from machine import program
from peers import CERT, KEY, TLS_FOLDER, TLS_PEERS
from tasks import compare
from throughput import small_page

if TYPE_CHECKING:
    from settings import Settings


def main(settings: Settings) -> None:
    """Measure, print and save."""
    TLS_FOLDER.mkdir(mode=0o700, exist_ok=True)
    what = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(KEY), "-out", str(CERT)]
    subprocess.run([program("openssl"), "req", "-x509", *what, *files], check=True, capture_output=True)
    tasks = [small_page(shape) for shape in (TINY, BROWSER, CLOSING)]
    compare(settings, TLS_PEERS, tasks, "tls", TLS_PEERS[:2])

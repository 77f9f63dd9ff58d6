"""Clients that send 16 requests before they read the first response (HTTP/1.1 pipelining).

In: settings. Out: a table, and results/pipelined.json. Few clients do this; a proxy or a load tester may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load import PIPELINED
from peers import FANLIGHT, NGINX, PIPELINING_PEERS
from tasks import compare
from throughput import small_page

if TYPE_CHECKING:
    from settings import Settings


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PIPELINING_PEERS, [small_page(PIPELINED)], "pipelined", (NGINX, FANLIGHT))

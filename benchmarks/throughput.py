"""Fanlight and its peers at one small page, with three shapes of request: requests per second and processor time.

In: settings. Out: a table for each shape, and results/throughput.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asking
from load import ALL_SHAPES
from peers import FANLIGHT, NGINX, PEERS
from tasks import Task, compare

if TYPE_CHECKING:
    from load import Shape
    from serving import Serving

    from settings import Settings


def small_page(shape: Shape) -> Task:
    """Return the task of answering requests of one shape for the page of a user."""
    return Task(name=shape.name, shape=lambda _: shape, check=_check, path="/42")


def _check(server: Serving) -> None:
    asking.check(server.peer, server.port)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PEERS, [small_page(shape) for shape in ALL_SHAPES], "throughput", (NGINX, FANLIGHT))

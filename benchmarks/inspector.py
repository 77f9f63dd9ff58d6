"""What the development server costs: `fanlight dev`, which records each exchange, beside `fanlight run`.

In: settings. Out: a table for each of three pages, and results/inspector.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asking
from cases import ask
from load import TINY
from peers import Peer, fanlight
from serving import CannotRunError, Serving
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

RUN = fanlight("inspector_site", name="fanlight run")


def _developing(port: int, _: object) -> list[str]:
    command = RUN.command(port, _)
    return ["dev" if word == "run" else word for word in command]


PEERS = (RUN, Peer(name="fanlight dev", command=_developing, note="records each exchange", path=""))
PATHS = {"text": "/small", "JSON, with parameters": "/items/7?page=3", "a template": "/list/3"}


def _task(name: str, path: str) -> Task:
    def check(server: Serving) -> None:
        status, _, content = ask(server, asking.head(TINY.head, path))
        if status != 200:
            raise CannotRunError(f"wrong answer: {status} {content[:80]!r}")

    return Task(name=name, shape=lambda _: TINY, path=path, check=check, connections=32)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PEERS, [_task(name, path) for name, path in PATHS.items()], "inspector")

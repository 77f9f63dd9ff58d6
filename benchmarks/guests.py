"""Apps of other frameworks on Fanlight, beside the servers that they usually run on: a small page, and a posted JSON.

In: settings. Out: a table for each, and results/guests.json.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asking
from cases import ask
from peers import GUEST_PEERS
from serving import CannotRunError, Serving
from tasks import Task, compare

from binding import GET, JSON

if TYPE_CHECKING:
    from settings import Settings


def _check_page(server: Serving) -> None:
    status, _, content = ask(server, asking.head(GET.head, f"{server.peer.path}/page"))
    if status != 200 or content != b"<h1>user 42</h1>":
        raise CannotRunError(f"wrong answer: {status} {content[:80]!r}")


def _check_json(server: Serving) -> None:
    sent = asking.head(JSON.head, f"{server.peer.path}/json")
    status, _, content = ask(server, sent)
    if status != 200 or json.loads(content)["email"] != json.loads(sent.partition(b"\r\n\r\n")[2])["email"]:
        raise CannotRunError(f"wrong answer: {status} {content[:80]!r}")


TASKS = (
    Task(name="a small page", shape=lambda _: GET, path="/page", check=_check_page),
    Task(name="a posted JSON, sent back", shape=lambda _: JSON, path="/json", check=_check_json),
)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, GUEST_PEERS, TASKS, "guests")

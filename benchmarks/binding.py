"""Requests per second where a view's arguments are the work: JSON, a dependency. Forms are in forms.py.

In: settings. Out: a table for each, and results/binding.json.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asking
from cases import ask
from load import Shape
from peers import BINDING_PEERS
from serving import CannotRunError, Serving
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

JSON = Shape(name="json", script="fixed.lua", head="json.txt")
GET = Shape(name="tiny", script="fixed.lua", head="tiny.txt")


def _check_json(server: Serving) -> None:
    sent = asking.head(JSON.head, f"{server.peer.path}/json")
    _judge(server, sent, json.loads(sent.partition(b"\r\n\r\n")[2]))


def _check_depends(server: Serving) -> None:
    _judge(server, asking.head(GET.head, f"{server.peer.path}/depends"), {"opened": ["open"]})


def _judge(server: Serving, sent: bytes, wanted: object) -> None:
    status, _, content = ask(server, sent)
    if status != 200 or json.loads(content) != wanted:
        raise CannotRunError(f"wrong answer: {status} {content[:80]!r}")


JSON_TASK = Task(
    name="JSON echo: 4 fields and 3 nested objects, validated, and sent back",
    shape=lambda _: JSON,
    path="/json",
    check=_check_json,
)
TASKS = (
    JSON_TASK,
    Task(
        name="a dependency: a generator, opened and closed for each request",
        shape=lambda _: GET,
        path="/depends",
        check=_check_depends,
    ),
)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, BINDING_PEERS, TASKS, "binding")

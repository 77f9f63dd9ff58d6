"""Async views that wait: for `asyncio.sleep` of 1 ms, and for PostgreSQL by an async driver; 64 and 1,000 connections.

In: settings. Out: a table for each, and results/async_waits.json. All servers have the same driver (psycopg 3, a pool
of 16 connections, which are open before the first request). Fanlight is on asyncio's own loop, which is its default,
and on uvloop; the others are on uvloop, and uvicorn on asyncio's too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cases import Answer, Case, Cases
from databases import ITEMS, databases, name_of
from peers import AWAITING_PEERS
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

CONNECTIONS = (64, 1000)
MOST_ROUNDS = 3


def main(settings: Settings) -> None:
    """Measure, print and save."""
    settings = replace(settings, rounds=min(settings.rounds, MOST_ROUNDS))
    with databases() as environment:
        peers = [replace(each, environment=each.environment | environment) for each in AWAITING_PEERS]
        compare(settings, peers, _tasks(has_postgresql="BENCH_POSTGRESQL" in environment), "async_waits")


def _tasks(*, has_postgresql: bool) -> list[Task]:
    asked = {"asyncio.sleep of 1 ms": [Case("/sleep", wanted="slept")]}
    if has_postgresql:
        numbers = (1 + i * 7919 % ITEMS for i in range(ITEMS))  # each once, in no order
        asked["one row of PostgreSQL"] = [Case(f"/postgresql/{each}", wanted=name_of(each)) for each in numbers]
    tasks = {name: Cases(name, "tiny.txt", cases).task(name, _is_right) for name, cases in asked.items()}
    return [
        replace(task, name=f"{count:,} on {name}", connections=count)
        for name, task in tasks.items()
        for count in CONNECTIONS
    ]


def _is_right(answer: Answer, wanted: object) -> bool:
    status, _, content = answer
    return (status, content.decode()) == (200, f"<h1>{wanted}</h1>")

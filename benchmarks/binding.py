"""Requests per second where a view's arguments are the work: JSON, a form, a dependency.

In: settings. Out: a table for each, and results/binding.json. Every server answers the same three
things; in each round it is started afresh, its answers are compared with what they must be, it is
warmed up and measured once with each. The servers take turns.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import asking
import load
import report
from load import Shape
from machine import LOAD_CORE, SERVER_CORE, core_time, facts
from peers import BINDING_PEERS, Peer
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

CONNECTIONS = 64
DISTURBED = 0.05  # part of a core, over which a row says so
PERSON = {
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "age": 36,
    "tags": ["green", "loose"],
    "news": True,
    "note": "by the back door",
}
HEADS = ("server", "req/s", "min", "max", "x Fanlight", "p99 ms", "CPU us/req", "note")
LEGEND = """\
req/s: median of the rounds. x Fanlight: ratio of medians, to its sync view. CPU us/req: processor time of the server's
processes for one request. others N%: that part of one of the two cores went to other processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that is asked."""

    name: str
    shape: Shape
    path: str
    answer: object  # as JSON; None: what was sent


TASKS = (
    Task(
        name="JSON echo: 4 fields and 3 nested objects, validated, and sent back",
        shape=Shape(name="json", script="fixed.lua", head="json.txt"),
        path="/json",
        answer=None,
    ),
    Task(
        name="form post: 6 fields, converted and validated",
        shape=Shape(name="form", script="fixed.lua", head="form.txt"),
        path="/form",
        answer=PERSON,
    ),
    Task(
        name="a dependency: a generator, opened and closed for each request",
        shape=Shape(name="tiny", script="fixed.lua", head="tiny.txt"),
        path="/depends",
        answer={"opened": ["open"]},
    ),
)


@dataclass(slots=True)
class Row:
    """All measurements of one server with one task."""

    peer: Peer
    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    failure: str = ""


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    peers = settings.chosen(BINDING_PEERS)
    rows = {task.name: {peer.name: Row(peer) for peer in peers} for task in TASKS}
    for number in range(settings.rounds):
        for peer in peers:
            settings.say(f"round {number + 1} of {settings.rounds}: {peer.name}")
            _measure(peer, [(task, rows[task.name][peer.name]) for task in TASKS], settings)
    text = "\n\n".join(_table(name, list(found.values())) for name, found in rows.items()) + "\n\n" + LEGEND
    print(text)
    results = {name: [_as_json(row) for row in found.values()] for name, found in rows.items()}
    report.save(settings.file("binding"), machine, asdict(settings), results, text)


def _measure(peer: Peer, wanted: list[tuple[Task, Row]], settings: Settings) -> None:
    try:
        with Serving(peer) as server:
            for task, row in wanted:
                try:
                    _check(peer, server.port, task)
                    _sample(server, task, row, settings)
                except (RuntimeError, CannotRunError) as error:
                    row.failure = str(error)
    except CannotRunError as error:
        for _, row in wanted:
            row.failure = str(error)


def _check(peer: Peer, port: int, task: Task) -> None:
    """Refuse a server whose answer is not the one that we mean to measure."""
    sent = asking.head(task.shape.head, peer.path + task.path)
    wanted: Any = task.answer if task.answer is not None else json.loads(sent.partition(b"\r\n\r\n")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        status, _, content = asking.receive(connection)
    if status != 200 or json.loads(content) != wanted:
        raise CannotRunError(f"wrong answer: {status} {content[:80]!r}")


def _sample(server: Serving, task: Task, row: Row, settings: Settings) -> None:
    url = f"http://127.0.0.1:{server.port}{server.peer.path}{task.path}"
    load.run(url, task.shape, connections=CONNECTIONS, seconds=settings.warm_up)
    cores = core_time(SERVER_CORE), core_time(LOAD_CORE)
    server_before, load_before = server.cpu_seconds(), load.cpu_seconds_of_load()
    seen = load.run(url, task.shape, connections=CONNECTIONS, seconds=settings.seconds)
    server_spent, load_spent = server.cpu_seconds() - server_before, load.cpu_seconds_of_load() - load_before
    on_server, on_load = core_time(SERVER_CORE).since(cores[0]), core_time(LOAD_CORE).since(cores[1])
    if seen.errors:
        raise CannotRunError(f"errors: {', '.join(f'{count} {name}' for name, count in seen.errors.items())}")
    row.rates.append(seen.rate)
    row.p99s.append(seen.p99_ms)
    row.cpus.append(server_spent / seen.requests * 1e6)
    row.others.append(
        max((on_server.processes - server_spent) / on_server.total, (on_load.processes - load_spent) / on_load.total)
    )


def _table(title: str, rows: list[Row]) -> str:
    """Return the table of one task, the fastest server first; below it, what could not be measured."""
    good = sorted((row for row in rows if row.rates and not row.failure), key=lambda row: -median(row.rates))
    first = next((median(row.rates) for row in good if row.peer is BINDING_PEERS[0]), None)
    lines = [
        [
            row.peer.name,
            report.thousands(median(row.rates)),
            report.thousands(min(row.rates)),
            report.thousands(max(row.rates)),
            report.ratio(median(row.rates), first),
            f"{median(row.p99s):.1f}",
            f"{median(row.cpus):.1f}",
            f"others {median(row.others):.0%}" if median(row.others) > DISTURBED else "",
        ]
        for row in good
    ]
    spoiled = [(row.peer.name, row.failure) for row in rows if row not in good]
    return f"{title}, {CONNECTIONS} connections\n\n" + report.table(HEADS, lines) + report.failures(spoiled)


def _as_json(row: Row) -> dict[str, object]:
    told: dict[str, object] = {"server": row.peer.name, "setup": row.peer.note}
    if row.failure or not row.rates:
        return told | {"failure": row.failure}
    figures = {"rate": row.rates, "p99_ms": row.p99s, "cpu_us": row.cpus, "others_share": row.others}
    return told | {name: report.spread(values) for name, values in figures.items()}

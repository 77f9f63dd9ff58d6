"""What some servers do at some tasks, side by side: requests per second, and the processor time of each.

In: tasks, the servers that can do them, settings. Out: a table for each task, and a file in results/. In each round
every server is started afresh; what it answers is compared with what it must answer; it is warmed up and measured
once at each task. The servers take turns, so a machine that slows down slows them all. A row with any error is no
result. Knows nothing of what is asked: each task says that itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import report
from machine import facts
from sampling import Sample, as_json, by_wrk, note
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from load import Shape
    from peers import Peer

    from settings import Settings

CONNECTIONS = 64
LEGEND = """\
req/s: median of the rounds. x NAME: ratio of medians to that row's. CPU us/req: processor time of the server's
processes, user and system, for one request, the steadier figure; CPU x NAME: its ratio. bytes: one whole response.
idle N%: the server's core had nothing to do for so long, so the client was the limit: compare the processor time.
others N%, stolen N%: that part of a core went to other programs, or to other machines of the same host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that is asked."""

    name: str
    check: Callable[[Serving], None]  # raises CannotRunError for an answer that we do not mean to measure
    shape: Callable[[Serving], Shape] | None = None  # what wrk sends
    path: str = ""  # of the address that wrk is given
    connections: int = CONNECTIONS
    sample: Callable[[Serving, Settings], Sample] | None = None  # in place of wrk
    unit: str = "req"  # what is counted


@dataclass(slots=True)
class Row:
    """All measurements of one server at one task."""

    peer: Peer
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""

    def middle(self, name: str) -> float:
        """Return the median of one measured thing."""
        return median(getattr(each, name) for each in self.samples)

    @property
    def is_result(self) -> bool:
        """True when every round gave a figure."""
        return bool(self.samples) and not self.failure


def compare(
    settings: Settings, peers: Sequence[Peer], tasks: Sequence[Task], name: str, beside: Sequence[Peer] = ()
) -> None:
    """Measure, print and save under a name; the tables have ratios to some of the servers, or to the first."""
    machine = facts()
    beside = beside or peers[:1]
    chosen = settings.chosen(peers)
    rows = {task.name: {peer.name: Row(peer) for peer in chosen} for task in tasks}
    for number in settings.turns():
        for peer in chosen:
            settings.say(f"round {number + 1}: {peer.name}")
            _measure(peer, [(task, rows[task.name][peer.name]) for task in tasks], settings)
    text = "\n\n".join([*(_table(task, rows[task.name], beside) for task in tasks), LEGEND])
    print(text)
    results = {name: [_as_json(row) for row in found.values()] for name, found in rows.items()}
    report.save(settings.file(name), machine, asdict(settings), results, text)


def _measure(peer: Peer, wanted: list[tuple[Task, Row]], settings: Settings) -> None:
    """Start a server and take one sample of each task; a failure is noted in the rows it spoils."""
    try:
        with Serving(peer) as server:
            for task, row in wanted:
                try:
                    task.check(server)
                    row.samples.append(_sample(server, task, settings))
                except (RuntimeError, OSError, CannotRunError) as error:
                    row.failure = str(error) or repr(error)
    except CannotRunError as error:
        for _, row in wanted:
            row.failure = str(error)


def _sample(server: Serving, task: Task, settings: Settings) -> Sample:
    if task.sample is not None:
        return task.sample(server, settings)
    assert task.shape is not None
    url = f"{server.peer.scheme}://127.0.0.1:{server.port}{server.peer.path}{task.path}"
    return by_wrk(server, url, task.shape(server), settings, connections=task.connections)


def _table(task: Task, rows: dict[str, Row], beside: Sequence[Peer]) -> str:
    """Return the table of one task, the fastest server first; below it, what could not be measured."""
    good = sorted((row for row in rows.values() if row.is_result), key=lambda row: -row.middle("rate"))
    others = {peer.name.partition(",")[0]: rows.get(peer.name) for peer in beside}
    unit = task.unit
    heads = (
        *("server", f"{unit}/s", "min", "max", *(f"x {name}" for name in others), "p99 ms"),
        *(f"CPU us/{unit}", *(f"CPU x {name}" for name in others), "bytes", "note"),
    )
    lines = [_line(row, list(others.values())) for row in good]
    spoiled = [(row.peer.name, row.failure) for row in rows.values() if row not in good]
    return f"{task.name}, {task.connections} connections\n\n" + report.table(heads, lines) + report.failures(spoiled)


def _line(row: Row, others: Sequence[Row | None]) -> list[str]:
    def ratios(figure: str) -> list[str]:
        against = [other if other and other.is_result else None for other in others]
        return [report.ratio(row.middle(figure), other and other.middle(figure)) for other in against]

    rates = [each.rate for each in row.samples]
    return [
        row.peer.name,
        *(report.thousands(each) for each in (median(rates), min(rates), max(rates))),
        *ratios("rate"),
        f"{row.middle('p99_ms'):.1f}",
        f"{row.middle('cpu_us'):.1f}",
        *ratios("cpu_us"),
        f"{row.middle('bytes_each'):.0f}",
        note(row.samples),
    ]


def _as_json(row: Row) -> dict[str, object]:
    told: dict[str, object] = {"server": row.peer.name, "setup": row.peer.note}
    return told | (as_json(row.samples) if row.is_result else {"failure": row.failure})

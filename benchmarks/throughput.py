"""Requests per second of Fanlight and its peers, one after the other, in turn.

In: settings. Out: a table a shape, and results/throughput.json. In every round each server is started
afresh, judged by its answers, warmed up, and measured once with each shape; the rounds go through all
servers in turn, so that a machine that slows down slows them all. A row with any error is no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import asking
import report
from load import ALL_SHAPES, Shape
from machine import facts
from peers import FANLIGHT, NGINX, PEERS, Peer
from sampling import Sample, by_wrk, notes
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

CONNECTIONS = 64
HEADS = (
    "server",
    "req/s",
    "min",
    "max",
    "x nginx",
    "x Fanlight",
    "p99 ms",
    "CPU us/req",
    "CPU x nginx",
    "bytes",
    "note",
)
LEGEND = """\
req/s: median of the rounds. x nginx, x Fanlight: ratio of medians. CPU us/req: processor time of the server's
processes for one request, and how many times nginx's that is. bytes: one whole answer.
idle N%: the server's core had nothing to do for N% of the time, so wrk was the limit: compare the CPU column.
others N%: that part of one of the two cores went to other processes: the machine was not quiet."""


@dataclass(slots=True)
class Row:
    """All measurements of one server with one shape."""

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


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, settings.chosen(PEERS), "throughput")


def compare(settings: Settings, peers: list[Peer], name: str, shapes: Sequence[Shape] = ALL_SHAPES) -> None:
    """Measure these servers, print what they did and save it under a name."""
    machine = facts()
    rows = {shape.name: {peer.name: Row(peer) for peer in peers} for shape in shapes}
    for number in range(settings.rounds):
        for peer in peers:
            settings.say(f"round {number + 1} of {settings.rounds}: {peer.name}")
            _measure(peer, [(shape, rows[shape.name][peer.name]) for shape in shapes], settings)
    text = "\n\n".join(_table(shape, list(found.values())) for shape, found in rows.items()) + "\n\n" + LEGEND
    print(text)
    results = {shape: [_as_json(row) for row in found.values()] for shape, found in rows.items()}
    report.save(settings.file(name), machine, asdict(settings), results, text)


def _measure(peer: Peer, wanted: list[tuple[Shape, Row]], settings: Settings) -> None:
    """Start a server and take one sample with each shape; a failure is noted in the rows it spoils."""
    try:
        with Serving(peer) as server:
            asking.check(peer, server.port)
            for shape, row in wanted:
                url = f"{peer.scheme}://127.0.0.1:{server.port}{peer.path}/42"
                try:
                    row.samples.append(by_wrk(server, url, shape, settings, connections=CONNECTIONS))
                except (RuntimeError, CannotRunError) as error:
                    row.failure = str(error)
    except CannotRunError as error:
        for _, row in wanted:
            row.failure = str(error)


def _table(title: str, rows: list[Row]) -> str:
    """Return the table of one shape, the fastest server first; below it, what could not be measured."""
    by_name = {row.peer.name: row for row in rows if row.is_result}
    nginx, fanlight = by_name.get(NGINX.name), by_name.get(FANLIGHT.name)
    good = sorted(by_name.values(), key=lambda row: -row.middle("rate"))
    lines = [_line(row, nginx, fanlight) for row in good]
    spoiled = [(row.peer.name, row.failure) for row in rows if not row.is_result]
    return f"{title}, {CONNECTIONS} connections\n\n" + report.table(HEADS, lines) + report.failures(spoiled)


def _line(row: Row, nginx: Row | None, fanlight: Row | None) -> list[str]:
    rates = [each.rate for each in row.samples]
    rate, cpu = row.middle("rate"), row.middle("cpu_us")
    return [
        row.peer.name,
        report.thousands(rate),
        report.thousands(min(rates)),
        report.thousands(max(rates)),
        report.ratio(rate, nginx and nginx.middle("rate")),
        report.ratio(rate, fanlight and fanlight.middle("rate")),
        f"{row.middle('p99_ms'):.1f}",
        f"{cpu:.1f}",
        report.ratio(cpu, nginx and nginx.middle("cpu_us")),
        f"{row.middle('bytes_each'):.0f}",
        notes(row.middle("idle_share"), row.middle("others_share")),
    ]


def _as_json(row: Row) -> dict[str, object]:
    told: dict[str, object] = {"server": row.peer.name, "setup": row.peer.note}
    if not row.is_result:
        return told | {"failure": row.failure}
    names = ("rate", "p99_ms", "cpu_us", "idle_share", "others_share")
    return (
        told
        | {name: report.spread([getattr(each, name) for each in row.samples]) for name in names}
        | {
            "bytes_each": row.middle("bytes_each"),
            "rates": [round(each.rate) for each in row.samples],
        }
    )

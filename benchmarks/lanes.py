"""A fast view alone, and beside a view that blocks.

In: settings. Out: a table and results/lanes.json. 20 connections ask for a sync view that sleeps 200 ms, 32 others
for a fast sync view of the same process. The server starts afresh in every round and has never seen the slow
view when the fast one is already under load, so what a server does to learn of it counts.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

import asking
import load
import report
from load import TINY, Load
from machine import facts
from peers import BLOCKING_PEERS, Peer
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

FAST_CONNECTIONS, SLOW_CONNECTIONS = 32, 20
MOST_ROUNDS = 3
HEADS = (
    *("server", "alone req/s", "beside req/s", "kept", "p99 alone", "p99 beside", "worst beside"),
    *("slow req/s", "slow p50"),
)
LEGEND = f"""\
alone, beside: the fast view on {FAST_CONNECTIONS} connections, without and with {SLOW_CONNECTIONS} connections on a
view that sleeps 200 ms (100 answers per second at best). Times in ms; medians of the rounds, worst: of all rounds."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one server: the fast view alone, beside the slow one, and the slow one."""

    alone: Load
    beside: Load
    slow: Load


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    peers = settings.chosen(BLOCKING_PEERS)
    rounds: dict[str, list[Round]] = {peer.name: [] for peer in peers}
    failures: dict[str, str] = {}
    for number in settings.turns(MOST_ROUNDS):
        for peer in peers:
            settings.say(f"round {number + 1}: {peer.name}")
            try:
                rounds[peer.name].append(_measure(peer, settings))
            except (CannotRunError, OSError, RuntimeError) as error:
                failures[peer.name] = str(error)
    lines = [_line(peer, rounds[peer.name]) for peer in peers if peer.name not in failures]
    text = report.table(HEADS, lines) + report.failures(list(failures.items())) + "\n\n" + LEGEND
    print(text)
    results = [_as_json(peer, rounds[peer.name], failures.get(peer.name, "")) for peer in peers]
    report.save(settings.file("lanes"), machine, asdict(settings), results, text)


def _measure(peer: Peer, settings: Settings) -> Round:
    with Serving(peer) as server:
        asking.check(peer, server.port)
        root = f"http://127.0.0.1:{server.port}"
        fast, slow = f"{root}{peer.path}/42", f"{root}{peer.slow_path}"
        load.run(fast, TINY, connections=FAST_CONNECTIONS, seconds=settings.warm_up)
        alone = load.run(fast, TINY, connections=FAST_CONNECTIONS, seconds=settings.seconds)
        running = load.start(fast, TINY, connections=FAST_CONNECTIONS, seconds=settings.seconds)
        time.sleep(0.2)
        running_slow = load.start(slow, TINY, connections=SLOW_CONNECTIONS, seconds=settings.seconds)
        try:
            found = Round(alone, running.result(), running_slow.result())
        finally:
            running.stop()
            running_slow.stop()
        asking.check_slow(peer, server.port)
    for name, each in _named(found).items():
        if each.errors:
            raise CannotRunError(f"errors {name}: {', '.join(f'{n} {kind}' for kind, n in each.errors.items())}")
    return found


def _line(peer: Peer, rounds: list[Round]) -> list[str]:
    return [
        peer.name,
        report.thousands(median(each.alone.rate for each in rounds)),
        report.thousands(median(each.beside.rate for each in rounds)),
        f"{median(each.beside.rate / each.alone.rate for each in rounds):.0%}",
        f"{median(each.alone.p99_ms for each in rounds):.1f}",
        f"{median(each.beside.p99_ms for each in rounds):.1f}",
        f"{max(each.beside.worst_ms for each in rounds):.1f}",
        report.thousands(median(each.slow.rate for each in rounds)),
        f"{median(each.slow.p50_ms for each in rounds):.0f}",
    ]


def _as_json(peer: Peer, rounds: list[Round], failure: str) -> dict[str, object]:
    told: dict[str, object] = {"server": peer.name, "setup": peer.note}
    if failure:
        return told | {"failure": failure}
    return told | {
        "kept": report.spread([each.beside.rate / each.alone.rate for each in rounds]),
        "rounds": [
            {name: {"rate": seen.rate} | asdict(seen) for name, seen in _named(each).items()} for each in rounds
        ],
    }


def _named(found: Round) -> dict[str, Load]:
    return {"alone": found.alone, "beside": found.beside, "slow": found.slow}

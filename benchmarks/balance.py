"""Few connections and two workers: what part of the work the busier one does, and requests per second.

In: settings. Out: a table, and results/balance.json. A proxy keeps a dozen connections; when all of them are with one
worker, the others have nothing to do. In each round the server starts afresh, and 8, 16 and 64 connections are opened
for a while. The workers are free to use both cores, beside wrk.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING

import asking
import load
import report
from load import TINY
from machine import LOAD_CORE, SERVER_CORE, facts
from peers import FANLIGHT, GRANIAN, NGINX, UVICORN, Peer, nginx, with_words
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

CONNECTIONS = (8, 16, 64)
WORKERS = 2
PEERS = (
    with_words(FANLIGHT, "--workers", str(WORKERS)),
    replace(NGINX, command=lambda port, folder: nginx(port, folder, replaced={"processes 1": f"processes {WORKERS}"})),
    with_words(GRANIAN, "--workers", str(WORKERS)),
    with_words(UVICORN, "--workers", str(WORKERS)),
)
LEGEND = """\
busier: its part of the processor time of both workers, median and worst of the rounds; 50% is even, 100% one alone."""


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine, peers = facts(), settings.chosen(PEERS)
    seen: dict[str, dict[int, list[tuple[float, float]]]] = {
        peer.name: {count: [] for count in CONNECTIONS} for peer in peers
    }
    failures: dict[str, str] = {}
    for number, peer in itertools.product(settings.turns(), peers):
        settings.say(f"round {number + 1}: {peer.name}")
        try:
            for count, found in _measure(peer, settings).items():
                seen[peer.name][count].append(found)
        except (CannotRunError, OSError, RuntimeError) as error:
            failures[peer.name] = str(error) or repr(error)
    lines = [
        [name, *itertools.chain.from_iterable(_cells(found) for found in counts.values())]
        for name, counts in seen.items()
        if name not in failures
    ]
    heads = ["server", *itertools.chain.from_iterable((f"{n}: busier", "worst", "req/s") for n in CONNECTIONS)]
    text = report.table(heads, lines) + report.failures(list(failures.items())) + "\n\n" + LEGEND
    print(text)
    results = [
        {"server": name, "failure": failures[name]}
        if name in failures
        else {"server": name} | {str(count): _as_json(found) for count, found in counts.items()}
        for name, counts in seen.items()
    ]
    report.save(settings.file("balance"), machine, asdict(settings), results, text)


def _measure(peer: Peer, settings: Settings) -> dict[int, tuple[float, float]]:
    """Return the part of the busier worker, and the rate, for each number of connections."""
    found = {}
    with Serving(peer, cores=(SERVER_CORE, LOAD_CORE)) as server:
        asking.check(peer, server.port)
        url = f"http://127.0.0.1:{server.port}{peer.path}/42"
        for count in CONNECTIONS:
            before = server.cpu_by_process()
            seen = load.run(url, TINY, connections=count, seconds=settings.seconds, cores=(SERVER_CORE, LOAD_CORE))
            spent = {pid: now - before.get(pid, 0.0) for pid, now in server.cpu_by_process().items()}
            workers = sorted(spent.values())[-WORKERS:]
            found[count] = workers[-1] / sum(workers), seen.rate
    return found


def _cells(found: list[tuple[float, float]]) -> list[str]:
    shares, rates = zip(*found, strict=True)
    return [f"{median(shares):.0%}", f"{max(shares):.0%}", report.thousands(median(rates))]


def _as_json(found: list[tuple[float, float]]) -> dict[str, object]:
    shares, rates = zip(*found, strict=True)
    return {"busier": report.spread(shares), "rate": report.spread(rates)}

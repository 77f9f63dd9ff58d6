"""Sync views that wait a little: for 0.5 to 4 ms, for PostgreSQL, for SQLite; and a fast view beside them.

In: settings. Out: tables, and results/waits.json. In every round each server is started afresh and has seen none of its
views; what it answers is compared with what it must answer. 64 connections ask for each view in turn. Then a fast view
is asked for, alone and while 64 connections ask for one that waits: as fast as it can be, and at a tenth of that.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import load
import pacing
import report
from cases import Answer, Case, Cases
from databases import ITEMS, databases, name_of
from load import TINY, Load
from machine import facts, program
from peers import WAITING_PEERS, Peer
from sampling import Sample, by_wrk, watched
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

CONNECTIONS, FAST_CONNECTIONS = 64, 16
PACE = 0.1  # of the rate that the fast view reaches alone
MOST_PACE = 1000.0  # requests per second: what a client in Python can do well beside wrk on one core
HEAD_START = 0.3  # seconds for which the others have waited already
MOST_ROUNDS = 3
FAST, FAST_CONTENT = "/user/42", b"<h1>user 42</h1>"
SATURATED, PACED, ALONE, MEANWHILE = "saturated", "paced", "alone", ": the other view meanwhile"
FANLIGHT, STARLETTE, FLASK = "Fanlight", "Starlette", "Flask"
LEGEND = f"""\
Medians of the rounds; x: ratio of medians. PostgreSQL, wrk and the paced client are on the other core.
saturated: {FAST_CONNECTIONS} connections ask for the fast view as fast as they are answered. Alone it takes the whole
core; beside the {CONNECTIONS} it shares the core with them, so what they cost is missing from its rate.
paced: the fast view is asked for by a clock, at {PACE:.0%} of what it can do alone, {MOST_PACE:.0f} a second
at most. The core has room for both."""


@dataclass(frozen=True, slots=True)
class Work:
    """A view, and the requests for it."""

    name: str
    cases: Cases
    is_waiting: bool  # so the fast view is measured beside it


@dataclass(slots=True)
class Found:
    """All that was measured, by server and by what was asked."""

    seen: dict[tuple[str, str], list[Sample | Load]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    in_threads: list[str] = field(default_factory=list)  # Fanlight's routes, and why

    def take(self, peer: Peer, what: str, measure: Callable[[], Sample | Load]) -> float | None:
        """Measure once, and return the rate; or note why there is none."""
        key = peer.name, what
        try:
            seen = measure()
        except (CannotRunError, OSError, RuntimeError) as error:
            self.failures[key] = str(error) or repr(error)
            return None
        if isinstance(seen, Load) and seen.errors:
            self.failures[key] = f"errors: {', '.join(f'{count} {kind}' for kind, count in seen.errors.items())}"
            return None
        self.seen[key].append(seen)
        return seen.rate

    def middle(self, name: str, what: str, figure: str = "rate") -> float | None:
        """Return the median of a figure of a server; None if it failed in any round."""
        samples = self.seen.get((name, what), [])
        return (
            median(getattr(each, figure) for each in samples) if samples and not self.has_failed(name, what) else None
        )

    def has_failed(self, name: str, what: str) -> bool:
        """Whether a server could not be measured at this in some round."""
        return (name, what) in self.failures


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine, found = facts(), Found()
    with databases() as environment:
        works = _works(has_postgresql="BENCH_POSTGRESQL" in environment)
        peers = [replace(each, environment=environment) for each in settings.chosen(WAITING_PEERS)]
        for number in settings.turns(MOST_ROUNDS):
            for peer in peers:
                settings.say(f"round {number + 1}: {peer.name}")
                _measure(found, peer, works, settings)
    text = _text(found, [peer.name for peer in peers], works)
    print(text)
    report.save(settings.file("waits"), machine, asdict(settings), _as_json(found, peers), text)


def _works(*, has_postgresql: bool) -> list[Work]:
    def page(name: str, path: str, wanted: str, *, is_waiting: bool) -> Work:
        return Work(name, Cases("waits", "tiny.txt", [Case(path, wanted=f"<h1>{wanted}</h1>")]), is_waiting)

    def rows(name: str, path: str, *, is_waiting: bool) -> Work:
        numbers = [1 + i * 7919 % ITEMS for i in range(ITEMS)]  # each once, in no order
        cases = [Case(f"{path}/{number}", wanted=f"<h1>{name_of(number)}</h1>") for number in numbers]
        return Work(name, Cases("waits", "tiny.txt", cases), is_waiting)

    return [
        *(page(f"sleeps {us / 1000:g} ms", f"/sleep/{us}", "slept", is_waiting=True) for us in (500, 1000, 2000, 4000)),
        *([rows("PostgreSQL, one row", "/postgresql", is_waiting=True)] if has_postgresql else []),
        rows("SQLite, one row", "/sqlite", is_waiting=False),
        page("computes 2 ms", "/compute", "computed", is_waiting=False),
    ]


# --- measuring -----------------------------------------------------------------------------------


def _measure(found: Found, peer: Peer, works: Sequence[Work], settings: Settings) -> None:
    """Start a server, and measure once all that there is to measure of it."""
    try:
        with Serving(peer) as server:
            for work in works:
                found.take(peer, work.name, partial(_asked, server, work, settings))
            waiting = [work for work in works if work.is_waiting]
            beside = partial(_fast_view, found, server, waiting, settings.seconds)
            most = beside(SATURATED, partial(_saturated, server))
            if most is not None:
                beside(PACED, partial(_paced, server, min(MOST_PACE, most * PACE)))
            if peer.name == FANLIGHT:
                found.in_threads = _in_threads(server)
    except CannotRunError as error:
        found.failures |= {(peer.name, work.name): str(error) for work in works}


def _asked(server: Serving, work: Work, settings: Settings) -> Sample:
    """Judge a view, warm it up, and measure it."""
    work.cases.check(server, _is_right)
    return by_wrk(server, _root(server), work.cases.shape(server), settings, connections=CONNECTIONS)


def _fast_view(
    found: Found, server: Serving, waiting: Sequence[Work], seconds: float, how: str, measure: Callable[[float], Load]
) -> float | None:
    """Measure the fast view alone, and beside each of the others; return its rate alone."""
    alone = found.take(server.peer, f"{how}, {ALONE}", partial(watched, server, partial(measure, seconds)))
    for work in waiting:
        others = load.start(_root(server), work.cases.shape(server), connections=CONNECTIONS, seconds=seconds + 1)
        try:
            time.sleep(HEAD_START)
            found.take(server.peer, f"{how}, {work.name}", partial(measure, seconds))
            found.take(server.peer, f"{how}, {work.name}{MEANWHILE}", others.result)
        finally:
            others.stop()
    return alone


def _saturated(server: Serving, seconds: float) -> Load:
    return load.run(_root(server) + FAST, TINY, connections=FAST_CONNECTIONS, seconds=seconds)


def _paced(server: Serving, rate: float, seconds: float) -> Load:
    return pacing.run(server.port, FAST, FAST_CONTENT, rate=rate, seconds=seconds)


def _in_threads(server: Serving) -> list[str]:
    """Return the routes that Fanlight has moved to its threads, and why."""
    command = [program("fanlight"), "status", str(server.process.pid), "--json"]
    environment = os.environ | {"TMPDIR": server.folder.name}  # as the server's: its control socket is there
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        return [f"unknown: {done.stderr.strip()}"]
    return [f"{each['route']}: it {each['reason']}" for each in json.loads(done.stdout)["slow_routes"]]


def _is_right(answer: Answer, wanted: object) -> bool:
    status, _, content = answer
    return (status, content.decode()) == (200, wanted)


def _root(server: Serving) -> str:
    return f"http://127.0.0.1:{server.port}"


# --- tables --------------------------------------------------------------------------------------


def _text(found: Found, names: Sequence[str], works: Sequence[Work]) -> str:
    every, waiting = [work.name for work in works], [work.name for work in works if work.is_waiting]
    rates = [[*line, *_ratios(found, line[0])] for line in _lines(found, names, every, "rate", ",.0f")]
    p99 = _lines(found, names, every, "p99_ms", ".1f")
    cpu = _lines(found, names, [*every, f"{SATURATED}, {ALONE}"], "cpu_us", ".1f")
    cpu[-1][0] = "the fast view, alone"
    parts = [
        _titled(f"{CONNECTIONS} connections, requests per second", (*names, "x Starlette", "x Flask"), rates),
        _titled("their p99, ms", names, p99),
        _titled("processor time of the server for one, us", names, cpu),
        *(_beside(found, names, how, waiting) for how in (SATURATED, PACED)),
        "In Fanlight's threads at the end:" + "".join(f"\n  {each}" for each in found.in_threads or ["none"]),
        LEGEND + report.failures([(f"{name}, {what}", why) for (name, what), why in found.failures.items()]),
    ]
    return "\n\n".join(parts)


def _lines(found: Found, names: Sequence[str], asked: Sequence[str], figure: str, form: str) -> list[list[str]]:
    return [[what, *(_shown(found.middle(name, what, figure), form) for name in names)] for what in asked]


def _titled(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return f"{title}\n\n{report.table(('the view', *heads), lines)}"


def _beside(found: Found, names: Sequence[str], how: str, waiting: Sequence[str]) -> str:
    """Return the table of the fast view: its rate alone, what it keeps of it beside others, and its p99."""

    def cell(name: str, beside: str) -> str:
        rate, p99 = (found.middle(name, f"{how}, {beside}", figure) for figure in ("rate", "p99_ms"))
        alone, others = (found.middle(name, f"{how}, {each}") for each in (ALONE, beside + MEANWHILE))
        if rate is None or p99 is None or alone is None:
            return "-"
        if beside == ALONE:
            return f"{rate:,.0f}/s  {p99:.1f} ms"
        return f"{rate / alone:.0%}  {p99:.1f} ms  {_shown(others, ',.0f')}/s"

    lines = [[beside, *(cell(name, beside) for name in names)] for beside in (ALONE, *waiting)]
    title = (
        f"a fast view beside {CONNECTIONS} connections on the view, {how}: rate kept, p99, and rate of the other view"
    )
    return _titled(title, names, lines)


def _ratios(found: Found, what: str) -> list[str]:
    ours = found.middle(FANLIGHT, what)
    return ["-" if ours is None else report.ratio(ours, found.middle(peer, what)) for peer in (STARLETTE, FLASK)]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _as_json(found: Found, peers: Sequence[Peer]) -> dict[str, object]:
    return {
        "servers": {peer.name: peer.note for peer in peers},
        "in_threads": found.in_threads,
        "rounds": [
            {"server": name, "asked": what, "failure": found.failures.get((name, what), "")}
            | {"rounds": [{"rate": each.rate} | asdict(each) for each in seen]}
            for (name, what), seen in found.seen.items()
        ],
    }

"""Take one measurement of a server that runs, with wrk on the other core.

In: a running server, an address and a shape of request. Out: a `Sample`. Refuses, as CannotRunError, a run in
which there was any error. Between two looks at the clocks anything may make the load: `watched` tells what it cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import load
from load import Load, Shape
from machine import LOAD_CORE, SERVER_CORE, core_time
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

IDLE, DISTURBED = 0.05, 0.05  # parts of a core, over which a row says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement."""

    rate: float
    p99_ms: float
    cpu_us: float  # of the server, for one request
    bytes_each: float
    idle_share: float  # of the server's core
    others_share: float  # of the busier core: time of processes that are neither server nor load


def by_wrk(server: Serving, url: str, shape: Shape, settings: Settings, *, connections: int) -> Sample:
    """Warm the server up and have wrk ask it; again, if the settings say so, while other programs disturb."""

    def once() -> Sample:
        load.run(url, shape, connections=connections, seconds=settings.warm_up)
        return watched(server, lambda: load.run(url, shape, connections=connections, seconds=settings.seconds))

    return quietest(once, settings.tries)


def watched(server: Serving, make_load: Callable[[], Load]) -> Sample:
    """Make some load, and return what it was and what it cost."""
    cores = core_time(SERVER_CORE), core_time(LOAD_CORE)
    server_before, load_before = server.cpu_seconds(), load.cpu_seconds_of_load()
    seen = make_load()
    server_spent, load_spent = server.cpu_seconds() - server_before, load.cpu_seconds_of_load() - load_before
    on_server, on_load = core_time(SERVER_CORE).since(cores[0]), core_time(LOAD_CORE).since(cores[1])
    if seen.errors:
        raise CannotRunError(f"errors: {', '.join(f'{count} {name}' for name, count in seen.errors.items())}")
    others = max(
        (on_server.processes - server_spent) / on_server.total, (on_load.processes - load_spent) / on_load.total
    )
    return Sample(
        rate=seen.rate,
        p99_ms=seen.p99_ms,
        cpu_us=server_spent / seen.requests * 1e6,
        bytes_each=seen.bytes_each,
        idle_share=max(0.0, 1 - (on_server.total - on_server.idle) / seen.seconds),  # wrk's own start is left out
        others_share=max(0.0, others),
    )


def quietest(take: Callable[[], Sample], tries: int) -> Sample:
    """Take a sample, and while other programs disturb it take another; return the least disturbed."""
    samples = [take()]
    while samples[-1].others_share > DISTURBED and len(samples) < tries:
        samples.append(take())
    return min(samples, key=lambda sample: sample.others_share)


def notes(idle_share: float, others_share: float) -> str:
    """Return what a row should say of its figures."""
    told = []
    if idle_share > IDLE:
        told.append(f"idle {idle_share:.0%}")
    if others_share > DISTURBED:
        told.append(f"others {others_share:.0%}")
    return ", ".join(told)

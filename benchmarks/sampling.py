"""Take one measurement of a server that runs, with wrk on the other core.

In: a running server, an address and a shape of request. Out: a `Sample`. Refuses, as CannotRunError, a run in
which there was any error. Between two looks at the clocks anything may make the load: `watched` tells what it cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import TYPE_CHECKING

import load
import report
from load import Load, Shape
from machine import LOAD_CORE, SERVER_CORE, core_time
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

NOTEWORTHY = 0.05  # part of a core, over which a row says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement."""

    rate: float
    p99_ms: float
    cpu_us: float  # of the server, for one request
    bytes_each: float
    idle_share: float  # of the server's core
    others_share: float  # of the busier core: time of processes that are neither server nor load
    stolen_share: float  # of the core that lost more: time that the host gave to other machines

    @property
    def is_disturbed(self) -> bool:
        """Whether others, on this machine or beside it, had a part of a core worth naming."""
        return max(self.others_share, self.stolen_share) > NOTEWORTHY


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
    if not seen.requests:
        raise CannotRunError(f"no response within {seen.seconds:.1f} s")
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
        stolen_share=max(on_server.stolen / on_server.total, on_load.stolen / on_load.total),
    )


def quietest(take: Callable[[], Sample], tries: int) -> Sample:
    """Take a sample, and while other programs disturb it take another; return the least disturbed."""
    samples = [take()]
    while samples[-1].is_disturbed and len(samples) < tries:
        samples.append(take())
    return min(samples, key=lambda sample: sample.others_share + sample.stolen_share)


def note(samples: Sequence[Sample]) -> str:
    """Return what a row should say of its figures."""
    shares = {name: median(getattr(each, f"{name}_share") for each in samples) for name in ("idle", "others", "stolen")}
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share > NOTEWORTHY)


def as_json(samples: Sequence[Sample]) -> dict[str, object]:
    """Return the median, least and most of all figures, and of how many samples those that were disturbed."""
    names = [each.name for each in fields(Sample)]
    return {name: report.spread([getattr(each, name) for each in samples]) for name in names} | {
        "rounds": len(samples),
        "disturbed": sum(each.is_disturbed for each in samples),
    }

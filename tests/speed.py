"""How fast this machine is now: what tests wait for follows it.

Measured once a session, by the clock on the wall, so that a slow machine and a busy one both count. `FACTOR` is 1 on a
quiet machine of today, and more on any other. A wait for an event is `PATIENCE`: it is used up only where something has
failed, so it is generous. What a test gives a client or a server to do in time is `seconds(n)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET_SECONDS = 0.033  # what `_work` takes on the machine on which the tests were written, when it is quiet
SAMPLES = 5
MOST = 20.0


def _work() -> None:
    total = 0
    for number in range(500_000):
        total += number & 7


def measured(work: Callable[[], None] = _work, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many times longer than on a quiet machine work takes; never less than once."""
    began = clock()
    for _ in range(SAMPLES):
        work()
    return min(MOST, max(1.0, (clock() - began) / SAMPLES / QUIET_SECONDS))


FACTOR = measured()
PATIENCE = 60.0 * FACTOR


def seconds(quiet: float) -> float:
    """Return how long something may take here that takes so long on a quiet machine."""
    return quiet * FACTOR

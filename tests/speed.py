"""The speed of this machine, by which tests scale their times.

Measured once a session in wall-clock time, so that a slow machine and a busy one both count. `FACTOR` is 1 on a quiet
machine of today, and more on any other. A wait for an event is `PATIENCE`: it is used up only where something has
failed, so it is generous. A time limit for a client or a server is `seconds(n)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET_SECONDS = 0.033  # what `_work` takes on the machine the tests were written on, when it is quiet
SAMPLES = 5
MOST = 20.0


def _work() -> None:
    total = 0
    for number in range(500_000):
        total += number & 7


def measured(work: Callable[[], None] = _work, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many times slower than a quiet machine this one is; at least 1."""
    began = clock()
    for _ in range(SAMPLES):
        work()
    return min(MOST, max(1.0, (clock() - began) / SAMPLES / QUIET_SECONDS))


FACTOR = measured()
PATIENCE = 60.0 * FACTOR


def seconds(quiet: float) -> float:
    """Return the time that something may take here, given its time on a quiet machine."""
    return quiet * FACTOR

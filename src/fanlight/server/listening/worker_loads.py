"""How many connections each worker has, so that a new one goes to a worker that has few.

In: the number of each worker's own connections. Out: whether another worker has clearly fewer, and a signal to it. All
workers wait at the same sockets, and the kernel wakes mostly the same one: without this, the dozen connections that a
proxy keeps would all be one worker's. The numbers are in memory that the workers share, in a place for each; a signal
is an eventfd. Both are Linux's; elsewhere a worker accepts whatever it is woken for. Knows nothing of sockets or
processes.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

MAX_PLACES = 64  # their descriptors are sent in one message
ABSENT = 0x7FFFFFFF  # in the place of a number: no worker, or one that accepts nothing just now
_NUMBER_BYTES = 4
_IS_SUPPORTED = hasattr(os, "memfd_create") and hasattr(os, "eventfd")


class WorkerLoads:
    """The places of all workers, as the supervisor hands them out."""

    def __init__(self, workers: int) -> None:
        """Make places for so many workers and, while new ones take their places, for as many again."""
        count = min(2 * workers + 2, MAX_PLACES) if _IS_SUPPORTED else 0
        self.descriptors: list[int] = []
        self._free = list(range(count))
        if count:
            memory = os.memfd_create("fanlight-loads")
            os.truncate(memory, count * _NUMBER_BYTES)
            self._loads = _map(memory, count)
            self._loads[:] = memoryview(ABSENT.to_bytes(_NUMBER_BYTES, "little") * count).cast("I")
            self.descriptors = [memory, *(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(count))]

    def take_place(self) -> int | None:
        """Return the number of a free place, None if there is none."""
        return self._free.pop(0) if self._free else None

    def give_back(self, place: int | None) -> None:
        """Free the place of a worker that has exited."""
        if place is not None:
            self._loads[place] = ABSENT
            self._free.append(place)

    def close(self) -> None:
        """Close the descriptors; what workers have of them stays open."""
        for each in self.descriptors:
            os.close(each)
        self.descriptors = []


class AcceptShare:
    """One worker's share of the connections, as it sees it."""

    def __init__(self, place: int, descriptors: Sequence[int]) -> None:
        """Take a place; the descriptors are those of the supervisor's `WorkerLoads`, now this object's."""
        memory, *self._signals = descriptors
        self._place, self.fd = place, self._signals[place]
        self._loads = _map(memory, len(self._signals))
        os.close(memory)

    def report(self, connections: int) -> None:
        """Let the others know how many connections this worker has."""
        self._loads[self._place] = connections

    def leave(self) -> None:
        """Let the others know that this worker accepts nothing."""
        self._loads[self._place] = ABSENT

    def place_with_fewer(self, connections: int) -> int | None:
        """Return the place of a worker with clearly fewer connections than this one has, None if there is none.

        Up to a difference of an eighth it is not worth another worker's waking up.
        """
        loads = self._loads.tolist()
        least = min(loads)
        return loads.index(least) if connections - least > connections >> 3 else None

    def wake(self, place: int) -> None:
        """Have another worker look for connections that wait, now."""
        os.eventfd_write(self._signals[place], 1)

    def clear(self) -> None:
        """Forget that this worker was woken."""
        os.eventfd_read(self.fd)

    def close(self) -> None:
        """Leave, and close the descriptors."""
        self.leave()
        for each in self._signals:
            os.close(each)


def _map(memory: int, count: int) -> memoryview:
    return memoryview(mmap.mmap(memory, count * _NUMBER_BYTES)).cast("I")

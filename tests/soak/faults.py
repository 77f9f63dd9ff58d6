"""Faults made on purpose, by a timetable: workers killed, code reloaded, the parent replaced, logs rotated.

In: how long it takes in all. Out: what was done, in the tally and in `done`. The last part of the time
is calm: clients go on, nothing is restarted, so that what workers hold can be seen to stay the same.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

from tests.soak.served import Served
from tests.soak.tally import Tally

KILL_EVERY, RELOAD_EVERY, ROTATE_EVERY = 45.0, 20.0, 30.0
CALM_PART = 0.2


def timetable(seconds: float) -> list[tuple[float, str]]:
    """Return what is to be done when; shorter runs have at least one of each."""
    busy = seconds * (1 - CALM_PART)
    every = {"kill": KILL_EVERY, "reload": RELOAD_EVERY, "rotate": ROTATE_EVERY}
    due = [
        (number * interval, what)
        for what, wanted in every.items()
        for interval in (min(wanted, busy / 2.5),)
        for number in range(1, int(busy / interval) + 1)
    ]
    # Between two reloads, so that each of them is seen by itself as well.
    return sorted([*due, (busy * 0.3, "replace the parent"), (busy * 0.7, "replace the parent")])


class Faults:
    """The timetable, carried out in a thread."""

    def __init__(self, served: Served, tally: Tally, seconds: float, access_file: Path) -> None:
        """Prepare; `start` begins."""
        self._served, self._tally, self._access_file = served, tally, access_file
        self._timetable = timetable(seconds)
        self.done: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more faults."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        for due, what in self._timetable:
            if self._stop.wait(max(0.0, began + due - time.monotonic())):
                return
            if what == "kill":
                self._kill()
            elif what == "reload":
                self._served.tell(signal.SIGHUP)
            elif what == "rotate":
                self._rotate()
            else:
                self._served.tell(signal.SIGUSR2)
            self.done[what] += 1

    def _kill(self) -> None:
        """Kill the worker that answered last, of those that are still there."""
        there = set(self._served.workers)
        worker = max((pid for pid in self._tally.workers if pid in there), key=self._tally.workers.__getitem__)
        self._tally.kills(worker)
        os.kill(worker, signal.SIGKILL)

    def _rotate(self) -> None:
        if self._access_file.exists():
            old = self._access_file.with_suffix(".old")
            old.unlink(missing_ok=True)
            self._access_file.rename(old)
        self._served.tell(signal.SIGUSR1)

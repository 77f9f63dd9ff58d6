"""Faults made on purpose, by a timetable.

Workers are killed or told to stop, releases swapped, the parent replaced, the whole server restarted into a pipe that
nothing reads, logs rotated.

In: how long it takes in all. Out: what was done, in the tally and in `done`. The last part of the time
is calm: clients go on, nothing is restarted, so that what workers hold can be seen to stay the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.soak.served import Served
from tests.soak.tally import Tally

KILL_EVERY, RELOAD_EVERY, ROTATE_EVERY, STOP_EVERY, RESTART_EVERY = 45.0, 20.0, 30.0, 25.0, 40.0
CALM_PART = 0.2


def timetable(seconds: float) -> list[tuple[float, str]]:
    """Return what is to be done when; shorter runs have at least one of each."""
    busy = seconds * (1 - CALM_PART)
    every = {
        "kill": KILL_EVERY,
        "reload": RELOAD_EVERY,
        "rotate": ROTATE_EVERY,
        "stop a worker": STOP_EVERY,
        "restart": RESTART_EVERY,
    }
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

    def __init__(
        self, served: Served, tally: Tally, seconds: float, access_file: Path, words: Sequence[str], current: Path
    ) -> None:
        """Prepare; `start` begins. `words` start the server anew; `current` is a link to the release that it serves."""
        self._served, self._tally, self._access_file = served, tally, access_file
        self._words, self._current = words, current
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
                self._swap_release()
                self._served.tell(signal.SIGHUP)
            elif what == "stop a worker":
                number = (signal.SIGTERM, signal.SIGINT)[self.done[what] % 2]
                os.kill(self._worker(), number)
            elif what == "restart":
                count = self.done[what]
                number = (signal.SIGTERM, signal.SIGINT)[count % 2]
                self._served.restart(self._words, number, is_full=count % 2 == 0)
                # A server none of whose workers has ever been ready gives up when one of them is killed.
                self._served.wait_until(lambda: bool(self._at_work()), 60, "a worker that answers")
            elif what == "rotate":
                self._rotate()
            else:
                self._served.tell(signal.SIGUSR2)
            self.done[what] += 1

    def _kill(self) -> None:
        """Kill the worker that answered last, of those that are still there."""
        worker = self._worker()
        self._tally.kills(worker)
        os.kill(worker, signal.SIGKILL)

    def _worker(self) -> int:
        """Return the worker that answered last, of those that are still there."""
        self._served.wait_until(lambda: bool(self._at_work()), 60, "a worker that answers")
        return max(self._at_work(), key=self._tally.workers.__getitem__)

    def _at_work(self) -> list[int]:
        return [pid for pid in self._served.workers if pid in self._tally.workers]

    def _swap_release(self) -> None:
        """Lay a copy of the site beside it, and have the link show the copy; the old release is removed."""
        old = self._current.resolve()
        fresh = old.with_name(str(int(old.name) + 1))
        shutil.copytree(old, fresh)
        link = self._current.with_name("next")
        link.symlink_to(fresh)
        link.rename(self._current)
        before = [each for each in old.parent.iterdir() if int(each.name) < int(old.name)]
        for each in before:  # not the one before: its workers may still be leaving
            shutil.rmtree(each)

    def _rotate(self) -> None:
        if self._access_file.exists():
            old = self._access_file.with_suffix(".old")
            old.unlink(missing_ok=True)
            self._access_file.rename(old)
        self._served.tell(signal.SIGUSR1)

"""Faults caused on purpose, by a timetable.

Workers are killed or stopped, releases swapped, the supervisor replaced, the whole server restarted into a pipe without
a reader, logs rotated.

What was done is counted in the tally and in `done`. The last part of the time is calm: clients go on, nothing is
restarted, so that the memory of workers can be seen to stay the same.
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
    """Return the faults and when they are due; shorter runs have at least one of each."""
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
    # Between two reloads, so that each is also seen on its own.
    return sorted([*due, (busy * 0.3, "replace the supervisor"), (busy * 0.7, "replace the supervisor")])


class Faults:
    """The timetable, carried out in a thread."""

    def __init__(
        self, served: Served, tally: Tally, seconds: float, access_file: Path, words: Sequence[str], current: Path
    ) -> None:
        """Prepare. `words` restart the server; `current` is a link to the release that is served."""
        self._served, self._tally, self._access_file = served, tally, access_file
        self._words, self._current = words, current
        self._timetable = timetable(seconds)
        self.done: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; no more faults occur."""
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
                self._served.send_signal(signal.SIGHUP)
            elif what == "stop a worker":
                number = (signal.SIGTERM, signal.SIGINT)[self.done[what] % 2]
                os.kill(self._worker(), number)
            elif what == "restart":
                count = self.done[what]
                number = (signal.SIGTERM, signal.SIGINT)[count % 2]
                self._served.restart(self._words, number, is_full=count % 2 == 0)
                # A server none of whose workers has ever been ready gives up when one of them is killed.
                self._served.wait_until(lambda: bool(self._responding()), 60, "a worker that answers")
            elif what == "rotate":
                self._rotate()
            else:
                self._served.send_signal(signal.SIGUSR2)
            self.done[what] += 1

    def _kill(self) -> None:
        """Kill the running worker that responded last."""
        worker = self._worker()
        self._tally.add_kill(worker)
        os.kill(worker, signal.SIGKILL)

    def _worker(self) -> int:
        """Return the running worker that responded last."""
        self._served.wait_until(lambda: bool(self._responding()), 60, "a worker that answers")
        return max(self._responding(), key=self._tally.workers.__getitem__)

    def _responding(self) -> list[int]:
        return [pid for pid in self._served.workers if pid in self._tally.workers]

    def _swap_release(self) -> None:
        """Copy the site beside the release and point the link to the copy; older releases are removed."""
        old = self._current.resolve()
        fresh = old.with_name(str(int(old.name) + 1))
        shutil.copytree(old, fresh)
        link = self._current.with_name("next")
        link.symlink_to(fresh)
        link.rename(self._current)
        before = [each for each in old.parent.iterdir() if int(each.name) < int(old.name)]
        for each in before:  # not the previous one: its workers may still be stopping
            shutil.rmtree(each)

    def _rotate(self) -> None:
        if self._access_file.exists():
            old = self._access_file.with_suffix(".old")
            old.unlink(missing_ok=True)
            self._access_file.rename(old)
        self._served.send_signal(signal.SIGUSR1)

"""One question to every worker, asked by another thread of the parent.

In: a word, and which workers there are. Out: their answers by process id, as many as come in time: a
worker that hangs holds up nobody for longer than that.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

from fanlight.server.workers.worker_process import Worker, WorkerState

ANSWER_SECONDS = 2.0

_numbers = itertools.count(1)


class StatusQuery:
    """What is asked, and what has been answered."""

    def __init__(self, what: str) -> None:
        """Prepare; `begin` asks."""
        self.what, self.number = what, next(_numbers)
        self.answers: dict[int, Any] = {}
        self.workers: list[dict[str, Any]] = []  # as the parent sees them
        self.done = threading.Event()
        self._missing: set[int] = set()
        self._until = 0.0

    def begin(self, workers: Sequence[Worker]) -> None:
        """Ask everybody who can answer."""
        now = time.monotonic()
        self._until = now + ANSWER_SECONDS
        for worker in workers:
            self.workers.append(
                {
                    "pid": worker.pid,
                    "state": "retired"
                    if worker.is_retired and worker.state is WorkerState.READY
                    else worker.state.value,
                    "generation": worker.generation,
                    "seconds": round(now - worker.began, 1),
                    "served": worker.served,
                    "counts": worker.counts,
                }
            )
            if worker.state in (WorkerState.READY, WorkerState.LEAVING) and worker.channel.send(
                self.what, number=self.number
            ):
                self._missing.add(worker.pid)

    def take(self, pid: int, message: dict[str, Any]) -> None:
        """Take an answer, if it is one to this question."""
        if message.get("number") == self.number:
            self.answers[pid] = message.get("answer")
            self._missing.discard(pid)

    def forget_worker(self, pid: int) -> None:
        """Wait no longer for a worker that has ended."""
        self._missing.discard(pid)

    def is_over(self, now: float) -> bool:
        """Say whether all have answered, or have had their time."""
        return not self._missing or now >= self._until

"""One status query to all workers, made for another thread of the supervisor.

In: the workers. Out: their replies by process id, as many as arrive within REPLY_SECONDS: a worker that hangs delays
no one for longer.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

from fanlight.server.workers.worker_state import READY, STOPPING, Worker

REPLY_SECONDS = 2.0

_numbers = itertools.count(1)


class StatusQuery:
    """The workers as the supervisor sees them, and the replies to one query."""

    def __init__(self) -> None:
        self._number = next(_numbers)
        self.replies: dict[int, Any] = {}
        self.workers: list[dict[str, Any]] = []  # as the supervisor sees them
        self.done = threading.Event()  # set by the supervisor's loop
        self._missing: set[Worker] = set()
        self._until = 0.0

    def begin(self, workers: Sequence[Worker]) -> None:
        """Send the query to every worker that can reply."""
        now = time.monotonic()
        self._until = now + REPLY_SECONDS
        for worker in workers:
            self.workers.append(
                {
                    "pid": worker.pid,
                    "state": "retired" if worker.is_retired and worker.state is READY else worker.state.value,
                    "generation": worker.generation,
                    "seconds": round(now - worker.started_at, 1),
                    "served": worker.served,
                    "counts": worker.counts,
                }
            )
            if worker.state in (READY, STOPPING) and worker.channel.send("status", number=self._number):
                self._missing.add(worker)

    def take_reply(self, worker: Worker, message: dict[str, Any]) -> None:
        """Keep a worker's reply, if it is one to this query."""
        if message.get("number") == self._number:
            self.replies[worker.pid] = message.get("reply")
            self._missing.discard(worker)

    def finish_if_due(self, now: float) -> bool:
        """End the query if all have replied or exited, or the time is over; return whether it has ended."""
        if now < self._until and any(worker.channel.is_open for worker in self._missing):
            return False
        self.done.set()
        return True

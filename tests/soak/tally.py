"""What has been counted: requests, answers, failures, and whether a killed worker explains a failure.

In: what the clients saw and when, and which workers were killed when. Out: numbers for the report. A
failure is explained when its connection is known to have led to a worker that was killed, or, where
no answer had told the worker yet, when it came within a moment of a kill. Thread-safe.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

MOMENT_SECONDS = 2.0  # from a kill until each client has noticed, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One request that did not get its answer."""

    client: str
    kind: str
    how: str
    began: float
    ended: float
    worker: int | None = None  # whom its connection led to, where an earlier answer had said so


@dataclass
class Tally:
    """All that the clients count together."""

    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    retried: list[Failure] = field(default_factory=list)  # a kept connection was closed before any byte came
    hostile: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    killed: list[tuple[float, int]] = field(default_factory=list)
    workers: dict[int, float] = field(default_factory=dict)  # who has answered, and when last
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sends(self, kind: str, count: int = 1) -> None:
        """Count requests that are sent."""
        with self._lock:
            self.sent[kind] += count

    def was_answered(self, kind: str, count: int = 1, *, worker: int | None = None, seconds: float = 0.0) -> None:
        """Count answers that were right."""
        with self._lock:
            self.answered[kind] += count
            self.slowest = max(self.slowest, seconds)
            if worker is not None:
                self.workers[worker] = time.monotonic()

    def is_retried(self, first: Failure) -> None:
        """Count a request that is sent again, as RFC 9112 section 9.3.1 has it."""
        with self._lock:
            self.retried.append(first)

    def has_failed(self, failure: Failure) -> None:
        """Count a failure."""
        with self._lock:
            self.failures.append(failure)

    def met_hostile(self, what: str) -> None:
        """Count what a hostile client did, or got."""
        with self._lock:
            self.hostile[what] += 1

    def kills(self, worker: int) -> None:
        """Note that a worker is killed now."""
        with self._lock:
            self.killed.append((time.monotonic(), worker))

    def explains(self, failure: Failure) -> bool:
        """Say whether a killed worker is the reason of a failure."""
        if failure.worker is not None:
            return any(worker == failure.worker for _, worker in self.killed)
        return any(failure.began - MOMENT_SECONDS <= when <= failure.ended for when, _ in self.killed)

    @property
    def unexplained(self) -> list[Failure]:
        """The failures that no kill explains."""
        return [each for each in self.failures if not self.explains(each)]

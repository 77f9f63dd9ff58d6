"""Counts of a soak: requests, responses, failures, and whether a killed worker explains a failure.

A failure is explained if its connection is known to have led to a worker that was killed, or, where no response had
named the worker yet, if it occurred within a moment of a kill. Thread-safe.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

MOMENT_SECONDS = 2.0  # from a kill until each client has noticed, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One request without its response."""

    client: str
    kind: str
    how: str
    began: float
    ended: float
    worker: int | None = None  # that the connection led to, if an earlier response named it


@dataclass
class Tally:
    """The counts of all clients together."""

    sent: Counter[str] = field(default_factory=Counter)
    completed: Counter[str] = field(default_factory=Counter)
    retried: list[Failure] = field(default_factory=list)  # a kept connection was closed before any byte came
    hostile: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    killed: list[tuple[float, int]] = field(default_factory=list)
    workers: dict[int, float] = field(default_factory=dict)  # pid: when it last responded
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count_sent(self, kind: str, count: int = 1) -> None:
        """Count requests that are sent."""
        with self._lock:
            self.sent[kind] += count

    def count_completed(self, kind: str, count: int = 1, *, worker: int | None = None, seconds: float = 0.0) -> None:
        """Count correct responses."""
        with self._lock:
            self.completed[kind] += count
            self.slowest = max(self.slowest, seconds)
            if worker is not None:
                self.workers[worker] = time.monotonic()

    def add_retry(self, first: Failure) -> None:
        """Record a request that is sent again, as RFC 9112 section 9.3.1 allows."""
        with self._lock:
            self.retried.append(first)

    def add_failure(self, failure: Failure) -> None:
        """Record a failure."""
        with self._lock:
            self.failures.append(failure)

    def count_hostile(self, what: str) -> None:
        """Count what a hostile client did, or got."""
        with self._lock:
            self.hostile[what] += 1

    def add_kill(self, worker: int) -> None:
        """Record that a worker is killed now."""
        with self._lock:
            self.killed.append((time.monotonic(), worker))

    def explains(self, failure: Failure) -> bool:
        """Return whether a killed worker is the reason for a failure."""
        if failure.worker is not None:
            return any(worker == failure.worker for _, worker in self.killed)
        return any(failure.began - MOMENT_SECONDS <= when <= failure.ended for when, _ in self.killed)

    @property
    def unexplained(self) -> list[Failure]:
        """The failures that no kill explains."""
        return [each for each in self.failures if not self.explains(each)]

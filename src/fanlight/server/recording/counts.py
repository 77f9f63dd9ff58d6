"""Count requests by route, method and status, and how long they took.

In: each response and each refused message. Out: a snapshot fit for JSON, and the sum of several snapshots. The size is
bounded: unknown methods are counted as OTHER, and routes beyond MAX_SERIES as (others). How the counts are presented is
in `prometheus`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Any

from fanlight.message.handler import Call

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # upper bounds, in seconds
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
MAX_SERIES = 5000  # of route, method and status
OTHER_METHOD, OTHER_ROUTES = "OTHER", "(others)"

CountsSnapshot = dict[str, Any]
_SUM, _BYTES = len(BUCKETS) + 1, len(BUCKETS) + 2  # in a series, behind its buckets and the one for what exceeds them


class Counts:
    """The counts of one process; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[tuple[Call | None, str, int], list[float]] = {}
        self._refused: Counter[str] = Counter()

    def count_response(self, call: Call, method: str, status: int, seconds: float, size: int) -> None:
        """Count a response."""
        bucket = bisect_left(BUCKETS, seconds)
        with self._lock:
            try:
                series = self._series[call, method, status]
            except KeyError:
                series = self._begin(call, method, status)
            series[bucket] += 1
            series[_SUM] += seconds
            series[_BYTES] += size

    def count_refusal(self, status: int) -> None:
        """Count a message that was refused because it is no valid request."""
        with self._lock:
            self._refused[str(status)] += 1

    def _begin(self, call: Call, method: str, status: int) -> list[float]:
        """Return the series for a new combination, or the one it is counted under."""
        key: tuple[Call | None, str, int] = (call, method if method in METHODS else OTHER_METHOD, status)
        if key not in self._series and len(self._series) >= MAX_SERIES:
            key = (None, key[1], status if 100 <= status <= 599 else 999)
        return self._series.setdefault(key, [0] * (len(BUCKETS) + 3))

    def snapshot(self, connections: int = 0) -> CountsSnapshot:
        """Return all counts so far, with the number of accepted connections."""
        with self._lock:
            series = [(key, list(values)) for key, values in self._series.items()]
            refused = dict(self._refused)
        parts: list[CountsSnapshot] = [
            {
                "requests": [(method, status, route, int(sum(values[:_SUM])))],
                "durations": {route: values},
                "refused": {},
                "bytes": int(values[_BYTES]),
                "connections": 0,
            }
            for (call, method, status), values in series
            for route in [OTHER_ROUTES if call is None else route_of(call.name)]
        ]
        return {**merge(parts), "refused": refused, "connections": connections}


def merge(snapshots: Iterable[CountsSnapshot]) -> CountsSnapshot:
    """Return the sum of several processes' snapshots."""
    requests: Counter[tuple[str, int, str]] = Counter()
    durations: dict[str, list[float]] = {}
    refused: Counter[str] = Counter()
    total_bytes = connections = 0
    for each in snapshots:
        for method, status, route, count in each["requests"]:
            requests[method, status, route] += count
        for route, values in each["durations"].items():
            total = durations.setdefault(route, [0] * (_SUM + 1))
            for index in range(_SUM + 1):
                total[index] += values[index]
        refused.update(each["refused"])
        total_bytes += each["bytes"]
        connections += each["connections"]
    return {
        "requests": [[*key, count] for key, count in requests.items()],
        "durations": durations,
        "bytes": total_bytes,
        "refused": dict(refused),
        "connections": connections,
    }


def route_of(name: str) -> str:
    """Return the path in a call's name: "/blog/{slug}" of "GET /blog/{slug} (views.post)"; others unchanged."""
    _, space, rest = name.partition(" ")
    return rest.partition(" ")[0] if space and rest.startswith("/") else name

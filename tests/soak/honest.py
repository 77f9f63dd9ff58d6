"""Measure what an honest client notices: the latency of a page every 10 ms, on a kept connection and on fresh ones.

    python -m tests.soak.honest PORT [SECONDS] [PATH]

Prints one line: the numbers of responses and failures, and the 50th and 99th percentile and the worst latency in
milliseconds. The client comes from 127.0.0.2, so that a limit per address does not count it with others.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time

PAUSE_SECONDS = 0.01
LEAST = 10  # requests, however long they take: on a busy machine the seconds may be over before the first one
FROM = ("127.0.0.2", 0)


def measure(port: int, seconds: float, path: str) -> str:
    """Send requests for so long, at least `LEAST` of them; every second one over a fresh connection."""
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=FROM)
    took: list[float] = []
    failures: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(took) < LEAST:
        is_fresh = len(took) % 2 == 1
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=FROM) if is_fresh else kept
        began = time.perf_counter()
        try:
            client.request("GET", path)
            response = client.getresponse()
            response.read()
            if response.status != 200:
                failures.append(f"status {response.status}")
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
            kept.close()
        took.append((time.perf_counter() - began) * 1000)
        if is_fresh:
            client.close()
        time.sleep(PAUSE_SECONDS)
    kept.close()
    parts = statistics.quantiles(took, n=100)
    reasons = f" ({', '.join(sorted(set(failures)))})" if failures else ""
    return (
        f"{len(took)} responses, {len(failures)} failures{reasons},"
        f" p50 {parts[49]:.1f} ms, p99 {parts[98]:.1f} ms, worst {max(took):.1f} ms"
    )


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    print(measure(int(given[0]), float(given.get(1, "10")), given.get(2, "/page/1")))  # noqa: T201 - the line

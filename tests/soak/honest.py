"""What an honest client notices: the latency of a page, asked every 10 ms, on a kept connection and on fresh ones.

    python -m tests.soak.honest PORT [SECONDS] [PATH]

In: a port of this machine. Out: one line: how many answers, how many failures, and the 50th and 99th percentile and the
worst in milliseconds. It comes from 127.0.0.2, so that a cap for each address does not mistake it for anybody else.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time

PAUSE_SECONDS = 0.01
LEAST = 10  # requests, however long they take: so few seconds may be over on a busy machine before they have begun
FROM = ("127.0.0.2", 0)


def measure(port: int, seconds: float, path: str) -> str:
    """Ask for so long, and at least `LEAST` times; every second answer is over a fresh connection."""
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
    told = f" ({', '.join(sorted(set(failures)))})" if failures else ""
    return (
        f"{len(took)} answers, {len(failures)} failures{told},"
        f" p50 {parts[49]:.1f} ms, p99 {parts[98]:.1f} ms, worst {max(took):.1f} ms"
    )


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    print(measure(int(given[0]), float(given.get(1, "10")), given.get(2, "/page/1")))  # noqa: T201 - the line

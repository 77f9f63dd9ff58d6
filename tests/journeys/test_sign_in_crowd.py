"""A crowd that signs in at once: memory and threads stay bounded, and other pages are as quick as ever."""

from __future__ import annotations

import http.client
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE, seconds

from fanlight.passwords.hashing_threads import HASHING, MOST_WAITING

CROWD = 64
MAIN = """
from fanlight import hash_password, lane, verify_password

STORED = hash_password("right")


def enter(password: str):
    return {"is_right": verify_password(password, STORED)}


@lane("thread")
def in_thread():
    return "thread"


URLS = {"POST /sign-in": enter, "/inline": lambda: "inline", "/thread": in_thread}
"""


def ask(port: str, method: str, path: str, form: str = "") -> tuple[int, str | None]:
    """Return the status and the Retry-After of one exchange."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE)
    fields = {"content-type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, form or None, fields)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("retry-after")


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of the memory of another process")
def test_a_crowd_takes_little_memory_and_no_page_waits(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Of 64 sign-ins at once all get a response: as many as may wait are verified, the others get 503."""
    (tmp_path / "main.py").write_text(MAIN)
    site = serve(tmp_path, "--no-access-log")
    before = peak_bytes(site.process.pid)
    assert ask(site.port, "POST", "/sign-in", "password=right")[0] == 200
    results: list[tuple[int, str | None]] = []
    crowd = [
        threading.Thread(target=lambda: results.append(ask(site.port, "POST", "/sign-in", "password=wrong")))
        for _ in range(CROWD)
    ]
    for each in crowd:
        each.start()
    took: dict[str, list[float]] = {"/inline": [], "/thread": []}
    while any(each.is_alive() for each in crowd):
        for path, times in took.items():
            began = time.perf_counter()
            assert ask(site.port, "GET", path)[0] == 200
            times.append(time.perf_counter() - began)
    for each in crowd:
        each.join(PATIENCE)
    counts = Counter(results)
    assert set(counts) <= {(200, None), (503, "5")}
    assert sum(counts.values()) == CROWD
    assert HASHING._threads <= counts[200, None] <= CROWD
    assert counts[503, "5"] <= CROWD
    # One of 19 MiB for each thread that computes, and some for the connections; 64 at once would take 1.2 GB.
    assert peak_bytes(site.process.pid) - before < (HASHING._threads * 20 + 40) * 1024**2
    for path, times in took.items():
        assert statistics.median(times) < seconds(0.1), path
    assert MOST_WAITING < CROWD

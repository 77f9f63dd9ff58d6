"""Measure floods of requests that are expensive to log, or whose calls are expensive.

    python -m tests.hostile.floods [--seconds 6]

Prints the tables of docs/reference/hostile.md. A flood comes over four kept connections from one process, as fast as
the server responds; meanwhile an honest client requests a page, and measures when its line is in the log.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.decoding import peak_memory, processor_time
from tests.soak.served import SITE, Served

CONNECTIONS = 4
MIB = 1024 * 1024
FOLDER = Path(__file__).parent
MOST_TARGET = 8000  # of the 8192 that a request line may have

KINDS: dict[str, Callable[[int], tuple[str, str]]] = {
    "a short target": lambda _: ("/nope", ""),
    "`&a=%25`, 1,300 times": lambda _: ("/nope?1" + "&a=%25" * 1300, ""),
    "names that never come twice": lambda at: ("/nope?1" + "".join(f"&{at:x}{each:x}=%25" for each in range(800)), ""),
    "encoded names": lambda at: ("/nope?1" + "".join(f"&%25{at:x}{each:x}=%25" for each in range(700)), ""),
    "a URL within the URL": lambda at: (f"/nope?{at}=" + "".join(f"%26{each:x}%3D1" for each in range(150)), ""),
    "15 KB of fields": lambda at: (f"/nope?{at}", f"referer: /?{'&a=%25' * 1200}\r\nx-a: {'b' * 7000}{at}\r\n"),
}


def request(kind: str, number: int) -> bytes:
    """Return a request of a kind."""
    target, fields = KINDS[kind](number)
    return f"GET {target[:MOST_TARGET]} HTTP/1.1\r\nhost: a\r\n{fields}\r\n".encode()


def _flood(port: int, requests: list[bytes], is_over: threading.Event, counted: Counter[str]) -> None:
    """Send one request after the other, each after the response to the one before."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        for each in itertools.cycle(requests):
            if is_over.is_set():
                return
            sock.sendall(each)
            if not sock.recv(65536):
                return
            counted["answered"] += 1


@contextlib.contextmanager
def flooding(port: int, kind: str) -> Iterator[Counter[str]]:
    """Flood a server inside; yield the count of responses."""
    is_over, counted = threading.Event(), Counter[str]()
    made = [[request(kind, 1000 * each + number) for number in range(200)] for each in range(CONNECTIONS)]
    threads = [threading.Thread(target=_flood, args=(port, each, is_over, counted)) for each in made]
    for each in threads:
        each.start()
    try:
        yield counted
    finally:
        is_over.set()
        for each in threads:
            each.join()


def log_delay(port: int, log: Path, name: str, most: float) -> float:
    """Request a page; return the seconds until its line was in the log, or `most` if it was not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/page/1?{name}")
    connection.getresponse().read()
    connection.close()
    began = time.monotonic()
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MIB))  # it can't have been written before
        while time.monotonic() - began < most:
            if name.encode() in file.read():
                break
            time.sleep(0.02)
    return time.monotonic() - began


def lines_in(log: Path) -> int:
    """Return the number of lines of a log, except those that report lost ones."""
    return sum(1 for line in log.read_bytes().splitlines() if b" lines of this log are lost" not in line)


def row(kind: str, seconds: float, folder: Path) -> str:
    """Return the row of one kind of flood."""
    log = folder / "access.log"
    log.unlink(missing_ok=True)
    served = Served(SITE, ["--access-file", str(log)], folder / "log")
    try:
        before, used, began = peak_memory(served), processor_time(served), time.monotonic()
        latest = 0.0
        with flooding(served.port, kind) as counted:
            for number in itertools.count():
                if time.monotonic() - began > seconds:
                    break
                latest = max(latest, log_delay(served.port, log, f"honest-{number}", seconds))
        took = time.monotonic() - began
        spent, after = processor_time(served) - used, peak_memory(served)
    finally:
        stopped = time.monotonic()
        served.stop()
        stopped = time.monotonic() - stopped
    lost = counted["answered"] + number - lines_in(log)
    return (
        f"| {kind} | {counted['answered'] / took:,.0f} | {spent / took * 100:.0f} % | {latest:.2f} s"
        f" | {max(0, lost)} of {counted['answered']:,} | {(after - before) / 1024:.0f} MiB | {stopped:.1f} s |"
    )


def pool_row(count: int, folder: Path) -> str:
    """Return the row of `count` clients at once that request a view which holds a thread for a second."""
    served = Served(FOLDER, ["held_site.py", "--no-access-log", "--connections-per-address", "0"], folder / "log")
    statuses: Counter[int] = Counter()
    try:
        before = peak_memory(served)
        honest = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.honest", str(served.port), "4", "/"], stdout=subprocess.PIPE, text=True
        )
        socks = [socket.create_connection(("127.0.0.1", served.port), 60) for _ in range(count)]
        for sock in socks:
            sock.sendall(b"GET /held HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        for sock in socks:
            with sock:
                statuses[int(sock.recv(12).split()[1])] += 1
        noticed = honest.communicate()[0].strip().partition("failures, ")[2]
        after = peak_memory(served)
    finally:
        served.stop()
    return f"| {count:,} | {statuses[200]:,} | {statuses[503]:,} | {(after - before) / 1024:.0f} MiB | {noticed} |"


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(prog="floods")
    parser.add_argument("--seconds", type=float, default=6)
    seconds = parser.parse_args().seconds
    show = print
    with tempfile.TemporaryDirectory(prefix="floods-") as name:
        os.environ["XDG_DATA_HOME"] = name
        show("| flood | requests per second | processor | honest line after | lines lost | memory | stop |")
        show("|---|---|---|---|---|---|---|")
        for kind in KINDS:
            show(row(kind, seconds, Path(name)), flush=True)
        show("\n| clients at once | 200 | 503 | memory | honest client meanwhile |\n|---|---|---|---|---|")
        for count in (64, 1000, 2000):
            show(pool_row(count, Path(name)), flush=True)


if __name__ == "__main__":
    main()

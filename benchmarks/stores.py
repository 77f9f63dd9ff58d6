"""What a store costs: calls a second, the caller's processor time, how long a call takes; in one process, and in four.

In: kinds of stores, and seconds (`python benchmarks/stores.py sqlite redis memory --seconds 2`). Out: a line for each
operation and number of processes. Redis is a redis-server of its own, on the loopback. Every process makes its calls
after the other, as fast as it can, for one of 20,000 keys with values of 300 bytes, of which 2,000 are there.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fanlight.errors import StoreUnavailable
from fanlight.stores.open_store import open_store
from fanlight.stores.rate import Rate

KEYS, SESSIONS, VALUE = 20_000, 2_000, b"x" * 300
ALLOWED, REFUSED = Rate(1_000_000, 100), Rate(1, 86400)
CALLS: dict[str, Callable[[Any, str], object]] = {
    "get": lambda store, key: store.get(f"session:{key}"),
    "get_many of 3": lambda store, key: store.get_many([f"session:{key}", f"signed-out:{key}", "x"]),
    "set": lambda store, key: store.set(f"session:{key}", VALUE, 1000),
    "take, allowed": lambda store, key: store.take(f"limit:{key}", ALLOWED),
    "take, refused": lambda store, _: store.take("limit:all", REFUSED),
    "take, one key": lambda store, _: store.take("limit:one", ALLOWED),
}


def measure(url: str, name: str, seconds: float, barrier: Any, results: Any) -> None:
    """Make calls of one kind for a while; put how long each took, the processor time, and how many failed."""
    store, call = open_store(url), CALLS[name]
    store.get("warm")
    keys = [str(random.randrange(KEYS)) for _ in range(KEYS)]
    times: list[float] = []
    failed = index = 0
    barrier.wait()
    began = time.process_time()
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        index += 1
        try:
            call(store, keys[index % KEYS])
        except StoreUnavailable:
            failed += 1
        times.append(time.perf_counter() - start)
    results.put((times, time.process_time() - began, failed))


@contextmanager
def urls(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a store; a redis-server runs meanwhile."""
    if kind != "redis":
        yield "memory:" if kind == "memory" else f"sqlite:{folder}/store.sqlite"
        return
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    words = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.1)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


def round_of(url: str, name: str, seconds: float, processes: int) -> list[tuple[list[float], float, int]]:
    """Return what each of several processes has measured at the same time."""
    context = multiprocessing.get_context("spawn")
    results, barrier = context.Queue(), context.Barrier(processes)
    started = [context.Process(target=measure, args=(url, name, seconds, barrier, results)) for _ in range(processes)]
    for each in started:
        each.start()
    found = [results.get() for _ in started]
    for each in started:
        each.join()
    return found


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["memory", "sqlite", "redis"])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 4])
    given = parser.parse_args()
    print("store   call           processes  a second     CPU   median     99 %  longest  503")
    for kind, count, name in itertools.product(given.kinds, given.processes, CALLS):
        if kind == "memory" and count > 1:
            continue
        folder = Path(tempfile.mkdtemp())
        with urls(kind, folder) as url:
            filled = open_store(url)
            for number in range(SESSIONS):
                filled.set(f"session:{number}", VALUE, 1000)
            filled.close()
            found = round_of(url, name, given.seconds, count)
        shutil.rmtree(folder)
        times = sorted(each for some, _, _ in found for each in some)
        cpu = sum(each for _, each, _ in found) / len(times)
        middle, late, longest = times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]
        print(
            f"{kind:8}{name:16}{count:8}{len(times) / given.seconds:10,.0f}{cpu * 1e6:5.0f} us{middle * 1e6:6.0f} us"
            f"{late * 1e3:6.1f} ms{longest * 1e3:6.0f} ms{sum(each for *_, each in found):5}",
            flush=True,
        )


if __name__ == "__main__":
    main()

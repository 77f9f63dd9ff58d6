"""What a store costs: calls a second, the caller's processor time, how long a call takes; in one process, and in four.

In: settings. Out: a table, and results/stores.json. Redis is a redis-server of its own, on the loopback; without one
its rows are missing. Every process makes its calls one after the other, as fast as it can, for one of 20,000 keys
with values of 300 bytes, of which 2,000 are there.
"""

from __future__ import annotations

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
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import report
from machine import facts

from fanlight.errors import StoreUnavailable
from fanlight.stores.open_store import open_store
from fanlight.stores.rate import Rate

if TYPE_CHECKING:
    from settings import Settings

KINDS = ("memory", "sqlite", *(["redis"] if shutil.which("redis-server") else []))
PROCESSES = (1, 4)

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


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    heads = ("store", "call", "processes", "a second", "CPU us", "median us", "p99 ms", "longest ms", "503")
    lines: list[list[str]] = []
    results: list[dict[str, object]] = []
    for kind, processes, name in itertools.product(KINDS, PROCESSES, CALLS):
        if kind == "memory" and processes > 1:
            continue
        settings.say(f"{kind}, {processes}: {name}")
        with tempfile.TemporaryDirectory() as folder, urls(kind, Path(folder)) as url:
            filled = open_store(url)
            for number in range(SESSIONS):
                filled.set(f"session:{number}", VALUE, 1000)
            filled.close()
            found = round_of(url, name, settings.seconds / 2, processes)
        times = sorted(each for some, _, _ in found for each in some)
        figures: dict[str, float] = {
            "rate": len(times) / (settings.seconds / 2),
            "cpu_us": sum(each for _, each, _ in found) / len(times) * 1e6,
            "p50_us": times[len(times) // 2] * 1e6,
            "p99_ms": times[int(len(times) * 0.99)] * 1e3,
            "worst_ms": times[-1] * 1e3,
            "failed": sum(each for *_, each in found),
        }
        results.append({"store": kind, "call": name, "processes": processes} | figures)
        forms = (",.0f", ".1f", ".0f", ".2f", ".0f", ".0f")
        shown = [format(value, form) for value, form in zip(figures.values(), forms, strict=True)]
        lines.append([kind, name, str(processes), *shown])
    text = report.table(heads, lines)
    print(text)
    report.save(settings.file("stores"), machine, asdict(settings), results, text)

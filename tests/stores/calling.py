"""Processes that use a store at the same time: `python -m tests.stores.calling take|use URL ...`.

Each prints "ready", makes calls when it gets a line, until they are done or its standard input is closed, and prints a
report of what happened.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from fanlight.errors import StoreUnavailable
from fanlight.stores.open_store import open_store
from fanlight.stores.rate import Rate
from fanlight.stores.store import Store

REPOSITORY = Path(__file__).parents[2]
THREADS = 4


class Report(msgspec.Struct):
    """What one process, or one thread, has seen."""

    allowed: int = 0
    unavailable: int = 0
    kept: dict[str, str] = {}  # values that the store has taken
    wrong: list[str] = []  # what must not happen
    longest: float = 0.0  # seconds of a call

    def call(self, act: Callable[[], Any]) -> Any:
        """Return what a call returns; None, and a note, if it raises."""
        began = time.monotonic()
        try:
            return act()
        except StoreUnavailable:
            self.unavailable += 1
        except BaseException:  # noqa: BLE001 - reported
            self.wrong.append(traceback.format_exc())
        finally:
            self.longest = max(self.longest, time.monotonic() - began)
        return None

    def take(self, store: Store, rate: Rate) -> None:
        """Take once of a key that all share."""
        result = self.call(lambda: store.take("limit:all", rate))
        self.allowed += result is not None and result.is_allowed

    def add(self, other: Report) -> None:
        """Add what another has seen."""
        self.allowed += other.allowed
        self.unavailable += other.unavailable
        self.kept |= other.kept
        self.wrong += other.wrong
        self.longest = max(self.longest, other.longest)


class Caller:
    """A process that uses a store."""

    def __init__(self, *words: object) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "tests.stores.calling", *map(str, words)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", self.process.communicate()

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def report(self) -> tuple[Report, str]:
        """End it; return its report and what it has logged."""
        out, errors = self.process.communicate()
        assert self.process.returncode == 0, errors.decode()
        return msgspec.json.decode(out, type=Report), errors.decode()


def take(url: str, count: int, seconds: float, calls: int) -> Report:
    """Take as often as wanted."""
    report, store, rate = Report(), open_store(url), Rate(count, seconds)
    store.get("open")
    ready()
    for _ in range(calls):
        report.take(store, rate)
    store.close()
    return report


def use(url: str, count: int, seconds: float, name: str) -> Report:
    """Set, get and take in some threads, until standard input is closed."""
    report, store, rate = Report(), open_store(url), Rate(count, seconds)
    ready()
    ended, lock = threading.Event(), threading.Lock()

    def run(thread: int) -> None:
        own, number = Report(), 0
        while not ended.is_set():
            number += 1
            key = value = f"{name}:{thread}:{number}"
            if own.call(partial(set_value, store, key)):
                own.kept[key] = value
            found = own.call(partial(store.get_many, [key, "nothing"]))
            if found is not None and key in own.kept and found != [value.encode(), None]:
                own.wrong.append(f"{key} is {found!r}")
            own.take(store, rate)
            time.sleep(0.002)  # a site does other things, too
        with lock:
            report.add(own)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
    for each in threads:
        each.start()
    sys.stdin.read()
    ended.set()
    for each in threads:
        each.join()
    store.close()
    return report


def set_value(store: Store, key: str) -> bool:
    """Set the value of a key to the key."""
    store.set(key, key.encode(), 600)
    return True


def ready() -> None:
    """Say so, and wait for a line."""
    print("ready", flush=True)  # noqa: T201 - to the test
    sys.stdin.readline()


def main(words: Sequence[str]) -> None:
    """Do what the command line says."""
    kind, url, count, seconds, more = words
    made = (
        take(url, int(count), float(seconds), int(more))
        if kind == "take"
        else use(url, int(count), float(seconds), more)
    )
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Make load with wrk, pinned to its core, and read what it measured.

In: an address, a shape of request, a number of connections and of seconds. Out: a `Load`. Refuses nothing:
errors are counted in it, and who asked for it judges them.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import asking
from asking import SHAPES
from machine import LOAD_CORE, program

PIPELINE, VARIANTS = 16, 20_000  # as in shapes/pipelined.lua and shapes/varied.lua


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A kind of request: the Lua script that sends it and the head it sends."""

    name: str
    script: str
    head: str
    list: str = ""  # for listed.lua: the file that has a path and a value for each request


TINY = Shape(name="tiny head", script="fixed.lua", head="tiny.txt")
BROWSER = Shape(name="browser's head", script="fixed.lua", head="browser.txt")
VARIED = Shape(name="varied heads", script="varied.lua", head="browser.txt")
PIPELINED = Shape(name="16 requests at a time", script="pipelined.lua", head="tiny.txt")
CLOSING = Shape(name="a connection for each request", script="fixed.lua", head="closing.txt")
ALL_SHAPES = (TINY, BROWSER, VARIED)


def heads(shape: Shape, path: str = "/user") -> list[bytes]:
    """Return what wrk sends in this shape, one after the other, for the users of a path: the same, or 20,000 others."""
    if shape.script == "fixed.lua":
        return [asking.head(shape.head, f"{path}/42")]
    if shape.script == "pipelined.lua":
        return [asking.head(shape.head, f"{path}/42") * PIPELINE]
    still = asking.head(shape.head, f"{path}/42")
    session, version = asking.STILL["session"].encode(), asking.STILL["version"].encode()
    return [
        still.replace(f"{path}/42".encode(), f"{path}/{100_000 + 7 * i}".encode())
        .replace(session, b"%032x" % (i * 40_503))
        .replace(version, b"%d.0.%d.%d" % (110 + i % 30, 5000 + i // 30, i % 211))
        for i in range(VARIANTS)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run of wrk saw."""

    requests: int
    seconds: float
    bytes_each: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    errors: dict[str, int]  # connect, read, write, status (not 2xx or 3xx), timeout; only those that happened

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Running:
    """A wrk that is under way."""

    process: subprocess.Popen[str]
    seconds: float

    def result(self) -> Load:
        """Wait for wrk and return what it saw."""
        try:
            output, _ = self.process.communicate(timeout=self.seconds + 30)
        except BaseException:
            self.stop()
            raise
        line = next((each for each in output.splitlines() if each.startswith("TALLY ")), None)
        if line is None:
            raise RuntimeError(f"wrk gave no result: {output.strip()[-300:]}")
        return _read(json.loads(line.removeprefix("TALLY ")))

    def stop(self) -> None:
        """End wrk now."""
        self.process.kill()
        self.process.wait()


def start(url: str, shape: Shape, *, connections: int, seconds: float, cores: Sequence[int] = (LOAD_CORE,)) -> Running:
    """Start wrk and return at once."""
    pinned = [program("taskset"), "-c", ",".join(map(str, cores)), program("wrk")]
    size = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    return Running(
        subprocess.Popen(
            [*pinned, *size, "-s", shape.script, url, "--", shape.head, *([shape.list] if shape.list else [])],
            cwd=SHAPES,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ),
        seconds,
    )


def run(url: str, shape: Shape, *, connections: int, seconds: float, cores: Sequence[int] = (LOAD_CORE,)) -> Load:
    """Run wrk to its end."""
    return start(url, shape, connections=connections, seconds=seconds, cores=cores).result()


def cpu_seconds_of_load() -> float:
    """Return the processor time of this process, and of every wrk (and server) that has ended so far."""
    return sum(os.times()[:4])


def _read(told: dict[str, object]) -> Load:
    errors = told.pop("errors")
    assert isinstance(errors, dict)
    number = {name: float(str(value)) for name, value in told.items()}
    return Load(
        requests=int(number["requests"]),
        seconds=number["microseconds"] / 1e6,
        bytes_each=number["bytes"] / max(1, number["requests"]),
        p50_ms=number["p50"] / 1e3,
        p99_ms=number["p99"] / 1e3,
        worst_ms=number["worst"] / 1e3,
        errors={name: count for name, count in errors.items() if count},
    )

"""A server with nothing to do, and one with 10,000 connections that idle.

In: settings. Out: a table and results/idle.json. Tells how often the process wakes, what memory a connection
costs, and how long a request on one of many idle connections takes, when each has made a request before and
when none has. Memory is the process's own; what the kernel holds for a socket is the same for all servers.
"""

from __future__ import annotations

import random
import socket
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import asking
import load
import report
from load import TINY
from machine import facts
from peers import IDLING_PEERS, Peer
from serving import CannotRunError, Serving
from tls import CONTEXT, make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from settings import Settings

PER_ADDRESS = 500  # connections from one source address: fewer than Fanlight allows, and than there are ports
FEW = 10
QUICK_PEERS = IDLING_PEERS[:2]
PROBES = 3_000
HEADS = (
    *("server", "idle connections", "wake-ups/s", "CPU ms/s", "RSS KiB each", "PSS KiB each"),
    *("p50 us", "p99 us", "worst us", "lost"),
)
LEGEND = """\
wake-ups/s: voluntary context switches of all threads. RSS, PSS: growth of the process for one connection.
p50, p99, worst: a request on one of the idle connections, picked at random, one at a time.
used: each connection has made a request before it idled; fresh: none has. lost: closed by the server meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What one kind of idle connections costs."""

    kind: str
    wake_ups: float  # per second
    cpu_ms: float  # per second
    rss_each: float  # KiB
    pss_each: float  # KiB
    p50_us: float
    p99_us: float
    worst_us: float
    lost: int


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    make_certificate()
    lines: list[list[str]] = []
    spoiled: list[tuple[str, str]] = []
    results: list[dict[str, object]] = []
    for peer in settings.chosen(QUICK_PEERS if settings.is_quick else IDLING_PEERS):
        told: dict[str, object] = {"server": peer.name, "setup": peer.note}
        try:
            for kind, count in (("used", FEW), ("used", settings.connections), ("fresh", settings.connections)):
                settings.say(f"{peer.name}: {count} {kind} connections")
                found = _measure(peer, kind, count, settings)
                lines.append(_line(peer, count, found))
                results.append(told | {"connections": count} | asdict(found))
        except (CannotRunError, OSError) as error:
            spoiled.append((peer.name, str(error)))
            results.append(told | {"failure": str(error)})
    text = report.table(HEADS, lines) + report.failures(spoiled) + "\n\n" + LEGEND
    print(text)
    report.save(settings.file("idle"), machine, asdict(settings), results, text)


def _measure(peer: Peer, kind: str, count: int, settings: Settings) -> Idle:
    with Serving(peer) as server, ExitStack() as stack:
        asking.check(peer, server.port)
        load.run(
            f"{peer.scheme}://127.0.0.1:{server.port}{peer.path}/42", TINY, connections=64, seconds=settings.warm_up
        )
        time.sleep(1)  # the connections of the warm-up are closed, and what they held is free again
        before, sockets = server.memory(), server.open_sockets()
        connections = [stack.enter_context(_connect(peer, server.port, number)) for number in range(count)]
        request = asking.head("browser.txt", f"{peer.path}/42")
        if kind == "used":
            for connection in connections:
                _ask(connection, request)
        _wait_until(lambda: server.open_sockets() >= sockets + count)
        woken, cpu, started = server.wake_ups(), server.cpu_seconds(), time.monotonic()
        time.sleep(settings.idle_seconds)
        elapsed = time.monotonic() - started
        after = server.memory()  # of connections that have idled for a while
        woken, cpu = server.wake_ups() - woken, server.cpu_seconds() - cpu
        lost = sockets + count - server.open_sockets()
        times = _times(connections, request)
    return Idle(
        kind=kind,
        wake_ups=woken / elapsed,
        cpu_ms=cpu / elapsed * 1e3,
        rss_each=(after.rss - before.rss) / count,
        pss_each=(after.pss - before.pss) / count,
        p50_us=times[len(times) // 2],
        p99_us=times[len(times) * 99 // 100],
        worst_us=times[-1],
        lost=lost,
    )


def _connect(peer: Peer, port: int, number: int) -> socket.socket:
    """Open a connection; the source addresses take turns, so that there are ports enough."""
    connection = socket.create_connection(("127.0.0.1", port), 10, (f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    return CONTEXT.wrap_socket(connection) if peer.scheme == "https" else connection


def _ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    status, _, _ = asking.receive(connection)
    if status != 200:
        raise CannotRunError(f"an idle connection was answered {status}")


def _times(connections: Sequence[socket.socket], request: bytes) -> list[float]:
    """Return the times of requests on connections picked at random, in microseconds, shortest first."""
    pick = random.Random(1)
    times = []
    for _ in range(PROBES):
        connection = pick.choice(connections)
        started = time.perf_counter()
        _ask(connection, request)
        times.append((time.perf_counter() - started) * 1e6)
    return sorted(times)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        if time.monotonic() > deadline:
            raise CannotRunError("the server did not accept all connections within 10 s")
        time.sleep(0.1)


def _line(peer: Peer, count: int, found: Idle) -> list[str]:
    return [
        peer.name,
        f"{count} {found.kind}",
        f"{found.wake_ups:.1f}",
        f"{found.cpu_ms:.1f}",
        *((f"{found.rss_each:.2f}", f"{found.pss_each:.2f}") if count > FEW else ("-", "-")),
        f"{found.p50_us:.0f}",
        f"{found.p99_us:.0f}",
        f"{found.worst_us:.0f}",
        str(found.lost),
    ]

"""WebSockets: an echo, connections that idle, and a message to all of them.

In: settings. Out: a table and results/sockets.json. The client is one process that sends a next message on a connection
when it has the last one back; it asks for no compression, which all leave out then. Every server runs the view that its
own documentation shows, in apps/websocket_*.py.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import report
from machine import facts
from peers import Peer, fanlight, granian, sanic, uvicorn
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

ECHOING = 64  # connections
SIZES = (20, 1024)  # bytes of a message
PER_ADDRESS = 500  # connections from one source address
MANY = 5_000
KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PEERS = (
    fanlight("websocket_fanlight"),
    uvicorn("uvicorn, websockets", "websocket_asgi", options=("--ws", "websockets")),
    uvicorn("uvicorn, wsproto", "websocket_asgi", options=("--ws", "wsproto")),
    *(
        replace(each, command=lambda port, folder, each=each: [  # type: ignore[misc]  # bound now
            word for word in each.command(port, folder) if word != "--no-ws"
        ])
        for each in (
            granian("Granian ASGI", "websocket_asgi", "asgi", "raw ASGI"),
            granian("Granian RSGI", "websocket_rsgi", "rsgi", "its own interface"),
        )
    ),
    replace(sanic("websocket_sanic"), name="Sanic"),
)  # fmt: skip
HEADS = (
    *("server", "echo 20 B/s", "CPU us", "echo 1 KiB/s", "CPU us"),
    *("KiB each", "broadcast ms", "CPU ms"),
)
LEGEND = f"""\
echo: messages a second on {ECHOING} connections, and the server's processor time for each. KiB each: growth of the
process for one of {MANY:,} connections that idle. broadcast: from one message of 20 bytes to its receipt by all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was measured of one server."""

    rates: tuple[float, ...]  # messages per second, for each size
    cpu_us: tuple[float, ...]  # of the server, for each message
    kib_each: float
    broadcast_ms: float
    broadcast_cpu_ms: float


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    lines: list[list[str]] = []
    spoiled: list[tuple[str, str]] = []
    results: list[dict[str, object]] = []
    for peer in settings.chosen(PEERS):
        settings.say(peer.name)
        try:
            found = measure(peer, settings)
        except (CannotRunError, OSError) as error:
            spoiled.append((peer.name, str(error)))
            results.append({"server": peer.name, "failure": str(error)})
            continue
        cells = [
            text for rate, cpu in zip(found.rates, found.cpu_us, strict=True) for text in (f"{rate:,.0f}", f"{cpu:.1f}")
        ]
        ends = (f"{found.kib_each:.1f}", f"{found.broadcast_ms:.0f}", f"{found.broadcast_cpu_ms:.0f}")
        lines.append([peer.name, *cells, *ends])
        results.append({"server": peer.name, "setup": peer.note} | asdict(found))
    text = report.table(HEADS, lines) + report.failures(spoiled) + "\n\n" + LEGEND
    print(text)
    report.save(settings.file("sockets"), machine, asdict(settings), results, text)


def measure(peer: Peer, settings: Settings) -> Found:
    """Return the best of the rounds for each figure."""
    rates, cpu_us = [0.0] * len(SIZES), [float("inf")] * len(SIZES)
    with Serving(peer) as server:
        for _ in settings.turns(3):
            for at, size in enumerate(SIZES):
                with ExitStack() as stack:
                    socks = [stack.enter_context(connected(server.port, "/echo", 0)) for _ in range(ECHOING)]
                    echoed(socks, size, settings.warm_up)
                    cpu = server.cpu_seconds()
                    count, seconds = echoed(socks, size, settings.seconds)
                    cpu_us[at] = min(cpu_us[at], (server.cpu_seconds() - cpu) / count * 1e6)
                    rates[at] = max(rates[at], count / seconds)
    with Serving(peer) as server, ExitStack() as stack:
        stack.enter_context(connected(server.port, "/room", 0))
        time.sleep(1)
        before = server.memory().rss
        socks = [stack.enter_context(connected(server.port, "/room", number)) for number in range(MANY)]
        time.sleep(2)
        kib_each = (server.memory().rss - before) / MANY
        best, best_cpu = float("inf"), float("inf")
        for _ in settings.turns(5):
            cpu = server.cpu_seconds()
            best = min(best, broadcast(socks))
            time.sleep(0.2)
            best_cpu = min(best_cpu, server.cpu_seconds() - cpu)
    return Found(
        rates=tuple(rates),
        cpu_us=tuple(cpu_us),
        kib_each=kib_each,
        broadcast_ms=best * 1e3,
        broadcast_cpu_ms=best_cpu * 1e3,
    )


def connected(port: int, path: str, number: int) -> socket.socket:
    """Return a connection behind its handshake; source addresses take turns, as there are only so many ports."""
    sock = socket.create_connection(("127.0.0.1", port), 10, (f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(HANDSHAKE % path.encode())
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        piece = sock.recv(4096)
        if not piece:
            raise CannotRunError("a handshake was not completed")
        received += piece
    if not received.startswith(b"HTTP/1.1 101 "):
        raise CannotRunError(f"a handshake was answered {received[:60]!r}")
    return sock


def frame_of(size: int) -> tuple[bytes, int]:
    """Return a masked frame with a text, and how many bytes its echo has."""
    data = b"x" * size
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    masked = bytes(each ^ KEY[at % 4] for at, each in enumerate(data))
    return head + KEY + masked, len(head) + size


def echoed(socks: list[socket.socket], size: int, seconds: float) -> tuple[int, float]:
    """Return how many messages came back, and in how many seconds."""
    frame, expected = frame_of(size)
    poller, by_fd, left = select.epoll(), {each.fileno(): each for each in socks}, dict[int, int]()
    for each in socks:
        poller.register(each.fileno(), select.EPOLLIN)
        left[each.fileno()] = expected
        each.send(frame)
    began, count, pending = time.perf_counter(), 0, len(socks)
    until = began + seconds
    is_over = False
    while pending:
        ready = poller.poll(10)
        if not ready:
            raise CannotRunError("a message did not come back within 10 s")
        is_over = is_over or time.perf_counter() >= until
        for fd, _ in ready:
            got = len(os.read(fd, 65536))
            if not got:
                raise CannotRunError("a connection was closed")
            left[fd] -= got
            if not left[fd]:
                count += 1
                if is_over:
                    pending -= 1
                else:
                    left[fd] = expected
                    by_fd[fd].send(frame)
    poller.close()
    return count, time.perf_counter() - began


def broadcast(socks: list[socket.socket]) -> float:
    """Return how many seconds it takes until a message of the first connection has reached all."""
    frame, expected = frame_of(20)
    poller = select.epoll()
    for each in socks:
        poller.register(each.fileno(), select.EPOLLIN)
    left = {each.fileno(): expected for each in socks}
    began = time.perf_counter()
    socks[0].send(frame)
    while left:
        ready = poller.poll(20)
        if not ready:
            raise CannotRunError(f"{len(left)} did not get a message within 20 s")
        for fd, _ in ready:
            left[fd] -= len(os.read(fd, 65536))
            if not left[fd]:
                del left[fd]
                poller.unregister(fd)
    seconds = time.perf_counter() - began
    poller.close()
    return seconds

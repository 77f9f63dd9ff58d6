"""Ask one address at a fixed pace, as visitors do who know nothing of each other.

In: an address, the content that it must answer, a rate and a time. Out: a `Load`. A request's time counts from when it
was due: what the server makes late is late, and what it never comes to is missing from the rate. Refuses, as
CannotRunError, another answer. It runs in this process, on the load's core; where the system allows it (root), before
everything else there, so that what it measures is the server and not its own wait for the processor.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Iterator

import asking
from load import Load
from serving import CannotRunError

CONNECTIONS = 32
DRAIN_KEEPALIVE_SECONDS = 5.0  # for what was asked to be answered
FIRST = -15  # nice value of who comes before wrk


def run(port: int, path: str, content: bytes, *, rate: float, seconds: float) -> Load:
    """Ask until the time is over, and return what was seen."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_before_others())
        idle = []
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            idle.append(connection)
        client = _Client(asking.head("tiny.txt", path), content, idle)
        client.ask(rate, seconds)
    took = sorted(client.took)
    if not took:
        raise CannotRunError("no answer to the paced client")
    return Load(
        requests=client.in_time,
        seconds=seconds,
        bytes_each=client.size,
        p50_ms=1e3 * took[len(took) // 2],
        p99_ms=1e3 * took[int(len(took) * 0.99)],
        worst_ms=1e3 * took[-1],
        errors={},
    )


@contextlib.contextmanager
def _before_others() -> Iterator[None]:
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, usual)


class _Client:
    """Some connections, each of which has one request under way at most."""

    def __init__(self, sent: bytes, content: bytes, idle: list[socket.socket]) -> None:
        self._sent, self._content, self._idle = sent, content, idle
        self._busy: dict[socket.socket, tuple[float, bytes]] = {}  # when its request was due, what has come
        self.took: list[float] = []  # seconds of each answer
        self.in_time = 0  # answers before the end
        self.size = 0

    def ask(self, rate: float, seconds: float) -> None:
        begin = time.perf_counter()
        end = begin + seconds
        asked, now, due = 0, begin, begin
        while (now < end and due < end) or (self._busy and now < end + DRAIN_KEEPALIVE_SECONDS):
            while self._idle and due <= now < end and due < end:
                self._send(due)
                asked += 1
                due = begin + asked / rate
            patience = due - now if self._idle and due < end else 0.1
            ready, _, _ = select.select(list(self._busy), [], [], max(0.0, patience))
            now = time.perf_counter()
            for connection in ready:
                self._receive(connection, now, is_in_time=now < end)
        if self._busy:
            raise CannotRunError(f"{len(self._busy)} requests of the paced client were never answered")

    def _send(self, due: float) -> None:
        connection = self._idle.pop()
        connection.sendall(self._sent)
        self._busy[connection] = due, b""

    def _receive(self, connection: socket.socket, now: float, *, is_in_time: bool) -> None:
        due, before = self._busy[connection]
        data = before + connection.recv(65536)
        if len(data) == len(before) or not b"HTTP/1.1 200 ".startswith(data[:13]):
            raise CannotRunError(f"wrong answer to the paced client: {data[:80]!r}")
        if not data.endswith(self._content):
            self._busy[connection] = due, data
            return
        del self._busy[connection]
        self._idle.append(connection)
        self.took.append(now - due)
        self.in_time += is_in_time
        self.size = len(data)

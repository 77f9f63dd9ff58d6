"""Every raw message of the test vectors, through a real socket: the server responds to the next client."""

from __future__ import annotations

import gc
import re
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight import App, Request
from fanlight.settings.limits import Limits
from fanlight.testing import LiveServer

VECTORS = sorted((Path(__file__).parents[1] / "wire" / "vectors").iterdir())


def echo(request: Request) -> bytes:
    return request.content


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    # The deadlines are short, so that incomplete requests end within the test.
    limits = Limits(head_seconds=1, content_seconds=1)
    app = App({"GET|POST|PUT|OPTIONS /": echo, "POST /{rest...}": "x"})
    with pytest.MonkeyPatch.context() as patch, LiveServer(app, limits=limits) as running:
        patch.setattr("fanlight.server.connection.connection.LINGER_SECONDS", 0.2)
        patch.setattr("fanlight.server.connection.client_pace.LEAST_RATE", 1_000_000)
        yield running


def exchange(server: LiveServer, data: bytes) -> bytes:
    """Send data and close for writing; return all that is received."""
    response = b""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                response += piece
        except ConnectionResetError:
            pass  # it was refused while it still sent
    return response


def is_well(server: LiveServer) -> bool:
    return exchange(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_each_message_gets_a_response_or_is_dropped(server: LiveServer, path: Path) -> None:
    """A message gets a response or a refusal, or is dropped when its client leaves; the next client is served."""
    response = exchange(server, path.read_bytes())
    assert not response or response.startswith(b"HTTP/1.1 ")
    assert is_well(server)


def own_threads() -> int:
    """Return how many threads there are besides those of the pool, whose number is bounded."""
    return sum(not re.fullmatch(r"fanlight-\d+", each.name) for each in threading.enumerate())


def test_nothing_is_left_of_a_thousand_hostile_clients(server: LiveServer) -> None:
    """After every message many times over, connections, threads and memory are as before."""
    for path in VECTORS:
        exchange(server, path.read_bytes())
    hub = server.hub
    assert is_well(server)
    threads = own_threads()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(6):
            for path in VECTORS:
                exchange(server, path.read_bytes())
        assert is_well(server)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert own_threads() <= threads + 1
    assert len(hub.table.connections) <= 1  # the last one may be on its way out
    assert grown < 1_000_000, f"{grown} bytes stayed"

"""Where there are too many connections, those that lose least make room, and an honest client does not wait long."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE, seconds

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.exchange.timeouts import evict_idle
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall

Serve = Callable[..., Any]
MANY, MOST = 120, 50


def quick(_: Request) -> Response:
    return Response(b"quick")


@pytest.fixture
def house(serve: Serve) -> Iterator[tuple[Any, tuple[str, int], threading.Event]]:
    """Give a hub with few places, its address, and what lets go of the views at /slow."""
    let_go = threading.Event()

    def slow(_: Request) -> Response:
        assert let_go.wait(PATIENCE)
        return Response(b"slow")

    calls = {"/": quick, "/slow": FakeCall(slow, Lane.THREAD)}
    harness = serve(calls, limits=Limits(connections=MOST, connections_per_address=0))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    yield harness, listener.getsockname(), let_go
    let_go.set()


def wait_of_an_honest_client(address: tuple[str, int], tools: Any) -> float:
    """Return after how many seconds a fresh client has its response."""
    began = time.monotonic()
    with socket.create_connection(address, PATIENCE) as sock:
        assert tools.ask(sock, "/") == (200, b"quick")
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nhost: a\r\n"], ids=["nothing", "an-empty-line", "half-a-head"]
)
def test_silent_clients_make_room(house: Any, tools: Any, sent: bytes) -> None:
    """An honest client behind more than twice as many silent ones as there are places waits a few seconds at most."""
    _, address, _ = house
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(address, PATIENCE)).sendall(sent)
        assert wait_of_an_honest_client(address, tools) < seconds(6)


def test_silent_clients_leave_before_those_that_idle(house: Any, tools: Any) -> None:
    """One that has had a response is let go of only when no silent one is left."""
    harness, address, _ = house
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(5)]
        for each in idle:
            assert tools.ask(each, "/") == (200, b"quick")
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(address, PATIENCE))
        wait_of_an_honest_client(address, tools)
        for each in idle:
            assert tools.ask(each, "/") == (200, b"quick")
        assert len(harness.hub.table.connections) <= MOST


def test_busy_clients_never_make_room(house: Any, tools: Any) -> None:
    """Where views run for all of them, a new client waits until one of them is done."""
    harness, address, let_go = house
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(MOST)]
        for each in busy:
            each.sendall(tools.request("/slow"))
        harness.wait_until(lambda: harness.hub.exchange.served == MOST)
        fresh = stack.enter_context(socket.create_connection(address, PATIENCE))
        fresh.sendall(tools.request("/"))
        harness.wait_until(lambda: harness.hub.acceptor.is_paused)
        fresh.settimeout(seconds(3))
        with pytest.raises(TimeoutError):
            fresh.recv(1)
        fresh.settimeout(PATIENCE)
        let_go.set()
        for each in busy:
            assert tools.read_response(each) == (200, b"slow")
        assert tools.read_response(fresh) == (200, b"quick")  # they idle now, and make room


def test_one_whose_request_has_just_come_is_not_let_go(house: Any, tools: Any) -> None:
    """A silent client that has sent its request before it was checked gets its response."""
    harness, address, _ = house
    with socket.create_connection(address, PATIENCE) as sock:
        harness.wait_until(lambda: len(harness.hub.table.connections) == 1)
        (connection,) = harness.hub.table.connections.values()
        connection.deadline -= 5  # as if it had been silent for long

        def look() -> bool:
            sock.sendall(tools.request("/"))
            return evict_idle(harness.hub.table)

        assert not harness.inside(look)
        assert tools.read_response(sock) == (200, b"quick")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of this very process is lowered, on Linux")
def test_without_descriptors_silent_clients_make_room(serve: Serve, tools: Any) -> None:
    """Where the system gives no more descriptors, it is as with `connections`."""
    harness = serve({"/": quick}, limits=Limits(connections_per_address=0))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    address = listener.getsockname()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(MOST)]
        harness.wait_until(lambda: len(harness.hub.table.connections) == MOST)
        honest = socket.socket()
        stack.enter_context(honest)
        highest = max(each.fileno() for each in (*clients, honest))
        highest = max(highest, *harness.inside(lambda: list(harness.hub.table.connections)))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        fillers = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        with contextlib.suppress(OSError):
            while True:
                fillers.append(stack.enter_context(socket.socket()))
        honest.settimeout(PATIENCE)
        honest.connect(address)
        began = time.monotonic()
        assert tools.ask(honest, "/") == (200, b"quick")
        assert time.monotonic() - began < seconds(6)
        assert len(harness.hub.table.connections) <= MOST

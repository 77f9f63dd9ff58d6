"""A thread gives its connection back to the holder of the hub without waking it: no request is lost, however close."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.phases import IDLE, RUNNING
from fanlight.testing import FakeCall

Serve = Callable[..., Any]
CLIENTS, REQUESTS = 8, 120


def quick(_: Request) -> Response:
    return Response(b"quick")


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait without the holder, which a question to it would wake."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end


class Held:
    """A view in a thread that waits until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def __call__(self, _: Request) -> Response:
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        return Response(b"held")


def test_a_response_of_a_thread_wakes_nobody(serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread has sent whole needs nothing of the holder: nothing is posted to it."""
    harness = serve({"/": FakeCall(quick, Lane.THREAD)})
    posted: list[object] = []
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"quick")
        (connection,) = harness.inside(lambda: list(harness.hub.table.connections.values()))
        monkeypatch.setattr(harness.hub.ownership, "post", lambda *work: posted.append(work))
        for _ in range(3):
            wait_for(lambda: connection.phase is IDLE)
            assert tools.ask(sock, "/") == (200, b"quick")
    assert posted == []


def test_a_client_that_sends_on_while_its_view_runs_is_served(serve: Serve, tools: Any) -> None:
    """The holder has stopped watching its connection by then: the thread has it watched again."""
    held = Held()
    harness = serve({"/held": FakeCall(held, Lane.THREAD), "/": quick})
    with harness.connect() as sock:
        sock.sendall(tools.request("/held"))
        assert held.entered.wait(PATIENCE)
        sock.sendall(tools.request("/"))
        (connection,) = harness.inside(lambda: list(harness.hub.table.connections.values()))
        harness.wait_until(lambda: connection.fd not in harness.hub.table._watched)
        held.let_go.set()
        assert tools.read_response(sock) == (200, b"held")
        assert tools.read_response(sock) == (200, b"quick")


def test_a_connection_given_back_just_before_it_is_unwatched_is_served(serve: Serve, tools: Any) -> None:
    """The thread has seen it watched, and the holder it RUNNING: the holder looks once more."""
    held = Held()
    harness = serve({"/held": FakeCall(held, Lane.THREAD), "/": quick})
    table = harness.hub.table
    unwatch = table.watch

    def give_back_first(connection: Any, *events: int) -> None:
        if events == (0,) and connection.phase is RUNNING:
            held.let_go.set()
            wait_for(lambda: connection.phase is IDLE)
        unwatch(connection, *events)

    with harness.connect() as sock:
        sock.sendall(tools.request("/held"))
        assert held.entered.wait(PATIENCE)
        table.watch = give_back_first
        sock.sendall(tools.request("/"))
        assert tools.read_response(sock) == (200, b"held")
        assert tools.read_response(sock) == (200, b"quick")


def test_what_is_given_back_late_touches_no_other_connection(serve: Serve, tools: Any) -> None:
    """A connection that has run on, or was closed, by the time the holder looks is left as it is."""
    harness = serve({"/": FakeCall(quick, Lane.THREAD)})
    table = harness.hub.table
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"quick")
        (connection,) = harness.inside(lambda: list(table.connections.values()))

        def close_then_look() -> bool:
            table.close(connection)
            connection.phase = IDLE  # as a thread leaves it that was in the midst of giving it back
            table.watch_again(connection)
            return connection.fd in table._watched

        assert not harness.inside(close_then_look)


async def later(_: Request) -> Response:
    await asyncio.sleep(0)
    return Response(b"later")


def test_no_request_is_lost_between_the_hub_and_its_threads(serve: Serve, tools: Any) -> None:
    """Clients, some of which do not wait for their responses, ask all lanes in turn: each gets all, in order."""
    calls = {"/": quick, "/thread": FakeCall(quick, Lane.THREAD), "/task": FakeCall(later, Lane.TASK)}
    contents = {"/": b"quick", "/thread": b"quick", "/task": b"later"}
    harness = serve(calls)
    served: list[int] = []

    def ask(number: int) -> None:
        together = number % 3 + 1
        with harness.connect() as sock:
            for begin in range(0, REQUESTS, together):
                paths = [tuple(calls)[(number + begin + i) % 3] for i in range(together)]
                for path in paths:
                    sock.sendall(tools.request(path))
                seen = b""
                while (found := re.findall(rb"\r\n\r\n(quick|later)", seen)) != [contents[path] for path in paths]:
                    seen += received_next(sock)
                    assert len(found) < together, found
        served.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert sorted(served) == list(range(CLIENTS))

"""Every wait has a deadline, and what is over it gets its due. Time is handed to the hub's tick."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import random
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.phases import CONTENT
from fanlight.server.exchange.connection_table import ARRIVING_SECONDS
from fanlight.server.exchange.timeouts import evict_idle
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall

Serve = Callable[..., Any]
LIMITS = Limits(head_seconds=10, idle_seconds=60, content_seconds=20, write_seconds=20)
BIG = b"x" * 8_000_000


def quick(_: Request) -> Response:
    return Response(b"quick")


def big(_: Request) -> Response:
    return Response(BIG)


class HeldView:
    """A view that does not return before it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def view(self, _: Request) -> Response:
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        return Response(b"done")


def tick(harness: Any, seconds: float) -> None:
    """Let the hub believe that so many seconds have passed."""
    harness.inside(lambda: harness.hub._tick(harness.hub.table.now + seconds))


def is_open(harness: Any) -> bool:
    return bool(harness.inside(lambda: len(harness.hub.table.connections)))


def test_an_idle_connection_is_closed_without_a_word(serve: Serve, tools: Any) -> None:
    """After idle_seconds without a request the connection is closed, and nothing is sent."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        tools.ask(sock, "/")
        tick(harness, 59)
        assert is_open(harness)
        tick(harness, 61)
        assert sock.recv(1) == b""


def test_an_idle_connection_gives_back_the_memory_of_its_last_head(serve: Serve, tools: Any) -> None:
    """The buffer of a head is kept for a client that sends its next request at once, and released after a second."""
    harness = serve({"/": quick}, limits=LIMITS)
    mark = "x" * 5000

    def holds_the_head() -> bool:
        (connection,) = harness.hub.table.connections.values()
        held = gc.get_referents(connection.wire)
        return any(mark in str(getattr(each, "fields", each)) for each in held)

    with harness.connect() as sock:
        sock.sendall(tools.request("/", fields=f"x-mark: {mark}\r\n"))
        assert tools.read_response(sock)[0] == 200
        assert harness.inside(holds_the_head)
        tick(harness, 1.5)
        assert not harness.inside(holds_the_head)
        assert tools.ask(sock, "/") == (200, b"quick")


class Held:
    """What a request of `hold` has."""

    known: list[weakref.ref[Held]]


def hold(request: Request) -> Response:
    """Give the request something to hold."""
    held = Held()
    request.cache_value("held", held)
    Held.known.append(weakref.ref(held))
    return Response("held")


def test_the_request_of_a_response_that_is_out_is_released(serve: Serve, tools: Any) -> None:
    """Its connection idles without it, and without all that it holds."""
    Held.known = []
    harness = serve({"/": hold}, limits=LIMITS)
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"held")
        harness.inside(gc.collect)
        assert Held.known[0]() is None


def test_an_idle_connection_gives_back_its_last_request(serve: Serve, tools: Any) -> None:
    """The request of a view that ran in a thread, and all that it holds, is released with its head."""
    Held.known = []
    harness = serve({"/": FakeCall(hold, Lane.THREAD)}, limits=LIMITS)
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"held")
        assert Held.known[0]() is not None
        harness.wait_until(lambda: not harness.hub.pool.running)  # else its thread may still be about to end
        tick(harness, 1.5)
        gc.collect()
        assert Held.known[0]() is None
        assert tools.ask(sock, "/") == (200, b"held")


def test_those_that_have_idled_longest_make_room(serve: Serve, tools: Any) -> None:
    """Where others wait for a place, a batch of idle connections is closed, the oldest first, and no more."""
    most = 40
    harness = serve({"/": quick}, limits=LIMITS)
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr("fanlight.server.exchange.timeouts.AT_ONCE", most)
        clients = [stack.enter_context(harness.connect()) for _ in range(most + 10)]
        for each in clients:
            tools.ask(each, "/")
        by_age = list(harness.hub.table.connections.values())
        random.Random(1).shuffle(by_age)  # the order of arrival is not what counts

        def make_room() -> None:
            for age, each in enumerate(by_age):
                each.deadline = harness.hub.table.now + age / 1000
            assert evict_idle(harness.hub.table)

        harness.inside(make_room)
        assert set(harness.hub.table.connections.values()) == set(by_age[most:])


def test_a_client_that_sends_nothing_has_as_long_as_a_head_may_take(serve: Serve) -> None:
    """A new connection without a single byte is closed after head_seconds, without a word."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        tick(harness, 9)
        assert is_open(harness)
        tick(harness, 11)
        assert sock.recv(1) == b""


def test_half_a_head_gets_408(serve: Serve) -> None:
    """A head that does not end in head_seconds is refused with 408, and the limit is named."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        harness.wait_until(lambda: not next(iter(harness.hub.table.connections.values())).wire.is_idle)
        tick(harness, 11)
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Limits.head_seconds" in answer


def test_a_byte_now_and_then_buys_a_slow_head_no_time(serve: Serve) -> None:
    """The deadline of a head counts from its first byte, whatever comes later."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"GET / HT")
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: not connection.wire.is_idle)
        before = connection.deadline
        sock.sendall(b"TP/1.1\r\n")
        harness.inside(lambda: None)
        assert connection.deadline == before


def test_content_must_come_at_the_least_rate(serve: Serve) -> None:
    """Content earns time by its size: 20 s and one more for each KiB."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n" + b"x" * 5120)
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: connection.moved_bytes == 5120)
        assert connection.deadline == connection.phase_started_at + 20 + 5
        tick(harness, 24)
        assert is_open(harness)
        tick(harness, 26)
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Limits.content_seconds" in answer


def test_a_client_that_takes_no_response_is_cut_off(serve: Serve, tools: Any) -> None:
    """A response of which its client takes nothing is kept for write_seconds, whatever our system has taken."""
    harness = serve({"/": big}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: bool(connection.pending))
        tick(harness, 19)
        assert is_open(harness)
        tick(harness, 22)
        harness.wait_until(lambda: not harness.hub.table.connections)


def test_a_slow_reader_gets_all_of_a_big_response(serve: Serve, tools: Any) -> None:
    """A partial send is continued when the client takes more, to the last byte."""
    harness = serve({"/": big, "/quick": quick}, limits=LIMITS)
    with harness.connect() as sock, harness.connect() as other:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(tools.request("/") + tools.request("/quick"))
        assert tools.ask(other, "/quick") == (200, b"quick")
        data = b""
        while not data.endswith(b"\r\n\r\nquick"):
            data += received_next(sock)
        rest = data.partition(b"\r\n\r\n")[2]
        assert rest.startswith(BIG + b"HTTP/1.1 200 OK\r\n")


def test_a_running_view_has_no_deadline(serve: Serve, tools: Any) -> None:
    """However long a view takes, its connection is not closed under it."""
    held = HeldView()
    harness = serve({"/": FakeCall(held.view, Lane.THREAD)}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        held.entered.wait()
        tick(harness, 100_000)
        held.let_go.set()
        assert tools.read_response(sock) == (200, b"done")


def test_a_refused_client_can_read_why_before_we_close(serve: Serve) -> None:
    """After a refusal the server reads on for a while, so that no reset destroys the response."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 99999999999\r\n\r\n")
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 ")
        sock.sendall(b"x" * 100_000)  # it still sends, and nothing resets it
        assert is_open(harness)
        tick(harness, 3)
        harness.wait_until(lambda: not harness.hub.table.connections)


def test_a_refused_client_can_not_send_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a refused client sends on is read only up to a bound."""
    monkeypatch.setattr("fanlight.server.connection.connection.LINGER_BYTES", 1_000_000)
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
        try:
            for _ in range(1000):
                sock.sendall(b"x" * 65536)
        except OSError:
            pass
        else:
            raise AssertionError("64 MB were taken")
        harness.wait_until(lambda: not harness.hub.table.connections)


def test_a_refused_client_may_send_only_so_long(serve: Serve) -> None:
    """While it sends it is read on, ten times as long as one that is silent, and no longer."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
        (connection,) = harness.hub.table.connections.values()
        since = connection.phase_started_at
        sock.sendall(b"x")
        harness.wait_until(lambda: connection.moved_bytes == 1)
        assert connection.deadline <= harness.hub.table.now + 2
        connection.phase_started_at = since - 19.5
        sock.sendall(b"x")
        harness.wait_until(lambda: connection.moved_bytes == 2)
        assert connection.deadline == connection.phase_started_at + 20


# --- while the server stops ------------------------------------------------------------------------


def drain(harness: Any) -> None:
    harness.inside(harness.hub.drain)


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n" + b"x" * 5000],
    ids=["half a head", "half of the content"],
)
def test_half_a_request_holds_up_the_end_for_arriving_seconds(serve: Serve, sent: bytes) -> None:
    """What has not wholly come by then is refused with 408, though it had more time while the server served."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(sent)
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: not connection.wire.is_idle)
        drain(harness)
        tick(harness, ARRIVING_SECONDS - 0.5)
        assert is_open(harness)
        tick(harness, ARRIVING_SECONDS + 0.5)
        assert sock.recv(65536).startswith(b"HTTP/1.1 408 ")
        tick(harness, ARRIVING_SECONDS + 2)  # it does not close; it has read why, or never will
        assert harness.ended.wait(PATIENCE)


def test_half_a_request_at_a_stop_is_refused_with_the_reason(serve: Serve, tools: Any) -> None:
    """The response names the shutdown, not a deadline that the client would have kept."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\na")
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: connection.phase is CONTENT)
        drain(harness)
        tick(harness, ARRIVING_SECONDS + 0.5)
        status, content = tools.read_response(sock)
    assert status == 408
    assert b"the server is shutting down" in content
    assert b"not complete in time" in content


def test_a_request_that_becomes_whole_in_that_time_is_served(serve: Serve, tools: Any) -> None:
    """What comes within ARRIVING_SECONDS gets its response, and that says that it is the last one."""
    harness = serve({"/": quick}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: not connection.wire.is_idle)
        drain(harness)
        tick(harness, ARRIVING_SECONDS - 0.5)
        sock.sendall(b"host: test\r\n\r\n")
        assert tools.read_response(sock) == (200, b"quick")
        assert sock.recv(1) == b""


def test_what_a_view_works_on_gets_all_of_the_drain(serve: Serve, tools: Any) -> None:
    """A request that was whole is finished, long after ARRIVING_SECONDS."""
    held = HeldView()
    harness = serve({"/": FakeCall(held.view, Lane.THREAD)}, limits=LIMITS)
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        held.entered.wait()
        drain(harness)
        tick(harness, LIMITS.drain_seconds - 1)
        held.let_go.set()
        assert tools.read_response(sock) == (200, b"done")


def test_arriving_seconds_are_none_beyond_the_drain(serve: Serve) -> None:
    """A drain that is shorter ends what comes, too."""
    harness = serve({"/": quick}, limits=dataclasses.replace(LIMITS, drain_seconds=1))
    with harness.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        connection = harness.inside(lambda: next(iter(harness.hub.table.connections.values())))
        harness.wait_until(lambda: not connection.wire.is_idle)
        drain(harness)
        assert harness.hub.table.refuse_late_at <= harness.hub.table.now + 1

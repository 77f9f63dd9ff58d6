"""Big responses and slow readers: what is held for them, and which are disconnected when it is too much."""

from __future__ import annotations

import logging
import select
import socket
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from tests.sockets import received_next

from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.phases import RUNNING, WRITING
from fanlight.server.listening.acceptor import MAX_UNSENT_BYTES
from fanlight.settings.limits import Limits

MIB = 1024 * 1024
SHARED = bytes(4 * MIB)
Serve = Callable[..., Any]


def shared(_: Request) -> Response:
    return Response(SHARED)


def own(_: Request) -> Response:
    return Response(b"x" * (4 * MIB))


def quick(_: Request) -> Response:
    return Response(b"quick")


def in_phase(harness: Any, phase: object) -> int:
    """Return how many connections are in a phase."""
    return sum(each.phase is phase for each in harness.hub.table.connections.values())


def writing(harness: Any) -> int:
    """Return how many connections wait for their client to take a response."""
    return in_phase(harness, WRITING)


def ask_and_wait(harness: Any, tools: Any, clients: list[socket.socket], path: str) -> None:
    """Send a request from every client, and read nothing, until all of their responses wait."""
    for number, each in enumerate(clients, start=1):
        each.sendall(tools.request(path))
        harness.wait_until(lambda number=number: writing(harness) >= number)


def test_a_big_response_arrives_whole(serve: Serve, tools: Any) -> None:
    """Content that is not copied behind its head arrives as it is, and the next request gets its response."""
    content = bytes(range(256)) * 8192
    harness = serve({"/": lambda _: Response(content), "/next": quick})
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, content)
        assert tools.ask(sock, "/next") == (200, b"quick")


@pytest.mark.parametrize("size", [16 * 1024, 64 * 1024, 64 * 1024 + 1, 65 * 1024])
def test_no_size_loses_a_byte(serve: Serve, tools: Any, size: int) -> None:
    """Around the size from which content is no longer copied, all of it arrives."""
    content = bytes(range(251)) * (size // 251 + 1)
    harness = serve({"/": lambda _: Response(content[:size])})
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, content[:size])


def test_the_head_alone_of_a_big_response(serve: Serve, tools: Any) -> None:
    """HEAD gets the length of the content, and none of it."""
    harness = serve({"/": shared, "/next": quick})
    with harness.connect() as sock:
        sock.sendall(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + tools.request("/next"))
        received = b""
        while not received.endswith(b"quick"):
            received += received_next(sock)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(SHARED) in head
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


def test_slow_readers_of_one_thing_hold_it_once(serve: Serve, tools: Any) -> None:
    """A hundred clients that ask for the same four MiB and read nothing cost a fraction of one."""
    harness = serve({"/": shared}, limits=Limits(unsent_bytes=8 * MIB))
    clients = [harness.connect() for _ in range(100)]
    tracemalloc.start()
    try:
        ask_and_wait(harness, tools, clients, "/")
        assert len(harness.hub.table.connections) == 100  # none of them was cut off
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        for each in clients:
            each.close()
    assert most < 4 * MIB


def test_the_system_takes_little_more_than_it_sends(serve: Serve, tools: Any) -> None:
    """A response that its client does not read takes a few hundred KiB of the system's memory, not megabytes."""
    harness = serve({"/": shared})
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(listener.getsockname())
        sock.sendall(tools.request("/"))
        sock.recv(1)
        harness.wait_until(lambda: writing(harness) == 1)
        (connection,) = harness.hub.table.connections.values()
        option = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        assert option == MAX_UNSENT_BYTES
        # What poll says is what the system would take: nothing, although its buffer may grow to megabytes.
        harness.wait_until(lambda: not select.select([], [connection.sock], [], 0.1)[1])
        assert 0 < connection.moved_bytes < MIB


def test_too_much_that_waits_costs_the_slowest_their_connection(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Responses that no client reads hold no more than Limits.unsent_bytes; the log says so, once."""
    harness = serve({"/": own, "/next": quick}, limits=Limits(unsent_bytes=40 * MIB))
    clients = [harness.connect() for _ in range(30)]
    with caplog.at_level(logging.WARNING, "fanlight.server"):
        for each in clients:
            each.sendall(tools.request("/"))
        with harness.connect() as honest:
            harness.wait_until(lambda: harness.hub.exchange.served == 30 and not in_phase(harness, RUNNING))
            assert tools.ask(honest, "/next") == (200, b"quick")
        held = harness.inside(lambda: writing(harness) * 4 * MIB)
    for each in clients:
        each.close()
    assert 0 < held <= 40 * MIB
    (message,) = [each.getMessage() for each in caplog.records if "unsent_bytes" in each.getMessage()]
    assert message.startswith("responses waiting for slow clients exceeded Limits.unsent_bytes, 40 MiB; ")


def test_a_single_response_may_be_of_any_size(serve: Serve, tools: Any) -> None:
    """One client that takes a response over the limit gets all of it."""
    harness = serve({"/": own}, limits=Limits(unsent_bytes=MIB))
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"x" * (4 * MIB))


def test_a_fast_reader_gets_its_response_beside_slow_ones(serve: Serve, tools: Any) -> None:
    """The newest response is not the slowest: a client that reads gets all of it while others fill the limit."""
    harness = serve({"/": own}, limits=Limits(unsent_bytes=40 * MIB))
    clients = [harness.connect() for _ in range(10)]
    ask_and_wait(harness, tools, clients, "/")
    for each in clients:
        each.recv(100_000)  # a sip, which is more than a client that came just now has taken
    harness.wait_until(lambda: all(each.moved_bytes for each in harness.hub.table.connections.values()))
    with harness.connect() as honest:
        assert tools.ask(honest, "/") == (200, b"x" * (4 * MIB))
    for each in clients:
        each.close()


def test_small_responses_are_bounded_too(serve: Serve, tools: Any) -> None:
    """Many small responses, each of its own content, hold no more than the limit either."""
    harness = serve({"/": lambda _: Response(b"x" * 60_000)}, limits=Limits(unsent_bytes=MIB))
    clients = [harness.connect() for _ in range(60)]
    for each in clients:
        each.sendall(tools.request("/") * 20)
    harness.wait_until(lambda: len(harness.hub.table.connections) < 60)
    assert 0 < harness.inside(lambda: writing(harness)) * 60_000 <= MIB
    for each in clients:
        each.close()

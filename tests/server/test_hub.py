"""The hub serves, keeps order, and ends well."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sockets import read_all, received_next
from tests.speed import PATIENCE

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.dispatch.thread_probes import thread_position
from fanlight.server.io.poller import SelectorPoller
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall

Serve = Callable[..., Any]


def quick(_: Request) -> Response:
    return Response(b"quick")


def echo(request: Request) -> Response:
    return Response(request.content)


async def later(_: Request) -> Response:
    await asyncio.sleep(0)
    return Response(b"later")


POLLERS: dict[str, Callable[[], Any]] = {
    "the best one": lambda: None,
    "a selector with a descriptor": lambda: SelectorPoller(selectors.DefaultSelector()),
    "a selector without one": lambda: SelectorPoller(selectors.SelectSelector()),
}


@pytest.fixture(params=POLLERS, ids=lambda name: name)
def poller(request: pytest.FixtureRequest) -> Any:
    return POLLERS[request.param]()


def test_every_lane_responds_on_every_poller(serve: Serve, tools: Any, poller: Any) -> None:
    """In place, in a thread and as a task, with any kind of selector, requests are served."""
    calls = {"/": quick, "/thread": FakeCall(quick, Lane.THREAD), "/task": FakeCall(later, Lane.TASK)}
    harness = serve(calls, poller=poller)
    with harness.connect() as sock:
        for _ in range(3):
            assert tools.ask(sock, "/") == (200, b"quick")
            assert tools.ask(sock, "/thread") == (200, b"quick")
            assert tools.ask(sock, "/task") == (200, b"later")
            assert tools.ask(sock, "/missing")[0] == 404


def test_a_stuck_view_is_rescued_on_every_poller(serve: Serve, tools: Any, poller: Any) -> None:
    """The rescue, and the way home, work with any kind of selector."""
    entered, let_go = threading.Event(), threading.Event()

    def stuck(_: Request) -> Response:
        entered.set()
        assert let_go.wait(PATIENCE)
        return Response(b"stuck")

    harness = serve({"/": quick, "/stuck": stuck}, poller=poller, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second:
        first.sendall(tools.request("/stuck"))
        entered.wait()
        harness.rescue()
        assert tools.ask(second, "/") == (200, b"quick")
        with harness.connect() as third:  # one that comes and goes during the rescue
            assert tools.ask(third, "/") == (200, b"quick")
        with harness.connect() as fourth:
            assert tools.ask(fourth, "/") == (200, b"quick")
            let_go.set()
            assert tools.read_response(first) == (200, b"stuck")
            harness.wait_until(harness.hub.ownership.on_loop_thread)
            for sock in (first, second, fourth):
                assert tools.ask(sock, "/") == (200, b"quick")


def test_a_big_response_is_written_on_every_poller(serve: Serve, tools: Any, poller: Any) -> None:
    """Waiting for a client to take more works with any kind of selector."""
    harness = serve({"/": lambda _: Response(b"x" * 3_000_000)}, poller=poller)
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"x" * 3_000_000)
        assert tools.ask(sock, "/") == (200, b"x" * 3_000_000)


def test_requests_that_were_read_are_served_before_a_connection_is_accepted(
    serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may close idle connections never sees one whose request was read, and whose view has not run."""
    events: list[str] = []

    def view(_: Request) -> Response:
        events.append("view")
        return Response(b"quick")

    harness = serve({"/": FakeCall(view, Lane.INLINE)})
    accept = harness.hub.acceptor.accept

    def accept_and_note(fd: int) -> bool:
        is_listener: bool = accept(fd)
        events.extend(["accept"] * is_listener)
        return is_listener

    with socket.create_server(("127.0.0.1", 0)) as listener, harness.connect() as sock:
        listener.setblocking(False)
        harness.inside(lambda: harness.hub.listen(listener))
        tools.ask(sock, "/")
        events.clear()
        monkeypatch.setattr(harness.hub.acceptor, "accept", accept_and_note)

        def send_and_connect() -> socket.socket:
            sock.sendall(tools.request("/"))
            return socket.create_connection(listener.getsockname())

        with harness.inside(send_and_connect) as other:
            assert tools.read_response(sock) == (200, b"quick")
            assert tools.ask(other, "/") == (200, b"quick")
        assert events == ["view", "accept", "view"]
        harness.inside(harness.hub.acceptor.close)


def test_more_requests_than_are_read_at_a_time_are_all_served(
    serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many requests arrive together, each gets its response."""
    monkeypatch.setattr("fanlight.server.hub.MAX_ARRIVED", 2)
    harness = serve({"/": FakeCall(quick, Lane.INLINE)})
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(harness.connect()) for _ in range(7)]
        for each in socks:
            tools.ask(each, "/")
        harness.inside(lambda: [each.sendall(tools.request("/") * 2) for each in socks])
        for each in socks:
            assert tools.read_response(each) == (200, b"quick")
            assert tools.read_response(each) == (200, b"quick")


@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.THREAD, Lane.TASK])
def test_pipelined_responses_come_in_order(serve: Serve, tools: Any, lane: Lane) -> None:
    """Many requests in one packet get their responses one after the other, in every lane."""

    def path_of(request: Request) -> Response:
        return Response(request.head.path.encode())

    async def path_of_async(request: Request) -> Response:
        return path_of(request)

    call = FakeCall(path_of_async if lane is Lane.TASK else path_of, lane)
    harness = serve({f"/{number}": call for number in range(30)})
    with harness.connect() as sock:
        sock.sendall(b"".join(tools.request(f"/{number}") for number in range(30)))
        data = b""
        while b"/29" not in data.rpartition(b"\r\n\r\n")[2]:
            data += received_next(sock)
    positions = [data.index(b"\r\n\r\n/%d" % number) for number in range(30)]
    assert positions == sorted(positions)


@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.THREAD, Lane.TASK])
def test_a_client_that_closes_its_sending_side_gets_all_responses(serve: Serve, lane: Lane) -> None:
    """RFC 9112 section 9.6: requests that came whole are served, also behind one that runs elsewhere."""

    async def respond_async(request: Request) -> Response:
        await asyncio.sleep(0)
        return quick(request)

    call = FakeCall(respond_async if lane is Lane.TASK else quick, lane)
    with serve({"/": call}).connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 3 + b"GET / HT")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock).count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.THREAD])
def test_content_is_whole_when_a_view_runs(serve: Serve, tools: Any, lane: Lane) -> None:
    """Content that comes in pieces is read in full first, by length and in chunks, small and spooled."""
    harness = serve({"/": FakeCall(echo, lane)})
    for size in (1, 5000, 3_000_000):
        content = bytes(number % 251 for number in range(size))
        with harness.connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)
            sock.sendall(content)
            assert tools.read_response(sock) == (200, content)
            sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            for start in range(0, size, 70_000):
                piece = content[start : start + 70_000]
                sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            sock.sendall(b"0\r\n\r\n")
            assert tools.read_response(sock) == (200, content)


def test_expect_continue_gets_100(serve: Serve, tools: Any) -> None:
    """`Expect: 100-continue` gets 100 before the content, then the response."""
    harness = serve({"/": echo})
    with harness.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert tools.read_response(sock) == (200, b"abc")


def test_expect_continue_gets_the_response_where_no_content_is_read(serve: Serve, tools: Any) -> None:
    """Where the view takes no content, the final response comes at once, and the connection closes."""
    harness = serve({"/": echo})
    with harness.connect() as sock:
        sock.sendall(b"POST /missing HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
        assert tools.read_response(sock)[0] == 404
        assert sock.recv(1) == b""


def test_content_that_the_view_does_not_read_is_discarded(serve: Serve, tools: Any) -> None:
    """A POST to nowhere gets its 404, and the connection lives on."""
    harness = serve({"/": quick})
    with harness.connect() as sock:
        sock.sendall(b"POST /missing HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)
        assert tools.read_response(sock)[0] == 404
        assert tools.ask(sock, "/") == (200, b"quick")


def test_a_client_that_leaves_half_way_leaves_nothing(serve: Serve) -> None:
    """A connection that ends in the middle of a head, or of content, is closed and forgotten."""
    harness = serve({"/": echo})
    for half in (b"GET / HT", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc"):
        with harness.connect() as sock:
            sock.sendall(half)
        harness.wait_until(lambda: not harness.hub.table.connections)


@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.THREAD, Lane.TASK])
def test_a_call_that_raises_gives_only_its_client_a_500(
    serve: Serve, tools: Any, lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler that breaks its promise never to raise gets a 500 sent and a line logged."""

    def fail(_: Request) -> Response:
        raise RuntimeError("secret")

    async def fail_async(_: Request) -> Response:
        raise RuntimeError("secret")

    harness = serve({"/": FakeCall(fail_async if lane is Lane.TASK else fail, lane, name="the call"), "/ok": quick})
    with harness.connect() as sock:
        status, content = tools.ask(sock, "/")
        assert status == 500
        assert b"secret" not in content
        assert tools.ask(sock, "/ok") == (200, b"quick")
    assert "the call raised" in caplog.text


def test_a_response_that_can_not_be_sent_becomes_a_500(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A response that the wire refuses (a field of framing, say) is logged, and the client gets 500."""

    class Bad(Response):
        def fields(self) -> Any:
            return [("x", "a\r\nset-cookie: stolen")]

    harness = serve({"/": lambda _: Bad(b"x")})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        status, content = tools.read_response(sock)
    assert (status, b"stolen" in content) == (500, False)
    assert "can't be sent" in caplog.text


def test_no_free_thread_is_503(serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When every thread is taken and the queue is full, the next request gets 503 with Retry-After."""
    entered, let_go = threading.Semaphore(0), threading.Event()

    def view(_: Request) -> Response:
        entered.release()
        assert let_go.wait(PATIENCE)
        return Response(b"done")

    monkeypatch.setattr("fanlight.server.hub.WAITING_CALLS_PER_THREAD", 1)
    harness = serve({"/": FakeCall(view, Lane.THREAD)}, limits=Limits(threads=1))
    with harness.connect() as first, harness.connect() as second, harness.connect() as third:
        first.sendall(tools.request("/"))
        entered.acquire()
        second.sendall(tools.request("/"))
        harness.wait_until(lambda: sum(c.phase == 5 for c in harness.hub.table.connections.values()) == 2)
        third.sendall(tools.request("/"))
        answer = third.recv(65536)
        let_go.set()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert tools.read_response(first) == (200, b"done")
        assert tools.read_response(second) == (200, b"done")
        assert tools.ask(third, "/") == (200, b"done")


@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.TASK])
def test_no_free_thread_for_a_stream_is_503(
    serve: Serve, tools: Any, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it has been sent yet; it is closed, and what it holds with it."""
    entered, let_go, closed = threading.Semaphore(0), threading.Event(), threading.Event()

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"piece"])

        def close(self) -> None:
            closed.set()

    def view(_: Request) -> Response:
        entered.release()
        assert let_go.wait(PATIENCE)
        return Response(b"done")

    def stream(_: Request) -> Response:
        return Response(Pieces())

    async def stream_async(_: Request) -> Response:
        return Response(Pieces())

    calls = {
        "/": FakeCall(view, Lane.THREAD),
        "/stream": FakeCall(stream if lane is Lane.INLINE else stream_async, lane),
    }
    monkeypatch.setattr("fanlight.server.hub.WAITING_CALLS_PER_THREAD", 1)
    harness = serve(calls, limits=Limits(threads=1))
    with harness.connect() as first, harness.connect() as second, harness.connect() as third:
        first.sendall(tools.request("/"))
        entered.acquire()
        second.sendall(tools.request("/"))
        harness.wait_until(lambda: sum(c.phase == 5 for c in harness.hub.table.connections.values()) == 2)
        third.sendall(tools.request("/stream"))
        answer = third.recv(65536)
        assert closed.wait(PATIENCE)
        let_go.set()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert tools.read_response(first)[0] == tools.read_response(second)[0] == 200
        assert tools.ask(third, "/stream")[0] == 200


def test_one_client_too_many_waits_until_another_leaves(serve: Serve, tools: Any) -> None:
    """At Limits.connections new clients wait in the system's queue; none is turned away."""
    harness = serve({"/": quick}, limits=Limits(connections=2))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    address = listener.getsockname()
    with socket.create_connection(address, PATIENCE) as first, socket.create_connection(address, PATIENCE) as second:
        assert tools.ask(first, "/") == tools.ask(second, "/") == (200, b"quick")
        with socket.create_connection(address, PATIENCE) as third:
            third.sendall(tools.request("/"))
            harness.wait_until(lambda: harness.hub.acceptor.is_paused)
            assert len(harness.hub.table.connections) == 2
            first.close()
            assert tools.read_response(third) == (200, b"quick")


def test_a_full_server_logs_it_once(serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Where clients come and go at the limit, each that goes makes room, and none of them a line in the log."""
    harness = serve({"/": quick}, limits=Limits(connections=1))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    with caplog.at_level(logging.WARNING, "fanlight.server"):
        waiting = [socket.create_connection(listener.getsockname(), PATIENCE) for _ in range(20)]
        for each in waiting:
            assert tools.ask(each, "/") == (200, b"quick")
            each.close()
    assert len([each for each in caplog.records if "system's queue" in each.getMessage()]) == 1


def test_a_drain_finishes_what_has_begun(serve: Serve, tools: Any) -> None:
    """At shutdown idle clients are closed, one half-way through its request gets its response, then all ends."""
    harness = serve({"/": quick})
    with harness.connect() as idle, harness.connect() as halfway:
        tools.ask(idle, "/")
        halfway.sendall(b"GET / HTTP/1.1\r\n")
        harness.wait_until(lambda: any(not c.wire.is_idle for c in harness.hub.table.connections.values()))
        harness.hub.post(harness.hub.drain)
        assert idle.recv(1) == b""
        halfway.sendall(b"host: a\r\n\r\n")
        answer = halfway.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in answer
        assert harness.ended.wait(tools.patience)


def test_a_response_without_close_is_followed_by_one_more(serve: Serve, tools: Any) -> None:
    """A stream that began before the drain has no `connection: close`: the next request still gets its response."""
    go_on = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"one"
        assert go_on.wait(tools.patience)
        yield b"two"

    harness = serve({"/": lambda _: Response(pieces()), "/next": quick})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        data = b""
        while b"one" not in data:
            data += received_next(sock)
        assert b"connection: close" not in data
        harness.inside(harness.hub.drain)
        go_on.set()
        while not data.endswith(b"0\r\n\r\n"):
            data += received_next(sock)
        sock.sendall(tools.request("/next"))
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in answer
        assert harness.ended.wait(tools.patience)


def test_an_async_view_that_blocks_the_loop_is_logged(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log names the route, the file and line of the blocking call, and how long it took."""
    is_noticed = threading.Event()

    def position_noted(thread_id: int) -> str:
        position = thread_position(thread_id)
        is_noticed.set()
        return position

    async def blocks(_: Request) -> Response:
        is_noticed.wait(tools.patience)  # what a view must not do
        return Response(b"done")

    monkeypatch.setattr("fanlight.server.dispatch.stall_detector.thread_position", position_noted)
    caplog.set_level(logging.WARNING)
    harness = serve({"/": FakeCall(blocks, Lane.TASK, name="GET / (site.blocks)")})
    began = time.monotonic()
    with harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"done")
    harness.stop()
    (message,) = [each.getMessage() for each in caplog.records if "blocked" in each.getMessage()]
    found = re.match(r"GET / \(site\.blocks\) blocked the event loop for (\d+\.\d\d) s at ", message)
    assert found
    assert 0.1 <= float(found[1]) <= time.monotonic() - began
    assert "test_hub.py:" in message
    assert " in blocks;" in message


# --- streams ------------------------------------------------------------------------------------


def chunks(data: bytes) -> bytes:
    """Return the content of a chunked response."""
    rest, content = data.partition(b"\r\n\r\n")[2], b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return content
        content, rest = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_arrives_whole(serve: Serve, tools: Any, *, is_async: bool) -> None:
    """A stream of more than the client takes at once comes in full, and the connection lives on."""
    pieces = [bytes([number]) * 100_000 for number in range(30)]

    def view(_: Request) -> Response:
        return Response(iter(pieces))

    async def async_view(_: Request) -> Response:
        async def stream() -> Any:
            for piece in pieces:
                yield piece

        return Response(stream())

    harness = serve({"/": FakeCall(async_view, Lane.TASK) if is_async else view, "/quick": quick})
    with harness.connect() as sock:
        for _ in range(2):
            sock.sendall(tools.request("/"))
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += received_next(sock)
            assert chunks(data) == b"".join(pieces)
        assert tools.ask(sock, "/quick") == (200, b"quick")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_ends_when_its_client_leaves(serve: Serve, tools: Any, *, is_async: bool) -> None:
    """When the client goes, the generator is closed, and nothing of it stays."""
    closed = threading.Event()

    def stream() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    async def async_stream() -> Any:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    harness = serve({"/": lambda _: Response(async_stream() if is_async else stream())})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        assert sock.recv(65536)
    assert closed.wait(tools.patience)
    harness.wait_until(lambda: not harness.hub.table.connections)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_that_fails_is_cut_off(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture, *, is_async: bool
) -> None:
    """A generator that raises leaves a response without its end, so the client can tell."""

    def stream() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("half-way")

    async def async_stream() -> Any:
        yield b"begun"
        raise RuntimeError("half-way")

    harness = serve({"/": lambda _: Response(async_stream() if is_async else stream())})
    with harness.connect() as sock:
        sock.sendall(tools.request("/"))
        data = b""
        while more := sock.recv(65536):
            data += more
    assert b"begun" in data
    assert not data.endswith(b"0\r\n\r\n")
    assert "half-way" in caplog.text


def test_a_head_request_pulls_nothing_from_a_stream(serve: Serve, tools: Any) -> None:
    """HEAD gets the fields of a stream, and the generator is closed without being started."""
    pulled = []

    def stream() -> Iterator[bytes]:
        pulled.append(1)
        yield b"x"

    harness = serve({"/": lambda _: Response(stream()), "/quick": quick})
    with harness.connect() as sock:
        sock.sendall(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + tools.request("/quick"))
        data = b""
        while b"quick" not in data:
            data += received_next(sock)
    assert pulled == []
    assert data.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNRESET])
def test_a_client_that_can_not_be_reached_is_no_error_of_the_server(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    """What the system says of one that has vanished closes its connection, and is no line in the log."""

    class Vanished:
        """Stands for the socket of a client that the system has given up."""

        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock

        def recv(self, *_: object) -> bytes:
            raise OSError(number, "it can't be reached")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.sock, name)

    harness = serve({"/": quick})
    with caplog.at_level(logging.INFO), harness.connect() as sock:
        assert tools.ask(sock, "/") == (200, b"quick")
        (connection,) = harness.hub.table.connections.values()
        harness.inside(lambda: setattr(connection, "sock", Vanished(connection.sock)))
        sock.sendall(b"x")
        harness.wait_until(lambda: not harness.hub.table.connections)
    assert caplog.records == []

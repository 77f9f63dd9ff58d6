"""Pipelined requests: their responses go out together, in order, and none waits for what may take long.

A client on a socket that keeps the boundaries of messages sees what was one send.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight.message.file_content import FileContent, Span
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import WRITING
from fanlight.server.connection.response_batch import BATCH_BYTES, BATCH_SECONDS, ResponseBatch
from fanlight.server.exchange.request_observer import FinishedResponse, RequestObserver
from fanlight.testing import FakeCall

Serve = Callable[..., Any]
BAD = b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"


def quick(request: Request) -> Response:
    return Response(request.head.path.encode())


class Waiting:
    """A call that waits, in any lane, until the test has received what came before."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    def sync(self, _: Request) -> Response:
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        return Response(b"late")

    async def task(self, _: Request) -> Response:
        self.entered.set()
        assert await asyncio.to_thread(self.let_go.wait, PATIENCE)
        return Response(b"late")


@contextlib.contextmanager
def client(harness: Any, kind: int = socket.SOCK_STREAM, room: int = 0) -> Iterator[socket.socket]:
    """Connect a client; `room` is how much its system takes for it, at least."""
    ours, theirs = socket.socketpair(type=kind)
    ours.settimeout(PATIENCE)
    if room:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
    harness.hub.post(harness.hub.adopt, theirs, "127.0.0.1")
    with ours:
        yield ours


def sends(sock: socket.socket, count: int) -> list[bytes]:
    """Return what was sent, by sends, until so many responses are there."""
    found: list[bytes] = []
    while b"".join(found).count(b"HTTP/1.1 ") < count:
        found.append(sock.recv(1 << 20))
        assert found[-1], f"the connection was closed after {found}"
    return found


def until_closed(sock: socket.socket) -> bytes:
    """Return all that comes."""
    data = b""
    while piece := sock.recv(1 << 20):
        data += piece
    return data


def contents(data: bytes) -> list[bytes]:
    """Return the content of each response."""
    return [each.partition(b"\r\n\r\n")[2] for each in data.split(b"HTTP/1.1 ")[1:]]


def test_responses_to_one_packet_are_one_send(serve: Serve, tools: Any) -> None:
    """Sixteen requests in a packet get their responses in one send, in order."""
    harness = serve({f"/{number}": quick for number in range(16)})
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        sock.send(b"".join(tools.request(f"/{number}") for number in range(16)))
        (data,) = sends(sock, 16)
    assert contents(data) == [b"/%d" % number for number in range(16)]


def test_a_single_request_is_a_send(serve: Serve, tools: Any) -> None:
    """A client that waits for each response gets each at once."""
    harness = serve({"/": quick})
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        for _ in range(3):
            sock.send(tools.request("/"))
            assert contents(b"".join(sends(sock, 1))) == [b"/"]


def test_a_batch_is_bounded_in_bytes(serve: Serve, tools: Any) -> None:
    """No more is held back than BATCH_BYTES; what would be more goes out, with what was held back."""
    harness = serve({"/": lambda _: Response(b"x" * 3000)})
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        sock.send(tools.request("/") * 30)
        found = sends(sock, 30)
    assert len(found) > 3
    assert max(map(len, found)) <= BATCH_BYTES + 4000


def test_a_response_is_held_back_for_a_moment_at_most(serve: Serve, tools: Any) -> None:
    """Where each call takes longer than BATCH_SECONDS, no response waits for more than one of them."""

    def compute(_: Request) -> Response:
        until = time.perf_counter() + BATCH_SECONDS * 1.5
        while time.perf_counter() < until:
            pass
        return Response(b"done")

    harness = serve({"/": compute}, detects_stalls=False)
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        sock.send(tools.request("/") * 6)
        assert max(each.count(b"HTTP/1.1") for each in sends(sock, 6)) <= 2


@pytest.mark.parametrize("lane", [Lane.THREAD, Lane.TASK, Lane.MEASURED])
def test_nothing_waits_for_a_call_that_may_take_long(serve: Serve, tools: Any, lane: Lane) -> None:
    """Before a call runs elsewhere, or for the first times, the client has the responses before it."""
    waiting = Waiting()
    late = FakeCall(waiting.task if lane is Lane.TASK else waiting.sync, lane)
    harness = serve({"/1": quick, "/2": quick, "/late": late}, detects_stalls=False)
    with client(harness) as sock:
        sock.sendall(tools.request("/1") + tools.request("/2") + tools.request("/late") + tools.request("/1"))
        assert contents(b"".join(sends(sock, 2))) == [b"/1", b"/2"]
        waiting.let_go.set()
        assert contents(b"".join(sends(sock, 2))) == [b"late", b"/1"]


def test_nothing_waits_for_a_stuck_view(serve: Serve, tools: Any) -> None:
    """When a view that was quick so far is stuck, what was held back is sent, and the rest keeps its order."""
    waiting = Waiting()
    harness = serve({"/1": quick, "/2": quick, "/stuck": waiting.sync}, detects_stalls=False)
    with client(harness) as sock:
        sock.sendall(tools.request("/1") + tools.request("/2") + tools.request("/stuck") + tools.request("/1"))
        waiting.entered.wait()
        harness.rescue()
        assert contents(b"".join(sends(sock, 2))) == [b"/1", b"/2"]
        waiting.let_go.set()
        assert contents(b"".join(sends(sock, 2))) == [b"late", b"/1"]


def test_what_a_client_does_not_take_goes_before_the_stuck_response(serve: Serve, tools: Any) -> None:
    """When a view is stuck and the client has no room, what was held back goes out with the response of that view."""
    waiting, filler = Waiting(), b"x" * 100_000
    calls = {"/fill": lambda _: Response(filler), "/1": quick, "/stuck": waiting.sync}
    harness = serve(calls, detects_stalls=False)
    with client(harness, room=4096) as sock:
        sock.sendall(tools.request("/fill"))
        harness.wait_until(lambda: all(each.phase is WRITING for each in harness.hub.table.connections.values()))
        sock.sendall(tools.request("/1") * 30 + tools.request("/stuck"))
        data = b""
        while not waiting.entered.wait(0):
            data += sock.recv(100)  # there is just so much room
        harness.rescue()
        waiting.let_go.set()
        while not data.endswith(b"late"):
            data += received_next(sock)
    assert contents(data) == [filler, *[b"/1"] * 30, b"late"]


@pytest.mark.parametrize("fields", ["content-length: 2", "content-length: 2\r\nexpect: 100-continue"])
def test_nothing_waits_for_content(serve: Serve, tools: Any, fields: str) -> None:
    """Before content is received, and before it is called for, the client has the responses before it."""
    harness = serve({"/1": quick, "/echo": lambda request: Response(request.content)})
    with client(harness) as sock:
        sock.sendall(tools.request("/1") + f"POST /echo HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n".encode())
        assert contents(sends(sock, 1)[0])[0] == b"/1"
        sock.sendall(b"hi" + tools.request("/1"))
        data = b""
        while contents(data)[-2:] != [b"hi", b"/1"]:
            data += received_next(sock)


def test_nothing_waits_for_the_rest_of_a_head(serve: Serve, tools: Any) -> None:
    """Responses before half a head are sent."""
    harness = serve({"/1": quick, "/2": quick})
    with client(harness) as sock:
        sock.sendall(tools.request("/1") + tools.request("/1") + tools.request("/2")[:-2])
        assert contents(b"".join(sends(sock, 2))) == [b"/1", b"/1"]
        sock.sendall(b"\r\n")
        assert contents(b"".join(sends(sock, 1))) == [b"/2"]


def test_a_refusal_comes_after_the_responses_before_it(serve: Serve, tools: Any) -> None:
    """An invalid message behind valid ones is refused in its turn."""
    harness = serve({"/1": quick})
    with client(harness) as sock:
        sock.sendall(tools.request("/1") * 3 + BAD + tools.request("/1"))
        data = until_closed(sock)
    assert [each[:3] for each in data.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 3 + [b"400"]


def test_the_last_response_closes_with_those_before_it(serve: Serve, tools: Any) -> None:
    """A request with `connection: close` is the last one that is served, and all before it have their responses."""
    harness = serve({"/1": quick, "/2": quick})
    with client(harness) as sock:
        sock.sendall(
            tools.request("/1") * 2 + tools.request("/2", fields="connection: close\r\n") + tools.request("/1")
        )
        assert contents(until_closed(sock)) == [b"/1", b"/1", b"/2"]


def test_a_drain_loses_nothing(serve: Serve, tools: Any) -> None:
    """A server that begins to stop in the middle of a batch sends what is finished, and says that it closes."""

    def stop(_: Request) -> Response:
        harness.hub.drain()
        return Response(b"stop")

    harness: Any = serve({"/1": quick, "/stop": stop})
    with client(harness) as sock:
        sock.sendall(tools.request("/1") * 2 + tools.request("/stop") + tools.request("/1"))
        data = until_closed(sock)
    assert contents(data) == [b"/1", b"/1", b"stop"]
    assert data.count(b"connection: close") == 1


def test_the_bytes_are_those_of_single_requests(serve: Serve, tools: Any) -> None:
    """HEAD, 204, 304, an error and a page have the same bytes in a batch as one by one."""
    calls = {"/page": quick, "/none": lambda _: Response(b"", 204), "/same": lambda _: Response(b"", 304)}
    wanted = [
        tools.request("/page"),
        b"HEAD /page HTTP/1.1\r\nhost: a\r\n\r\n",
        tools.request("/none"),
        tools.request("/missing"),
        tools.request("/same"),
        b"GET /page HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
        tools.request("/page"),
    ]
    harness = serve(calls)
    harness.inside(lambda: setattr(harness.hub, "_next_tick", float("inf")))  # one second, one date
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        one_by_one = b""
        for each in wanted:
            sock.send(each)
            one_by_one += sock.recv(65536)
        sock.send(b"".join(wanted))
        assert sock.recv(65536) == one_by_one


def test_a_stream_and_a_file_come_in_order(serve: Serve, tools: Any, tmp_path: Any) -> None:
    """Responses before and behind a stream, and a file, keep their order."""
    path = tmp_path / "file"
    path.write_bytes(b"f" * 100_000)
    calls = {
        "/1": quick,
        "/stream": lambda _: Response(iter([b"piece", b"end"])),
        "/file": lambda _: Response(FileContent(path.open("rb", 0), [Span(0, 100_000)])),
    }
    harness = serve(calls)
    with client(harness) as sock:
        sock.sendall(b"".join(tools.request(each) for each in ("/1", "/1", "/stream", "/1", "/1", "/file", "/1")))
        data = b""
        while len(contents(data)) < 7 or not data.endswith(b"\r\n/1"):
            data += received_next(sock)
    stream = b"5\r\npiece\r\n3\r\nend\r\n0\r\n\r\n"
    assert contents(data) == [b"/1", b"/1", stream, b"/1", b"/1", b"f" * 100_000, b"/1"]


def test_background_tasks_run_after_their_response(serve: Serve, tools: Any) -> None:
    """A response whose request has background tasks is sent, with those before it, and not held back."""

    def tasked(request: Request) -> Response:
        request.after(print)
        return Response(b"tasked")

    harness = serve({"/1": quick, "/tasked": tasked})
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        sock.send(tools.request("/1") + tools.request("/tasked") + tools.request("/1"))
        found = sends(sock, 3)
    assert [contents(each) for each in found] == [[b"/1", b"tasked"], [b"/1"]]


def test_what_is_finished_is_sent_when_the_connection_fails(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of the server's own, behind finished responses, does not take them with it."""
    harness = serve({"/1": quick})
    find = harness.handler.find
    harness.hub.exchange._find = lambda request: find(request) if request.head.path == "/1" else 1 / 0
    with client(harness) as sock, caplog.at_level(logging.CRITICAL):
        sock.sendall(tools.request("/1") * 2 + tools.request("/fails"))
        assert contents(until_closed(sock)) == [b"/1", b"/1"]


def test_a_client_that_never_reads_is_waited_for(serve: Serve, tools: Any) -> None:
    """A client that sends request after request is served no further than its system takes, and loses nothing."""
    served = []

    def count(_: Request) -> Response:
        served.append(1)
        return Response(b"x" * 500)

    harness = serve({"/": count})
    with client(harness, room=4096) as sock:
        sock.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 20_000:
                sock.send(tools.request("/"))
                sent += 1
        harness.wait_until(lambda: all(each.phase is WRITING for each in harness.hub.table.connections.values()))
        assert len(served) < 200
        sock.settimeout(PATIENCE)
        data = b""
        while data.count(b"\r\n\r\nx") < sent:
            data += received_next(sock)


def test_a_call_elsewhere_waits_until_the_client_takes_what_was_before(serve: Serve, tools: Any) -> None:
    """A client without room: the call in a thread begins when it has taken the rest, and its content is not lost."""
    began = threading.Event()

    def echo(request: Request) -> Response:
        began.set()
        return Response(request.content)

    harness = serve({"/": lambda _: Response(b"x" * 7000), "/echo": FakeCall(echo, Lane.THREAD)})
    with client(harness, room=4096) as sock:
        post = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
        sock.sendall(tools.request("/") * 2 + post + tools.request("/"))
        harness.wait_until(lambda: any(each.phase is WRITING for each in harness.hub.table.connections.values()))
        assert not began.is_set()
        data = b""
        while len(contents(data)) < 4 or not data.endswith(b"x" * 7000):
            data += received_next(sock)
    assert contents(data) == [b"x" * 7000, b"x" * 7000, b"hello", b"x" * 7000]


# --- what is recorded of each ------------------------------------------------------------------------


class Sizes(RequestObserver):
    """An observer that keeps the path and the size of each response."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self.seen: list[tuple[str, int]] = []

    def on_response(self, connection: Connection | FinishedResponse, size: int) -> None:
        self.seen.append((connection.request.head.path, size))


def test_each_response_of_a_batch_is_recorded_with_its_own_size(serve: Serve, tools: Any) -> None:
    """The observer has every response, in order, as it would have it of a single request."""
    sizes, paths = Sizes(), ["/1", "/22", "/333", "/missing"]
    harness = serve(dict.fromkeys(paths[:3], quick), observer=sizes)
    with client(harness, socket.SOCK_SEQPACKET) as sock:
        sock.send(b"".join(map(tools.request, paths)))
        (data,) = sends(sock, 4)
    expected = [len("HTTP/1.1 " + each) for each in data.decode().split("HTTP/1.1 ")[1:]]
    harness.wait_until(lambda: len(sizes.seen) == 4)
    assert sizes.seen == list(zip(paths, expected, strict=True))


def test_of_a_batch_that_is_cut_off_each_has_what_was_sent_of_it(serve: Serve, tools: Any) -> None:
    """When the client leaves in the middle of a batch, the first responses are whole, one is cut, the others are 0."""
    sizes = Sizes()
    harness = serve({"/": lambda _: Response(b"x" * 1000)}, observer=sizes)
    with client(harness, room=4096) as sock:
        sock.sendall(tools.request("/") * 10)
        harness.wait_until(lambda: any(each.phase is WRITING for each in harness.hub.table.connections.values()))
        assert sizes.seen == []
    harness.wait_until(lambda: not harness.hub.table.connections)
    found = [size for _, size in sizes.seen]
    whole = found[0]
    cut = found.index(next(size for size in found if size < whole))
    assert whole > 1000
    assert len(found) == 10
    assert found[:cut] == [whole] * cut
    assert found[cut + 1 :] == [0] * (9 - cut)


@pytest.mark.parametrize("last", ["/1", "/2"])
def test_of_a_batch_that_can_not_be_sent_nothing_was_sent(serve: Serve, tools: Any, last: str) -> None:
    """A client that has left before its batch is sent has got none of it, whether the batch ends with it or before."""
    sizes, waiting = Sizes(), Waiting()
    late = FakeCall(waiting.sync, Lane.MEASURED)
    harness = serve({"/": waiting.sync, "/1": quick, "/2": late}, observer=sizes, detects_stalls=False)
    with client(harness) as sock:
        sock.sendall(tools.request("/") + tools.request("/1") * 2 + tools.request(last))
        waiting.entered.wait()
    waiting.let_go.set()
    harness.wait_until(lambda: not harness.hub.table.connections)
    assert [size for _, size in sizes.seen] == [0] * len(sizes.seen)
    assert len(sizes.seen) >= 3


@pytest.mark.parametrize(
    ("unsent", "expected"), [(0, [10, 20, 30]), (5, [10, 20, 25]), (35, [10, 15, 0]), (60, [0] * 3), (99, [0] * 3)]
)
def test_of_a_batch_that_is_cut_off_the_first_were_sent(unsent: int, expected: list[int]) -> None:
    """What was not sent of a batch is missing at its end."""
    batch, found = ResponseBatch(0.0), list[int]()
    for size in (10, 20, 30):
        batch.record(found.append, size)
    batch.report(unsent)
    assert found == expected

"""Streams while they wait: disconnects, a graceful shutdown, and heartbeats."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest
from tests.speed import PATIENCE

from fanlight import App
from fanlight.message.events import Event, EventStream
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.exchange import stream_writers
from fanlight.server.io.poller import SelectorPoller
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import FakeCall, LiveServer

Serve = Callable[..., Any]


def _events_of(harness: Any, connection: Any) -> int:
    """Return the events that the poller watches a connection for."""
    return int(harness.hub.table._watched.get(connection.fd, 0))


class Source:
    """A generator of each kind that waits for ever, and records how it ended."""

    def __init__(self, first: int = 1) -> None:
        """Yield so many pieces before it waits."""
        self.first = first
        self.waiting, self.closed, self.let_go = threading.Event(), threading.Event(), threading.Event()
        self.ended_by = ""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield, then wait on the loop."""
        try:
            for number in range(self.first):
                yield b"piece %d\n" % number
            self.waiting.set()
            await asyncio.Event().wait()
        except BaseException as error:
            self.ended_by = type(error).__name__
            raise
        finally:
            self.closed.set()

    def in_thread(self) -> Iterator[bytes]:
        """Yield, then wait in a thread."""
        try:
            for number in range(self.first):
                yield b"piece %d\n" % number
            self.waiting.set()
            assert self.let_go.wait(PATIENCE)
            while True:
                yield b"more\n"
        finally:
            self.closed.set()


def read_until(sock: socket.socket, end: bytes) -> bytes:
    """Return what is received, up to and including `end`."""
    data = b""
    while end not in data:
        piece = sock.recv(65536)
        assert piece, f"the connection was closed after {data!r}"
        data += piece
    return data


def tcp(harness: Any) -> socket.socket:
    """Return a client connected over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), timeout=PATIENCE)
        theirs, _ = listener.accept()
    harness.hub.post(harness.hub.adopt, theirs, "127.0.0.1")
    return ours


def reset(sock: socket.socket) -> None:
    """Disconnect with a reset, as a killed program does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# --- the client disconnects ------------------------------------------------------------------


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["closes", "resets"])
@pytest.mark.parametrize("lane", [Lane.INLINE, Lane.THREAD, Lane.TASK])
def test_a_waiting_stream_ends_when_its_client_disconnects(
    serve: Serve, tools: Any, leave: Callable[[socket.socket], None], lane: Lane
) -> None:
    """A generator is cancelled where it waits, whichever lane its view ran in."""
    source = Source()

    def view(_: Request) -> Response:
        return Response(source.pieces())

    async def async_view(_: Request) -> Response:
        return view(_)

    harness = serve({"/": FakeCall(async_view if lane is Lane.TASK else view, lane)})
    client = tcp(harness)
    client.sendall(tools.request("/"))
    read_until(client, b"piece 0")
    assert source.waiting.wait(tools.patience)
    leave(client)
    assert source.closed.wait(tools.patience)
    assert source.ended_by == "CancelledError"
    harness.wait_until(lambda: not harness.hub.table.connections)


def test_a_disconnect_behind_unread_data_is_noticed(serve: Serve, tools: Any) -> None:
    """Unread bytes do not hide that their client has disconnected."""
    source = Source()
    harness = serve({"/": lambda _: Response(source.pieces())})
    client = tcp(harness)
    client.sendall(tools.request("/") + tools.request("/") + b"x" * 100_000)
    read_until(client, b"piece 0")
    client.close()
    assert source.closed.wait(tools.patience)


def test_a_pipelined_request_waits_for_the_stream(serve: Serve, tools: Any) -> None:
    """A request sent during a stream is served after it."""
    go_on = threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.to_thread(go_on.wait, tools.patience)
        yield b"ended"

    harness = serve({"/": lambda _: Response(pieces()), "/quick": lambda _: Response(b"quick")})
    with tcp(harness) as client:
        client.sendall(tools.request("/"))
        read_until(client, b"begun")
        client.sendall(tools.request("/quick"))
        harness.wait_until(
            lambda: any(_events_of(harness, each) != 1 for each in harness.hub.table.connections.values())
        )
        go_on.set()
        assert b"0\r\n\r\nHTTP/1.1 200 OK" in read_until(client, b"quick")


def test_a_half_closed_client_gets_what_comes(serve: Serve, tools: Any) -> None:
    """A client that has closed its sending side gets a stream without pauses to its end."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(200):
            await asyncio.sleep(0.0005)
            yield b"%d " % number

    harness = serve({"/": lambda _: Response(pieces())})
    with tcp(harness) as client:
        client.sendall(tools.request("/"))
        client.shutdown(socket.SHUT_WR)
        data = b""
        while piece := client.recv(65536):
            data += piece
    assert b"199 " in data
    assert data.endswith(b"0\r\n\r\n")


def test_a_half_closed_client_is_dropped_at_a_pause(serve: Serve, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a half-closed client, a stream ends at its first pause."""
    monkeypatch.setattr(stream_writers, "PAUSE_SECONDS", 0.01)
    source = Source(first=1000)
    harness = serve({"/": lambda _: Response(source.pieces())})
    with tcp(harness) as client:
        client.sendall(tools.request("/"))
        client.shutdown(socket.SHUT_WR)
        assert source.closed.wait(tools.patience)


def test_a_stream_in_a_thread_ends_at_its_next_piece(serve: Serve, tools: Any) -> None:
    """Nothing interrupts a thread: its generator is closed when it yields, and nothing more is sent."""
    source = Source()
    harness = serve({"/": lambda _: Response(source.in_thread())})
    client = tcp(harness)
    client.sendall(tools.request("/"))
    read_until(client, b"piece 0")
    assert source.waiting.wait(tools.patience)
    reset(client)
    harness.wait_until(lambda: all(_events_of(harness, each) == 0 for each in harness.hub.table.connections.values()))
    source.let_go.set()
    assert source.closed.wait(tools.patience)
    harness.wait_until(lambda: not harness.hub.table.connections)


def test_a_disconnect_is_noticed_with_any_poller(serve: Serve, tools: Any) -> None:
    """Where the poller reports only readability, a peek finds the disconnect."""
    source = Source()
    harness = serve({"/": lambda _: Response(source.pieces())}, poller=SelectorPoller())
    client = harness.connect()
    client.sendall(tools.request("/"))
    read_until(client, b"piece 0")
    client.close()
    assert source.closed.wait(tools.patience)


def test_a_rescue_thread_notices_a_disconnect(serve: Serve, tools: Any) -> None:
    """If the client disconnects while the loop's thread is blocked, the stream ends when that is free again."""
    source, entered, let_go = Source(), threading.Event(), threading.Event()

    def stuck(_: Request) -> Response:
        entered.set()
        assert let_go.wait(tools.patience)
        return Response(b"stuck")

    harness = serve({"/": lambda _: Response(source.pieces()), "/stuck": stuck}, detects_stalls=False)
    client, other = tcp(harness), harness.connect()
    client.sendall(tools.request("/"))
    assert source.waiting.wait(tools.patience)
    other.sendall(tools.request("/stuck"))
    assert entered.wait(tools.patience)
    harness.rescue()
    reset(client)
    harness.wait_until(lambda: any(_events_of(harness, each) == 0 for each in harness.hub.table.connections.values()))
    let_go.set()
    assert source.closed.wait(tools.patience)
    assert tools.read_response(other) == (200, b"stuck")
    other.close()


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["closes", "resets"])
def test_a_disconnect_over_tls_is_noticed(localhost: Any, certificates: Any, tools: Any, leave: Any) -> None:
    """Encrypted bytes can't be peeked into, but a disconnect behind them is noticed."""
    source = Source()
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    app = App({"/": lambda: Response(source.pieces()), "/quick": "quick"})
    with LiveServer(app, options=options) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=tools.patience)
        client = context.wrap_socket(plain, server_hostname="localhost")
        client.sendall(tools.request("/"))
        read_until(client, b"piece 0")
        client.sendall(tools.request("/quick"))
        leave(client)
        assert source.closed.wait(tools.patience)


def test_a_generator_that_will_not_be_cancelled_is_closed(serve: Serve, tools: Any) -> None:
    """A generator that catches its cancellation is closed at its next yield, and nothing more is sent."""
    ended, caught = threading.Event(), threading.Event()

    async def stubborn() -> AsyncIterator[bytes]:
        yield b"piece 0"
        try:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    caught.set()
                yield b"still here"
        finally:
            ended.set()

    harness = serve({"/": lambda _: Response(stubborn())})
    client = harness.connect()
    client.sendall(tools.request("/"))
    read_until(client, b"piece 0")
    client.close()
    assert caught.wait(tools.patience)
    assert ended.wait(tools.patience)
    harness.wait_until(lambda: not harness.hub.table.connections)


def test_an_error_while_closing_is_logged(serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error in a generator's `finally` is logged, and affects nothing else."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"x" * 10_000_000
        finally:
            raise RuntimeError("it can't be tidied up")

    harness = serve({"/": lambda _: Response(pieces())})
    client = harness.connect()
    client.sendall(tools.request("/"))
    read_until(client, b"xxx")
    client.close()
    harness.wait_until(lambda: "failed while its stream was closed" in caplog.text)
    assert "it can't be tidied up" in caplog.text


def test_a_disconnect_is_not_logged(serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged for a stream whose client has disconnected."""
    source = Source()
    harness = serve({"/": lambda _: Response(source.pieces())})
    client = tcp(harness)
    client.sendall(tools.request("/"))
    read_until(client, b"piece 0")
    reset(client)
    assert source.closed.wait(tools.patience)
    harness.wait_until(lambda: not harness.hub.table.connections)
    assert [each.getMessage() for each in caplog.records if each.levelno > logging.INFO] == []


@pytest.mark.parametrize("goes_on", [True, False], ids=["reads", "disconnects"])
def test_a_paused_stream_that_gets_no_thread_is_closed(
    serve: Serve, tools: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, goes_on: bool
) -> None:
    """If the pool is full when the client reads on, or disconnects, a paused stream is cut off and closed."""
    closed, entered, let_go = threading.Event(), threading.Semaphore(0), threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 1_000_000
        finally:
            closed.set()

    def slow(_: Request) -> Response:
        entered.release()
        assert let_go.wait(PATIENCE)
        return Response(b"done")

    monkeypatch.setattr("fanlight.server.hub.WAITING_CALLS_PER_THREAD", 1)
    harness = serve({"/": lambda _: Response(pieces()), "/slow": FakeCall(slow, Lane.THREAD)}, limits=Limits(threads=1))
    with harness.connect() as client, harness.connect() as first, harness.connect() as second:
        client.sendall(tools.request("/"))
        harness.wait_until(
            lambda: any(each.phase.name == "STREAM_PAUSED" for each in harness.hub.table.connections.values())
        )
        first.sendall(tools.request("/slow"))
        entered.acquire()
        second.sendall(tools.request("/slow"))
        harness.wait_until(lambda: not harness.hub.pool.has_room())
        if goes_on:
            while client.recv(1_000_000):
                pass
        else:
            client.close()
        assert closed.wait(tools.patience)
        assert ("can't stream" in caplog.text) is goes_on
        let_go.set()


# --- events ------------------------------------------------------------------------------------


class News:
    """Generators of events that yield some, wait, and record that they were closed."""

    def __init__(self) -> None:
        """Create the events that a test waits for."""
        self.closed = threading.Event()
        self.gate = threading.Event()
        self.waits = threading.Event()

    async def come(self, *first: object) -> AsyncIterator[object]:
        """Yield some, then wait."""
        try:
            for each in first:
                yield each
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    def come_in_thread(self, *first: object) -> Iterator[object]:
        """Yield some, then wait in a thread."""
        try:
            yield from first
            self.waits.set()
            assert self.gate.wait(PATIENCE)
            yield "late"
        finally:
            self.closed.set()


@pytest.mark.parametrize("is_async", [True, False])
def test_a_silent_stream_of_events_is_kept_alive(serve: Serve, tools: Any, *, is_async: bool) -> None:
    """While there is no event, comments are sent, whether the generator waits on the loop or in a thread."""
    news = News()
    make = news.come if is_async else news.come_in_thread
    harness = serve({"/": lambda _: EventStream(make("one"), keep_alive_seconds=0.01)})
    with harness.connect() as client:
        client.sendall(tools.request("/"))
        # A comment may precede the first event, if the generator is slow to begin.
        data = read_until(client, b"data: one\n\n").partition(b"data: one\n\n")[2]
        if data.count(b"3\r\n:\n\n\r\n") < 2:
            read_until(client, b"3\r\n:\n\n\r\n3\r\n:\n\n\r\n")
        news.gate.set()
        if not is_async:
            read_until(client, b"data: late\n\n\r\n0\r\n\r\n")
    assert news.closed.wait(tools.patience)


def test_a_stream_of_events_in_a_thread_ends_for_its_client_at_once(serve: Serve, tools: Any) -> None:
    """A shutdown does not wait for a thread: the stream ends for its client, the generator is closed later."""
    news = News()
    harness = serve({"/": lambda _: EventStream(news.come_in_thread("one"))})
    with harness.connect() as client:
        client.sendall(tools.request("/"))
        read_until(client, b"data: one\n\n")
        assert news.waits.wait(tools.patience)
        harness.hub.post(harness.hub.drain)
        read_until(client, b"0\r\n\r\n")
        assert not news.closed.is_set()
        news.gate.set()
        assert news.closed.wait(tools.patience)


def test_events_end_normally_when_the_server_stops(serve: Serve, tools: Any) -> None:
    """A stream of events is ended, not cut off, and does not delay the drain; a finite stream is waited for."""
    news, go_on = News(), threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.to_thread(go_on.wait, tools.patience)
        yield b"ended"

    harness = serve({"/events": lambda _: EventStream(news.come(1)), "/file": lambda _: Response(pieces())})
    with harness.connect() as client, harness.connect() as other:
        client.sendall(tools.request("/events"))
        read_until(client, b"data: 1\n\n")
        other.sendall(tools.request("/file"))
        read_until(other, b"begun")
        harness.hub.post(harness.hub.drain)
        read_until(client, b"0\r\n\r\n")
        assert client.recv(1) == b""
        assert news.closed.wait(tools.patience)
        go_on.set()
        read_until(other, b"ended\r\n0\r\n\r\n")
    assert harness.ended.wait(tools.patience)


def test_events_requested_during_a_drain_end_at_once(serve: Serve, tools: Any) -> None:
    """A request during the drain gets a stream that ends at once, and `connection: close`."""
    news = News()
    harness = serve({"/": lambda _: EventStream(news.come(1)), "/quick": lambda _: Response(b"quick")})
    with harness.connect() as client:
        assert tools.ask(client, "/quick") == (200, b"quick")
        harness.inside(harness.hub.drain)
        client.sendall(tools.request("/"))
        data = b""
        while piece := client.recv(65536):
            data += piece
    assert b"connection: close" in data
    assert data.endswith(b"\r\n\r\n0\r\n\r\n")


def test_a_client_that_reads_no_comments_is_cut_off(serve: Serve, tools: Any) -> None:
    """When comments fill every buffer, the write deadline applies."""
    news = News()
    filling = Event("x" * 3_000_000)
    harness = serve(
        {"/": lambda _: EventStream(news.come("one", filling), keep_alive_seconds=0.01)},
        limits=Limits(write_seconds=0.1),
    )
    with harness.connect() as client:
        client.sendall(tools.request("/"))
        assert news.closed.wait(tools.patience)
        harness.wait_until(lambda: not harness.hub.table.connections)


def test_comments_wait_for_the_client(serve: Serve, tools: Any) -> None:
    """A comment that does not fit is sent whole when there is room, and the next event follows it."""
    heartbeats = threading.Event()
    go_on: asyncio.Event | None = None

    async def come() -> AsyncIterator[object]:
        nonlocal go_on
        go_on = asyncio.Event()
        yield "first"
        await go_on.wait()
        yield "last"

    class Wide(EventStream):
        @property
        def heartbeat(self) -> Any:
            def make_frame() -> bytes:
                heartbeats.set()
                return b":" + b"x" * 500_000 + b"\n\n"

            return msgspec.structs.replace(super().heartbeat, make_frame=make_frame)

    harness = serve({"/": lambda _: Wide(come(), keep_alive_seconds=0.05)})
    with harness.connect() as client:
        client.sendall(tools.request("/"))
        read_until(client, b"data: first\n\n")
        assert heartbeats.wait(tools.patience)
        harness.wait_until(
            lambda: any(each.phase.name == "STREAM_PAUSED" for each in harness.hub.table.connections.values())
        )
        assert go_on is not None
        harness.hub.ownership.loop.call_soon_threadsafe(go_on.set)
        data = read_until(client, b"data: last\n\n\r\n0\r\n\r\n")
    whole = b"".join(_chunks(data))
    assert whole.replace(b":" + b"x" * 500_000 + b"\n\n", b"") == b"data: last\n\n"


def _chunks(data: bytes) -> Iterator[bytes]:
    data = data.removeprefix(b"\r\n")
    while data and data != b"0\r\n\r\n":
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        yield rest[:length]
        data = rest[length + 2 :]

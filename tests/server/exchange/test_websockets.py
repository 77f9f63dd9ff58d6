"""WebSockets on the server, through real sockets: their beginning, their flow, and each way in which they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Self

import pytest
from tests.sockets import read_all, received_next
from tests.speed import PATIENCE, seconds
from tests.wire.client_frames import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame

from fanlight import (
    App,
    BlockingWebSocket,
    Forbidden,
    Request,
    Response,
    Session,
    WebSocket,
    WebSocketClosed,
    lane,
    middleware,
    rate_limit,
)
from fanlight.errors import BusUnavailable, MissedMessages, ServiceUnavailable
from fanlight.server.exchange import view_end
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import Client, LiveServer, WebSocketRefused

HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: testserver\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SECONDS = 0.4  # for limits that a test waits for


ORDER = list[str]()


async def resource() -> AsyncIterator[str]:
    ORDER.append("opened")
    yield "resource"
    ORDER.append("closed")


async def whole_resource() -> AsyncIterator[str]:
    ORDER.append("opened")
    try:
        yield "resource"
    finally:
        ORDER.append("closed")


class Ending:
    """Records how a view has ended."""

    def __init__(self) -> None:
        self.seen = list[Any]()
        self.begun, self.ended = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self.begun.set()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()

    def wait(self) -> list[Any]:
        """Return what was recorded, when the view has ended."""
        assert self.ended.wait(PATIENCE)
        return self.seen


async def echo(socket: WebSocket) -> None:
    async for message in socket:
        await socket.send(message)


def blocking_echo(socket: BlockingWebSocket) -> None:
    for message in socket:
        socket.send(message)


def opened(client: Client, path: str = "/") -> tuple[socket.socket, bytes]:
    """Return a connection behind its handshake, and what came with the response."""
    sock = client.connect()
    sock.sendall(HANDSHAKE % path.encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += received_next(sock)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return sock, rest


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- the beginning --------------------------------------------------------------------------------


def test_frames_may_come_with_the_handshake() -> None:
    """A client that does not wait for the response loses nothing."""
    with Client(App({"/": echo})) as client, client.connect() as sock:
        sock.sendall(HANDSHAKE % b"/" + frame(TEXT, b"one") + frame(TEXT, b"two") + frame(CLOSE))
        received = read_all(sock)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert rest == b"\x81\x03one\x81\x03two\x88\x00"


def test_a_request_before_the_handshake_has_its_response_first() -> None:
    """Pipelined requests are served in their order."""
    with Client(App({"/": echo, "/page": "page"})) as client, client.connect() as sock:
        sock.sendall(b"GET /page HTTP/1.1\r\nHost: testserver\r\n\r\n" + HANDSHAKE % b"/" + frame(CLOSE))
        received = read_all(sock)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.index(b"page</h1>") < received.index(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: testserver\r\n\r\n",
        (HANDSHAKE % b"/").replace(b"HTTP/1.1", b"HTTP/1.0"),
        (HANDSHAKE % b"/").replace(b"13", b"8"),
    ],
)
def test_what_is_no_handshake_gets_a_426(head: bytes) -> None:
    """A plain GET, HTTP/1.0, and another version: the response names the protocol and its version."""
    with Client(App({"/": echo})) as client, client.connect() as sock:
        sock.sendall(head)
        sock.shutdown(socket.SHUT_WR)
        received = read_all(sock)
    assert received.startswith(b"HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\n")
    assert b"sec-websocket-version: 13\r\n" in received


def test_a_page_of_another_site_is_refused() -> None:
    """Browsers send cookies with the handshake of any page, so the origin is checked (RFC 6455 section 10.2)."""
    with Client(App({"/": echo})) as client:
        with (
            pytest.raises(WebSocketRefused) as caught,
            client.websocket("/", headers={"origin": "https://evil.example"}),
        ):
            pass
        with client.websocket("/", headers={"origin": "http://testserver"}) as opened_socket:
            opened_socket.send("x")
            assert opened_socket.receive() == "x"
    assert caught.value.response.status == 403


def test_parameters_are_bound_before_the_handshake() -> None:
    """A path or a query that does not fit is an ordinary response."""

    async def chat(socket: WebSocket, room: int, name: str) -> None:
        await socket.send(f"{room} {name}")

    with Client(App({"/chat/{room}": chat})) as client:
        with client.websocket("/chat/7?name=ann") as sock:
            assert sock.receive() == "7 ann"
        for path, status in (("/chat/x?name=ann", 404), ("/chat/7", 422)):
            with pytest.raises(WebSocketRefused) as caught, client.websocket(path):
                pass
            assert caught.value.response.status == status


def test_a_view_may_refuse_until_it_accepts() -> None:
    """An error of the view is an ordinary response; `close` is a 403."""

    async def view(socket: WebSocket, way: str) -> None:
        if way == "error":
            raise Forbidden("not you")
        if way == "close":
            await socket.close()
        raise ValueError(way)

    with Client(App({"/": view})) as client:
        for way, status in (("error", 403), ("close", 403), ("fault", 500)):
            with pytest.raises(WebSocketRefused) as caught, client.websocket("/", query={"way": way}):
                pass
            assert caught.value.response.status == status


def test_a_subprotocol_is_one_that_is_offered() -> None:
    """The view chooses; another one than the client offers is a mistake."""

    async def view(socket: WebSocket) -> None:
        assert socket.subprotocols == ("b", "a")
        await socket.accept("a")
        await socket.send(str(socket.subprotocol))

    async def wrong(socket: WebSocket) -> None:
        await socket.accept("other")

    with Client(App({"/": view, "/wrong": wrong})) as client:
        with client.websocket("/", subprotocols=["b", "a"]) as sock:
            assert (sock.subprotocol, sock.receive()) == ("a", "a")
        with pytest.raises(WebSocketRefused) as caught, client.websocket("/wrong", subprotocols=["b"]):
            pass
    assert caught.value.response.status == 500


def test_what_surrounds_a_view_ends_with_it() -> None:
    """Dependencies and middleware are left when the view ends; then `request.after` runs. A session is read before."""
    done, order = threading.Event(), ORDER
    order.clear()

    async def around(request: Request) -> AsyncGenerator[None, Response]:
        order.append("before")
        response = yield
        order.append(f"after {response.status}")

    @middleware(around)
    async def view(socket: WebSocket, request: Request, session: Session, value: Annotated[str, resource]) -> None:
        request.after(done.set)
        order.append(f"{value} for {session.user_id}")
        await socket.send("hello")
        await echo(socket)
        order.append("view ended")

    with Client(App({"/": view})) as client:
        client.sign_in(5)
        with client.websocket("/") as sock:
            assert sock.receive() == "hello"
        assert done.wait(PATIENCE)
    assert [each for each in order if not each.startswith(("before", "after"))] == [
        "opened",
        "resource for 5",
        "view ended",
        "closed",
    ]
    assert order[-1].startswith("after")


def test_a_rate_limit_is_for_handshakes() -> None:
    """What is refused is a 429 in place of the WebSocket."""

    @rate_limit("2/minute")
    async def view(socket: WebSocket) -> None:
        await echo(socket)

    with Client(App({"/": view})) as client:
        for _ in range(2):
            with client.websocket("/") as sock:
                sock.send("x")
                assert sock.receive() == "x"
        with pytest.raises(WebSocketRefused) as caught, client.websocket("/"):
            pass
    assert caught.value.response.status == 429


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [echo, blocking_echo])
@pytest.mark.parametrize("message", ["", "text \u20ac", b"", b"bytes", "x" * 70_000, b"x" * 200_000])
def test_a_message_goes_both_ways(view: Any, message: str | bytes) -> None:
    """Text and bytes of any length, in an async view and a plain one."""
    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send(message)
        assert sock.receive() == message


def test_a_ping_is_returned_with_its_data() -> None:
    """At once, also within a message, and whatever the view does (RFC 6455 section 5.5.3)."""

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.sleep(PATIENCE)

    with Client(App({"/": view})) as client:
        sock, received = opened(client)
        with sock:
            sock.sendall(frame(TEXT, b"a", 0) + frame(PING, b"one") + frame(CONTINUATION, b"b") + frame(PING))
            while len(received) < 7:
                received += received_next(sock)
    assert received == b"\x8a\x03one\x8a\x00"


def test_json_is_validated() -> None:
    """What does not fit closes with 1008, unless the view catches it."""

    async def view(socket: WebSocket) -> None:
        async for number in socket.messages(int):
            await socket.send({"twice": 2 * number})

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send(21)
        assert sock.receive(dict) == {"twice": 42}
        sock.send("x")
        assert list(sock) == []
        assert sock.close_code == 1008


def test_a_malformed_frame_closes_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets the code, the log one line, and the view what came before."""
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            ending.seen += [message async for message in socket]
            ending.seen.append(socket.close_code)

    caplog.set_level(logging.INFO, "fanlight.server")
    with Client(App({"/": view})) as client:
        sock, received = opened(client)
        with sock:
            sock.sendall(frame(TEXT, b"first") + frame(TEXT, b"\xff") + frame(TEXT, b"never read"))
            received += read_all(sock)
        assert received[:4] == b"\x88\x15\x03\xef"
        assert ending.wait()[-1] == 1007
    assert len([each for each in caplog.messages if "1007" in each]) == 1


def test_a_message_beyond_the_limit_is_refused() -> None:
    """With 1009 and the limit."""
    with Client(App({"/": echo}), limits=Limits(message_bytes=1000)) as client, client.websocket("/") as sock:
        sock.send("x" * 1000)
        assert sock.receive() == "x" * 1000
        sock.send("x" * 1001)
        assert list(sock) == []
        assert (sock.close_code, sock.close_reason) == (1009, "a message may have 1000 bytes")


# --- flow -----------------------------------------------------------------------------------------


def test_a_client_that_does_not_read_slows_its_view() -> None:
    """The view waits in `send`, and goes on when the client takes more; nothing is lost."""
    sent, begun = list[int](), threading.Event()

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        begun.set()
        for number in range(1000):
            await socket.send(b"%3d" % number + bytes(50_000))
            sent.append(number)

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        assert begun.wait(PATIENCE)
        before = -1
        while before != len(sent):
            before = len(sent)
            time.sleep(0.2)
        assert before < 200
        assert [int(message[:3]) for message in sock] == list(range(1000))
        assert sock.close_code == 1000


def test_a_view_that_does_not_receive_slows_its_client() -> None:
    """What waits for the view is bounded, and the rest stays with the client until the view goes on."""
    go_on, received = threading.Event(), list[int]()

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.to_thread(go_on.wait, PATIENCE)
        async for message in socket:
            received.append(len(message))

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock._sock.settimeout(0.5)
        sent, data = 0, frame(BINARY, bytes(10_000)) * 10
        with contextlib.suppress(TimeoutError):
            while sent < 1000:
                sock._sock.sendall(data)
                sent += 1
        assert sent < 100
        go_on.set()
        until(lambda: len(received) >= 10 * sent)


def test_a_client_that_floods_does_not_keep_others_waiting() -> None:
    """Each has its turn: a page is served while another client sends as fast as it can."""
    stop = threading.Event()

    def flood(sock: socket.socket) -> None:
        data = frame(TEXT, b"x") * 1000
        with contextlib.suppress(OSError):
            while not stop.is_set():
                sock.sendall(data)

    async def view(socket: WebSocket) -> None:
        async for _ in socket:
            pass

    with Client(App({"/": view, "/page": "page"})) as client:
        sock, _ = opened(client)
        with sock:
            thread = threading.Thread(target=flood, args=(sock,))
            thread.start()
            try:
                for _ in range(20):
                    assert client.get("/page").status == 200
            finally:
                stop.set()
                thread.join(PATIENCE)


def test_a_view_that_sends_without_end_does_not_keep_others_waiting() -> None:
    """Even where its client takes everything at once."""

    async def view(socket: WebSocket) -> None:
        while True:
            await socket.send("x")

    def read(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                pass

    with Client(App({"/": view, "/page": "page"})) as client:
        sock, _ = opened(client)
        thread = threading.Thread(target=read, args=(sock,))
        thread.start()
        for _ in range(20):
            assert client.get("/page").status == 200
        sock.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        sock.close()


def test_a_rate_of_messages_slows_a_client_down() -> None:
    """Nothing is lost, and fragments count as messages do."""
    limits = Limits(messages_per_second=20)
    with Client(App({"/": echo}), limits=limits) as client:
        sock, received = opened(client)
        with sock:
            began = time.monotonic()
            sock.sendall(frame(TEXT, b"x") * 15 + frame(TEXT, b"a", 0) + frame(CONTINUATION, b"b", 0) * 13)
            sock.sendall(frame(CONTINUATION, b"c") + frame(CLOSE))
            received += read_all(sock)
    assert received == b"\x81\x01x" * 15 + b"\x81\x0f" + b"a" + b"b" * 13 + b"c" + b"\x88\x00"
    assert time.monotonic() - began > 0.4  # 31 frames, of which 20 are free


# --- the end --------------------------------------------------------------------------------------


def test_a_client_closes_with_a_code_and_a_reason() -> None:
    """The view sees both; the client gets its code back."""
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            try:
                await socket.receive()
            except WebSocketClosed as closed:
                ending.seen += [closed.code, closed.reason, socket.close_code, socket.is_open]

    with Client(App({"/": view})) as client:
        sock, received = opened(client)
        with sock:
            sock.sendall(frame(CLOSE, b"\x0f\xa1bye"))
            received += read_all(sock)
        assert received == b"\x88\x02\x0f\xa1"
        assert ending.wait() == [4001, "bye", 4001, False]


def test_a_view_closes_with_a_code_and_a_reason() -> None:
    """What the client sends meanwhile is dropped, and nothing can be sent any more."""
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            await socket.receive()
            await socket.close(4002, "enough")
            with pytest.raises(WebSocketClosed):
                await socket.send("x")
            with pytest.raises(WebSocketClosed):
                await socket.receive()
            ending.seen.append(repr(socket))

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send("x")
        assert list(sock) == []
        assert (sock.close_code, sock.close_reason) == (4002, "enough")
        assert ending.wait() == ["<WebSocket closed 4002>"]


@pytest.mark.parametrize("view", [echo, blocking_echo])
def test_an_exception_closes_with_1011_and_is_logged_once(view: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets no detail."""

    async def failing(socket: WebSocket) -> None:
        await socket.receive()
        raise ValueError("the reason")

    def failing_in_thread(socket: BlockingWebSocket) -> None:
        socket.receive()
        raise ValueError("the reason")

    own = failing if view is echo else failing_in_thread
    with Client(App({"/": own})) as client, client.websocket("/") as sock:
        sock.send("x")
        assert list(sock) == []
        assert (sock.close_code, sock.close_reason) == (1011, "")
    assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1


def test_a_task_that_is_cancelled_closes_with_1011() -> None:
    """By its own code, not as its client has left."""

    async def view(socket: WebSocket) -> None:
        await socket.receive()
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    with Client(App({"/": view, "/page": "page"})) as client:
        with client.websocket("/") as sock:
            sock.send("x")
            assert list(sock) == []
            assert sock.close_code == 1011
        assert client.get("/page").status == 200


@pytest.mark.parametrize(
    ("error", "code"),
    [(Forbidden(), 1008), (ServiceUnavailable(), 1013), (BusUnavailable("gone"), 1013), (MissedMessages("slow"), 1013)],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else str(each),
)
def test_an_http_error_behind_the_handshake_closes_with_a_code(error: Exception, code: int) -> None:
    """It is too late for its status: 1008, and 1013 where the client may try again."""

    async def view(socket: WebSocket) -> None:
        await socket.receive()
        raise error

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send("x")
        assert list(sock) == []
        assert sock.close_code == code


@pytest.mark.parametrize("moment", ["before", "receiving", "sending", "full"])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_client_that_vanishes_ends_its_view(moment: str, way: str) -> None:
    """With 1006, at whatever moment; the server goes on."""
    ending, go_on = Ending(), threading.Event()

    async def view(socket: WebSocket) -> None:
        with ending:
            try:
                if moment == "before":
                    await asyncio.to_thread(go_on.wait, PATIENCE)
                await socket.accept()
                if moment == "sending":
                    while True:
                        await socket.send(bytes(100_000))
                await asyncio.to_thread(go_on.wait, PATIENCE)
                while True:
                    await socket.receive()
            except WebSocketClosed as closed:
                ending.seen.append(closed.code)

    with LiveServer(App({"/": view, "/page": "page"})) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        sock.sendall((HANDSHAKE % b"/").replace(b"testserver", b"127.0.0.1"))
        if moment != "before":
            assert sock.recv(100).startswith(b"HTTP/1.1 101")
        if moment == "full":
            sock.sendall(frame(TEXT, b"x") * 200)
        assert ending.begun.wait(PATIENCE)
        if way == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        go_on.set()
        assert ending.wait() == [1006]
        until(lambda: not server.hub.table.connections)


@pytest.mark.parametrize("moment", ["accepted", "not accepted", "unread messages", "a task of its own"])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_view_that_waits_for_something_else_is_cancelled_when_its_client_has_left(
    moment: str, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After its last seconds: `finally` runs, and what it depends on is closed; nothing is logged."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.1)
    ORDER.clear()
    ending, tasks = Ending(), set[Any]()

    async def wait(socket: WebSocket) -> None:
        if moment == "a task of its own":
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
                async for _ in socket:
                    pass
        await asyncio.Event().wait()

    async def view(socket: WebSocket, _: Annotated[str, whole_resource]) -> None:
        tasks.add(asyncio.current_task())
        with ending:
            if moment != "not accepted":
                await socket.accept()
            try:
                await wait(socket)
            except asyncio.CancelledError:
                ending.seen.append("cancelled")
                raise

    with LiveServer(App({"/": view, "/page": "page"})) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        sock.sendall((HANDSHAKE % b"/").replace(b"testserver", b"127.0.0.1"))
        assert ending.begun.wait(PATIENCE)
        if moment == "unread messages":
            sock.sendall(frame(TEXT, b"x") * 3)
        if moment != "not accepted":
            assert sock.recv(100).startswith(b"HTTP/1.1 101")
        if way == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        assert ending.wait() == ["cancelled"]
        until(lambda: all(each.done() for each in tasks) and not server.hub.table.connections)
        assert ORDER == ["opened", "closed"]
        assert not any(each.cancelled() or each.exception() for each in tasks)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_view_that_takes_what_came_before_its_client_left_is_not_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes for all of it; and what it then has to finish has its time, too."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", seconds(0.4))
    ending, left = Ending(), threading.Event()

    async def view(socket: WebSocket) -> None:
        with ending:
            await socket.accept()
            await asyncio.to_thread(left.wait, PATIENCE)
            async for message in socket:
                await asyncio.sleep(seconds(0.1))
                ending.seen.append(message)
            await asyncio.sleep(seconds(0.1))
            ending.seen.append("finished")

    with Client(App({"/": view})) as client:
        sock, _ = opened(client)
        with sock:
            sock.sendall(b"".join(frame(TEXT, b"%d" % number) for number in range(10)))
            sock.sendall(frame(CLOSE, b"\x03\xe8"))
        left.set()
        assert ending.wait() == [*map(str, range(10)), "finished"]


@pytest.mark.parametrize("is_swallowed", [False, True], ids=["raised", "swallowed"])
def test_a_view_may_take_its_cancellation_as_it_likes(is_swallowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own exception is the view's; and one that swallows the cancellation ends as any other."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.1)
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            await socket.accept()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not is_swallowed:
                    raise TimeoutError("of the view") from None
        task = asyncio.current_task()
        assert task is not None
        ending.seen.append(task.cancelling())

    with Client(App({"/": view, "/page": "page"})) as client:
        opened(client)[0].close()
        ending.wait()
        assert client.get("/page").status == 200


def test_a_silent_client_gets_pings_and_is_closed_when_it_is_gone() -> None:
    """One that returns them stays, one that does not is closed: its connection may have been lost without notice."""
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            async for _ in socket:
                pass
            ending.seen.append(socket.close_code)

    limits = Limits(ping_seconds=SECONDS, write_seconds=8 * SECONDS)
    with Client(App({"/": view}), limits=limits) as client:
        sock, received = opened(client)
        with sock:
            for _ in range(2):
                while len(received) < 2:
                    received += received_next(sock)
                assert received == b"\x89\x00"
                received = b""
                sock.sendall(frame(PONG))
            received += read_all(sock)
        assert received == b"\x89\x00"
        assert ending.wait() == [1006]


def test_a_client_that_returns_no_close_frame_is_closed() -> None:
    """Within a few seconds."""

    async def view(socket: WebSocket) -> None:
        await socket.receive()

    limits = Limits(write_seconds=8 * SECONDS)
    with Client(App({"/": view}), limits=limits) as client:
        sock, received = opened(client)
        with sock:
            sock.sendall(frame(TEXT, b"x"))
            received += read_all(sock)
        assert received == b"\x88\x02\x03\xe8"


def test_a_server_that_stops_closes_with_1001() -> None:
    """At once, whatever the view does, which can clean up."""
    ending = Ending()

    async def view(socket: WebSocket) -> None:
        with ending:
            await echo(socket)
            ending.seen.append(socket.close_code)

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send("x")
        sock.receive()
        client._running.server.stop()
        assert list(sock) == []
        assert (sock.close_code, sock.close_reason) == (1001, "the server stops")
        assert ending.wait() == [1001]


def test_a_thread_that_outlives_its_server_finds_the_websocket_closed() -> None:
    """A plain view that goes on behind the end of its server gets WebSocketClosed, as when its client has left."""
    ending, may_go_on = Ending(), threading.Event()

    def view(socket: BlockingWebSocket) -> None:
        socket.accept()
        with ending:
            may_go_on.wait(PATIENCE)
            with pytest.raises(WebSocketClosed):
                socket.receive()
            ending.seen.append("closed")

    with Client(App({"/": view}), limits=Limits(drain_seconds=0.1)) as client:
        sock, _ = opened(client)
        assert ending.begun.wait(PATIENCE)
    sock.close()
    may_go_on.set()
    assert ending.wait() == ["closed"]


def test_a_server_that_is_replaced_closes_with_1012() -> None:
    """A client may connect again at once: others serve in its place."""
    with Client(App({"/": echo})) as client, client.websocket("/") as sock:
        sock.send("x")
        sock.receive()
        client._running.server.mark_replaced()
        client._running.server.stop()
        assert list(sock) == []
        assert (sock.close_code, sock.close_reason) == (1012, "the server restarts")


# --- threads --------------------------------------------------------------------------------------


def test_a_view_that_blocks_the_loop_delays_messages_and_loses_none() -> None:
    """Another thread serves meanwhile; a WebSocket goes on when the loop's thread is back."""
    blocked, go_on = threading.Event(), threading.Event()

    def stuck() -> str:
        blocked.set()
        assert go_on.wait(PATIENCE)
        return "done"

    app = App({"/": echo, "/stuck": stuck, "/page": "page"})
    with Client(app) as client, client.websocket("/") as sock:
        sock.send("before")
        assert sock.receive() == "before"
        threading.Thread(target=client.beside().get, args=("/stuck",)).start()
        assert blocked.wait(PATIENCE)
        for number in range(20):
            sock.send(f"{number}")
        assert client.get("/page").status == 200
        with pytest.raises(TimeoutError):
            sock.receive(timeout=0.1)
        go_on.set()
        assert [sock.receive() for _ in range(20)] == [f"{number}" for number in range(20)]


def test_a_view_that_sends_before_its_thread_serves_again_goes_on() -> None:
    """What it sends waits until another thread has passed the connections back; then it sends its next message."""
    blocked, go_on = threading.Event(), threading.Event()
    loop: asyncio.AbstractEventLoop
    published = asyncio.Event()

    async def twice(socket: WebSocket) -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        await socket.send("ready")
        await published.wait()
        await socket.send("one")
        await socket.send("two")

    def stuck() -> str:
        loop.call_soon_threadsafe(published.set)  # the views go on as soon as the loop's thread is free
        blocked.set()
        assert go_on.wait(PATIENCE)
        return "done"

    app = App({"/": twice, "/stuck": stuck, "/page": "page"})
    with Client(app) as client, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(client.beside().websocket("/")) for _ in range(20)]
        assert [each.receive() for each in sockets] == ["ready"] * 20
        threading.Thread(target=client.beside().get, args=("/stuck",)).start()
        assert blocked.wait(PATIENCE)
        assert client.get("/page").status == 200  # another thread serves
        go_on.set()
        assert [[each.receive(), each.receive()] for each in sockets] == [["one", "two"]] * 20


def test_a_client_that_reads_while_another_thread_serves_has_its_view_go_on_in_the_loops_thread() -> None:
    """Futures are for one thread: in its debug mode, the loop refuses calls of another one."""
    blocked, go_on = threading.Event(), threading.Event()
    begun = list[int]()

    async def many(socket: WebSocket) -> None:
        asyncio.get_running_loop().set_debug(True)
        for number in range(200):
            begun.append(number)
            await socket.send(f"{number:03}" + "x" * 50_000)

    def stuck() -> str:
        blocked.set()
        assert go_on.wait(PATIENCE)
        return "done"

    def is_paused() -> bool:
        before = len(begun)
        assert client.get("/page").status == 200
        return before > 0 and len(begun) == before

    with Client(App({"/": many, "/stuck": stuck, "/page": "page"})) as client, client.websocket("/") as sock:
        until(is_paused)
        threading.Thread(target=client.beside().get, args=("/stuck",)).start()
        assert blocked.wait(PATIENCE)
        received = [sock.receive()[:3] for _ in range(len(begun))]  # all that was sent: the other thread has sent it
        assert client.get("/page").status == 200
        go_on.set()
        received += [sock.receive()[:3] for _ in range(200 - len(received))]
    assert received == [f"{number:03}" for number in range(200)]


def test_plain_views_leave_threads_for_pages() -> None:
    """A WebSocket too many gets a 503, and pages are served."""

    def page() -> str:
        time.sleep(0.001)
        return "page"

    with Client(App({"/": blocking_echo, "/page": lane("thread")(page)}), limits=Limits(threads=4)) as client:
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(client.websocket("/")) for _ in range(3)]
            with pytest.raises(WebSocketRefused) as caught, client.websocket("/"):
                pass
            assert caught.value.response.status == 503
            assert client.get("/page").status == 200
            for each in socks:
                each.send("x")
                assert each.receive() == "x"

        def has_room() -> bool:
            try:
                with client.websocket("/") as sock:
                    sock.send("there is room again")
                    return sock.receive() == "there is room again"
            except WebSocketRefused:
                return False

        until(has_room)  # the threads are free when their views have ended, a moment after their clients have left


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_child_that_a_view_forks_sends_nothing() -> None:
    """Its copies of the connections are closed, and the parent's go on."""

    async def view(socket: WebSocket) -> None:
        await socket.receive()
        child = os.fork()
        if not child:
            return
        await asyncio.to_thread(os.waitpid, child, 0)
        await socket.send("from the parent")

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        sock.send("x")
        assert list(sock) == ["from the parent"]
        assert sock.close_code == 1000


def test_a_tls_connection_serves_as_a_plain_one(localhost: Any, certificates: Any) -> None:
    """Frames in records of TLS, also when several come in one."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    with LiveServer(App({"/": echo}), options=options) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            data = frame(BINARY, bytes(100_000))
            sock.sendall((HANDSHAKE % b"/").replace(b"testserver", b"localhost") + frame(TEXT, b"a") * 100 + data)
            sock.sendall(frame(CLOSE))
            received = read_all(sock, or_reset=True)
    assert received.partition(b"\r\n\r\n")[2] == b"\x81\x01a" * 100 + b"\x82\x7f" + (100_000).to_bytes(8) + bytes(
        100_000
    ) + bytes((FIN | CLOSE, 0))


def test_one_task_receives_at_a_time() -> None:
    """Two would take each other's messages."""

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.gather(socket.receive(), socket.receive())

    with Client(App({"/": view})) as client, client.websocket("/") as sock:
        assert list(sock) == []
        assert sock.close_code == 1011


# --- records --------------------------------------------------------------------------------------


def test_the_access_log_has_one_line_for_a_websocket(tmp_path: Path) -> None:
    """When it is closed: 101, the bytes that were sent, and how long it was open."""
    log_file = tmp_path / "access.log"
    options = Options(bind=("127.0.0.1:0",), access_file=str(log_file))
    with LiveServer(App({"/": echo}), options=options) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        with sock:
            sock.sendall((HANDSHAKE % b"/").replace(b"testserver", b"127.0.0.1"))
            sock.sendall(frame(BINARY, bytes(1000)) + frame(CLOSE))
            received = read_all(sock)
    (line,) = log_file.read_text().splitlines()
    assert " 101 " in line
    assert str(len(received)) in line.replace(",", "").replace(" ", "") or "KiB" in line or "kB" in line


def test_the_metrics_count_a_websocket_when_it_has_ended() -> None:
    """By its route and 101, with the bytes that were sent."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, admin="127.0.0.1:0")
    with LiveServer(App({"/": echo}), options=options) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
            sock.sendall((HANDSHAKE % b"/").replace(b"testserver", b"127.0.0.1"))
            sock.sendall(frame(BINARY, bytes(1000)) + frame(CLOSE))
            received = read_all(sock)
        counts = server._running.server._counts
        assert counts is not None
        until(lambda: counts.snapshot()["requests"])
    snapshot = counts.snapshot()
    ((method, status, route, count),) = snapshot["requests"]
    assert (method, status, route, count) == ("GET", 101, "/", 1)
    assert snapshot["bytes"] == len(received)

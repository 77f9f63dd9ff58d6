"""ASGI over WebSockets: the handshake is the app's, and messages go both ways."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.foreign.conftest import Serve
from tests.speed import PATIENCE
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from fanlight import App, asgi
from fanlight.testing import Client

ACCEPT = {"type": "websocket.accept"}
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
DENY = {"type": "websocket.http.response.start", "status": 418, "headers": []}


def _socket_app(*messages: Any, receives: int = 1) -> Any:
    """Return an app that receives some events, then sends messages, and waits for the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        for _ in range(receives):
            await receive()
        for message in messages:
            await send(message)

    return app


@contextmanager
def _connected(client: Client, path: str = "/", **options: Any) -> Iterator[ClientConnection]:
    with client.connect() as sock, connect(f"ws://testserver{path}", sock=sock, **options) as connection:
        yield connection


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Accept, echo text and bytes, and close with the code that is asked for."""
    if scope["type"] != "websocket":
        return
    assert (await receive())["type"] == "websocket.connect"
    chosen = scope["subprotocols"][-1] if scope["subprotocols"] else None
    await send({**ACCEPT, "subprotocol": chosen, "headers": [(b"x-room", scope["path"].encode())]})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "bye"})
        else:
            await send({**event, "type": "websocket.send"})


def test_messages_go_both_ways(serve: Serve) -> None:
    """Text and bytes are received and sent; the app closes with a code of its own."""
    with _connected(serve(_echo)) as connection:
        connection.send("täxt")
        assert connection.recv() == "täxt"
        connection.send(b"\x00\xff")
        assert connection.recv() == b"\x00\xff"
        connection.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "bye")


def test_the_handshake_has_what_the_app_sends(serve: Serve) -> None:
    """Subprotocol and headers of websocket.accept are in the response."""
    protocols = [Subprotocol("one"), Subprotocol("two")]
    with _connected(serve(_echo), "/room", subprotocols=protocols) as connection:
        assert connection.subprotocol == "two"
        assert connection.response is not None
        assert connection.response.headers["x-room"] == "/room"


def test_the_scope_is_that_of_a_websocket(serve: Serve) -> None:
    """It has no method, and the scheme ws."""
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            scopes.append(scope)
            await send(ACCEPT)

    with _connected(serve(app), "/a?b=c"):
        pass
    (scope,) = scopes
    assert (scope["scheme"], scope["path"], scope["query_string"]) == ("ws", "/a", b"b=c")
    assert "method" not in scope
    assert set(scope["extensions"]) == {"websocket.http.response"}


def test_the_app_learns_how_the_client_has_closed(serve: Serve) -> None:
    """websocket.disconnect has the code and the reason of the client; sending then raises an OSError."""
    events: list[Any] = []
    is_over = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            events.append(await receive())
            try:
                await send({"type": "websocket.send", "text": "late"})
            except OSError as error:
                events.append(error)
            is_over.set()

    with _connected(serve(app)) as connection:
        connection.close(4002, "enough")
    assert is_over.wait(PATIENCE)
    assert events[0] == {"type": "websocket.disconnect", "code": 4002, "reason": "enough"}
    assert isinstance(events[1], OSError)


def test_an_event_has_the_key_of_its_message_alone(serve: Serve) -> None:
    """A message is `text` or `bytes`, and the other key is not there: apps ask `"text" in event`."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            events.extend([await receive(), await receive()])

    client = serve(app)
    with _connected(client) as connection:
        connection.send("a")
        connection.send(b"b")
    client.close()
    assert events == [{"type": "websocket.receive", "text": "a"}, {"type": "websocket.receive", "bytes": b"b"}]


def test_an_app_may_close_what_its_client_has_closed(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """`websocket.close` behind the end of the connection does nothing: many apps close in a `finally`."""
    ends: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            ends.append((await receive())["type"])
            await send({"type": "websocket.close", "code": 1000})
            ends.append("closed")

    client = serve(app)
    with _connected(client):
        pass
    client.close()
    assert (ends, caplog.messages) == (["websocket.disconnect", "closed"], [])


@pytest.mark.parametrize("last", [None, {"type": "websocket.close"}, ACCEPT])
def test_the_app_learns_that_its_client_has_left_before_the_handshake(
    serve: Serve, caplog: pytest.LogCaptureFixture, last: Any
) -> None:
    """An app that waits for more than websocket.connect gets websocket.disconnect; what it sends then is no error."""
    is_waiting, is_over = threading.Event(), threading.Event()
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        is_waiting.set()
        events.append(await receive())
        is_over.set()
        if last is not None:
            await send(last)

    client = serve(app)
    with client.connect() as sock:
        sock.sendall(HANDSHAKE)
        assert is_waiting.wait(PATIENCE)
    assert is_over.wait(PATIENCE)
    client.close()
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert caplog.messages == []


def test_a_handshake_is_completed_while_the_app_waits_for_a_message(serve: Serve) -> None:
    """One task of an app may receive before another has accepted."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        first = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(ACCEPT)
        await send({**await first, "type": "websocket.send"})

    with _connected(serve(app)) as connection:
        connection.send("early")
        assert connection.recv() == "early"


class _Left(Exception):
    """What a framework raises in the place of the OSError."""


@pytest.mark.parametrize("is_group", [False, True])
def test_an_app_whose_client_has_left_has_not_failed(
    serve: Serve, caplog: pytest.LogCaptureFixture, *, is_group: bool
) -> None:
    """A framework's own exception for the OSError of `send`, also in a group, is no error in the log."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            await receive()
            try:
                await send({"type": "websocket.send", "text": "late"})
            except OSError:
                left = _Left()
                left.__context__ = sys.exception()
                raise ExceptionGroup("tasks", [left]) if is_group else left  # noqa: B904 - as frameworks do

    client = serve(app)
    with _connected(client):
        pass
    client.close()
    assert caplog.messages == []


def test_an_error_beside_the_departure_is_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An app that fails for another reason when its client has left has its traceback in the log."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            await receive()
            raise KeyError("inside")

    client = serve(app)
    with _connected(client):
        pass
    client.close()
    assert "KeyError: 'inside'" in caplog.text


def test_a_close_without_a_code_is_1000(serve: Serve) -> None:
    """The code of websocket.close is 1000 where the app names none."""
    with (
        _connected(serve(_socket_app(ACCEPT, {"type": "websocket.close"}))) as connection,
        pytest.raises(ConnectionClosed) as closed,
    ):
        connection.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "")


def test_a_client_that_names_no_code_is_1005(serve: Serve) -> None:
    """websocket.disconnect has 1005 for a close frame without a code, 1006 for a connection that ends without one."""
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send(ACCEPT)
            events.append(await receive())

    client = serve(app)
    for last in (b"\x88\x80\0\0\0\0", b""):
        with client.connect() as sock:
            sock.sendall(HANDSHAKE)
            assert sock.recv(12) == b"HTTP/1.1 101"
            sock.sendall(last)
            while last and sock.recv(4096):  # until the server has returned the close frame, and closed
                pass
    client.close()
    assert sorted(each["code"] for each in events) == [1005, 1006]


def test_closing_before_accepting_is_a_403(serve: Serve) -> None:
    """The handshake is refused."""
    with pytest.raises(InvalidStatus) as refused, _connected(serve(_socket_app({"type": "websocket.close"}))):
        pass
    assert refused.value.response.status_code == 403


def test_a_handshake_may_be_refused_with_a_response(serve: Serve) -> None:
    """The extension websocket.http.response sends a response in the place of the handshake."""
    app = _socket_app(
        {"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]},
        {"type": "websocket.http.response.body", "body": b"short", "more_body": True},
        {"type": "websocket.http.response.body", "body": b" and stout"},
    )
    with pytest.raises(InvalidStatus) as refused, _connected(serve(app)):
        pass
    response = refused.value.response
    assert (response.status_code, response.headers["x-why"], response.body) == (418, "tea", b"short and stout")


BROKEN = [
    ([], "sent neither websocket.accept nor websocket.close", 500),
    ([{"type": "websocket.send", "text": "a"}], "websocket.accept is sent before websocket.send", 500),
    ([{**ACCEPT, "subprotocol": "none"}], "the subprotocol 'none' of websocket.accept", 500),
    ([{**ACCEPT, "headers": [(b"a", b"b\r\nc: d")]}], "must be text without line ends", 500),
    ([{**ACCEPT, "headers": [(b"sec-websocket-protocol", b"a")]}], "without sec-websocket-protocol", 500),
    ([{"type": "http.response.start"}], "is no message of a WebSocket", 500),
    ([DENY, {"type": "websocket.close"}], "ends with websocket.http.response.body", 500),
    ([DENY], "sent neither websocket.accept nor websocket.close", 500),
    ([{"type": "websocket.http.response.body"}], "follows websocket.http.response.start", 500),
    ([ACCEPT, DENY], "in the place of websocket.accept", 1011),
    ([ACCEPT, ACCEPT], "websocket.accept is sent once", 1011),
    ([ACCEPT, {"type": "websocket.send"}], "websocket.send has either `text` or `bytes`", 1011),
    ([ACCEPT, {"type": "websocket.send", "text": b"a"}], "`text` of websocket.send is str, not bytes", 1011),
    ([ACCEPT, {"type": "websocket.close", "code": 7}], "the code of websocket.close is a number", 1011),
]


@pytest.mark.parametrize(("messages", "rule", "code"), BROKEN)
def test_an_app_that_breaks_a_rule(
    serve: Serve, caplog: pytest.LogCaptureFixture, messages: list[Any], rule: str, code: int
) -> None:
    """Before the handshake it is a 500, later the code 1011; the log has one line with the rule."""
    client = serve(_socket_app(*messages))
    if code == 500:
        with pytest.raises(InvalidStatus) as refused, _connected(client):
            pass
        assert refused.value.response.status_code == 500
    else:
        with _connected(client) as connection, pytest.raises(ConnectionClosed) as closed:
            connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    client.close()
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(lines) == 1
    assert rule in lines[0]


def test_an_exception_closes_it_with_1011(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What an app raises is in the log."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send(ACCEPT)
            raise KeyError("inside")

    client = serve(app)
    with _connected(client) as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    client.close()
    assert "KeyError: 'inside'" in caplog.text


def test_a_page_of_another_site_opens_no_websocket_of_a_mount() -> None:
    """Browsers send cookies with a handshake of any page, so its origin is checked, as for views of the site."""
    with Client(App({"/chat": asgi(_echo)})) as client:
        with _connected(client, "/chat/", origin="http://testserver") as connection:
            connection.send("own")
            assert connection.recv() == "own"
        with (
            pytest.raises(InvalidStatus) as refused,
            _connected(client, "/chat/", origin="https://evil.example"),
        ):
            pass
    assert refused.value.response.status_code == 403

"""The test client's WebSockets: what a test sends, receives, and learns of the end."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import Struct

from fanlight import App, Forbidden, Request, WebSocket, WebSocketClosed
from fanlight.testing import Client, WebSocketRefused
from fanlight.wire.websocket.websocket_frames import PING, TEXT


class Move(Struct):
    x: int


async def echo(socket: WebSocket) -> None:
    async for message in socket:
        await socket.send(message)


async def closing(socket: WebSocket) -> None:
    await socket.send("last")
    await socket.close(4001, "enough")


async def of_cookie(socket: WebSocket, request: Request) -> None:
    await socket.send(f"{request.cookies.get('name')} {request.headers.get('x-a')} {request.query.get('q')}")


def refusing(socket: WebSocket) -> None:
    raise Forbidden("not you")


async def waiting(socket: WebSocket) -> None:
    await socket.accept()
    await asyncio.Event().wait()


APP = App({"/": echo, "/closing": closing, "/cookie": of_cookie, "/refusing": refusing, "/waiting": waiting})


def test_objects_are_sent_and_received_as_json() -> None:
    """A message is converted to a class when it is received."""
    with Client(APP) as client, client.websocket("/") as socket:
        socket.send(Move(x=3))
        assert socket.receive(Move) == Move(x=3)
        socket.send([1, 2])
        assert socket.receive() == "[1,2]"


def test_a_message_that_does_not_come_is_a_timeout() -> None:
    """And the WebSocket can be used on."""
    with Client(APP) as client, client.websocket("/") as socket:
        with pytest.raises(TimeoutError):
            socket.receive(timeout=0.05)
        socket.send("x")
        assert socket.receive() == "x"


def test_the_end_is_known() -> None:
    """Iteration ends, what is received then raises, and so does what is sent."""
    with Client(APP) as client, client.websocket("/closing") as socket:
        assert list(socket) == ["last"]
        assert (socket.close_code, socket.close_reason) == (4001, "enough")
        with pytest.raises(WebSocketClosed):
            socket.receive()
        with pytest.raises(WebSocketClosed):
            socket.send("x")


def test_a_refusal_has_its_response() -> None:
    """In its place."""
    with Client(APP) as client:
        with pytest.raises(WebSocketRefused, match="403") as caught, client.websocket("/refusing"):
            pass
        assert caught.value.response.status == 403
        with pytest.raises(WebSocketRefused) as caught, client.websocket("/nowhere"):
            pass
        assert caught.value.response.status == 404


def test_cookies_fields_and_a_query_are_sent() -> None:
    """As with any request of the client."""
    with Client(APP) as client:
        client.cookies["name"] = "ann"
        with client.websocket("/cookie", headers={"x-a": "b"}, query={"q": "1"}) as socket:
            assert socket.receive() == "ann b 1"


def test_pings_are_returned_and_frames_can_be_sent_by_hand() -> None:
    """For a test of what is unusual."""
    with Client(APP) as client, client.websocket("/") as socket:
        socket.send_frame(PING, b"?")
        socket.send_frame(TEXT, b"a", 0)
        socket.send_frame(0, b"b")
        assert socket.receive() == "ab"


def test_a_view_that_goes_on_ends_with_the_client() -> None:
    """A view that waits for something else does not keep the client from closing."""
    with Client(APP) as client:
        with client.websocket("/waiting") as socket:
            pass
        assert socket.close_code == 1000

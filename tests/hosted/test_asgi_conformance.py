"""What the specification of ASGI asks of an app, and no other test shows (docs/reference/asgi-conformance.md)."""

from __future__ import annotations

import asyncio
import copy
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hosted.asgi_channel import Channel, SocketChannel, body, scope
from tests.speed import PATIENCE

from fanlight import App, EventStream, Request, Response, Static, WebSocket


def ask(app: App, asked: dict[str, Any], *messages: dict[str, Any]) -> Channel:
    """Return the channel of a request that an app has responded to."""

    async def run() -> Channel:
        channel = Channel(messages or body(b""))
        await asyncio.wait_for(app(asked, channel.receive, channel.send), PATIENCE)
        return channel

    return asyncio.run(run())


def websocket(**more: Any) -> dict[str, Any]:
    """Return the scope of a WebSocket, with what must be there, and no more."""
    return {"type": "websocket", "path": "/", "headers": [(b"host", b"a.example")], **more}


async def echo(socket: WebSocket) -> None:
    async for message in socket:
        await socket.send(message)


def talk(asked: dict[str, Any], *messages: str | bytes, view: Callable[..., Any] = echo) -> SocketChannel:
    """Return the channel of a WebSocket whose client has sent messages and left."""

    async def run() -> SocketChannel:
        channel = SocketChannel()
        serving = asyncio.ensure_future(App({"/": view})(asked, channel.receive, channel.send))
        channel.says(*messages)
        await channel.until_sent("websocket.accept")
        channel.leaves()
        await asyncio.wait_for(serving, PATIENCE)
        return channel

    return asyncio.run(run())


# --- what the app receives ------------------------------------------------------------------------------


def test_another_protocol_is_rejected() -> None:
    """By an exception, so that a server does not take it for supported."""
    with pytest.raises(NotImplementedError, match="and not mqtt"):
        ask(App({"/": "page"}), {"type": "mqtt", "asgi": {"version": "3.0"}})


@pytest.mark.parametrize(
    ("asked", "event"),
    [
        (scope("/", "POST"), {"type": "http.push"}),
        (scope("/events"), {"type": "websocket.connect"}),
        (websocket(), {"type": "websocket.receive", "text": "early"}),
        ({"type": "lifespan"}, {"type": "lifespan.pause"}),
    ],
)
def test_an_unknown_event_is_an_exception(asked: dict[str, Any], event: dict[str, Any]) -> None:
    """It is not taken for another one: an app is not stopped by it, a request has no content of it."""
    ended: list[str] = []

    async def lifespan(_: App) -> AsyncIterator[None]:
        yield
        ended.append("stopped")

    async def events() -> EventStream:
        async def nothing() -> AsyncIterator[str]:
            await asyncio.Event().wait()
            yield ""

        return EventStream(nothing())

    def read(request: Request) -> str:
        return request.text

    with pytest.raises(Exception, match="is no event of this connection"):
        ask(App({"POST /": read, "/events": events}, lifespan=lifespan), asked, event)
    assert ended == []


@pytest.mark.parametrize("keys", [{}, {"text": None, "bytes": None}, {"text": "a", "bytes": b"a"}], ids=str)
def test_a_message_without_or_with_both_is_an_exception(keys: dict[str, Any]) -> None:
    """Exactly one of `text` and `bytes` is there."""

    async def run() -> None:
        channel = SocketChannel()
        channel.does({"type": "websocket.receive", **keys})
        await asyncio.wait_for(App({"/": echo})(websocket(), channel.receive, channel.send), PATIENCE)

    with pytest.raises(Exception, match="either `text` or `bytes`"):
        asyncio.run(run())


def test_further_keys_are_no_error() -> None:
    """A later version of the specification may have more keys, in scopes and in events."""
    asked = scope("/", "POST", later=1)
    app = App({"POST /": lambda request: request.text})
    assert ask(app, asked, {"type": "http.request", "body": b"a", "later": 1}).content == b"a"


def test_what_is_optional_may_be_missing() -> None:
    """A scope with what must be there alone, and an event of content without any."""

    def view(request: Request) -> str:
        return f"{request.url} {request.client} {request.text!r}"

    http = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    assert ask(App({"POST /": view}), http, {"type": "http.request"}).content == b"http://localhost/ None ''"
    empty: dict[str, Any] = {"query_string": None, "subprotocols": []}
    for asked in (websocket(), websocket(**empty)):
        sent = talk(asked, "a").sent
        assert [each["type"] for each in sent] == ["websocket.accept", "websocket.send"]


def test_a_scope_may_be_of_any_iterables() -> None:
    """Lists in the place of pairs, names of fields in any case, an iterator of fields."""

    def view(request: Request) -> str:
        return f"{request.headers['x-a']} {request.client} {request.cookies['a']}{request.cookies['b']}"

    headers = iter([[b"Host", b"a.example"], [b"X-A", b"1"], [b"cookie", b"a=1"], [b"cookie", b"b=2"]])
    asked = scope("/") | {"headers": headers, "client": ["10.0.0.1", 1], "server": ["10.0.0.2", 2]}
    assert ask(App({"/": view}), asked).content == b"1 10.0.0.1 12"


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (("10.0.0.1", 8000), b"http://10.0.0.1:8000/"),
        (("::1", 8000), b"http://[::1]:8000/"),
        (("/run/app.sock", None), b"http://localhost/"),
        (None, b"http://localhost/"),
    ],
)
def test_a_request_without_a_host_has_the_servers(server: Any, url: bytes) -> None:
    """HTTP/1.0 needs none: the address of the server is used, of IPv6 in brackets; a Unix socket has no name."""
    asked = scope("/") | {"headers": [], "http_version": "1.0", "server": server}
    assert ask(App({"/": lambda request: request.url}), asked).content == url


def test_http_2_is_served() -> None:
    """Its version is "2"."""
    assert ask(App({"/": "page"}), scope("/", http_version="2")).status == 200


def test_the_scope_is_left_as_it_is() -> None:
    """Middleware around the app may still have it."""
    asked = scope("/?a=1", "POST", state={"a": 1}, extensions={"b": {}})
    before = copy.deepcopy(asked)
    ask(App({"POST /": lambda request: request.text}), asked, *body(b"abc"))
    assert asked == before


# --- what the app sends -----------------------------------------------------------------------------------


def _stream() -> Iterator[str]:
    yield "one"
    yield "two"


async def _async_stream() -> AsyncIterator[str]:
    yield "one"


VIEWS: dict[str, Any] = {
    "/text": lambda: "text",
    "/json": lambda: {"a": 1},
    "/empty": lambda: Response(b"", 204),
    "/stream": _stream,
    "/async-stream": _async_stream,
    "/cookie": lambda: Response("x", headers={"X-Upper": "1"}),
}


def site(folder: Path) -> App:
    """Return a site with each kind of content."""
    (folder / "a.txt").write_bytes(b"from the file")
    return App({**VIEWS, "/static": Static(str(folder))})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [*VIEWS, "/static/a.txt", "/nothing"])
def test_a_response_has_a_start_and_an_end(path: str, method: str, tmp_path: Path) -> None:
    """One start, whose names are in lower case, then content of bytes, whose last message says that it is the last."""
    first, *rest = ask(site(tmp_path), scope(path, method)).sent
    assert first["type"] == "http.response.start"
    assert type(first["status"]) is int
    for name, value in first["headers"]:
        assert type(name) is type(value) is bytes
        assert name == name.lower()
    names = {name for name, _ in first["headers"]}
    assert names.isdisjoint({b"transfer-encoding", b"connection", b"date", b"server"})
    assert {each["type"] for each in rest} == {"http.response.body"}
    assert {type(each["body"]) for each in rest} == {bytes}
    assert [each.get("more_body", False) for each in rest] == [True] * (len(rest) - 1) + [False]


class _Gone(Channel):
    """A client that leaves with the first message."""

    async def send(self, message: dict[str, Any]) -> None:
        """Raise an OSError from the second message on."""
        if self.sent:
            self.gone.set()
            raise TimeoutError("no ConnectionError, and an OSError all the same")
        await super().send(message)


@pytest.mark.parametrize("path", [*VIEWS, "/static/a.txt"])
def test_a_client_that_has_left_is_no_error(path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An OSError of `send` ends the response: nothing is logged, and the server gets no exception but its own."""

    async def run() -> None:
        channel = _Gone(body(b""))
        await site(tmp_path)(scope(path), channel.receive, channel.send)

    asyncio.run(run())
    gc.collect()
    assert caplog.messages == []


def test_a_heartbeat_to_a_client_that_has_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """The stream ends, and no task keeps an exception."""

    async def view() -> EventStream:
        async def nothing() -> AsyncIterator[str]:
            await asyncio.Event().wait()
            yield ""

        return EventStream(nothing(), keep_alive_seconds=0.01)

    async def run() -> None:
        channel = _Gone(body(b""))
        await App({"/": view})(scope(), channel.receive, channel.send)

    asyncio.run(run())
    gc.collect()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("version", "accepts", "closes"),
    [
        (None, False, False),
        ("2.0", False, False),
        ("2.1", True, False),
        ("2.3", True, True),
        ("2.5", True, True),
        ("2.10", True, True),
    ],
)
def test_an_older_server_gets_no_key_it_does_not_know(version: str | None, *, accepts: bool, closes: bool) -> None:
    """`headers` of websocket.accept are of version 2.1, `reason` of websocket.close of 2.3."""

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(4000, "why")

    asked = websocket(asgi={"version": "3.0"} | ({} if version is None else {"spec_version": version}))
    accept, close = talk(asked, view=view).sent
    assert ("headers" in accept, "reason" in close) == (accepts, closes)


def test_a_subprotocol_has_its_own_key() -> None:
    """The headers of websocket.accept have none of it."""

    async def view(socket: WebSocket) -> None:
        await socket.accept("chat")

    (accept, _) = talk(websocket(asgi={"spec_version": "2.5"}, subprotocols=["chat"]), view=view).sent
    assert accept == {"type": "websocket.accept", "subprotocol": "chat", "headers": []}


def test_a_client_that_leaves_before_the_handshake_is_sent_nothing() -> None:
    """`websocket.disconnect` may come in the place of websocket.connect."""
    asked = scope("/") | {"type": "websocket"}
    assert ask(App({"/": echo}), asked, {"type": "websocket.disconnect", "code": 1006}).sent == []


def test_a_lifespan_that_fails_at_its_end_is_reported() -> None:
    """With the message that the server is to show."""

    async def lifespan(_: App) -> AsyncIterator[None]:
        yield
        raise RuntimeError("stuck")

    async def run() -> list[dict[str, Any]]:
        channel = Channel([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        with pytest.raises(RuntimeError, match="stuck"):
            await App({"/": "page"}, lifespan=lifespan)({"type": "lifespan"}, channel.receive, channel.send)
        return channel.sent

    assert asyncio.run(run()) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.failed", "message": "RuntimeError: stuck"},
    ]

"""An app as an ASGI application (ASGI 3.0): what it receives and sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.hosted.asgi_channel import Channel, body, scope

from fanlight import App, ContentStream, EventStream, Request, Response, Static, Topic, WebSocket
from fanlight.settings.limits import Limits


def ask(app: App, asked: dict[str, Any], *messages: dict[str, Any], stays: bool = True) -> Channel:
    """Return the channel of a request that an app has responded to."""

    async def run() -> Channel:
        channel = Channel(messages or body(b""), stays=stays)
        await app(asked, channel.receive, channel.send)
        return channel

    return asyncio.run(run())


def test_a_plain_view_responds() -> None:
    """A response is one start, with its length, and one body."""
    channel = ask(App({"/": lambda: "hello"}), scope())
    assert [each["type"] for each in channel.sent] == ["http.response.start", "http.response.body"]
    assert (channel.status, channel.content, channel.headers["content-length"]) == (200, b"hello", "5")


def test_fields_of_the_app_are_sent() -> None:
    """Security fields are on each response, and their names are in lower case, as ASGI wants them."""
    headers = ask(App({"/": lambda: "hello"}), scope()).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert all(name == name.lower() for name in headers)


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/fail", 500)])
def test_errors_are_pages(path: str, status: int) -> None:
    """An unknown path, and a view that fails, have their error pages."""

    def fail() -> str:
        raise RuntimeError

    channel = ask(App({"/fail": fail}), scope(path))
    assert channel.status == status
    assert b"<!doctype html>" in channel.content


def test_a_view_reads_its_request() -> None:
    """Method, query, fields, client and content are those of the scope and its messages."""

    def view(request: Request) -> str:
        return f"{request.method} {request.query['a']} {request.headers['x-b']} {request.client} {request.text}"

    asked = scope("/?a=1", "POST", [("x-b", "2"), ("content-type", "text/plain")])
    assert ask(App({"POST /": view}), asked, *body(b"on", b"e")).content == b"POST 1 2 127.0.0.1 one"


def test_a_path_is_not_decoded_twice() -> None:
    """A percent-encoded slash within a segment stays within it."""

    def view(name: str) -> str:
        return name

    asked = scope("/a/b") | {"raw_path": b"/x%2Fy", "path": "/x/y"}
    assert ask(App({"/{name}": view}), asked).content == b"x/y"


def test_a_server_without_raw_path() -> None:
    """Where the raw path is missing, which ASGI allows, the decoded one is encoded again."""

    def view(name: str) -> str:
        return name

    asked = scope() | {"raw_path": None, "path": "/h\u00e9 %"}
    assert ask(App({"/{name}": view}), asked).content.decode() == "h\u00e9 %"


def test_content_has_the_limit_of_the_server() -> None:
    """Content over `Limits.content_bytes` is refused, also if no length was announced."""
    most = Limits().content_bytes
    piece = b"x" * (most // 4 + 1)
    channel = ask(App({"POST /": lambda: ""}), scope("/", "POST"), *body(piece, piece, piece, piece))
    assert channel.status == 200  # this view takes none of it

    def view(request: Request) -> str:
        return request.text

    assert ask(App({"POST /": view}), scope("/", "POST"), *body(piece, piece, piece, piece)).status == 413


@pytest.mark.parametrize(("length", "status"), [("x", 400), ("\u00b2", 400), ("9" * 5000, 413)])
def test_an_odd_length_is_refused(length: str, status: int) -> None:
    """A length that is no number, or that Python would not convert, is refused as under our own server."""
    asked = scope("/", "POST")
    asked["headers"].append((b"content-length", length.encode("latin-1")))

    def view(request: Request) -> str:
        return request.text

    assert ask(App({"POST /": view}), asked, *body(b"x")).status == status


def test_content_is_streamed() -> None:
    """A view that takes the content as a stream gets the pieces as they come."""

    async def view(stream: ContentStream) -> str:
        return " ".join([str(len(piece)) async for piece in stream])

    assert ask(App({"POST /": view}), scope("/", "POST"), *body(b"one", b"three")).content == b"3 5"


def test_a_stream_is_sent_in_pieces() -> None:
    """Each piece of a stream is one message, and the last one says that no more follows."""

    async def view() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    channel = ask(App({"/": view}), scope())
    assert [each["body"] for each in channel.sent[1:]] == [b"a", b"b", b""]
    assert [each.get("more_body", False) for each in channel.sent[1:]] == [True, True, False]
    assert "content-length" not in channel.headers


def test_a_stream_ends_when_the_client_disconnects() -> None:
    """What a stream has open is closed as soon as its client has gone."""
    closed = asyncio.Event()

    async def view() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def run() -> bool:
        channel = Channel(body(b""))
        serving = asyncio.ensure_future(App({"/": view})(scope(), channel.receive, channel.send))
        await channel.has_sent.wait()
        channel.gone.set()
        await asyncio.wait_for(serving, 10)
        return closed.is_set()

    assert asyncio.run(run())


def test_a_silent_stream_has_its_heartbeat() -> None:
    """An event stream sends comments while nothing happens."""

    async def view() -> EventStream:
        async def nothing() -> AsyncIterator[str]:
            await asyncio.Event().wait()
            yield ""

        return EventStream(nothing(), keep_alive_seconds=0.01)

    async def run() -> Channel:
        channel = Channel(body(b""))
        serving = asyncio.ensure_future(App({"/": view})(scope(), channel.receive, channel.send))
        while len(channel.sent) < 3:
            channel.has_sent.clear()
            await asyncio.wait_for(channel.has_sent.wait(), 10)
        channel.gone.set()
        await serving
        return channel

    assert asyncio.run(run()).content.startswith(b":")


def test_head_has_no_content() -> None:
    """The response to HEAD has the length of the content, and none of it."""
    channel = ask(App({"/": lambda: "hello"}), scope("/", "HEAD"))
    assert (channel.content, channel.headers["content-length"]) == (b"", "5")


def test_a_file_is_sent(tmp_path: Path) -> None:
    """A file is sent in pieces, and a part of it as such."""
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * 1000)
    app = App({"/static": Static(str(tmp_path))}, compression=None)
    assert ask(app, scope("/static/big.bin")).content == bytes(range(256)) * 1000
    channel = ask(app, scope("/static/big.bin", headers=[("range", "bytes=1-3")]))
    assert (channel.status, channel.content) == (206, b"\1\2\3")


def test_the_lifespan_runs_once() -> None:
    """The app begins with the startup of the server, serves, and ends with its shutdown."""
    steps: list[str] = []

    async def lifespan(_: App) -> AsyncIterator[None]:
        steps.append("begin")
        yield
        steps.append("end")

    app = App({"/": lambda: "hello"}, lifespan=lifespan)

    async def run() -> list[str]:
        channel = Channel([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        served = Channel(body(b""))
        asyncio.get_running_loop()
        await app(scope(), served.receive, served.send)
        await app({"type": "lifespan"}, channel.receive, channel.send)
        return [each["type"] for each in channel.sent]

    assert asyncio.run(run()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert steps == ["begin", "end"]


def test_a_lifespan_that_fails_is_reported() -> None:
    """The server is told why the app can't start, so that it does not serve."""

    async def lifespan(_: App) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    async def run() -> dict[str, Any]:
        channel = Channel([{"type": "lifespan.startup"}])
        with pytest.raises(RuntimeError, match="no database"):
            await App({"/": lambda: ""}, lifespan=lifespan)({"type": "lifespan"}, channel.receive, channel.send)
        return channel.sent[0]

    assert asyncio.run(run()) == {"type": "lifespan.startup.failed", "message": "RuntimeError: no database"}


def test_an_app_that_is_mounted_knows_its_path() -> None:
    """Below a `root_path` the app is routed without it, and its own URLs have it."""

    def view(request: Request) -> str:
        return f"{request.raw_path} {request.url} {request.url_for(view)}"

    asked = scope("/sub/here", root_path="/sub")
    assert ask(App({"/here": view}), asked).content == b"/here http://a.example/sub/here /sub/here"


def test_background_tasks_run() -> None:
    """What a view has put off runs when its response is sent."""
    done = asyncio.Event()

    def view(request: Request) -> str:
        request.after(done.set)
        return ""

    async def run() -> None:
        channel = Channel(body(b""))
        await App({"/": view})(scope(), channel.receive, channel.send)
        await asyncio.wait_for(done.wait(), 10)

    asyncio.run(run())


def test_a_field_with_a_line_end_is_not_passed_on() -> None:
    """A server that checks nothing can't be made to send a second response."""

    class Split(Response):
        def fields(self) -> list[tuple[str, str]]:
            return [("x-a", "1\r\n\r\nHTTP/1.1 200 OK")]

    assert ask(App({"/": lambda: Split("x")}), scope()).status == 500


def test_a_repeated_host_is_refused() -> None:
    """What our own server would refuse is refused here too: two Hosts would be two sites."""
    assert ask(App({"/": lambda: ""}), scope(headers=[("host", "b.example")])).status == 400


def websocket(path: str = "/", **more: Any) -> dict[str, Any]:
    """Return the scope of a WebSocket (ASGI, WebSocket 2.5)."""
    return scope(path) | {"type": "websocket", "scheme": "ws", "subprotocols": ["a", "b"], **more}


async def echo(socket: WebSocket, number: int = 0) -> None:
    await socket.accept("b")
    async for message in socket:
        await socket.send(message)


def test_a_websocket_is_served() -> None:
    """Messages go in both directions, until the client leaves."""
    messages: list[dict[str, Any]] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]
    messages += [{"type": "websocket.receive", "bytes": b"\0"}, {"type": "websocket.disconnect", "code": 1001}]
    sent = ask(App({"/": echo}), websocket(), *messages).sent
    assert sent == [
        {"type": "websocket.accept", "subprotocol": "b", "headers": []},
        {"type": "websocket.send", "text": "hi"},
        {"type": "websocket.send", "bytes": b"\0"},
    ]


def test_a_websocket_is_refused_with_a_page() -> None:
    """A handshake whose query is invalid gets its 422 where the server can send it, and is closed elsewhere."""
    connect = {"type": "websocket.connect"}
    asked = websocket("/?number=x")
    assert ask(App({"/": echo}), asked, connect).sent == [{"type": "websocket.close", "code": 1008}]
    sent = ask(App({"/": echo}), asked | {"extensions": {"websocket.http.response": {}}}, connect).sent
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 422)


def test_another_sites_page_gets_no_websocket() -> None:
    """The origin of a handshake is checked as under our own server."""
    asked = websocket()
    asked["headers"] = [*asked["headers"], (b"origin", b"https://evil.example")]
    assert ask(App({"/": echo}), asked, {"type": "websocket.connect"}).sent[0]["type"] == "websocket.close"


@pytest.mark.parametrize(("version", "is_named"), [("1.0", False), ("1.1", True), ("2", False)])
def test_a_plain_request_to_a_websocket(version: str, is_named: bool) -> None:
    """It is told to upgrade, and to what, where the version of HTTP has that (RFC 9110 sections 7.8 and 15.5.22)."""
    channel = ask(App({"/": echo}), scope() | {"http_version": version})
    assert channel.status == 426
    fields = dict(channel.sent[0]["headers"])
    found = fields.get(b"upgrade"), fields.get(b"connection")
    assert found == ((b"websocket", b"upgrade") if is_named else (None, None))


def test_topics_work_under_another_server() -> None:
    """What a view publishes, another one that listens gets; also in a second loop, as a test may have."""

    async def view() -> str:
        topic = Topic[str]("a")
        subscription = topic.subscribe()
        await topic.publish("heard")
        return await anext(subscription)

    app = App({"/": view})
    assert [ask(app, scope()).content for _ in range(2)] == [b"heard", b"heard"]


def test_topics_work_in_the_lifespan_under_another_server() -> None:
    """They are those that requests have, and a listener of the lifespan ends at the shutdown."""
    heard: list[str] = []

    async def lifespan() -> AsyncIterator[None]:
        async def listen() -> None:
            heard.extend([each async for each in Topic[str]("a")])

        task = asyncio.create_task(listen())
        yield
        await task

    async def view() -> str:
        await Topic[str]("a").publish("heard")
        return ""

    async def run() -> None:
        app = App({"/": view}, lifespan=lifespan)
        life: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        done: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        living = asyncio.ensure_future(app({"type": "lifespan"}, life.get, done.put))
        await life.put({"type": "lifespan.startup"})
        assert (await done.get())["type"] == "lifespan.startup.complete"
        channel = Channel(body(b""))
        await app(scope(), channel.receive, channel.send)
        await life.put({"type": "lifespan.shutdown"})
        assert (await done.get())["type"] == "lifespan.shutdown.complete"
        await living

    asyncio.run(run())
    assert heard == ["heard"]

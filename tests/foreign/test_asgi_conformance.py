"""What the specification of ASGI asks of a server, and no other test shows (docs/reference/asgi-conformance.md)."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.foreign.conftest import Serve
from tests.sockets import read_all, received_next
from tests.speed import PATIENCE
from websockets.sync.client import connect

from fanlight import App, AppError, asgi
from fanlight.site.loading import foreign_site
from fanlight.testing import Client, LiveServer

START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body"}
PIECE = {"type": "http.response.body", "body": b"half", "more_body": True}
PLAIN = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"


def _sending(*messages: Any) -> Any:
    """Return an app that sends messages as the response to each request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for each in messages:
                await send(each)

    return app


def test_further_keys_of_a_message_are_no_error(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A later version of the specification may have more keys than this server knows."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "later": 1})
            await send({"type": "websocket.send", "text": "hi", "later": 1})
            await send({"type": "websocket.close", "later": 1})
        elif scope["type"] == "http":
            await send({**START, "later": 1})
            await send({**END, "body": b"whole", "later": 1})

    client = serve(app)
    assert client.get("/").text == "whole"
    with client.connect() as sock, connect("ws://testserver/", sock=sock) as connection:
        assert list(connection) == ["hi"]
    assert caplog.messages == []


def test_keys_that_are_optional_may_be_missing(serve: Serve) -> None:
    """A response has no headers, and its content is empty, where the app says nothing of them."""
    response = serve(_sending(START, END)).get("/")
    assert (response.status, response.content, response.headers["content-length"]) == (200, b"", "0")


def test_fields_are_passed_as_they_were_sent(serve: Serve) -> None:
    """In their order, each with its bytes, and repeated ones beside each other, cookies too."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.extend(scope["headers"])
            await send(START)
            await send(END)

    serve(app).send(PLAIN + b"x-b: \xff\r\nX-A: 1\r\ncookie: a=1\r\nx-a: 2\r\ncookie: b=2\r\n\r\n")
    assert [tuple(pair) for pair in seen] == [
        (b"host", b"a"),
        (b"connection", b"close"),
        (b"x-b", b"\xff"),
        (b"x-a", b"1"),
        (b"cookie", b"a=1"),
        (b"x-a", b"2"),
        (b"cookie", b"b=2"),
    ]


def test_fields_of_a_response_keep_their_order(serve: Serve) -> None:
    """Repeated ones too; a Transfer-Encoding of the app's is ignored, as that is the server's."""
    headers = iter([(b"x-b", b"1"), (b"transfer-encoding", b"gzip"), (b"x-a", b"2"), (b"x-b", b"3")])
    received = serve(_sending({**START, "headers": headers}, {**END, "body": b"whole"})).send(PLAIN + b"\r\n")
    assert b"x-b: 1\r\nx-a: 2\r\nx-b: 3\r\n" in received
    assert b"transfer-encoding" not in received
    assert received.endswith(b"\r\n\r\nwhole")


def test_a_start_is_not_sent_before_the_content(serve: Serve) -> None:
    """So an app that fails between both gets its client a 500."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            raise KeyError

    assert serve(app).get("/").status == 500


def test_receiving_behind_the_response_is_a_disconnect(serve: Serve) -> None:
    """As often as the app asks."""
    events: list[Any] = []
    is_over = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(END)
            events.extend([await receive(), await receive()])
            is_over.set()

    assert serve(app).post("/", content=b"abc").status == 200
    assert is_over.wait(PATIENCE)
    assert events == [{"type": "http.disconnect"}] * 2


def test_an_early_hint_within_a_stream_is_ignored(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The specification allows it up to the end of the content, where HTTP does not."""
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload; as=style"]}
    navigation = b"sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n\r\n"
    received = serve(_sending(START, PIECE, hint, END)).send(PLAIN + navigation)
    assert received.endswith(b"4\r\nhalf\r\n0\r\n\r\n")
    assert b"103" not in received
    assert caplog.messages == []


def test_trailers_may_come_in_several_messages(serve: Serve) -> None:
    """The response is complete with the one that has no `more_trailers`, and not before."""
    may_go = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({**START, "trailers": True})
            await send({**END, "body": b"abc"})
            await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True})
            await asyncio.to_thread(may_go.wait, PATIENCE)
            await send({"type": "http.response.trailers", "headers": [(b"x-b", b"2")]})

    with serve(app).connect() as sock:
        sock.sendall(PLAIN + b"te: trailers\r\n\r\n")
        received = b""
        while b"3\r\nabc\r\n" not in received:
            received += received_next(sock)
        assert not received.endswith(b"0\r\n\r\n")
        may_go.set()
        assert (received + read_all(sock)).endswith(b"3\r\nabc\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n")


@pytest.mark.parametrize("behind", ["a piece", "a file"])
def test_a_path_and_content_do_not_mix(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, behind: str
) -> None:
    """`http.response.pathsend` is sent once, in the place of all content."""
    (tmp_path / "a.txt").write_bytes(b"file")
    send = {"type": "http.response.pathsend", "path": str(tmp_path / "a.txt")}
    client = serve(_sending(START, PIECE, send) if behind == "a piece" else _sending(START, send, send))
    received = client.send(PLAIN + b"\r\n")
    client.close()
    assert received.count(b"file") == (behind == "a file")
    assert "breaks a rule of ASGI" in caplog.text


def test_client_and_server_are_addresses(tmp_path: Path) -> None:
    """A host and a port each; of a Unix socket the server has the path, and no port."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scopes.append(scope)
            await send(START)
            await send(END)

    site = foreign_site(app, tmp_path / "main.py")
    with LiveServer(site) as server, socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
        address, port = sock.getsockname(), server.port
        sock.sendall(PLAIN + b"\r\n")
        read_all(sock)
    assert (tuple(scopes[0]["client"]), tuple(scopes[0]["server"])) == (address, ("127.0.0.1", port))
    path = str(tmp_path / "s")
    with LiveServer(site, bind=f"unix:{path}"), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        sock.sendall(PLAIN + b"\r\n")
        read_all(sock)
    assert (scopes[1]["client"], tuple(scopes[1]["server"])) == (None, (path, None))


def test_nothing_follows_a_refusal_of_the_handshake(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Behind a response in the place of the handshake an app can't accept any more."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.http.response.start", "status": 418})
            await send({"type": "websocket.http.response.body", "body": b"tea"})
            await send({"type": "websocket.accept"})

    received = serve(app).send(
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b" 101 " not in received
    assert "websocket.accept is sent once, before anything else" in caplog.text


# --- lifespan -------------------------------------------------------------------------------------------


async def _responds(send: Any) -> None:
    await send(START)
    await send(END)


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize("kind", ["lifespan.shutdown.complete", "lifespan.started"])
def test_a_wrong_reply_to_the_startup_ends_the_start(kind: str, *, swallows: bool) -> None:
    """The app gets an exception, and the site does not start, whatever the app makes of it."""
    raised: list[Exception] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await send({"type": kind})
        except Exception as error:
            raised.append(error)
            if not swallows:
                raise
        await send({"type": "lifespan.startup.complete"})

    with pytest.raises(AppError, match=f"{kind} does not follow lifespan.startup"):
        Client(App({"/a": asgi(app)}))
    assert f"{kind} does not follow lifespan.startup" in str(raised[0])


def test_a_reply_to_nothing_is_refused_and_harms_nobody() -> None:
    """A second lifespan.startup.complete is not taken for the reply to the shutdown."""
    events: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _responds(send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        with pytest.raises(AppError, match="is sent where no event is to be replied to"):
            await send({"type": "lifespan.startup.complete"})
        events.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    with Client(App({"/a": asgi(app)})) as client:
        assert client.get("/a/").status == 200
    assert events == ["lifespan.shutdown"]


def test_a_shutdown_that_fails_is_the_error_of_the_server() -> None:
    """It has the message of the app, and the server ends."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _responds(send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "stuck"})

    with pytest.raises(AppError, match="failed at its end: stuck"), Client(App({"/a": asgi(app)})) as client:
        assert client.get("/a/").status == 200


def test_the_scope_of_a_lifespan() -> None:
    """It has the versions, and a state that is empty."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope.copy())
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    with Client(App({"/a": asgi(app)})):
        pass
    assert scopes == [{"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}]

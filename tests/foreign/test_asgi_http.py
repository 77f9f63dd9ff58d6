"""ASGI over HTTP: what an app receives, and how what it sends reaches its client."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.foreign.conftest import Serve, received_in_turns
from tests.sockets import read_all, received_next
from tests.speed import PATIENCE

from fanlight import App, asgi
from fanlight.testing import Client

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def _body(body: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _responding(make: Any) -> Any:
    """Return an app that responds with the repr of something in its scope."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(repr(make(scope)).encode()))

    return app


def test_the_scope_is_that_of_the_specification(serve: Serve) -> None:
    """Every key of the HTTP connection scope is there, with its type."""
    scopes: list[dict[str, Any]] = []
    client = serve(_responding(scopes.append))
    client.get("/caf%C3%A9%2Fx?q=%20a", headers={"X-One": "1"})
    (scope,) = scopes
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "GET", "http")
    assert (scope["path"], scope["raw_path"]) == ("/café/x", b"/caf%C3%A9%2Fx")
    assert (scope["query_string"], scope["root_path"]) == (b"q=%20a", "")
    assert (b"x-one", b"1") in scope["headers"]
    assert scope["client"] == ("127.0.0.1", 0)
    assert set(scope["extensions"]) == {
        "http.response.pathsend",
        "http.response.early_hint",
        "http.response.trailers",
    }
    assert "state" not in scope


def test_every_request_has_a_scope_of_its_own(serve: Serve) -> None:
    """What an app changes in its scope, no other request sees."""

    def spoil(scope: dict[str, Any]) -> tuple[Any, Any]:
        seen = len(scope["headers"]), sorted(scope["extensions"])
        scope["headers"].clear()
        scope["extensions"].clear()
        scope["asgi"].clear()
        return seen

    client = serve(_responding(spoil))
    assert client.get("/").text == client.get("/").text


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Respond with how the content came, and with all of it."""
    if scope["type"] != "http":
        return
    sizes, content = [], b""
    while True:
        event = await receive()
        sizes.append(len(event["body"]))
        content += event["body"]
        if not event["more_body"]:
            break
    await send({**START, "headers": [(b"x-sizes", str(len(sizes)).encode())]})
    await send(_body(content))


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_000_000])
def test_content_of_any_size_is_received(serve: Serve, size: int) -> None:
    """Content is received whole, and much of it in pieces."""
    response = serve(_echo).post("/", content=b"x" * size)
    assert response.content == b"x" * size
    if size <= 65536:
        assert response.headers["x-sizes"] == "1"
    if size == 1_000_000:
        assert int(response.headers["x-sizes"]) > 1


def test_content_in_chunks_is_received(serve: Serve) -> None:
    """Content of unknown length ends with an empty event."""
    assert serve(_echo).post("/", content=iter([b"ab", b"cd"])).content == b"abcd"


def test_the_client_is_asked_to_continue_when_the_app_receives(serve: Serve) -> None:
    """`Expect: 100-continue` is answered by the first receive, and not before."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/read":
                await receive()
            await send(START)
            await send(_body(b"done"))

    client = serve(app)
    head = b"POST %b HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    with client.connect() as sock:
        sock.sendall(head % b"/read")
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ab")
        assert sock.recv(4096).endswith(b"done")
    with client.connect() as sock:
        sock.sendall(head % b"/skip")
        assert read_all(sock).startswith(b"HTTP/1.1 200 ")


def test_a_slow_app_slows_its_client_down(serve: Serve) -> None:
    """The client can send no more than the buffers of the system and one piece, until the app receives."""
    may_go = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await asyncio.to_thread(may_go.wait, PATIENCE)
            size = 0
            while (event := await receive())["more_body"]:
                size += len(event["body"])
            await send(START)
            await send(_body(b"all"))

    client = serve(app)
    with client.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 16000000\r\n\r\n")
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.sendall(b"x" * 16_000_000)
    may_go.set()


def test_too_much_content_is_refused(serve: Serve) -> None:
    """Content above the limit gets a 413 in the place of the app, which sees a disconnected client."""
    response = serve(_echo).send(
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        + (b"F4240\r\n" + b"x" * 1_000_000 + b"\r\n") * 17
    )
    assert response.startswith(b"HTTP/1.1 413 ")


def test_a_stream_is_sent_piece_by_piece(serve: Serve) -> None:
    """Each piece is with the client before the app goes on."""
    may_go = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"one", more=True))
            await asyncio.to_thread(may_go.wait, PATIENCE)
            await send(_body(b"two"))

    assert received_in_turns(serve(app), may_go).endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_the_response_is_sent_before_the_app_ends(serve: Serve) -> None:
    """A response with one message is sent at once, and the connection serves on, while the app goes on."""
    may_end, has_ended = threading.Event(), threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"done"))
            if scope["path"] == "/":
                await asyncio.to_thread(may_end.wait, PATIENCE)
                assert (await receive())["type"] == "http.disconnect"
                has_ended.set()

    client = serve(app)
    assert client.get("/").text == "done"
    assert client.get("/again").text == "done"
    assert not has_ended.is_set()
    may_end.set()
    assert has_ended.wait(PATIENCE)


def test_work_after_the_response_is_waited_for(serve: Serve) -> None:
    """A server that stops lets an app end that goes on after its response."""
    done = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"done"))
            await asyncio.sleep(0.2)
            done.append(1)

    client = serve(app)
    client.get("/")
    client.close()
    assert done == [1]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_app_learns_that_its_client_has_left(serve: Serve, *, is_streamed: bool) -> None:
    """`receive` returns http.disconnect while the response is prepared, and while it is streamed."""
    has_left = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await receive()
        if is_streamed:
            await send(START)
            await send(_body(b"first", more=True))
        assert (await receive())["type"] == "http.disconnect"
        has_left.set()

    with serve(app).connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        received = b"" if is_streamed else b"first"
        while b"first" not in received:
            received += received_next(sock)
    assert has_left.wait(PATIENCE)


def test_sending_to_a_client_that_has_left_raises_an_oserror(serve: Serve) -> None:
    """An endless stream ends with an OSError in the app (spec version 2.4)."""
    raised = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            try:
                while True:
                    await send(_body(b"x" * 1000, more=True))
            except OSError:
                raised.set()

    with serve(app).connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(4096)
    assert raised.wait(PATIENCE)


def test_a_slow_client_slows_the_app_down(serve: Serve) -> None:
    """An app is not ahead of its client by more than the buffers of the system."""
    sent = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            for _ in range(200):
                await send(_body(b"x" * 100_000, more=True))
                sent.append(1)
            await send(_body())

    with serve(app).connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert sock.recv(10)
        assert len(sent) < 100
        assert len(read_all(sock)) > 20_000_000
    assert len(sent) == 200


def test_content_is_kept_for_an_app_that_streams_first(serve: Serve) -> None:
    """An app may stream its response, and receive the content meanwhile."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"<", more=True))
            while True:
                event = await receive()
                await send(_body(event["body"], more=event["more_body"]))
                if not event["more_body"]:
                    break

    assert serve(app).post("/", content=b"y" * 200_000).content == b"<" + b"y" * 200_000


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "expected"),
    [
        ("HEAD", [(b"content-length", b"5")], b"", 200, b"content-length: 5\r\n"),
        ("HEAD", [(b"content-length", b"5")], b"hello", 200, b"content-length: 5\r\n"),
        ("HEAD", [], b"hello", 200, b"content-length: 5\r\n"),
        ("GET", [], b"", 204, b"HTTP/1.1 204 "),
        ("GET", [(b"content-length", b"5"), (b"etag", b'"a"')], b"", 304, b'etag: "a"\r\n'),
    ],
)
def test_a_response_without_content_has_none(
    serve: Serve, method: str, headers: list[tuple[bytes, bytes]], body: bytes, status: int, expected: bytes
) -> None:
    """HEAD, 204 and 304 have a head, with the length that the app gives, and nothing behind it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send(_body(body))

    received = serve(app).send(f"{method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    assert expected in received
    assert received.endswith(b"\r\n\r\n")


def test_a_response_of_http_1_0_ends_with_its_connection(serve: Serve) -> None:
    """A stream to a client of HTTP/1.0 is not sent in chunks."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert scope["http_version"] == "1.0"
            await send(START)
            await send(_body(b"one", more=True))
            await send(_body(b"two"))

    received = serve(app).send(b"GET / HTTP/1.0\r\n\r\n")
    assert b"chunked" not in received
    assert received.endswith(b"\r\n\r\nonetwo")


def test_a_response_is_sent_as_the_app_makes_it(serve: Serve) -> None:
    """No field is added but server, date and the length; not those that protect Fanlight's own pages."""
    response = serve(_responding(lambda _: "x" * 5000)).get("/", headers={"accept-encoding": "gzip, br, zstd"})
    assert list(response.headers) == ["content-type", "server", "date", "content-length"]


def test_content_that_is_encoded_is_passed_on(serve: Serve) -> None:
    """A request with Content-Encoding is the app's to decode."""
    response = serve(_echo).post("/", content=b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert response.content == b"\x1f\x8b"


def test_a_path_is_sent_as_a_file(serve: Serve, tmp_path: Path) -> None:
    """`http.response.pathsend` sends a file, with its length."""
    (tmp_path / "big.bin").write_bytes(b"0123456789" * 20_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send({"type": "http.response.pathsend", "path": str(tmp_path / "big.bin")})

    response = serve(app).get("/")
    assert response.headers["content-length"] == "200000"
    assert response.content == b"0123456789" * 20_000


@pytest.mark.parametrize(("te", "expected"), [(b"te: trailers\r\n", b"0\r\nx-sum: 1\r\n\r\n"), (b"", b"0\r\n\r\n")])
def test_trailers_are_sent_to_who_takes_them(serve: Serve, te: bytes, expected: bytes) -> None:
    """`http.response.trailers` are behind the last chunk, if the client has sent `TE: trailers`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({**START, "trailers": True})
            await send(_body(b"abc"))
            await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})

    received = serve(app).send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + te + b"\r\n")
    assert received.endswith(b"3\r\nabc\r\n" + expected)


def test_early_hints_are_sent_to_a_browser(serve: Serve) -> None:
    """`http.response.early_hint` is a 103 for a browser that navigates, and nothing for others."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload; as=style"]})
            await send(START)
            await send(_body(b"page"))

    client = serve(app)
    assert client.get("/").early_hints == ()
    navigation = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=navigation).early_hints == ("</a.css>; rel=preload; as=style",)


def test_an_exception_is_a_500(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What an app raises before its response is a 500, and a traceback in the log; later its response is cut off."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            await send(START)
            await send(_body(b"half", more=True))
        raise KeyError("the key")

    client = serve(app)
    assert client.get("/").status == 500
    assert "KeyError: 'the key'" in caplog.text
    caplog.clear()
    received = client.send(b"GET /late HTTP/1.1\r\nhost: a\r\n\r\n")
    assert received.endswith(b"4\r\nhalf\r\n")
    assert caplog.text.count("failed after its response had begun") == 1


def test_an_exception_behind_the_response_is_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An app that fails when its client has all of the response harms no one."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"whole"))
            raise ValueError("late")

    client = serve(app)
    assert [client.get("/").text for _ in range(3)] == ["whole"] * 3
    client.close()  # and with it what goes on behind the response
    assert caplog.text.count("ValueError: late") == 3


def test_middleware_around_a_mount_sees_its_response() -> None:
    """Middleware of the site changes the response of an app that is mounted, whole or streamed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(_body(b"one", more=scope["path"] == "/api/s"))
            if scope["path"] == "/api/s":
                await send(_body(b"two"))

    def add_field(request: Any) -> Any:
        response = yield
        response.headers["x-by"] = "the site"

    with Client(App({"/api": asgi(app)}, middleware=[add_field])) as client:
        assert (client.get("/api/").headers["x-by"], client.get("/api/").text) == ("the site", "one")
        assert (client.get("/api/s").headers["x-by"], client.get("/api/s").text) == ("the site", "onetwo")

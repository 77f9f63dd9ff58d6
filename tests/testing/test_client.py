"""The test client shows an app as a browser would see it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.settings.limits import Limits
from fanlight.testing import Client, ClientResponse, FakeCall, FakeHandler, LiveServer


def shown(request: Request) -> Response:
    """Return what was received."""
    head = request.head
    lines = [f"{head.method} {head.target}", *(f"{name}: {value}" for name, value in head.fields), "", request.text]
    return Response("\n".join(lines), media_type="text/plain")


def with_cookie(_: Request) -> Response:
    response = Response("set")
    response.headers.add("set-cookie", "taste=sweet; HttpOnly; Path=/")
    return response


def without_cookie(_: Request) -> Response:
    response = Response("gone")
    response.headers.add("set-cookie", "taste=; Max-Age=0; Path=/")
    return response


def handler() -> FakeHandler:
    return FakeHandler(
        {
            "/": shown,
            "/set": with_cookie,
            "/unset": without_cookie,
            "/there": lambda _: redirect("/?moved=1"),
            "/loop": lambda _: redirect("/loop"),
            "/kept": lambda _: redirect("/", status=307),
            "/thread": FakeCall(lambda _: Response(threading.current_thread().name), Lane.THREAD),
        }
    )


def test_a_get_takes_the_complete_path() -> None:
    """The view sees method, target and fields as the wire has read them."""
    with Client(handler()) as client:
        response = client.get("/?a=1", headers={"X-Test": "yes"}, query={"b": ["2", "3"]})
    assert response.status == 200
    assert response.text.splitlines() == ["GET /?a=1&b=2&b=3", "host: testserver", "x-test: yes", ""]
    assert response.headers["server"] == "fanlight"


@pytest.mark.parametrize(
    ("content", "kind", "sent"),
    [
        (
            {"form": {"name": "Ada & Co", "tag": ["a", "b"]}},
            "application/x-www-form-urlencoded",
            "name=Ada+%26+Co&tag=a&tag=b",
        ),
        ({"json": {"n": 1}}, "application/json", '{"n":1}'),
        ({"content": b"raw", "headers": {"Content-Type": "text/x"}}, "text/x", "raw"),
    ],
    ids=["form", "json", "content"],
)
def test_content_is_sent_with_its_media_type_and_length(content: dict[str, Any], kind: str, sent: str) -> None:
    """`form`, `json` and `content` are sent with their media type and length."""
    with Client(handler()) as client:
        seen = client.put("/", **content).text
    assert f"content-type: {kind}\ncontent-length: {len(sent)}\n" in seen
    assert seen.endswith(f"\n\n{sent}")


def test_without_content_there_is_no_length() -> None:
    """A request without content has no fields about it."""
    with Client(handler()) as client:
        assert "content-length" not in client.delete("/").text


def test_cookies_are_kept_and_forgotten() -> None:
    """A cookie that the app sets comes back with the next request, until the app removes it."""
    with Client(handler()) as client:
        client.get("/set")
        assert "cookie: taste=sweet" in client.get("/").text
        client.get("/unset")
        assert "cookie" not in client.get("/").text


def test_redirects_are_followed_on_request() -> None:
    """303 becomes a GET, 307 keeps method and content, and a redirect loop raises."""
    with Client(handler()) as client:
        assert client.post("/there").status == 303
        assert client.post("/there", follow_redirects=True).text.startswith("GET /?moved=1\n")
        kept = client.post("/kept", content=b"x", follow_redirects=True).text
        assert kept.startswith("POST /\n")
        assert kept.endswith("\n\nx")
        with pytest.raises(RuntimeError, match="redirects in a row"):
            client.get("/loop", follow_redirects=True)


def test_head_and_options_work() -> None:
    """HEAD has no content, but its length; an unknown path is 404."""
    with Client(handler()) as client:
        head = client.head("/")
        assert (head.content, int(head.headers["content-length"]) > 0) == (b"", True)
        assert client.options("/missing").status == 404


def test_lanes_are_real() -> None:
    """A call of the thread lane runs in a thread of the pool."""
    with Client(handler()) as client:
        assert client.get("/thread").text.startswith("fanlight-")


def test_raw_bytes_can_be_sent() -> None:
    """`send` shows what the server makes of bytes no client would send."""
    with Client(handler()) as client:
        assert client.send(b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_the_lifespan_is_the_clients() -> None:
    """The app starts with the client, and stops with it."""
    app = handler()
    with Client(app) as client:
        assert app.events == ["start"]
        client.get("/")
    assert app.events == ["start", "stop"]


def test_an_app_that_can_not_start_raises_in_the_test() -> None:
    """What goes wrong in the lifespan is raised where the client is made."""

    class Broken(FakeHandler):
        async def start(self) -> None:
            raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"):
        Client(Broken({}))


def test_a_client_survives_a_connection_that_is_closed() -> None:
    """After a response with `connection: close` the next request uses a new connection."""
    with Client(handler(), limits=Limits(content_bytes=10)) as client:
        assert client.post("/", content=b"x" * 11).status == 413
        assert client.get("/").status == 200


def test_a_live_server_listens_on_a_real_port() -> None:
    """`LiveServer` serves on the port in its URL, until the block ends."""
    with LiveServer(handler()) as server:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), PATIENCE)


def test_a_subclass_changes_every_request() -> None:
    """`get`, `post` and the others call `request`, so that a subclass can add a field to all of them."""

    class SignedIn(Client):
        def request(self, method: str, url: str, **options: Any) -> ClientResponse:
            return super().request(method, url, headers={"authorization": "Bearer x"}, **options)

    with SignedIn(handler()) as client:
        for method in ("get", "post", "put", "patch", "delete", "options"):
            assert f"{method.upper()} /\n" in (shown := getattr(client, method)("/").text)
            assert "authorization: Bearer x" in shown


def test_the_cookies_are_changed_and_not_replaced() -> None:
    """Assigning a dict, as in other clients, is an error, because it could not be sent."""
    with Client(handler()) as client, pytest.raises(AttributeError):
        client.cookies = {"a": "b"}  # type: ignore[assignment,misc]  # on purpose


def test_another_visitor_has_cookies_of_its_own() -> None:
    """A client beside another one uses the same running app, with its own cookies, until the first is closed."""
    app = handler()
    with Client(app) as client:
        client.get("/set")
        with client.beside() as other:
            assert "cookie" not in other.get("/").text
            other.get("/set")
        client.get("/unset")
        assert "cookie: taste=sweet" in other.get("/").text
        assert app.events == ["start"]
    assert app.events == ["start", "stop"]
    with pytest.raises(RuntimeError):
        other.get("/")

"""Each way in which a request can be wrong has its status, and a reason that helps."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, Forbidden, Limits, Request, Response, TooManyRequests, limits
from fanlight.errors import LengthRequired, MisdirectedRequest, NotAcceptable
from fanlight.message.content import ContentStream
from fanlight.settings.options import Options
from fanlight.testing import LiveServer


def form(name: str, age: int = 0) -> str:
    return f"{name} {age}"


def data(request: Request) -> Any:
    return request.json


def secret() -> str:
    raise Forbidden("This is for the others.")


def picky(request: Request) -> str:
    if request.accepts("text/html", "application/json") is None:
        raise NotAcceptable("There is text/html and application/json.")
    return "here"


def often() -> str:
    raise TooManyRequests("Once a minute is enough.", headers={"retry-after": "60"})


async def measured(stream: ContentStream) -> str:
    if stream.length is None:
        raise LengthRequired("Say first how long it is.")
    return str(len(await stream.read()))


def ours(request: Request) -> str:
    if request.host != "a":
        raise MisdirectedRequest(f"{request.host} is not served here.")
    return "ours"


@limits(content_bytes=10)
def small(name: str) -> str:
    return name


URLS = {
    "/": "home",
    "POST /form": form,
    "POST /data": data,
    "/secret": secret,
    "/picky": picky,
    "/often": often,
    "POST /measured": measured,
    "/ours": ours,
    "POST /small": small,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    app = App(URLS, file=tmp_path_factory.mktemp("statuses") / "main.py")
    with LiveServer(app, limits=Limits(head_bytes=400)) as running:
        yield running


def send(server: LiveServer, request: str, content: str = "") -> tuple[int, str]:
    line, *fields = request.split("|")
    length = [f"content-length: {len(content)}"] if content and "chunked" not in request else []
    text = "\r\n".join((f"{line} HTTP/1.1", *(fields or ["host: a"]), *length, "connection: close", "", content))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(text.encode())
        received = read_all(sock)
    return int(received.split()[1]), received.decode()


FORM = "|host: a|content-type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("request_text", "content", "status", "said"),
    [
        ("GET /|x: y", "", 400, "Host is missing"),
        ("POST /data|host: a|content-type: application/json", "{nonsense", 400, "not JSON"),
        ("POST /form|host: a|content-type: multipart/form-data", "x", 400, "no boundary"),
        ("POST /form|host: a|content-type: multipart/form-data; boundary=x", "--x\r\nx\r\n\r\n", 400, "malformed"),
        ("GET /%ff", "", 400, "not percent-encoded UTF-8"),
        ("GET /secret", "", 403, "This is for the others."),
        ("GET /nowhere", "", 404, ""),
        ("DELETE /", "", 405, "allow: GET, HEAD, OPTIONS"),
        ("GET /form", "", 405, "allow: POST, OPTIONS"),
        ("GET /picky|host: a|accept: image/png", "", 406, "text/html and application/json"),
        ("POST /measured|host: a|transfer-encoding: chunked", "0\r\n\r\n", 411, "Say first how long it is."),
        (
            "POST /small" + FORM,
            "name=somebody",
            413,
            "the content is over 10 bytes",
        ),
        ("POST /small|host: a|transfer-encoding: chunked", "ff\r\n", 413, "the content is over 10 bytes"),
        ("POST /form" + FORM, "&".join(["a=1"] * 1001), 413, "over 1000 fields"),
        ("GET /" + "a" * 200, "", 414, "half of Limits.head_bytes"),
        ("POST /form|host: a|content-type: text/plain", "name=x", 415, "JSON or a form"),
        ("POST /data|host: a", "{}", 415, "send JSON"),
        ("GET /|host: a|expect: a-miracle", "", 417, "100-continue"),
        ("GET /ours|host: b", "", 421, "b is not served here."),
        ("POST /form" + FORM, "age=old", 422, "is missing"),
        ("GET /often", "", 429, "retry-after: 60"),
        ("GET /|host: a|x: " + "a" * 400, "", 431, "Limits.head_bytes"),
    ],
)
def test_what_is_wrong_has_its_status_and_reason(
    server: LiveServer, request_text: str, content: str, status: int, said: str
) -> None:
    """The status is that of the specification, and the reason says what would be right."""
    found, text = send(server, request_text, content)
    assert found == status
    assert said in text


def test_the_size_does_not_matter_where_nothing_is_read(server: LiveServer) -> None:
    """Too much content for an unknown URL is 404, not 413, and is not waited for."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(b"POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 404 ")


def cookie() -> Response:
    response = Response("set")
    response.set_cookie("seen", "1")
    response.set_cookie("open", "1", secure=False)
    return response


def test_a_cookie_is_secure_where_it_is_set_by_https(localhost: Any, certificates: Any, tmp_path: Path) -> None:
    """By https a cookie is Secure, also behind a proxy that receives https; by http it is not."""
    app = App({"/": cookie}, file=tmp_path / "main.py")

    def fields(sock: socket.socket, extra: str = "") -> list[str]:
        sock.sendall(f"GET / HTTP/1.1\r\nhost: localhost\r\n{extra}connection: close\r\n\r\n".encode())
        received = read_all(sock)
        return [line.partition(": ")[2] for line in received.decode().split("\r\n") if line.startswith("set-cookie")]

    plain = ["seen=1; Path=/; HttpOnly; SameSite=Lax", "open=1; Path=/; HttpOnly; SameSite=Lax"]
    secure = [f"{plain[0]}; Secure", plain[1]]
    options = Options(bind=("127.0.0.1:0",), access_log=False, trusted_proxies=("127.0.0.1",))
    with LiveServer(app, options=options) as server:
        for extra, expected in (("", plain), ("x-forwarded-proto: https\r\nx-forwarded-for: 1.2.3.4\r\n", secure)):
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
                assert fields(sock, extra) == expected
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    with LiveServer(app, options=options) as server:
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock,
                context.wrap_socket(sock, server_hostname="localhost") as wrapped,
            ):
                assert fields(wrapped) == secure


async def total(stream: ContentStream) -> str:
    return str(len(await stream.read()))


def test_a_stream_over_tls(localhost: Any, certificates: Any, tmp_path: Path) -> None:
    """A stream that is encrypted arrives the same."""
    app = App({"POST /": total}, file=tmp_path / "main.py")
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=str(certificates.ca))
    with (
        LiveServer(app, options=options) as server,
        socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as wrapped,
    ):
        for size in (5_000_000, 3, 70_000):
            wrapped.sendall(f"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n".encode())
            wrapped.sendall(b"a" * size)
            assert wrapped.recv(65536).endswith(f"\r\n\r\n{size}".encode())

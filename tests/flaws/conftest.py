"""One site for all attacks, reached by raw sockets."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, Request, Response, Upload, redirect
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import LiveServer


def echo(request: Request) -> bytes:
    """Return the content, so that what was parsed as content is seen."""
    return request.content


def fields(request: Request) -> dict[str, Any]:
    """Return what is known from a request's head."""
    return {
        "fields": [list(pair) for pair in request.headers.pairs()],
        "host": request.host,
        "url": request.url,
        "path": request.path,
        "client": request.client,
        "scheme": request.scheme,
    }


def cookies(request: Request) -> dict[str, str]:
    return dict(request.cookies)


def query(request: Request) -> list[list[str]]:
    return [list(pair) for pair in request.query.pairs()]


def form(request: Request) -> list[list[str]]:
    return [[name, value if isinstance(value, str) else value.filename] for name, value in request.form.pairs()]


def rest(rest: str) -> dict[str, str]:
    return {"rest": rest}


def segment(name: str) -> dict[str, str]:
    return {"name": name}


def go(to: str) -> Response:
    return redirect(to)


def field(name: str, value: str) -> Response:
    response = Response("set")
    response.headers[name] = value
    return response


def cookie(name: str = "a", value: str = "b", domain: str = "", path: str = "/") -> Response:
    response = Response("set")
    response.set_cookie(name, value, domain=domain, path=path)
    return response


def upload(file: Upload) -> dict[str, Any]:
    return {"name": file.filename, "size": file.size}


def broken() -> str:
    password = "hunter2"  # noqa: F841 - what a page must not show
    raise RuntimeError("the password is hunter2")


URLS = {
    "GET|POST /": echo,
    "GET|POST|PUT|DELETE /fields": fields,
    "/cookies": cookies,
    "/query": query,
    "POST /form": form,
    "POST /upload": upload,
    "/rest/{rest...}": rest,
    "/segment/{name}": segment,
    "/folder/": {"/": "Folder"},
    "/go": go,
    "/field": field,
    "/cookie": cookie,
    "/broken": broken,
    "/secret": "secret",
}


@pytest.fixture(scope="session")
def site() -> Iterator[LiveServer]:
    """Serve the site."""
    limits = Limits(head_seconds=5, content_seconds=5, content_bytes=4 * 1024 * 1024)
    options = Options(bind=("127.0.0.1:0",), limits=limits)
    with pytest.MonkeyPatch.context() as patch, LiveServer(App(URLS), options=options) as running:
        patch.setattr("fanlight.server.connection.connection.LINGER_SECONDS", 0.2)
        yield running


@pytest.fixture
def send(site: LiveServer) -> Callable[..., bytes]:
    """Return a function that sends raw bytes, closes for writing, and returns all that is received."""

    def exchange(data: bytes, *, pieces: int = 0) -> bytes:
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(ConnectionError):
                for at in range(0, len(data), pieces or len(data) or 1):
                    client.sendall(data[at : at + (pieces or len(data))])
                client.shutdown(socket.SHUT_WR)
            return read_all(client, or_reset=True)

    return exchange


@pytest.fixture
def statuses(send: Callable[..., bytes]) -> Callable[..., list[int]]:
    """Return a function that sends raw bytes and returns the status of each response."""

    def exchange(data: bytes, **how: Any) -> list[int]:
        return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3})", send(data, **how))]

    return exchange


@pytest.fixture
def get(send: Callable[..., bytes]) -> Callable[..., tuple[int, str, bytes]]:
    """Return a function that requests a target and returns status, head and content."""

    def request(target: str, *lines: str, method: str = "GET", content: bytes = b"") -> tuple[int, str, bytes]:
        head = [f"{method} {target} HTTP/1.1", "Host: site.example", "Connection: close", *lines]
        if content:
            head.append(f"Content-Length: {len(content)}")
        response = send("\r\n".join([*head, "", ""]).encode("latin-1") + content)
        top, _, rest = response.partition(b"\r\n\r\n")
        return int(top.split(b" ")[1]), top.decode("latin-1"), rest

    return request

"""An app as a WSGI application (PEP 3333), under the checks of `wsgiref.validate`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from fanlight import App, Request, Response, WebSocket, wsgi
from fanlight.testing import Client


def ask(app: App, path: str = "/", method: str = "GET", content: bytes = b"", **more: Any) -> tuple[str, Any, bytes]:
    """Return the status, the fields and the content of a response."""
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": ""}
    if content:
        environ["CONTENT_LENGTH"] = str(len(content))
    environ |= {"wsgi.input": io.BytesIO(content), **more}
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, fields: list[tuple[str, str]], _: Any = None, /) -> Any:
        started.append((status, dict(fields)))

    pieces = validator(app.wsgi)(environ, start_response)
    try:
        return *started[0], b"".join(pieces)
    finally:
        pieces.close()  # type: ignore[attr-defined]


def test_a_plain_view_responds() -> None:
    """It runs in the thread of the server."""
    assert ask(App({"/": lambda: "hello"}))[::2] == ("200 OK", b"hello")


def test_an_async_view_responds() -> None:
    """It runs on a loop of the app's own."""

    async def view() -> str:
        await asyncio.sleep(0)
        return "hello"

    assert ask(App({"/": view}))[2] == b"hello"


def test_streams_are_sent() -> None:
    """Those of plain and of async views."""

    def plain() -> Iterator[str]:
        yield "a"
        yield "b"

    async def waiting() -> AsyncIterator[str]:
        yield "c"
        yield "d"

    app = App({"/plain": plain, "/waiting": waiting})
    assert (ask(app, "/plain")[2], ask(app, "/waiting")[2]) == (b"ab", b"cd")


def test_a_stream_that_is_not_read_is_closed() -> None:
    """PEP 3333: the server calls `close`, whether it has read all of it or not."""
    closed: list[bool] = []

    async def view() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
        finally:
            closed.append(True)

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    pieces: Any = App({"/": view}).wsgi(environ, lambda *_: None)
    assert next(iter(pieces)) == b"a"
    pieces.close()
    assert closed == [True]


def test_content_is_read() -> None:
    """As much as is announced, and no more: the server keeps the connection."""

    def view(request: Request) -> str:
        return request.text

    source = io.BytesIO(b"onetwo")
    more: dict[str, Any] = {"CONTENT_LENGTH": "3", "CONTENT_TYPE": "text/plain", "wsgi.input": source}
    assert ask(App({"POST /": view}), method="POST", **more)[2] == b"one"
    assert source.read() == b"two"


def test_an_app_that_is_mounted_knows_its_path() -> None:
    """SCRIPT_NAME is before each of its URLs, and not part of what is routed."""

    def view(request: Request) -> str:
        return f"{request.raw_path} {request.url_for(view)}"

    assert ask(App({"/here": view}), "/here", SCRIPT_NAME="/sub")[2] == b"/here /sub/here"


def test_bytes_of_the_path_are_utf8() -> None:
    """PEP 3333 has them as characters of latin-1."""

    def view(name: str) -> str:
        return name

    path = "/h\u00e9".encode().decode("latin-1")
    assert ask(App({"/{name}": view}), path)[2].decode() == "h\u00e9"


def test_there_are_no_websockets() -> None:
    """A WebSocket is told to upgrade, which it can't."""

    async def view(socket: WebSocket) -> None:
        await socket.send("never")

    assert ask(App({"/": view}))[0] == "426 Upgrade Required"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_status_without_content(method: str) -> None:
    """204 has neither content nor a length."""
    status, fields, content = ask(App({"/": lambda: Response(b"", 204)}), method=method)
    assert (status, content, "content-length" in fields) == ("204 No Content", b"", False)


def test_an_app_may_be_mounted_in_another() -> None:
    """What it waits for is its own: content that is kept in a file, an async stream, a form."""

    async def pieces() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async def form(text: str) -> str:
        return str(len(text))

    inner = App({"POST /size": lambda request: str(len(request.content)), "/stream": pieces, "POST /form": form})
    with Client(App({"/in": wsgi(inner.wsgi)})) as client:
        for size in (10, 3_000_000):
            assert client.post("/in/size", content=b"x" * size).text == str(size)
            assert client.post("/in/form", form={"text": "x" * (size // 10)}).text == str(size // 10)
        assert client.get("/in/stream").text == "ab"

"""What PEP 3333 asks of an app, and no other test shows (docs/reference/asgi-conformance.md)."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import is_hop_by_hop

import pytest

from fanlight import App, Request, Response, Static, WebSocket


def environ_of(path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    """Return an environ with what must be there, and no more."""
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "a.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


class Started:
    """What a server is told of a response; the first calls may raise."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> Any:
        """Note a call."""
        self.calls.append(arguments)
        if self.errors:
            raise self.errors.pop(0)


def _stream() -> Iterator[str]:
    yield "one"
    yield "two"


async def _async_stream() -> AsyncIterator[str]:
    yield "one"


async def _socket(socket: WebSocket) -> None:
    await socket.send("never")


VIEWS: dict[str, Any] = {
    "/text": lambda: "text",
    "/empty": lambda: Response(b"", 204),
    "/other": lambda: Response("x", 299, headers={"x-latin": "caf\xe9"}),
    "/stream": _stream,
    "/async-stream": _async_stream,
    "/socket": _socket,
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [*VIEWS, "/static/a.txt", "/nothing"])
def test_a_response_is_begun_once_and_before_its_content(path: str, method: str, tmp_path: Path) -> None:
    """By position; with a status, fields of text in ISO-8859-1, none of them hop-by-hop; the content is bytes."""
    (tmp_path / "a.txt").write_bytes(b"from the file")
    app = App({**VIEWS, "/static": Static(str(tmp_path))}).wsgi
    for _ in range(2):
        started = Started()
        pieces = app(environ_of(path, method), started)
        ((status, fields),) = started.calls
        assert re.fullmatch(r"\d{3} [A-Za-z -]+", status)
        assert type(fields) is list
        for name, value in fields:
            assert type(name) is type(value) is str
            assert f"{name}{value}".encode("latin-1")
            assert name.lower() != "status"
            assert not is_hop_by_hop(name)
        assert all(type(each) is bytes for each in pieces)
        getattr(pieces, "close", lambda: None)()
        assert len(started.calls) == 1


def test_content_that_is_there_is_one_piece() -> None:
    """So the server can tell its length by `len`."""
    pieces: Any = App(VIEWS).wsgi(environ_of("/text"), Started())
    assert (len(pieces), list(pieces)) == (1, [b"text"])


def test_a_response_is_closed_once() -> None:
    """However often the server calls `close`."""
    closed: list[bool] = []

    def view() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    pieces: Any = App({"/": view}).wsgi(environ_of(), Started())
    assert next(iter(pieces)) == b"a"
    pieces.close()
    pieces.close()
    assert closed == [True]


def test_fields_that_the_server_refuses_become_a_page_of_the_app(caplog: pytest.LogCaptureFixture) -> None:
    """The second call of start_response has the exception, without which it would break a rule."""
    error = ValueError("too many fields")
    started = Started(error)
    pieces = App(VIEWS).wsgi(environ_of("/text"), started)
    (first, second) = started.calls
    assert (first[0], len(first)) == ("200 OK", 2)
    assert second[0] == "500 Internal Server Error"
    assert second[2][:2] == (ValueError, error)
    assert b"Something went wrong" in b"".join(pieces)
    assert "too many fields" in caplog.text


def test_an_exception_of_the_second_start_goes_back_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """It is the server's way to end a response that has begun."""
    error = ValueError("begun")
    with pytest.raises(ValueError, match="begun"):
        App(VIEWS).wsgi(environ_of("/text"), Started(error, error))


def test_a_hop_by_hop_field_of_a_view_is_not_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    """It is an error of the view, and a page for it."""
    started = Started()
    App({"/": lambda: Response("x", headers={"connection": "close"})}).wsgi(environ_of(), started)
    assert [status for status, *_ in started.calls] == ["500 Internal Server Error"]


class _Input:
    """An input that has what the PEP names alone, and complains about reading too far."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self._left = len(content)

    def read(self, size: int) -> bytes:
        """Return so many bytes at most."""
        assert 0 <= size <= self._left
        self._left -= size
        return self._content.read(size)


def test_the_input_is_read_as_far_as_its_length() -> None:
    """By `read` with a size alone; it is not closed."""
    app = App({"POST /": lambda request: request.text}).wsgi
    for size in (3, 200_000):
        more = {"wsgi.input": _Input(b"x" * size), "CONTENT_LENGTH": str(size), "CONTENT_TYPE": "text/plain"}
        assert b"".join(app(environ_of("/", "POST", **more), Started())) == b"x" * size


@pytest.mark.parametrize("length", ["", None])
def test_without_a_length_there_is_no_content(length: str | None) -> None:
    """An empty variable is a missing one."""
    more = {"wsgi.input": _Input(b"")} | ({} if length is None else {"CONTENT_LENGTH": length, "CONTENT_TYPE": ""})
    app = App({"POST /": lambda request: f"{request.text!r} {'content-type' in request.headers}"}).wsgi
    assert b"".join(app(environ_of("/", "POST", **more), Started())) == b"'' False"


@pytest.mark.parametrize(
    ("name", "port", "url"),
    [
        ("a.example", "8000", b"http://a.example:8000/b"),
        ("::1", "8000", b"http://[::1]:8000/b"),
        ("[::1]", "8000", b"http://[::1]:8000/b"),
    ],
)
def test_a_url_without_a_host_has_the_servers(name: str, port: str, url: bytes) -> None:
    """SERVER_NAME and SERVER_PORT are there in any case, SCRIPT_NAME and QUERY_STRING are not."""
    app = App({"/b": lambda request: request.url}).wsgi
    assert b"".join(app(environ_of("/b", SERVER_NAME=name, SERVER_PORT=port), Started())) == url


def test_an_empty_path_is_the_root() -> None:
    """PATH_INFO is empty where the URL is that of the mount without a slash."""

    def view(request: Request) -> str:
        return request.raw_path

    assert b"".join(App({"/": view}).wsgi(environ_of("", SCRIPT_NAME="/sub"), Started())) == b"/"

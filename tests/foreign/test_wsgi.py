"""WSGI: the environ of PEP 3333, and how what an app returns or writes reaches its client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper as ReferenceWrapper
from wsgiref.validate import validator

import pytest
from tests.foreign.conftest import Serve, received_in_turns
from tests.speed import PATIENCE

from fanlight import App, wsgi
from fanlight.testing import Client

TEXT = [("Content-Type", "text/plain")]


def _responding(make: Any) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        content = repr(make(environ)).encode()
        start_response("200 OK", [*TEXT, ("Content-Length", str(len(content)))])
        return [content]

    return app


def test_the_checker_of_wsgiref_finds_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """`wsgiref.validate` around an app that reads, streams and closes has no complaint about this server."""

    def inner(environ: Any, start_response: Any) -> Any:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", TEXT)
        return iter([b"got ", content]) if environ["PATH_INFO"] == "/stream" else [b"got " + content]

    client = serve(wsgi(validator(inner)))
    assert client.get("/?q=1").text == "got "
    assert client.post("/", content=b"x" * 100_000).text == "got " + "x" * 100_000
    assert client.post("/stream", content=b"abc").text == "got abc"
    assert client.head("/").status == 200
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_the_environ_is_that_of_the_pep(serve: Serve) -> None:
    """Every key is there, with native strings: the bytes of a path, each as a character of latin-1."""
    seen: list[dict[str, Any]] = []
    client = serve(_responding(lambda environ: seen.append(dict(environ))))
    client.post("/caf%C3%A9%2Fx?q=%20a", content=b"abc", headers={"X-One": "1", "Content-Type": "text/plain"})
    (environ,) = seen
    assert environ["REQUEST_METHOD"] == "POST"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/cafÃ©/x")
    assert (environ["QUERY_STRING"], environ["REQUEST_URI"]) == ("q=%20a", "/caf%C3%A9%2Fx?q=%20a")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert (environ["HTTP_X_ONE"], environ["HTTP_HOST"]) == ("1", "testserver")
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_NAME"]
    assert environ["SERVER_PORT"].isdigit()
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.input_terminated"] is True
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"], environ["wsgi.run_once"]) == (True, True, False)


def test_no_field_passes_for_another(serve: Serve) -> None:
    """A name with an underscore, and `Proxy`, are left out: they would have the key of another field or variable."""
    client = serve(_responding(lambda environ: (environ.get("HTTP_X_USER"), environ.get("HTTP_PROXY"))))
    received = client.send(
        b"GET / HTTP/1.1\r\nhost: a\r\nx-user: right\r\nx_user: wrong\r\nproxy: evil\r\nconnection: close\r\n\r\n"
    )
    assert received.endswith(b"('right', None)")


def test_repeated_fields_are_joined(serve: Serve) -> None:
    """Values of one name are joined with a comma, cookies with a semicolon."""
    client = serve(_responding(lambda environ: (environ["HTTP_X_A"], environ["HTTP_COOKIE"])))
    received = client.send(
        b"GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-a: 2\r\ncookie: a=1\r\ncookie: b=2\r\nconnection: close\r\n\r\n"
    )
    assert received.endswith(b"('1,2', 'a=1; b=2')")


def test_content_in_chunks_has_a_length(serve: Serve) -> None:
    """Content of unknown length is received before the app runs, which reads to the end."""
    client = serve(_responding(lambda environ: (environ["CONTENT_LENGTH"], environ["wsgi.input"].read())))
    assert client.post("/", content=iter([b"ab", b"cd"])).text == "('4', b'abcd')"


def test_a_list_of_several_pieces_has_a_length(serve: Serve) -> None:
    """A list is there as a whole, so its length is known."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT)
        return [b"one", b"two"]

    response = serve(app).get("/")
    assert (response.text, response.headers["content-length"]) == ("onetwo", "6")


class _Closing:
    """An iterable that notes when it is closed."""

    def __init__(self, pieces: Iterator[bytes], closed: threading.Event) -> None:
        self._pieces, self._closed = pieces, closed

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Note it."""
        self._closed.set()


def test_a_stream_is_sent_piece_by_piece_and_closed(serve: Serve) -> None:
    """Each piece is with the client before the next is asked for; then `close` is called."""
    may_go, closed = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"one"
        assert may_go.wait(PATIENCE)
        yield b"two"

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT)
        return _Closing(pieces(), closed)

    assert received_in_turns(serve(app), may_go).endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert closed.wait(PATIENCE)


def test_a_stream_is_closed_when_its_client_leaves(serve: Serve) -> None:
    """`close` is called also where the client has disconnected in the middle."""
    closed = threading.Event()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT)
        return _Closing(endless(), closed)

    with serve(app).connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(4096)
    assert closed.wait(PATIENCE)


def test_what_is_written_is_sent_at_once(serve: Serve) -> None:
    """`write` sends while the app runs, and what the app returns follows."""
    may_go = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", TEXT)
        write(b"one")
        assert may_go.wait(PATIENCE)
        write(b"two")
        return [b"three"]

    assert received_in_turns(serve(app), may_go).endswith(b"3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")


def test_what_is_written_inside_middleware_is_sent_at_the_end() -> None:
    """Where middleware has a part in the response, `write` collects."""

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", TEXT)
        write(b"one")
        return [b"two"]

    def add_field(request: Any) -> Any:
        response = yield
        response.headers["x-by"] = "the site"

    with Client(App({"/old": wsgi(app)}, middleware=[add_field])) as client:
        response = client.get("/old/")
    assert (response.text, response.headers["x-by"]) == ("onetwo", "the site")


@pytest.mark.parametrize(("start", "length"), [(0, None), (7, None), (7, 5)])
def test_a_file_is_sent_from_where_it_is(serve: Serve, tmp_path: Path, start: int, length: int | None) -> None:
    """`wsgi.file_wrapper` sends the rest of a file, or as much as Content-Length says, and the file is closed."""
    content = b"0123456789" * 30_000
    (tmp_path / "big.bin").write_bytes(content)
    opened = []

    def app(environ: Any, start_response: Any) -> Any:
        file = (tmp_path / "big.bin").open("rb")
        opened.append(file)
        file.seek(start)
        start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
        return environ["wsgi.file_wrapper"](file)

    response = serve(app).get("/")
    expected = content[start:] if length is None else content[start : start + length]
    assert response.content == expected
    assert response.headers["content-length"] == str(len(expected))
    assert opened[0].closed


def test_a_file_without_a_descriptor_is_read(serve: Serve) -> None:
    """What only has `read` is sent in blocks, by our wrapper and by any other."""

    class Source:
        def __init__(self) -> None:
            self.left = 3

        def read(self, size: int) -> bytes:
            self.left -= 1
            return b"block" if self.left >= 0 else b""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT)
        wrapper: Any = environ["wsgi.file_wrapper"] if environ["PATH_INFO"] == "/ours" else ReferenceWrapper
        return wrapper(Source())

    client = serve(app)
    assert (client.get("/ours").text, client.get("/theirs").text) == ("blockblockblock", "blockblockblock")


def test_apps_run_beside_each_other(serve: Serve) -> None:
    """A request that waits holds up no other: each has a thread."""
    both = threading.Barrier(2)

    def app(environ: Any, start_response: Any) -> Any:
        both.wait(PATIENCE)
        start_response("200 OK", TEXT)
        return [b"met"]

    client = serve(app)
    other = client.beside()
    texts: list[str] = []
    thread = threading.Thread(target=lambda: texts.append(other.get("/").text))
    thread.start()
    texts.append(client.get("/").text)
    thread.join(PATIENCE)
    assert texts == ["met", "met"]


@pytest.mark.parametrize(("length", "expected"), [("5", b"content-length: 5\r\n"), (None, b"HTTP/1.1 200 ")])
def test_head_has_no_content(serve: Serve, length: str | None, expected: bytes) -> None:
    """A response to HEAD has the length that the app gives, and what it returns is closed and not sent."""
    closed = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT if length is None else [*TEXT, ("Content-Length", length)])
        return _Closing(iter([b"hello"]), closed)

    received = serve(app).send(b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert expected in received
    assert received.endswith(b"\r\n\r\n")
    assert closed.wait(PATIENCE)

"""What PEP 3333 asks of a server, and no other test shows (docs/reference/asgi-conformance.md)."""

from __future__ import annotations

import functools
import gc
import io
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.foreign.conftest import Serve
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, AppError, wsgi
from fanlight.foreign.wsgi_start import HOP_BY_HOP
from fanlight.settings.limits import Limits
from fanlight.site.loading import foreign_site
from fanlight.testing import Client

TEXT = [("Content-Type", "text/plain")]
PLAIN = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


class _Instance:
    def __call__(self, env: Any, begin: Any, /) -> list[bytes]:
        begin("200 OK", [])
        return [b"called"]


def _plain(env: Any, begin: Any, /) -> list[bytes]:
    begin("200 OK", [])
    return [b"called"]


def _third(_: Any, env: Any, begin: Any) -> list[bytes]:
    return _plain(env, begin)


class _Iterable:
    """An app whose instances are what it returns."""

    def __init__(self, environ: Any, start_response: Any) -> None:
        self.begin = start_response

    def __iter__(self) -> Iterator[bytes]:
        self.begin("200 OK", [])
        yield b"called"


@pytest.mark.parametrize("app", [_Instance(), _plain, functools.partial(_third, 0), wsgi(_Instance().__call__)])
def test_any_callable_is_called_by_position(serve: Serve, app: Any) -> None:
    """The names of its parameters are its own."""
    assert serve(app).get("/").text == "called"


def test_start_response_may_be_called_by_the_first_piece(serve: Serve) -> None:
    """An iterable may call it when it is iterated over."""

    def app(environ: Any, start_response: Any) -> Any:
        return _Iterable(environ, start_response)

    assert serve(app).get("/").text == "called"


def test_an_environ_is_a_dict_of_the_app() -> None:
    """A builtin one, new for each request, whose CGI variables are text of ISO-8859-1."""
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        environ.clear()
        return [b""]

    def inner(environ: Any, start_response: Any) -> list[bytes]:
        cgi = {key: value for key, value in environ.items() if "." not in key}
        seen.append(cgi)
        return app(environ, start_response)

    with Client(App({"/w": wsgi(inner)})) as client:
        for _ in range(2):
            assert client.get("/w/%ff%E2%82%AC?%ff", headers={"x-a": "\xff"}).status == 200
    assert [type(each) for each in seen] == [dict] * 4
    assert seen[0] == seen[2]
    assert all(type(each) is str and max(each, default="") <= "\xff" for each in seen[0].values())


def test_https_is_on_over_tls() -> None:
    """As Apache has it, so that apps that look there know."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", TEXT)
        return [f"{environ.get('HTTPS')} {environ['wsgi.url_scheme']}".encode()]

    for scheme, expected in (("https", "on https"), ("http", "None http")):
        with Client(App({"/w": wsgi(app)}), base_url=f"{scheme}://testserver") as client:
            assert client.get("/w/").text == expected


@pytest.mark.parametrize("size", [4, 5_000_000])
def test_the_input_is_a_file(serve: Serve, size: int) -> None:
    """It can be read in all ways that the PEP names, and ends where the content does, in memory and on disk."""
    content = b"one\ntwo\nthree\n" + b"4" * size + b"\nfive\nsix"

    def app(environ: Any, start_response: Any) -> list[bytes]:
        source = environ["wsgi.input"]
        pieces = [source.read(2), source.readline(), source.readline(1), source.readline(100)]
        pieces += [next(iter(source)), *source.readlines(1), *source.readlines(), source.read()]
        assert b"".join(pieces) == content
        assert (source.read(), source.read(5), source.readline(), source.readlines()) == (b"", b"", b"", [])
        start_response("200 OK", [])
        return [b"read"]

    assert serve(app).post("/", content=content).text == "read"


def test_errors_may_be_written_in_any_text(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    """`wsgi.errors` is the server's standard error."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        errors = environ["wsgi.errors"]
        errors.write("a \u20ac")
        errors.writelines([" b", " \ud800\n"])
        errors.flush()
        start_response("200 OK", [])
        return [b"written"]

    assert serve(app).get("/").text == "written"
    assert "a \u20ac b " in capfd.readouterr().err


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_a_hop_by_hop_field_is_an_error_at_once(serve: Serve, name: str) -> None:
    """While the app runs, which may still do something about it; in any case of letters."""
    raised: list[Exception] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            start_response("200 OK", [(name.title(), "x")])
        except Exception as error:
            raised.append(error)
            raise
        return [b"x"]

    assert serve(app).get("/").status == 500
    assert "is about the connection, which is the server's" in str(raised[0])


@pytest.mark.parametrize(
    ("status", "headers"), [("200 \u20ac", []), ("200 OK", [("x-a", "\u20ac")]), ("200 OK", [("x-a:", "1")])]
)
def test_status_and_fields_are_iso_8859_1(serve: Serve, status: str, headers: list[tuple[str, str]]) -> None:
    """Another character is a fatal error."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return [b"x"]

    assert serve(app).get("/").status == 500


def test_a_call_that_failed_is_a_call(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Behind it, too, start_response wants exc_info; with it, the app's own error page is sent."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            start_response("nonsense", [])
        except AppError as error:
            info = (type(error), error, error.__traceback__)
            start_response("503 Sorry", [], *([info] if environ["PATH_INFO"] == "/page" else []))
        return [b"page"]

    client = serve(app)
    assert (client.get("/page").status, client.get("/page").text) == (503, "page")
    assert client.get("/").status == 500
    assert "start_response is called a second time only with exc_info" in caplog.text


def test_nothing_is_sent_before_the_first_piece_with_content(serve: Serve) -> None:
    """Until then an app may change its mind with exc_info, behind any number of empty pieces."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("x-first", "1")])
        yield b""
        yield b""
        try:
            environ["missing"]
        except KeyError as error:
            start_response("503 Sorry", [], (KeyError, error, error.__traceback__))
        yield b"page"

    response = serve(app).get("/")
    assert (response.status, response.text, "x-first" in response.headers) == (503, "page", False)


def test_an_exc_info_is_not_kept(serve: Serve) -> None:
    """No circle of references keeps the exception, and all that its frames have."""
    refs: list[weakref.ref[Any]] = []

    class Trouble(Exception):
        pass

    def fail() -> None:
        raise Trouble

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            fail()
        except Trouble as error:
            refs.append(weakref.ref(error))
            start_response("500 Sorry", [], (Trouble, error, error.__traceback__))
        return [b"page"]

    client = serve(app)
    gc.collect()
    gc.disable()
    try:
        assert client.get("/").status == 500
        assert refs[0]() is None
    finally:
        gc.enable()


def test_content_is_sent_as_it_is(serve: Serve) -> None:
    """Line ends and all other bytes, with the fields that HTTP requires."""
    content = b"a\r\nb\nc\r\0" + bytes(range(256))

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [content] if environ["PATH_INFO"] == "/list" else iter([content[:9], content[9:]])

    client = serve(app)
    for path in ("/list", "/stream"):
        response = client.get(path)
        assert response.content == content
        assert {"date", "server"} <= set(response.headers)


class _Strict:
    """An iterable that has what the PEP names, and nothing else."""

    def __init__(self, pieces: list[Any]) -> None:
        self.pieces, self.closed, self.asked = pieces, 0, list[str]()

    def __iter__(self) -> Iterator[bytes]:
        for each in self.pieces:
            if isinstance(each, Exception):
                raise each
            yield each

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AttributeError(name)


@pytest.mark.parametrize("pieces", [[], [b"a"], [b"a", b"b"], [KeyError()], [b"a", KeyError()]], ids=str)
def test_an_iterable_is_iterated_over_and_closed_once(serve: Serve, pieces: list[Any]) -> None:
    """Also where it fails; no other attribute of it is asked for."""
    returned = _Strict(pieces)

    def app(environ: Any, start_response: Any) -> _Strict:
        start_response("200 OK", TEXT)
        return returned

    client = serve(app)
    client.send(PLAIN)
    client.close()
    assert (returned.closed, returned.asked) == (1, [])


def test_writing_more_than_was_announced_is_an_error(serve: Serve) -> None:
    """`write` raises in the app, and the client gets none of it."""
    raised: list[Exception] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "3")])
        write(b"abc")
        try:
            write(b"def")
        except AppError as error:
            raised.append(error)
        return []

    assert serve(app).send(PLAIN).endswith(b"\r\n\r\nabc")
    assert "longer than its Content-Length of 3" in str(raised[0])


def test_an_app_may_have_one_thread(tmp_path: Path) -> None:
    """With one thread its requests run one after another, for an app that is not made for several."""
    running, together = threading.Semaphore(1), list[bool]()
    begun, may_end = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        together.append(not running.acquire(blocking=False))
        begun.set()
        may_end.wait(PATIENCE)
        running.release()
        start_response("200 OK", [])
        return [b"x"]

    with Client(foreign_site(app, tmp_path / "main.py"), limits=Limits(threads=1)) as client:
        others = [client.beside() for _ in range(3)]
        threads = [threading.Thread(target=each.get, args=("/",)) for each in others]
        for each in threads:
            each.start()
        assert begun.wait(PATIENCE)
        may_end.set()
        for each in threads:
            each.join(PATIENCE)
    assert together == [False] * 3


def test_the_client_is_asked_to_continue(serve: Serve) -> None:
    """A client that expects 100-continue gets it, and then the app its content."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    with serve(app).connect() as sock:
        sock.sendall(
            b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
        )
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ab")
        assert read_all(sock).endswith(b"\r\n\r\nab")


def test_a_file_wrapper_is_an_iterable_and_sends_nothing_by_itself(serve: Serve, tmp_path: Path) -> None:
    """Its block size is optional; it has `close` if the file has one; one that is not returned has no effect."""
    (tmp_path / "a.txt").write_bytes(b"from the file")

    def app(environ: Any, start_response: Any) -> Any:
        wrapper: Any = environ["wsgi.file_wrapper"]

        class Readable:
            read = io.BytesIO(b"abc").read

        assert not hasattr(wrapper(Readable()), "close")
        assert list(wrapper(io.BytesIO(b"abc"), 2)) == [b"ab", b"c"]
        start_response("200 OK", [])
        with (tmp_path / "a.txt").open("rb") as file:
            wrapped = wrapper(file)
            if environ["PATH_INFO"] == "/upper":
                return [each.upper() for each in wrapped]
            return [b"another response"]

    client = serve(app)
    assert client.get("/").text == "another response"
    assert client.get("/upper").text == "FROM THE FILE"

"""Apps that break the rules of their interface: a 500, or a response that is cut off, and a line with the rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.foreign.conftest import Serve
from tests.sockets import read_all

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b""}
PIECE = {"type": "http.response.body", "body": b"half", "more_body": True}


def _start(**changes: Any) -> dict[str, Any]:
    return {**START, **changes}


def _asgi(*messages: Any, swallows: bool = False) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        for message in messages:
            try:
                await send(message)
            except Exception:
                if not swallows:
                    raise

    return app


LENGTH_2 = _start(headers=[(b"content-length", b"2")])
LENGTH_9 = _start(headers=[(b"content-length", b"9")])
ASGI_BEFORE = [
    ([], "the app has returned, and not sent a response"),
    ([START], "the app has returned, and not sent http.response.body"),
    ([END], "http.response.start is sent before http.response.body"),
    ([START, START], "http.response.start is sent once"),
    ([7], "a message is a dict with a `type`"),
    ([{"type": "http.response.push"}], "'http.response.push' is no message of this connection"),
    ([{"type": "http.response.start"}], "http.response.start has a `status`"),
    ([_start(status="200 OK")], "the status of a response is a number from 200 to 599, not '200 OK'"),
    ([_start(status=100)], "not 100"),
    ([_start(headers=[("x", "y")])], "the name and the value of a header are bytes"),
    ([_start(headers=[b"x"])], "are pairs of bytes"),
    ([_start(headers=[(b"x", b"a\r\nset-cookie: b=c")])], "must be text without line ends"),
    ([_start(headers=[(b"x y", b"a")])], "'x y' is not a valid name"),
    ([_start(headers=[(b"content-length", b"-1")])], "content-length is '-1'"),
    ([_start(headers=[(b"content-length", b"1"), (b"content-length", b"2")])], "content-length is there twice"),
    ([START, {**END, "body": "text"}], "`body` of http.response.body is bytes, not str"),
    ([LENGTH_2, {**END, "body": b"three"}], "content-length is 2, and the content has 5 bytes"),
    ([LENGTH_9, {**END, "body": b"three"}], "content-length is 9, and the content has 5 bytes"),
    ([START, {"type": "http.response.pathsend"}], "http.response.pathsend has a `path`"),
    ([{"type": "http.response.early_hint", "links": [b"a.css"]}], "are values of the field Link"),
]


@pytest.mark.parametrize(("messages", "rule"), ASGI_BEFORE)
@pytest.mark.parametrize("swallows", [False, True])
def test_an_asgi_app_that_breaks_a_rule_before_its_response(
    serve: Serve, caplog: pytest.LogCaptureFixture, messages: list[Any], rule: str, *, swallows: bool
) -> None:
    """The client gets a 500, and the log one line with the rule, whether the app catches the exception or not."""
    client = serve(_asgi(*messages, swallows=swallows))
    response = client.get("/")
    assert response.status == 500
    assert "set-cookie" not in response.headers
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert rule in lines[0]
    assert "breaks a rule of ASGI" in lines[0]
    assert len(lines) == 1
    assert client.get("/").status == 500


ASGI_WITHIN = [
    ([START, PIECE], "the app has returned before the last http.response.body"),
    ([START, PIECE, {**END, "body": 7}], "`body` of http.response.body is bytes, not int"),
    ([LENGTH_9, PIECE, {**END, "body": b"more than nine"}], "the content is longer than its content-length of 9"),
    ([LENGTH_9, PIECE, END], "the content is shorter than its content-length of 9: it has 4 bytes"),
    ([START, PIECE, START], "http.response.start is sent once"),
]


@pytest.mark.parametrize(("messages", "rule"), ASGI_WITHIN)
def test_an_asgi_app_that_breaks_a_rule_within_its_response(
    serve: Serve, caplog: pytest.LogCaptureFixture, messages: list[Any], rule: str
) -> None:
    """The response is cut off, so that the client can tell it from a whole one, and the log has one line."""
    received = serve(_asgi(*messages)).send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert b"half" in received
    assert not received.endswith(b"0\r\n\r\n")
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert rule in lines[0]
    assert len(lines) == 1


def test_an_asgi_app_that_sends_behind_its_response(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What follows the content reaches no one: the next response of the connection is whole."""
    client = serve(_asgi(START, {**END, "body": b"whole"}, {**END, "body": b"more"}))
    with client.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        received = read_all(sock)
    assert received.count(b"\r\n\r\nwhole") == 2
    assert b"more" not in received
    client.close()  # and with it what goes on behind the response
    assert caplog.text.count("nothing is sent behind the content") == 2


# --- WSGI -----------------------------------------------------------------------------------------------


class _Closing:
    """An iterable that notes whether it was closed."""

    def __init__(self, pieces: Any) -> None:
        self.pieces, self.is_closed = pieces, False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def _failing(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise KeyError("late")


NOTHING: dict[str, str] = {}
OK = ("200 OK", [("Content-Type", "text/plain")])
WSGI_BEFORE: list[tuple[Any, Any, str]] = [
    (None, [b"x"], "start_response is called before the first piece of content"),
    (OK, None, "the app returns an iterable of bytes, not None"),
    (OK, "text", "and not str, which is sent byte by byte"),
    (OK, b"bytes", "and not bytes, which is sent byte by byte"),
    (OK, ["text"], "the content is bytes, not str"),
    ((200, []), [b"x"], "the status is text like '200 OK', not 200"),
    (("OK", []), [b"x"], "the status is text like '200 OK', not 'OK'"),
    (("200 OK\r\nx: y", []), [b"x"], "the status has no control characters"),
    (("100 Continue", []), [b"x"], "a number from 200 to 599"),
    (("200 OK", (("a", "b"),)), [b"x"], "the headers are a list, not tuple"),
    (("200 OK", [["a", "b"]]), [b"x"], "a header is a tuple of two texts"),
    (("200 OK", [("a", 1)]), [b"x"], "a header is a tuple of two texts"),
    (("200 OK", [("a", "b\r\nset-cookie: c=d")]), [b"x"], "must be text without line ends"),
    (("200 OK", [("Connection", "close")]), [b"x"], "Connection is about the connection"),
    (("200 OK", [("Content-Length", "x")]), [b"x"], "content-length is 'x'"),
    (("200 OK", [("Content-Length", "1")]), [b"three"], "Content-Length is 1, and the content has 5 bytes"),
    (("200 OK", [("Content-Length", "9")]), [b"three"], "Content-Length is 9, and the content has 5 bytes"),
]


@pytest.mark.parametrize(("started", "returned", "rule"), WSGI_BEFORE)
def test_a_wsgi_app_that_breaks_a_rule_before_its_response(
    serve: Serve, caplog: pytest.LogCaptureFixture, started: Any, returned: Any, rule: str
) -> None:
    """The client gets a 500, and the log one line with the rule."""

    def app(environ: Any, start_response: Any) -> Any:
        if started is not None:
            start_response(*started)
        return returned

    response = serve(app).get("/")
    assert response.status == 500
    assert "set-cookie" not in response.headers
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert rule in lines[0]
    assert "breaks a rule of WSGI" in lines[0]
    assert len(lines) == 1


LONG = ("200 OK", [("Content-Length", "9")])
WSGI_WITHIN = [
    (LONG, [b"half", b"more than nine"], "the content is longer than its Content-Length of 9"),
    (LONG, [b"half"], "the content is shorter than its Content-Length of 9: it has 4 bytes"),
    (OK, [b"half", 7], "the content is bytes, not int"),
]


@pytest.mark.parametrize(("started", "pieces", "rule"), WSGI_WITHIN)
def test_a_wsgi_app_that_breaks_a_rule_within_its_response(
    serve: Serve, caplog: pytest.LogCaptureFixture, started: Any, pieces: Any, rule: str
) -> None:
    """The response is cut off, the log has one line, and what the app returned is closed."""
    returned = _Closing(pieces)

    def app(environ: Any, start_response: Any) -> Any:
        start_response(*started)
        return returned

    received = serve(app).send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert b"half" in received
    assert not received.endswith(b"0\r\n\r\n")
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert rule in lines[0]
    assert len(lines) == 1
    assert returned.is_closed


def test_start_response_twice(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A second call without exc_info breaks a rule; with it, before the content, it replaces the first."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/bad":
            start_response("201 Created", [])
        try:
            NOTHING["early"]
        except KeyError as error:
            start_response("400 Bad", [("x-second", "1")], (type(error), error, error.__traceback__))
        return [b"error"]

    client = serve(app)
    assert client.get("/bad").status == 500
    assert "start_response is called a second time only with exc_info" in caplog.text
    assert (client.get("/").status, client.get("/").headers["x-second"]) == (400, "1")


def test_exc_info_behind_the_content_is_raised(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """When the response has begun, start_response raises the exception, and the response is cut off."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"half"
        try:
            NOTHING["late"]
        except KeyError as error:
            start_response("500 Bad", [], (type(error), error, error.__traceback__))
        yield b"never"

    received = serve(app).send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert received.endswith(b"4\r\nhalf\r\n")
    assert "KeyError: 'late'" in caplog.text


def test_a_wsgi_app_that_raises(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Before its content it is a 500, within it the response is cut off; each with a traceback in the log."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return _failing(*([b"half"] if environ["PATH_INFO"] == "/late" else []))

    client = serve(app)
    assert client.get("/").status == 500
    assert client.send(b"GET /late HTTP/1.1\r\nhost: a\r\n\r\n").endswith(b"4\r\nhalf\r\n")
    assert caplog.text.count("KeyError: 'late'") == 2

"""What we send, as another reader reads it: the standard library's."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from tests.wire.feeding import LIMITS

from fanlight.errors import InvalidResponse
from fanlight.message.file_response import PrebuiltFields
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.response_writer import known_heads

STANDARD = b"server: fanlight\r\ndate: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
FIELDS = (("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))


def asked(method: str = "GET", minor: int = 1, fields: str = "") -> Http1Connection:
    wire = Http1Connection(LIMITS)
    wire.receive(f"{method} / HTTP/1.{minor}\r\nHost: a\r\n{fields}\r\n".encode())
    wire.next_event()
    return wire


def read(data: bytes, method: str = "GET") -> tuple[Any, bytes, bytes]:
    """Return the response, its content, and the rest."""

    class Socket:
        def __init__(self) -> None:
            self.file = io.BytesIO(data)

        def makefile(self, *_: object) -> io.BytesIO:
            return self.file

    socket = Socket()
    response = http.client.HTTPResponse(socket, method=method)  # type: ignore[arg-type]  # it uses only makefile
    response.begin()
    file = socket.file
    content = response.read()
    return response, content, b"" if file.closed else file.read()


def test_a_complete_response() -> None:
    """Status, fields in order, length and content arrive as they were given."""
    response, content, rest = read(asked().send_response(200, FIELDS, b"hello", STANDARD))
    assert (response.status, response.reason, content, rest) == (200, "OK", b"hello", b"")
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["content-length"] == "5"
    assert response.headers["date"].startswith("Mon")
    assert "connection" not in response.headers


def test_the_head_of_prebuilt_fields_is_kept_with_them() -> None:
    """It is that of any other fields, for each status, and fills no table that other responses use."""
    prebuilt, known = PrebuiltFields(FIELDS), len(known_heads)
    for status in (200, 200, 404, 200):
        assert asked().send_response(status, prebuilt, b"hello", STANDARD) == asked().send_response(
            status, list(FIELDS), b"hello", STANDARD
        )
    assert prebuilt.head[0] == 200
    assert len(known_heads) == known


def test_prebuilt_fields_are_checked() -> None:
    """What can't be sent in other fields can't be sent in these."""
    for _ in range(2):
        with pytest.raises(InvalidResponse):
            asked().send_response(200, PrebuiltFields((("x", "a\r\nb: c"),)), b"", STANDARD)


@pytest.mark.parametrize(("status", "length"), [(200, "5"), (404, "5"), (204, None), (304, None)])
def test_a_response_to_head_has_no_content(status: int, length: str | None) -> None:
    """HEAD gets the fields that GET would, and not a byte of content (RFC 9110 9.3.2)."""
    data = asked("HEAD").send_response(status, (), b"hello", b"")
    response, content, rest = read(data, "HEAD")
    assert (response.status, content, rest) == (status, b"", b"")
    assert response.headers["content-length"] == length
    assert data.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_some_responses_never_have_content(status: int) -> None:
    """204 and 304 have neither content nor a length of it (RFC 9110 8.6)."""
    data = asked().send_response(status, (), b"hello", b"")
    assert data.endswith(b"\r\n\r\n")
    assert b"content-length" not in data


@pytest.mark.parametrize(
    ("minor", "fields", "connection", "closes"),
    [
        (1, "", None, False),
        (1, "Connection: close\r\n", "close", True),
        (1, "Connection: Keep-Alive, Close\r\n", "close", True),
        (0, "", "close", True),
        (0, "Connection: Keep-Alive\r\n", "keep-alive", False),
    ],
)
def test_the_connection_goes_on_as_both_sides_want(
    minor: int, fields: str, connection: str | None, *, closes: bool
) -> None:
    """HTTP/1.1 connections persist without `close`; 1.0 ones only with `keep-alive` (RFC 9112 9.3)."""
    wire = asked(minor=minor, fields=fields)
    response = read(wire.send_response(200, (), b"x", b""))[0]
    assert response.headers["connection"] == connection
    assert wire.must_close is closes


def test_the_server_can_end_the_connection() -> None:
    """`close_after_response` adds `connection: close` to the next response."""
    wire = asked()
    wire.close_after_response()
    assert read(wire.send_response(200, (), b"x", b""))[0].headers["connection"] == "close"
    assert wire.must_close


def test_a_stream_of_unknown_length_is_chunked() -> None:
    """In 1.1 pieces come as chunks, with trailers at the end, and the connection goes on."""
    wire = asked()
    data = wire.start_response(200, FIELDS, None, STANDARD)
    data += wire.send_content(b"hello ") + wire.send_content(b"") + wire.send_content(b"world")
    data += wire.end_response([("x-sum", "1")])
    response, content, _ = read(data)
    assert (response.status, content) == (200, b"hello world")
    assert data.endswith(b"0\r\nx-sum: 1\r\n\r\n")
    assert wire.is_idle


def test_a_stream_of_unknown_length_to_an_old_client_ends_with_the_connection() -> None:
    """HTTP/1.0 has no chunks: the content ends where the connection does."""
    wire = asked(minor=0, fields="Connection: keep-alive\r\n")
    data = wire.start_response(200, (), None, b"") + wire.send_content(b"hello") + wire.end_response()
    assert b"transfer-encoding" not in data
    assert data.endswith(b"\r\n\r\nhello")
    assert wire.must_close


def test_a_stream_keeps_to_its_length() -> None:
    """More or less content than announced raises before it is sent: the next response would be misread."""
    wire = asked()
    wire.start_response(200, (), 5, b"")
    assert wire.send_content(b"hell") == b"hell"
    with pytest.raises(InvalidResponse, match="longer"):
        wire.send_content(b"oo")
    with pytest.raises(InvalidResponse, match="shorter"):
        wire.end_response()
    assert wire.send_content(b"o") + wire.end_response() == b"o"
    assert wire.is_idle


def test_a_stream_for_head_sends_its_fields_only() -> None:
    """HEAD of a stream has the framing's field and no content."""
    wire = asked("HEAD")
    data = wire.start_response(200, (), None, b"") + wire.send_content(b"x") + wire.end_response()
    assert data.endswith(b"transfer-encoding: chunked\r\n\r\n")


@pytest.mark.parametrize(
    "field",
    [
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "close"),
        ("x", "a\r\nb: c"),
        ("x\r\ny", "a"),
        ("", "a"),
        ("x", "\u2028"),
        ("x", None),
    ],
)
def test_a_field_that_would_change_the_message_is_refused(field: tuple[str, Any]) -> None:
    """Framing is the wire's own, a field is one line, and after the refusal the wire is as it was."""
    wire = asked()
    with pytest.raises(InvalidResponse):
        wire.send_response(200, [field], b"x", b"")
    with pytest.raises(InvalidResponse):
        wire.start_response(200, (field,), None, b"")
    assert wire.send_response(200, (), b"x", b"").endswith(b"x")


@pytest.mark.parametrize("status", [0, 99, 100, 101, 600, 999, 1000, -200, "200", None])
def test_what_is_no_final_status_is_refused(status: Any) -> None:
    """A response has a status from 200 to 599."""
    with pytest.raises(InvalidResponse):
        asked().send_response(status, (), b"", b"")


def test_a_status_without_a_name_is_sent() -> None:
    """A status that has no reason phrase is still one."""
    assert asked().send_response(599, (), b"", b"").startswith(b"HTTP/1.1 599 \r\n")

"""The requirements of RFC 9112 and RFC 9110 on a server, as a client sees them on a real socket.

docs/reference/conformance.md lists these tests clause by clause. The parser of responses below is strict: it accepts
only what the grammar allows, to the byte.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, Request, Response
from fanlight.errors import Unauthorized
from fanlight.message.file_response import file_response
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

BIG = 200_000
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) ([\t \x21-\x7e\x80-\xff]*)")
_FIELD_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9a-z]+): ([\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
)
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT")


def echo(request: Request) -> bytes:
    return request.content


def fields_of(request: Request) -> dict[str, Any]:
    return {
        "fields": request.headers.pairs(),
        "host": request.host,
        "url": request.url,
        "version": request.http_version,
    }


def pieces() -> Response:
    return Response(iter([b"one ", b"two"]), media_type="text/plain")


def measured() -> Response:
    return Response(iter([b"one ", b"two"]), media_type="text/plain", length=7)


def locked() -> str:
    raise Unauthorized(headers={"www-authenticate": 'Basic realm="here"'})


def page_of(request: Request, status: int, size: int = 5) -> Response:
    content: Any = b"x" * size
    if "stream" in request.query:
        content = iter([b"x" * size])
    length = size if "length" in request.query else None
    return Response(content, status, media_type="text/plain", length=length)


def setting(request: Request) -> Response:
    response = Response("hello")
    for name, value in request.query.pairs():
        response.headers[name] = value
    return response


def odd(request: Request) -> Response:
    kinds: dict[str, Any] = {"list": [200], "text": "200", "none": None, "low": 199, "high": 600, "upgrade": 101}
    if "media" in request.query:
        return Response(b"x", media_type=[])  # type: ignore[arg-type]  # what a view may do by mistake
    return Response(b"x", kinds[request.query["status"]])


def doubling(request: Request) -> Response:
    response = Response("hello")
    for value in ("one", "two"):
        response.headers.add(request.query["name"], value)
    return response


def reading(request: Request) -> str:
    return str(request.json)


def dated(request: Request) -> Response:
    return file_response(request.query["path"])


def respond_to_everything() -> Iterator[object]:
    yield "everything is fine"


APP = App(
    {
        "/": "home",
        "GET|POST|PUT /echo": echo,
        "/fields": fields_of,
        "/pieces": pieces,
        "/measured": measured,
        "/locked": locked,
        "/page/{status}/{size}": page_of,
        "/set": setting,
        "/odd": odd,
        "/double": doubling,
        "POST /json": reading,
        "/file": dated,
        "POST /only": "posted",
        "/slow/": "with a slash",
    }
)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    limits = Limits(content_bytes=1_000_000)
    with pytest.MonkeyPatch.context() as patch, LiveServer(APP, limits=limits) as running:
        patch.setattr("fanlight.server.connection.connection.LINGER_SECONDS", 1.0)
        yield running


@dataclass
class ParsedResponse:
    """A response, parsed by the grammar."""

    status: int
    reason: str
    fields: dict[str, str]
    content: bytes


def parse_response(data: bytes, method: str = "GET") -> tuple[ParsedResponse, bytes]:
    """Parse the first response of the data; return it and the rest."""
    head, end, rest = data.partition(b"\r\n\r\n")
    assert end, f"no whole head: {data!r}"
    first, *lines = head.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    assert status_line, first
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD_LINE.fullmatch(line)
        assert found, line
        name = found[1].decode()
        assert name not in fields, f"{name} is there twice"
        fields[name] = (found[2] or b"").decode("latin-1")
    status = int(status_line[1])
    assert not ("content-length" in fields and "transfer-encoding" in fields)
    if method == "HEAD" or status in (204, 304):
        content = b""
    elif "transfer-encoding" in fields:
        content, rest = parse_chunks(rest)
    elif "content-length" in fields:
        size = int(fields["content-length"])
        content, rest = rest[:size], rest[size:]
        assert len(content) == size
    else:
        content, rest = rest, b""
        assert fields["connection"] == "close"
    return ParsedResponse(status, status_line[2].decode(), fields, content), rest


def parse_chunks(data: bytes) -> tuple[bytes, bytes]:
    content = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            assert data.startswith(b"\r\n")
            return content, data[2:]
        content += data[:size]
        assert data[size : size + 2] == b"\r\n"
        data = data[size + 2 :]


def connect(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE)


def send(server: LiveServer, data: bytes, *methods: str) -> list[ParsedResponse]:
    """Send data from a client that closes for writing; return the responses, which are all of what is received."""
    with connect(server) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = read_all(sock)
    responses = []
    for method in methods or ("GET",):
        response, received = parse_response(received, method)
        responses.append(response)
    assert received == b""
    return responses


def request_head(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *fields]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


# --- content and its length -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/page/200/5", f"/page/200/{BIG}", "/measured", "/pieces", "/nowhere", "/set?etag=%22a%22"]
)
def test_head_has_the_fields_of_get_and_no_content(server: LiveServer, path: str) -> None:
    """HEAD gets the same status and the same fields as GET, and not a byte of content (RFC 9110 9.3.2)."""
    (expected,) = send(server, request_head(path))
    (head,) = send(server, request_head(path, method="HEAD"), "HEAD")
    for response in (expected, head):
        response.fields.pop("date")
    assert (head.status, head.fields, head.content) == (expected.status, expected.fields, b"")


@pytest.mark.parametrize(
    ("path", "version", "fields", "status"),
    [
        ("/", "1.1", ["Expect: cake"], 417),
        ("/", "1.1", ["Content-Length: x"], 400),
        ("/echo", "1.1", ["Content-Length: 9999999"], 413),
        ("/", "1.1", ["X: " + "x" * 20_000], 431),
        ("/" + "x" * 9000, "1.1", [], 414),
        ("/", "1.0", ["Transfer-Encoding: chunked"], 400),
        ("/", "2.0", [], 505),
        ("https://localhost/", "1.1", [], 421),
        ("/", "1.1", ["Transfer-Encoding: chunked", "", "x"], 400),
    ],
)
def test_a_refused_head_request_has_no_content(
    server: LiveServer, path: str, version: str, fields: list[str], status: int
) -> None:
    """HEAD gets no content even where the request is refused, for its head or for its content (RFC 9110 9.3.2)."""
    before = request_head("/echo")  # an earlier request changes nothing
    data = request_head(path, *fields, method="HEAD", version=version)
    first, response = send(server, before + data, "GET", "HEAD")
    assert (first.status, response.status, response.content) == (200, status, b"")
    (again,) = send(server, data, "HEAD")
    assert again.fields["content-length"] == response.fields["content-length"] != "0"


def test_head_before_a_refused_request_does_not_suppress_its_reason(server: LiveServer) -> None:
    """A refusal has its reason as content, whatever the request before it was."""
    _, response = send(server, request_head("/", method="HEAD") + request_head("/", version="2.0"), "HEAD", "GET")
    assert (response.status, bool(response.content)) == (505, True)


@pytest.mark.parametrize("query", ["", "?stream", "?stream&length"])
@pytest.mark.parametrize("size", [0, 5, BIG])
@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_neither_content_nor_length(server: LiveServer, status: int, size: int, query: str) -> None:
    """204 and 304 end with their head, whatever the view returned, and the next response follows."""
    responses = send(server, request_head(f"/page/{status}/{size}{query}") + request_head("/echo"), "GET", "GET")
    assert [response.status for response in responses] == [status, 200]
    assert not {"content-length", "transfer-encoding"} & set(responses[0].fields)


@pytest.mark.parametrize("query", ["", "?stream", "?stream&length"])
@pytest.mark.parametrize("size", [0, 5, BIG])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_205_has_a_length_of_zero(server: LiveServer, method: str, size: int, query: str) -> None:
    """205 has a Content-Length of 0, whatever the view returned (RFC 9110 15.3.6), and the next response follows."""
    responses = send(
        server, request_head(f"/page/205/{size}{query}", method=method) + request_head("/echo"), method, "GET"
    )
    assert [response.status for response in responses] == [205, 200]
    assert (responses[0].fields["content-length"], responses[0].content) == ("0", b"")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("path", ["/", "/pieces", "/measured", f"/page/200/{BIG}?stream", f"/page/200/{BIG}"])
def test_a_response_is_framed_once(server: LiveServer, path: str, version: str) -> None:
    """A known length is sent as Content-Length; else chunks are used, or in HTTP/1.0 the end of the connection."""
    (response,) = send(server, request_head(path, version=version))
    is_open = path in ("/pieces", f"/page/200/{BIG}?stream")
    framing = {name for name in response.fields if name in ("content-length", "transfer-encoding")}
    assert framing == ({"content-length"} if not is_open else {"transfer-encoding"} if version == "1.1" else set())
    assert response.fields.get("transfer-encoding", "chunked") == "chunked"
    assert response.content


# --- fields ---------------------------------------------------------------------------------------

EVERY_KIND = [
    request_head("/"),
    request_head("/nowhere"),
    request_head("/only"),
    request_head("/slow"),
    request_head("/locked"),
    request_head("/page/503/5"),
    request_head("/page/204/0"),
    request_head("/pieces"),
    request_head("/odd?status=none"),
    request_head("/", method="BREW"),
    request_head("/", "Expect: cake"),
    request_head("/", "Content-Length: x"),
    request_head("/", version="3.0"),
    request_head("/" + "x" * 9000),
    request_head("https://localhost/"),
    b"nonsense\r\n\r\n",
]


@pytest.mark.parametrize("data", EVERY_KIND, ids=lambda data: data[:24].decode("latin-1"))
def test_every_response_has_a_date(server: LiveServer, data: bytes) -> None:
    """Date is the current time, in responses of views, pages and the server itself (RFC 9110 6.6.1, 5.6.7)."""
    (response,) = send(server, data)
    assert _DATE.fullmatch(response.fields["date"])
    assert abs(parsedate_to_datetime(response.fields["date"]).timestamp() - time.time()) < 5


@pytest.mark.parametrize("data", EVERY_KIND, ids=lambda data: data[:24].decode("latin-1"))
def test_every_response_with_content_has_a_media_type(server: LiveServer, data: bytes) -> None:
    """Content always has a Content-Type, and an error explains itself (RFC 9110 8.3, 15.5)."""
    (response,) = send(server, data)
    assert response.content or response.status == 204
    assert "content-type" in response.fields or not response.content


@pytest.mark.parametrize(
    "name",
    [
        *("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"),
        *("proxy-connection", "date", "server", "Content-Length", "DATE"),
    ],
)
def test_a_view_can_not_set_the_fields_of_the_server(server: LiveServer, name: str) -> None:
    """Framing fields, Connection, Date and Server are sent once, by the server: a view that sets one is a 500."""
    (response,) = send(server, request_head(f"/set?{name}=1"))
    assert response.status == 500
    assert response.content


@pytest.mark.parametrize(
    "name",
    [
        *("content-type", "Location", "etag", "last-modified", "expires", "age", "retry-after"),
        *("content-location", "content-range"),
    ],
)
def test_a_singleton_field_is_not_sent_twice(server: LiveServer, name: str) -> None:
    """Two lines of a field that takes one value are a 500, logged for the view's author (RFC 9110 5.3)."""
    assert send(server, request_head(f"/double?name={name}"))[0].status == 500


def test_the_server_field_has_no_version(server: LiveServer) -> None:
    """The Server field has a name, and no version or component (RFC 9110 10.2.4)."""
    assert send(server, request_head("/"))[0].fields["server"] == "fanlight"


@pytest.mark.parametrize(
    "query", ["status=list", "status=text", "status=none", "status=low", "status=high", "status=upgrade", "media"]
)
def test_an_invalid_status_of_a_view_is_500(server: LiveServer, query: str) -> None:
    """A status that is no valid one becomes a 500, and the connection stays open."""
    responses = send(server, request_head(f"/odd?{query}") + request_head("/echo"), "GET", "GET")
    assert [response.status for response in responses] == [500, 200]


def test_a_status_without_a_reason_keeps_its_space(server: LiveServer) -> None:
    """The space after the status is sent even where no reason phrase follows (RFC 9112 4)."""
    with connect(server) as sock:
        sock.sendall(request_head("/page/299/1", "Connection: close"))
        assert read_all(sock).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("days", [-3, 0, 3])
def test_a_file_is_never_newer_than_its_response(server: LiveServer, tmp_path: Path, days: int) -> None:
    """Last-Modified is not later than Date, whatever the file system says (RFC 9110 8.8.2.1)."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"content")
    at = time.time() + days * 86400
    os.utime(file, (at, at))
    (response,) = send(server, request_head(f"/file?path={file}"))
    modified, now = (parsedate_to_datetime(response.fields[name]) for name in ("last-modified", "date"))
    assert modified <= now
    assert days >= 0 or abs(modified.timestamp() - at) < 2


# --- connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "fields", "said"),
    [
        ("1.1", [], None),
        ("1.1", ["Connection: keep-alive"], None),
        ("1.1", ["Connection: , foo ,"], None),
        ("1.1", ["Connection: close"], "close"),
        ("1.1", ["Connection: CLOSE"], "close"),
        ("1.1", ["Connection: foo, close"], "close"),
        ("1.1", ["Connection: foo", "Connection: close"], "close"),
        ("1.1", ["Connection: ,close,"], "close"),
        ("1.0", [], "close"),
        ("1.0", ["Connection: keep-alive"], "keep-alive"),
        ("1.0", ["Connection: Keep-Alive"], "keep-alive"),
        ("1.0", ["Connection: keep-alive, close"], "close"),
        ("1.0", ["Connection: close, keep-alive"], "close"),
        ("1.9", [], None),
    ],
)
def test_a_connection_is_kept_unless_one_side_says_close(
    server: LiveServer, version: str, fields: list[str], said: str | None
) -> None:
    """After `close`, the response announces it, later requests are not served, and the server closes first."""
    with connect(server) as sock:
        sock.sendall(request_head("/echo", *fields, version=version) + request_head("/nowhere", "Connection: close"))
        received = read_all(sock)
    first, received = parse_response(received)
    assert first.fields.get("connection") == said
    if said == "close":
        assert received == b""
    else:
        second, received = parse_response(received)
        assert (second.status, received) == (404, b"")


def test_pipelined_responses_are_in_order(server: LiveServer) -> None:
    """Pipelined requests of every lane and kind get their responses in order."""
    paths = ["/", "/pieces", "/nowhere", "/page/204/0", f"/page/200/{BIG}?stream", "/measured", "/locked"]
    responses = send(server, b"".join(map(request_head, paths)), *["GET"] * len(paths))
    assert [response.status for response in responses] == [200, 200, 404, 204, 200, 200, 401]


@pytest.mark.parametrize(
    "path", ["/echo", "/", "/nowhere", "/only"], ids=["a view that reads it", "a page", "not found", "wrong method"]
)
@pytest.mark.parametrize(
    "content",
    [
        "Content-Length: 24\r\n\r\nGET /smuggled HTTP/1.1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
    ],
)
def test_content_is_never_the_next_request(server: LiveServer, path: str, content: str) -> None:
    """Content is read to its end before the next request, whether a view reads it or not (RFC 9112 9.3)."""
    data = f"PUT {path} HTTP/1.1\r\nHost: a\r\n{content}".encode() + request_head("/nowhere")
    first, second = send(server, data, "PUT", "GET")
    assert (first.status, second.status) == ({"/echo": 200, "/nowhere": 404}.get(path, 405), 404)


def test_an_error_can_be_read_while_the_client_still_sends(server: LiveServer) -> None:
    """After a refusal the server reads on, so that no reset destroys the response on its way (RFC 9112 9.6)."""
    with connect(server) as sock:
        sock.sendall(request_head("/echo", "Content-Length: 900000000", method="POST"))
        for _ in range(30):
            sock.sendall(b"x" * 10_000)
        sock.shutdown(socket.SHUT_WR)
        response, rest = parse_response(read_all(sock))
    assert (response.status, response.fields["connection"], rest) == (413, "close", b"")


def test_an_incomplete_message_is_no_request(server: LiveServer) -> None:
    """A request whose head or content is cut off by the client is not handled (RFC 9112 8, RFC 9110 5.3)."""
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /only HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"):
        with connect(server) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert b"200 OK" not in read_all(sock)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_unannounced_content_destroys_no_response(server: LiveServer, method: str, version: str) -> None:
    """A client that sends content without a length gets its response: no reset follows it (RFC 9112 9.6)."""
    with connect(server) as sock:
        sock.sendall(request_head("/echo", "Connection: close", method=method, version=version))
        response, rest = parse_response(read_all(sock))
        for _ in range(3):  # on a connection that was closed, the second would fail
            sock.sendall(b"name=ada&age=36")
            time.sleep(0.01)
    assert (response.status, rest) == (405 if method == "PATCH" else 200, b"")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_unannounced_content_is_the_next_request(server: LiveServer, version: str) -> None:
    """A request without a length has no content (RFC 9112 6.3): what follows is parsed as the next request."""
    data = request_head("/echo", "Connection: keep-alive", method="POST", version=version) + request_head(
        "/echo?q", "Connection: close"
    )
    first, second = send(server, data, "POST", "GET")
    assert (first.status, first.content) == (200, b"")
    assert second.status in (200, 405)


# --- expectations ---------------------------------------------------------------------------------


def test_100_continue_is_sent_before_any_content(server: LiveServer) -> None:
    """100 is sent before any content has come, and the final response after it (RFC 9110 10.1.1)."""
    with connect(server) as sock:
        sock.sendall(
            request_head("/echo", "Expect: 100-Continue", "Content-Length: 2", "Connection: close", method="POST")
        )
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hi")
        response, rest = parse_response(read_all(sock))
    assert (response.status, response.content, rest) == (200, b"hi", b"")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/", 405)])
def test_100_continue_is_not_sent_for_content_that_is_refused(server: LiveServer, path: str, status: int) -> None:
    """Where the content is not wanted, the final response is sent at once, without a 100 and with `close`."""
    with connect(server) as sock:
        sock.sendall(request_head(path, "Expect: 100-continue", "Content-Length: 2", method="POST"))
        response, rest = parse_response(read_all(sock))
    assert (response.status, response.fields["connection"], rest) == (status, "close", b"")


def test_an_http_1_0_client_gets_no_interim_response(server: LiveServer) -> None:
    """In HTTP/1.0 the expectation is ignored: only the final response is sent (RFC 9110 10.1.1, 15.2)."""
    data = request_head("/echo", "Expect: 100-continue", "Content-Length: 2", method="POST", version="1.0") + b"hi"
    (response,) = send(server, data)
    assert (response.status, response.content) == (200, b"hi")


def test_an_expectation_without_content_gets_no_100(server: LiveServer) -> None:
    """Where no content follows, no 100 is sent."""
    (response,) = send(server, request_head("/echo", "Expect: 100-continue"))
    assert response.status == 200


def test_an_unknown_expectation_is_417(server: LiveServer) -> None:
    """An expectation other than 100-continue is refused with 417."""
    assert send(server, request_head("/", "Expect: 100-continue, cake"))[0].status == 417


# --- targets and methods --------------------------------------------------------------------------


def test_an_absolute_target_overrides_host(server: LiveServer) -> None:
    """In the absolute-form the host is that of the target, and Host is ignored (RFC 9112 3.2.2)."""
    (response,) = send(server, request_head("http://other.example:81/fields?x=1"))
    assert b'"host":"other.example:81"' in response.content
    assert b'"url":"http://other.example:81/fields?x=1"' in response.content


def test_an_https_target_is_421_on_a_plain_connection(server: LiveServer) -> None:
    """An https URL may be requested only on a secured connection: otherwise 421 (RFC 9110 7.4)."""
    (response,) = send(server, request_head("https://localhost/"))
    assert (response.status, response.fields["connection"]) == (421, "close")


def test_an_https_target_is_served_on_a_tls_connection(certificates: Any, localhost: Any) -> None:
    """An https URL on a TLS connection is served, and the request has its scheme."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=certificates.ca)
    with (
        LiveServer(APP, options=options) as server,
        connect(server) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(request_head("https://localhost/fields", "Connection: close"))
        response, _ = parse_response(read_all(sock))
    assert b'"url":"https://localhost/fields"' in response.content


@pytest.mark.parametrize("field", ["", "X-Forwarded-Proto: https"])
def test_a_trusted_gateway_may_request_https(field: str) -> None:
    """What a trusted proxy has received by TLS may come on a plain connection (RFC 9110 7.4)."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, trusted_proxies=("127.0.0.1",))
    with LiveServer(APP, options=options) as server:
        assert send(server, request_head("https://localhost/", *filter(None, [field])))[0].status == 200


def test_the_response_to_plain_http_on_the_https_port_is_valid(localhost: Any) -> None:
    """The refusal of plain HTTP on the https port is a valid response, Date included."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    with LiveServer(APP, options=options) as server, connect(server) as sock:
        sock.sendall(request_head("/"))
        response, rest = parse_response(read_all(sock))
    assert (response.status, rest) == (400, b"")
    assert _DATE.fullmatch(response.fields["date"])


@pytest.mark.parametrize("target", ["*", "http://localhost"])
def test_options_for_the_whole_server(server: LiveServer, target: str) -> None:
    """OPTIONS * lists every method that the site allows anywhere."""
    (response,) = send(server, request_head(target, method="OPTIONS"))
    assert (response.status, response.fields["allow"]) == (204, "GET, HEAD, POST, PUT, OPTIONS")


def test_options_for_one_address(server: LiveServer) -> None:
    """OPTIONS of a path lists the methods that the path allows."""
    assert send(server, request_head("/only", method="OPTIONS"))[0].fields["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "QUERY"])
def test_a_known_method_that_is_not_allowed_is_405_with_allow(server: LiveServer, method: str) -> None:
    """A 405 lists the allowed methods (RFC 9110 10.2.1)."""
    (response,) = send(server, request_head("/", method=method))
    assert (response.status, response.fields["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/", "/nowhere"])
@pytest.mark.parametrize("method", ["BREW", "get", "x" * 32])
def test_an_unknown_method_is_501(server: LiveServer, method: str, path: str) -> None:
    """Methods are case-sensitive, and unknown ones are 501."""
    assert send(server, request_head(path, method=method))[0].status == 501


def test_trace_is_allowed_nowhere(server: LiveServer) -> None:
    """It is known, and would echo secrets: 405 with `Allow`, as any method that a path does not have."""
    (response,) = send(server, request_head("/", "Cookie: secret=1", method="TRACE"))
    assert (response.status, response.fields["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert b"secret=1" not in response.content


def test_a_method_longer_than_any_is_501(server: LiveServer) -> None:
    """A method longer than any that the server implements is 501 (RFC 9112 3)."""
    assert send(server, request_head("/", method="X" * 33))[0].status == 501


@pytest.mark.parametrize(
    ("target", "status"), [("example.org:443", 501), ("example.org:", 400), ("example.org:x", 400), ("/", 400)]
)
def test_connect_opens_no_tunnel(server: LiveServer, target: str, status: int) -> None:
    """CONNECT never gets a 2xx, whatever the middleware; a bad port is 400 (RFC 9110 9.3.6)."""
    with LiveServer(App({"/": "x"}, middleware=[respond_to_everything])) as other:
        for running in (server, other):
            (response,) = send(running, request_head(target, method="CONNECT"))
            assert (response.status, response.fields["connection"]) == (status, "close")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0"])
def test_an_upgrade_is_ignored(server: LiveServer, protocol: str, version: str) -> None:
    """A request with Upgrade is served in the protocol in which it came (RFC 9110 7.8)."""
    fields = [f"Upgrade: {protocol}", "Connection: upgrade, close", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    (response,) = send(server, request_head("/", *fields, version=version))
    assert response.status == 200
    assert "upgrade" not in response.fields


def test_te_changes_nothing(server: LiveServer) -> None:
    """TE is ignored: no other transfer coding than chunked is used, and no trailers are sent."""
    (response,) = send(server, request_head("/pieces", "TE: trailers, deflate;q=0.5", "Connection: TE"))
    assert (response.fields["transfer-encoding"], response.content) == ("chunked", b"one two")
    assert "trailer" not in response.fields


def test_trailers_never_become_fields(server: LiveServer) -> None:
    """A view sees only the fields of the head (RFC 9110 6.5.1)."""
    data = b"GET /fields HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Role: admin\r\n\r\n"
    (response,) = send(server, data)
    assert response.status == 200
    assert b"admin" not in response.content


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request_head("/" + "x" * 8000), 404),
        (request_head("/" + "x" * 9000), 414),
        (request_head("/", "X: " + "x" * 20_000), 431),
        (request_head("/", *[f"X-{number}: 1" for number in range(200)]), 431),
        (request_head("/echo", "Content-Length: 1000001", method="POST"), 413),
        (request_head("/echo", f"Content-Length: {10**30}", method="POST"), 413),
        (request_head("/", version="2.0"), 505),
        (request_head("/", version="1.2"), 200),
        (request_head("/", version="0.9"), 505),
    ],
    ids=["long", "longer", "head", "fields", "content", "huge", "2.0", "1.2", "0.9"],
)
def test_each_limit_of_a_head_has_a_status(server: LiveServer, data: bytes, status: int) -> None:
    """A request line of 8000 bytes is served; each part over its limit has a status of its own."""
    assert send(server, data)[0].status == status


def test_a_page_has_no_ranges(server: LiveServer) -> None:
    """Range is ignored for a page: all of its content is sent, and no field says otherwise."""
    (response,) = send(
        server, request_head("/measured", "Range: bytes=0-1", 'If-Range: "a"', "Content-Range: bytes 0-1/2")
    )
    assert (response.status, response.content) == (200, b"one two")
    assert not {"content-range", "accept-ranges"} & set(response.fields)


def test_401_has_its_challenge(server: LiveServer) -> None:
    """The challenge that a view gives to Unauthorized is sent as WWW-Authenticate."""
    assert send(server, request_head("/locked"))[0].fields["www-authenticate"] == 'Basic realm="here"'


def test_what_depends_on_accept_has_vary(server: LiveServer) -> None:
    """An error page that would be JSON for another client, or compressed, has Vary (RFC 9110 12.5.5)."""
    (page,) = send(server, request_head("/nowhere"))
    (problem,) = send(server, request_head("/nowhere", "Accept: text/html;x=1;q=0.1,,application/json;Q=0.9;x=1"))
    assert (page.fields["vary"], problem.fields["vary"]) == ("accept, accept-encoding", "accept")
    assert (page.fields["content-type"], problem.fields["content-type"]) == (
        "text/html; charset=utf-8",
        "application/problem+json",
    )


def test_a_redirect_has_location_and_a_link(server: LiveServer) -> None:
    """A redirect has Location, and its content links there too."""
    (response,) = send(server, request_head("/slow"))
    assert (response.status, response.fields["location"]) == (308, "/slow/")
    assert response.content


def test_415_for_a_media_type_has_no_accept_encoding(server: LiveServer) -> None:
    """A 415 for a media type has no Accept-Encoding, which would blame the content coding (RFC 9110 12.5.3)."""
    (response,) = send(
        server, request_head("/json", "Content-Length: 2", "Content-Type: text/plain", method="POST") + b"hi"
    )
    assert response.status == 415
    assert "accept-encoding" not in response.fields


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nowhere", "GET", 404), ("/", "POST", 405), ("/", "OPTIONS", 204), ("/", "BREW", 501)],
)
def test_conditions_do_not_change_errors(server: LiveServer, path: str, method: str, status: int) -> None:
    """A response that is no success is sent as it is, whatever the If-* fields say (RFC 9110 13.2.1)."""
    fields = ['If-Match: "a"', "If-None-Match: *", "If-Unmodified-Since: Mon, 23 Nov 1998 10:00:00 GMT"]
    assert send(server, request_head(path, *fields, method=method))[0].status == status


def test_505_lists_the_supported_versions(server: LiveServer) -> None:
    """A client of another version gets a 505 that lists the supported ones (RFC 9110 15.6.6)."""
    (response,) = send(server, request_head("/", version="2.0"))
    assert response.status == 505
    assert b"HTTP/1.1" in response.content

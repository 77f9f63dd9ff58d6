"""What RFC 9112 and RFC 9110 ask of a server, seen by a client on a real socket.

docs/reference/conformance.md names these tests, clause by clause. The reader of answers below is strict: what
it takes is an answer by the grammar, to the byte.
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
    kinds: dict[str, Any] = {"list": [200], "text": "200", "none": None, "low": 199, "high": 600, "upgrade": 426}
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


def answer_everything() -> Iterator[object]:
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
class Answer:
    """One answer, read by the grammar."""

    status: int
    reason: str
    fields: dict[str, str]
    content: bytes


def read_one(data: bytes, method: str = "GET") -> tuple[Answer, bytes]:
    """Return the first answer of some bytes, and what follows it."""
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
        content, rest = read_chunks(rest)
    elif "content-length" in fields:
        size = int(fields["content-length"])
        content, rest = rest[:size], rest[size:]
        assert len(content) == size
    else:
        content, rest = rest, b""
        assert fields["connection"] == "close"
    return Answer(status, status_line[2].decode(), fields, content), rest


def read_chunks(data: bytes) -> tuple[bytes, bytes]:
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


def connected(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE)


def all_of(sock: socket.socket) -> bytes:
    received = b""
    while piece := sock.recv(65536):
        received += piece
    return received


def ask(server: LiveServer, data: bytes, *methods: str) -> list[Answer]:
    """Return the answers to some bytes, from a client that sends no more; nothing may be left over."""
    with connected(server) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = all_of(sock)
    answers = []
    for method in methods or ("GET",):
        answer, received = read_one(received, method)
        answers.append(answer)
    assert received == b""
    return answers


def get(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *fields]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


# --- content and its length -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/page/200/5", f"/page/200/{BIG}", "/measured", "/pieces", "/nowhere", "/set?etag=%22a%22"]
)
def test_head_has_the_fields_of_get_and_no_content(server: LiveServer, path: str) -> None:
    """HEAD gets the same status and the same fields, and not a byte of content (RFC 9110 9.3.2)."""
    (asked,) = ask(server, get(path))
    (head,) = ask(server, get(path, method="HEAD"), "HEAD")
    for answer in (asked, head):
        answer.fields.pop("date")
    assert (head.status, head.fields, head.content) == (asked.status, asked.fields, b"")


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
def test_a_refused_head_has_no_content_either(
    server: LiveServer, path: str, version: str, fields: list[str], status: int
) -> None:
    """HEAD gets no content even if the wire refuses it, at its head or in its content (RFC 9110 9.3.2)."""
    before = get("/echo")  # what was asked before changes nothing
    data = get(path, *fields, method="HEAD", version=version)
    first, answer = ask(server, before + data, "GET", "HEAD")
    assert (first.status, answer.status, answer.content) == (200, status, b"")
    (again,) = ask(server, data, "HEAD")
    assert again.fields["content-length"] == answer.fields["content-length"] != "0"


def test_head_before_a_refused_request_takes_nothing_from_it(server: LiveServer) -> None:
    """The reason of a refusal is there, whatever was asked before it."""
    _, answer = ask(server, get("/", method="HEAD") + get("/", version="2.0"), "HEAD", "GET")
    assert (answer.status, bool(answer.content)) == (505, True)


@pytest.mark.parametrize("query", ["", "?stream", "?stream&length"])
@pytest.mark.parametrize("size", [0, 5, BIG])
@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_neither_content_nor_its_length(
    server: LiveServer, status: int, size: int, query: str
) -> None:
    """204 and 304 end with their head, whatever the view returned, and the next answer follows."""
    answers = ask(server, get(f"/page/{status}/{size}{query}") + get("/echo"), "GET", "GET")
    assert [answer.status for answer in answers] == [status, 200]
    assert not {"content-length", "transfer-encoding"} & set(answers[0].fields)


@pytest.mark.parametrize("query", ["", "?stream", "?stream&length"])
@pytest.mark.parametrize("size", [0, 5, BIG])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_205_has_no_content_and_says_so(server: LiveServer, method: str, size: int, query: str) -> None:
    """205 has a length of 0, whatever the view returned (RFC 9110 15.3.6), and the next answer follows."""
    answers = ask(server, get(f"/page/205/{size}{query}", method=method) + get("/echo"), method, "GET")
    assert [answer.status for answer in answers] == [205, 200]
    assert (answers[0].fields["content-length"], answers[0].content) == ("0", b"")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("path", ["/", "/pieces", "/measured", f"/page/200/{BIG}?stream", f"/page/200/{BIG}"])
def test_an_answer_is_framed_once(server: LiveServer, path: str, version: str) -> None:
    """A known length is said, an unknown one comes in chunks, and to HTTP/1.0 ends with the connection."""
    (answer,) = ask(server, get(path, version=version))
    is_open = path in ("/pieces", f"/page/200/{BIG}?stream")
    framing = {name for name in answer.fields if name in ("content-length", "transfer-encoding")}
    assert framing == ({"content-length"} if not is_open else {"transfer-encoding"} if version == "1.1" else set())
    assert answer.fields.get("transfer-encoding", "chunked") == "chunked"
    assert answer.content


# --- fields ---------------------------------------------------------------------------------------

EVERY_KIND = [
    get("/"),
    get("/nowhere"),
    get("/only"),
    get("/slow"),
    get("/locked"),
    get("/page/503/5"),
    get("/page/204/0"),
    get("/pieces"),
    get("/odd?status=none"),
    get("/", method="BREW"),
    get("/", "Expect: cake"),
    get("/", "Content-Length: x"),
    get("/", version="3.0"),
    get("/" + "x" * 9000),
    get("https://localhost/"),
    b"nonsense\r\n\r\n",
]


@pytest.mark.parametrize("data", EVERY_KIND, ids=lambda data: data[:24].decode("latin-1"))
def test_every_answer_has_the_date(server: LiveServer, data: bytes) -> None:
    """Whoever answers, a view, a page, or the wire itself: Date is now, in the one format (RFC 9110 6.6.1, 5.6.7)."""
    (answer,) = ask(server, data)
    assert _DATE.fullmatch(answer.fields["date"])
    assert abs(parsedate_to_datetime(answer.fields["date"]).timestamp() - time.time()) < 5


@pytest.mark.parametrize("data", EVERY_KIND, ids=lambda data: data[:24].decode("latin-1"))
def test_every_answer_that_has_content_says_of_what_kind(server: LiveServer, data: bytes) -> None:
    """There is a media type wherever there is content, and an error explains itself (RFC 9110 8.3, 15.5)."""
    (answer,) = ask(server, data)
    assert answer.content or answer.status == 204
    assert "content-type" in answer.fields or not answer.content


@pytest.mark.parametrize(
    "name",
    [
        *("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"),
        *("proxy-connection", "date", "server", "Content-Length", "DATE"),
    ],
)
def test_a_view_can_not_write_what_is_the_servers(server: LiveServer, name: str) -> None:
    """Framing, the connection, Date and Server are written once, by the server: a view that tries gets a 500."""
    (answer,) = ask(server, get(f"/set?{name}=1"))
    assert answer.status == 500
    assert answer.content


@pytest.mark.parametrize(
    "name",
    [
        *("content-type", "Location", "etag", "last-modified", "expires", "age", "retry-after"),
        *("content-location", "content-range"),
    ],
)
def test_a_field_that_is_no_list_is_not_doubled(server: LiveServer, name: str) -> None:
    """A second line of a field that has one value is a 500 for its author, never left to the reader (RFC 9110 5.3)."""
    assert ask(server, get(f"/double?name={name}"))[0].status == 500


def test_the_server_says_its_name_and_no_more(server: LiveServer) -> None:
    """Server names no version, and nothing of what we are made of (RFC 9110 10.2.4)."""
    assert ask(server, get("/"))[0].fields["server"] == "fanlight"


@pytest.mark.parametrize(
    "query", ["status=list", "status=text", "status=none", "status=low", "status=high", "status=upgrade", "media"]
)
def test_a_view_can_not_send_what_is_no_answer(server: LiveServer, query: str) -> None:
    """A status that is none becomes a 500, and the connection goes on."""
    answers = ask(server, get(f"/odd?{query}") + get("/echo"), "GET", "GET")
    assert [answer.status for answer in answers] == [500, 200]


def test_a_status_without_a_reason_keeps_its_space(server: LiveServer) -> None:
    """The space behind the status is there even if no phrase follows (RFC 9112 4)."""
    with connected(server) as sock:
        sock.sendall(get("/page/299/1", "Connection: close"))
        assert all_of(sock).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("days", [-3, 0, 3])
def test_a_file_is_never_newer_than_its_answer(server: LiveServer, tmp_path: Path, days: int) -> None:
    """Last-Modified is not later than Date, whatever the disk says (RFC 9110 8.8.2.1)."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"content")
    at = time.time() + days * 86400
    os.utime(file, (at, at))
    (answer,) = ask(server, get(f"/file?path={file}"))
    modified, now = (parsedate_to_datetime(answer.fields[name]) for name in ("last-modified", "date"))
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
def test_a_connection_goes_on_unless_somebody_says_close(
    server: LiveServer, version: str, fields: list[str], said: str | None
) -> None:
    """`close` has the last word; then it is announced, the rest is not served, and the server closes first."""
    with connected(server) as sock:
        sock.sendall(get("/echo", *fields, version=version) + get("/nowhere", "Connection: close"))
        received = all_of(sock)
    first, received = read_one(received)
    assert first.fields.get("connection") == said
    if said == "close":
        assert received == b""
    else:
        second, received = read_one(received)
        assert (second.status, received) == (404, b"")


def test_pipelined_answers_come_in_their_order(server: LiveServer) -> None:
    """Requests of every lane and kind, sent in one breath, are answered one after the other."""
    paths = ["/", "/pieces", "/nowhere", "/page/204/0", f"/page/200/{BIG}?stream", "/measured", "/locked"]
    answers = ask(server, b"".join(map(get, paths)), *["GET"] * len(paths))
    assert [answer.status for answer in answers] == [200, 200, 404, 204, 200, 200, 401]


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
    """Whether anybody wants it or not, content is read to its end before the next request (RFC 9112 9.3)."""
    data = f"PUT {path} HTTP/1.1\r\nHost: a\r\n{content}".encode() + get("/nowhere")
    first, second = ask(server, data, "PUT", "GET")
    assert (first.status, second.status) == ({"/echo": 200, "/nowhere": 404}.get(path, 405), 404)


def test_an_error_can_be_read_while_the_client_still_sends(server: LiveServer) -> None:
    """Who sends on after a refusal is read from, so that no reset takes away the answer (RFC 9112 9.6)."""
    with connected(server) as sock:
        sock.sendall(get("/echo", "Content-Length: 900000000", method="POST"))
        for _ in range(30):
            sock.sendall(b"x" * 10_000)
        sock.shutdown(socket.SHUT_WR)
        answer, rest = read_one(all_of(sock))
    assert (answer.status, answer.fields["connection"], rest) == (413, "close", b"")


def test_a_message_that_stays_incomplete_is_no_request(server: LiveServer) -> None:
    """A client that leaves in the middle of head or content has asked nothing (RFC 9112 8, RFC 9110 5.3)."""
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /only HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"):
        with connected(server) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert b"200 OK" not in all_of(sock)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_content_that_was_not_announced_destroys_no_response(server: LiveServer, method: str, version: str) -> None:
    """Some clients send content without its length: they get their response, as no reset follows it (RFC 9112 9.6)."""
    with connected(server) as sock:
        sock.sendall(get("/echo", "Connection: close", method=method, version=version))
        answer, rest = read_one(all_of(sock))
        for _ in range(3):  # on a connection that was closed, the second would fail
            sock.sendall(b"name=ada&age=36")
            time.sleep(0.01)
    assert (answer.status, rest) == (405 if method == "PATCH" else 200, b"")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_content_that_was_not_announced_is_no_content(server: LiveServer, version: str) -> None:
    """Without a length there is none, whatever follows (RFC 9112 section 6.3): what follows is the next request."""
    data = get("/echo", "Connection: keep-alive", method="POST", version=version) + get("/echo?q", "Connection: close")
    first, second = ask(server, data, "POST", "GET")
    assert (first.status, first.content) == (200, b"")
    assert second.status in (200, 405)


# --- expectations ---------------------------------------------------------------------------------


def test_who_waits_for_our_word_gets_it_at_once(server: LiveServer) -> None:
    """100 comes before any content has, and the final answer after it (RFC 9110 10.1.1)."""
    with connected(server) as sock:
        sock.sendall(get("/echo", "Expect: 100-Continue", "Content-Length: 2", "Connection: close", method="POST"))
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hi")
        answer, rest = read_one(all_of(sock))
    assert (answer.status, answer.content, rest) == (200, b"hi", b"")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/", 405)])
def test_who_waits_in_vain_is_told_so_instead(server: LiveServer, path: str, status: int) -> None:
    """Where nobody wants the content the final answer comes at once, without a 100, and says close."""
    with connected(server) as sock:
        sock.sendall(get(path, "Expect: 100-continue", "Content-Length: 2", method="POST"))
        answer, rest = read_one(all_of(sock))
    assert (answer.status, answer.fields["connection"], rest) == (status, "close", b"")


def test_an_old_client_never_gets_an_interim_answer(server: LiveServer) -> None:
    """In HTTP/1.0 the expectation is ignored: there is one answer, the final one (RFC 9110 10.1.1, 15.2)."""
    data = get("/echo", "Expect: 100-continue", "Content-Length: 2", method="POST", version="1.0") + b"hi"
    (answer,) = ask(server, data)
    assert (answer.status, answer.content) == (200, b"hi")


def test_an_expectation_without_content_needs_no_word(server: LiveServer) -> None:
    """Where no content follows there is nothing to wait for, and no 100."""
    (answer,) = ask(server, get("/echo", "Expect: 100-continue"))
    assert answer.status == 200


def test_another_expectation_is_not_met(server: LiveServer) -> None:
    """417 says that we know 100-continue alone."""
    assert ask(server, get("/", "Expect: 100-continue, cake"))[0].status == 417


# --- targets and methods --------------------------------------------------------------------------


def test_a_url_as_the_target_overrides_host(server: LiveServer) -> None:
    """In the absolute-form the target says whom it is for, and Host is ignored (RFC 9112 3.2.2)."""
    (answer,) = ask(server, get("http://other.example:81/fields?x=1"))
    assert b'"host":"other.example:81"' in answer.content
    assert b'"url":"http://other.example:81/fields?x=1"' in answer.content


def test_https_is_refused_on_a_connection_that_is_not_secured(server: LiveServer) -> None:
    """A URL with https asks for what only a secured connection may answer: 421 (RFC 9110 7.4)."""
    (answer,) = ask(server, get("https://localhost/"))
    assert (answer.status, answer.fields["connection"]) == (421, "close")


def test_https_is_answered_where_it_belongs(certificates: Any, localhost: Any) -> None:
    """The same URL on a secured connection is answered, and knows its scheme."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    context = ssl.create_default_context(cafile=certificates.ca)
    with (
        LiveServer(APP, options=options) as server,
        connected(server) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(get("https://localhost/fields", "Connection: close"))
        answer, _ = read_one(all_of(sock))
    assert b'"url":"https://localhost/fields"' in answer.content


@pytest.mark.parametrize("field", ["", "X-Forwarded-Proto: https"])
def test_a_trusted_gateway_may_ask_for_https(field: str) -> None:
    """What a proxy that we trust has secured needs no second securing (RFC 9110 7.4)."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, trusted_proxies=("127.0.0.1",))
    with LiveServer(APP, options=options) as server:
        assert ask(server, get("https://localhost/", *filter(None, [field])))[0].status == 200


def test_plain_http_at_the_https_port_is_answered_by_the_rules(localhost: Any) -> None:
    """What is said to a client that forgot the s is an answer like others, Date included."""
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    with LiveServer(APP, options=options) as server, connected(server) as sock:
        sock.sendall(get("/"))
        answer, rest = read_one(all_of(sock))
    assert (answer.status, rest) == (400, b"")
    assert _DATE.fullmatch(answer.fields["date"])


@pytest.mark.parametrize("target", ["*", "http://localhost"])
def test_options_for_the_whole_server(server: LiveServer, target: str) -> None:
    """OPTIONS * names every method that the site takes anywhere."""
    (answer,) = ask(server, get(target, method="OPTIONS"))
    assert (answer.status, answer.fields["allow"]) == (204, "GET, HEAD, POST, PUT, OPTIONS")


def test_options_for_one_address(server: LiveServer) -> None:
    """OPTIONS of a path names what the path takes."""
    assert ask(server, get("/only", method="OPTIONS"))[0].fields["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "QUERY"])
def test_a_known_method_that_does_not_fit_is_405_with_allow(server: LiveServer, method: str) -> None:
    """The answer names the methods that would do (RFC 9110 10.2.1)."""
    (answer,) = ask(server, get("/", method=method))
    assert (answer.status, answer.fields["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/", "/nowhere"])
@pytest.mark.parametrize("method", ["BREW", "get", "TRACE", "x" * 32])
def test_a_method_that_nobody_has_is_501(server: LiveServer, method: str, path: str) -> None:
    """Methods are case-sensitive, unknown ones are 501, and TRACE, which would echo secrets, is one of them."""
    (answer,) = ask(server, get(path, "Cookie: secret=1", method=method))
    assert answer.status == 501
    assert b"secret=1" not in answer.content


def test_a_method_longer_than_any_is_501(server: LiveServer) -> None:
    """RFC 9112 3: longer than any that the server has."""
    assert ask(server, get("/", method="X" * 33))[0].status == 501


@pytest.mark.parametrize(
    ("target", "status"), [("example.org:443", 501), ("example.org:", 400), ("example.org:x", 400), ("/", 400)]
)
def test_connect_opens_no_tunnel(server: LiveServer, target: str, status: int) -> None:
    """No CONNECT is ever answered 2xx, whatever stands around the views; a bad port is 400 (RFC 9110 9.3.6)."""
    with LiveServer(App({"/": "x"}, middleware=[answer_everything])) as other:
        for running in (server, other):
            (answer,) = ask(running, get(target, method="CONNECT"))
            assert (answer.status, answer.fields["connection"]) == (status, "close")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0"])
def test_an_upgrade_is_not_taken_up(server: LiveServer, protocol: str, version: str) -> None:
    """Upgrade is ignored: the request is answered in the protocol it came in (RFC 9110 7.8)."""
    fields = [f"Upgrade: {protocol}", "Connection: upgrade, close", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    (answer,) = ask(server, get("/", *fields, version=version))
    assert answer.status == 200
    assert "upgrade" not in answer.fields


def test_te_changes_nothing(server: LiveServer) -> None:
    """What a client would take besides chunked is not used, and no trailers come."""
    (answer,) = ask(server, get("/pieces", "TE: trailers, deflate;q=0.5", "Connection: TE"))
    assert (answer.fields["transfer-encoding"], answer.content) == ("chunked", b"one two")
    assert "trailer" not in answer.fields


def test_trailers_never_become_fields(server: LiveServer) -> None:
    """A view sees the fields of the head alone (RFC 9110 6.5.1)."""
    data = b"GET /fields HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Role: admin\r\n\r\n"
    (answer,) = ask(server, data)
    assert answer.status == 200
    assert b"admin" not in answer.content


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("/" + "x" * 8000), 404),
        (get("/" + "x" * 9000), 414),
        (get("/", "X: " + "x" * 20_000), 431),
        (get("/", *[f"X-{number}: 1" for number in range(200)]), 431),
        (get("/echo", "Content-Length: 1000001", method="POST"), 413),
        (get("/echo", f"Content-Length: {10**30}", method="POST"), 413),
        (get("/", version="2.0"), 505),
        (get("/", version="1.2"), 200),
        (get("/", version="0.9"), 505),
    ],
    ids=["long", "longer", "head", "fields", "content", "huge", "2.0", "1.2", "0.9"],
)
def test_what_is_too_much_is_told_by_its_status(server: LiveServer, data: bytes, status: int) -> None:
    """A request line of 8000 bytes is served; over a limit each part has a status of its own."""
    assert ask(server, data)[0].status == status


def test_a_page_has_no_ranges(server: LiveServer) -> None:
    """Range is ignored for what is no file; the whole content comes, and nothing claims otherwise."""
    (answer,) = ask(server, get("/measured", "Range: bytes=0-1", 'If-Range: "a"', "Content-Range: bytes 0-1/2"))
    assert (answer.status, answer.content) == (200, b"one two")
    assert not {"content-range", "accept-ranges"} & set(answer.fields)


def test_401_has_its_challenge(server: LiveServer) -> None:
    """What a view gives Unauthorized to say is said."""
    assert ask(server, get("/locked"))[0].fields["www-authenticate"] == 'Basic realm="here"'


def test_what_depends_on_accept_says_so(server: LiveServer) -> None:
    """An error page that would be JSON for another client, or be compressed, has Vary (RFC 9110 12.5.5)."""
    (page,) = ask(server, get("/nowhere"))
    (problem,) = ask(server, get("/nowhere", "Accept: text/html;x=1;q=0.1,,application/json;Q=0.9;x=1"))
    assert (page.fields["vary"], problem.fields["vary"]) == ("accept, accept-encoding", "accept")
    assert (page.fields["content-type"], problem.fields["content-type"]) == (
        "text/html; charset=utf-8",
        "application/problem+json",
    )


def test_a_redirect_says_where(server: LiveServer) -> None:
    """A redirect has Location, and content that leads there too."""
    (answer,) = ask(server, get("/slow"))
    assert (answer.status, answer.fields["location"]) == (308, "/slow/")
    assert answer.content


def test_415_says_nothing_of_codings(server: LiveServer) -> None:
    """Content of another kind is 415, without Accept-Encoding, which would blame its coding (RFC 9110 12.5.3)."""
    (answer,) = ask(server, get("/json", "Content-Length: 2", "Content-Type: text/plain", method="POST") + b"hi")
    assert answer.status == 415
    assert "accept-encoding" not in answer.fields


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nowhere", "GET", 404), ("/", "POST", 405), ("/", "OPTIONS", 204), ("/", "TRACE", 501)],
)
def test_conditions_do_not_touch_errors(server: LiveServer, path: str, method: str, status: int) -> None:
    """What would be no success is what it is, whatever If-* say (RFC 9110 13.2.1)."""
    fields = ['If-Match: "a"', "If-None-Match: *", "If-Unmodified-Since: Mon, 23 Nov 1998 10:00:00 GMT"]
    assert ask(server, get(path, *fields, method=method))[0].status == status


def test_505_says_which_versions_there_are(server: LiveServer) -> None:
    """Who speaks another version reads which ones would do (RFC 9110 15.6.6)."""
    (answer,) = ask(server, get("/", version="2.0"))
    assert answer.status == 505
    assert b"HTTP/1.1" in answer.content

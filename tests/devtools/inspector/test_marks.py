"""The marks of a message agree with the wire, on every raw message that the wire is tested with."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.feeding import LIMITS
from tests.wire.test_vectors import EXPECTED, NEXT, vector

from fanlight.devtools.inspector.exchange_record import ConnectionInfo, Exchange, Refusal
from fanlight.devtools.inspector.marking import Mark, content_of, fields_of
from fanlight.devtools.inspector.marks import marks, response_marks
from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

ACCEPTED = [name for name, expected in EXPECTED.items() if isinstance(expected, str) and expected != "incomplete"]


def exchange_of(data: bytes) -> Exchange:
    """Return the record of a message that came whole, with the wire's reason if it is refused."""
    wire = Http1Connection(LIMITS)
    wire.receive(data)
    refusal = None
    try:
        while isinstance(event := wire.next_event(), RequestHead | Content):
            if isinstance(event, RequestHead) and event.content_length == 0:
                break
    except ProtocolError as error:
        refusal = Refusal(error.status, str(error))
    return Exchange(id="000001", began_at=0.0, connection=ConnectionInfo(1, "127.0.0.1", 0), refusal=refusal)


def marks_of(data: bytes) -> list[Mark]:
    return marks(data, exchange_of(data))


def fault(data: bytes) -> tuple[bytes, bytes]:
    """Return the bytes before the fault, and those at fault."""
    found = [mark for mark in marks_of(data) if mark.kind == "fault"]
    if not found:
        return b"", b""
    return data[: found[0].start], data[found[0].start : found[-1].end]


def covers(found: list[Mark], size: int) -> bool:
    places = [(mark.start, mark.end) for mark in found]
    return (
        all(start < end for start, end in places)
        and all(before[1] == after[0] for before, after in pairwise(places))
        and ((places[0][0], places[-1][1]) == (0, size) if places else size == 0)
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_each_byte_has_one_mark(name: str) -> None:
    """The marks of every raw message follow each other without a gap, also when it is cut anywhere."""
    data = vector(name)
    for size in {*range(min(len(data), 200) + 1), len(data)}:
        assert covers(marks_of(data[:size]), size)


@given(st.binary(max_size=200))
def test_each_byte_of_anything_has_one_mark(data: bytes) -> None:
    """Whatever was received or sent, each byte has one mark."""
    assert covers(marks_of(data), len(data))
    assert covers(response_marks(data, "GET"), len(data))
    assert covers(marks_of(b"GET / HTTP/1.1\r\n" + data), len(data) + 16)
    assert covers(response_marks(b"HTTP/1.1 200 OK\r\n" + data, "GET"), len(data) + 17)


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_marks_agree_with_the_wire(name: str) -> None:
    """Method, target, fields, content and trailers are marked where the wire reads them."""
    data = vector(name)
    wire = Http1Connection(LIMITS)
    wire.receive(data)
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    content, trailers = b"", []
    while (event := wire.next_event()) is not None:
        if isinstance(event, Content):
            content += event.data
        elif isinstance(event, EndOfMessage):
            trailers = event.trailers
    found = marks_of(data)
    line = {mark.kind: data[mark.start : mark.end].decode("latin-1") for mark in found if mark.part == mark.kind}
    assert (line["method"], line.get("target", "")) == (head.method, head.target)
    for prefix, expected in (("field", head.fields), ("trailer", trailers)):
        pairs = fields_of(found, data, prefix)
        assert [(key.decode().lower(), value.decode("latin-1")) for key, value in pairs] == expected
    assert content_of(found, data) == content


@pytest.mark.parametrize("name", ["plain-get", "content-length", "chunked-with-trailer", "get-with-content"])
def test_the_next_request_is_not_of_this_one(name: str) -> None:
    """What follows a message is marked as behind it, from its first byte."""
    last = marks_of(vector(name) + NEXT)[-1]
    assert (last.kind, last.start) == ("next", len(vector(name)))


def test_what_follows_a_refused_head_is_not_read() -> None:
    """Content behind a refused head has no marks of content: the wire never looked at it."""
    found = marks_of(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
    assert found[-1] == Mark(38, 43, "unread", "not read: the message was refused before")


@pytest.mark.parametrize(
    ("name", "before", "at"),
    [
        ("null-in-value", b"X: a", b"\x00"),
        ("bare-lf-in-value", b"X: a", b"\n"),
        ("bare-cr-in-value", b"X: a", b"\r"),
        ("space-before-colon", b"\r\nX", b" "),
        ("obs-fold", b"X: a\r\n", b" "),
        ("no-colon", b"\r\n", b"nonsense"),
        ("host-twice", b"Host: ", b"evil.example"),
        ("host-with-userinfo", b"Host: ", b"user@example.org"),
        ("both-lengths", b"Encoding: ", b"chunked"),
        ("content-length-with-plus", b"Length: ", b"+5"),
        ("content-length-huge", b"Length: ", b"99999999999999999999999999"),
        ("te-gzip-chunked", b"Encoding: ", b"gzip, chunked"),
        ("te-in-http-1.0", b"Encoding: ", b"chunked"),
        ("expectation-unknown", b"Expect: ", b"200-ok"),
        ("fragment-in-the-target", b"GET /a", b"#"),
        ("high-byte-in-the-target", b"GET /caf", b"\xe9"),
        ("method-with-colon", b"GET", b":"),
        ("http-2.0", b"GET / ", b"HTTP/2.0"),
        ("relative-target", b"GET ", b"index.html"),
        ("tls-client-hello", b"", b"\x16"),
        ("chunk-size-with-0x", b"\r\n0", b"x5"),
        ("chunk-size-bare-lf", b"\r\n5", b"\n"),
        ("chunk-extension-with-open-quote", b";a", b'="b'),
        ("chunk-longer-than-its-size", b"hell", b"o\r"),
        ("trailer-authorization", b"0\r\n", b"Authorization"),
        ("trailer-without-colon", b"0\r\n", b"nonsense"),
    ],
)
def test_the_byte_at_fault_is_found(name: str, before: bytes, at: bytes) -> None:
    """A refused message has the byte at fault marked, and no other."""
    found_before, found = fault(vector(name))
    assert found == at
    assert found_before.endswith(before)


def test_nothing_is_at_fault_where_something_is_missing() -> None:
    """A message without Host has no byte at fault, and one that came too slowly neither."""
    assert fault(vector("host-missing")) == (b"", b"")
    exchange = exchange_of(vector("no-colon"))
    exchange.refusal = Refusal(408, "the request was not complete in time")
    assert "fault" not in {mark.kind for mark in marks(b"GET / HTTP/1.1\r\nHo", exchange)}


def test_every_refused_vector_but_those_without_host_has_a_byte_at_fault() -> None:
    """Where something is wrong, and not only missing, a byte is marked."""
    without = {
        name
        for name, expected in EXPECTED.items()
        if (refusal := exchange_of(vector(name)).refusal) is not None
        and not fault(vector(name))[1]
        and expected == refusal.status
    }
    assert {name for name in without if "Host is missing" not in str(exchange_of(vector(name)).refusal)} == {
        "request-line-empty-target"
    }


def test_the_marks_of_a_chunked_response() -> None:
    """A response has its status, its fields and its content marked, behind an interim response."""
    data = (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n"
    )
    found = response_marks(data, "GET")
    assert covers(found, len(data))
    assert content_of(found, data) == b"hello world"
    assert fields_of(found, data, "trailer") == [(b"x-sum", b"1")]


def test_a_response_to_head_has_no_content() -> None:
    """The length of a response to HEAD is not that of bytes which follow."""
    data = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    assert content_of(response_marks(data + data, "HEAD"), data + data) == b""
    assert response_marks(data + data, "HEAD")[-1].kind == "next"

"""The exact boundary of each rule of the wire, to the byte, and the message of each error.

Each case was a small change of the code that no other test of this room noticed (`make mutate ROOM=wire`).
"""

from __future__ import annotations

import pytest
from tests.wire import feeding

from fanlight.errors import ContentLimitExceeded, HeadTooLarge, InvalidResponse, ProtocolError, TargetTooLong
from fanlight.wire.http1 import response_writer
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.request_line import MAX_METHOD_BYTES
from fanlight.wire.http1.wire_events import Content, RequestHead
from fanlight.wire.http1.wire_limits import WireLimits
from fanlight.wire.proxy.proxy_header import MAX_BYTES, MAX_V1_BYTES, SIGNATURE, read_proxy_header

pytestmark = pytest.mark.usefixtures("reader")

LIMITS = WireLimits(head_bytes=200, content_bytes=1 << 20)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def fed(data: bytes, limits: WireLimits = LIMITS) -> Http1Connection:
    return feeding.fed(data, limits)


def head_of(data: bytes) -> RequestHead:
    return feeding.head_of(data, LIMITS)


def refused(data: bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        fed(data).next_event()
    return str(caught.value)


# --- sizes ---------------------------------------------------------------------------------------


def line_of(size: int) -> bytes:
    return b"GET /" + b"a" * (size - len("GET / HTTP/1.1")) + b" HTTP/1.1"


def test_a_request_line_may_be_as_long_as_its_limit() -> None:
    """The limit itself is taken, a byte more is 414, and the limit is named."""
    assert len(head_of(line_of(100) + b"\r\nHost: a\r\n\r\n").target) == 100 - len("GET  HTTP/1.1")
    with pytest.raises(TargetTooLong, match=r"half of Limits\.head_bytes"):
        fed(line_of(101) + b"\r\nHost: a\r\n\r\n").next_event()


def fields_of(size: int) -> bytes:
    return b"Host: a\r\nX: " + b"y" * (size - len("Host: a\r\nX: ")) + b"\r\n\r\n"


def largest() -> int:
    """Return how many bytes of fields a head may have, by trying."""
    for size in range(150, 260):
        try:
            fed(b"GET / HTTP/1.1\r\n" + fields_of(size)).next_event()
        except HeadTooLarge:
            return size - 1
    raise AssertionError("there is no limit")


def test_the_fields_may_be_as_large_as_their_limit() -> None:
    """The limit itself is taken, a byte more is 431, and the limit is named."""
    assert largest() == LIMITS.head_bytes
    with pytest.raises(HeadTooLarge, match="head_bytes"):
        fed(b"GET / HTTP/1.1\r\n" + fields_of(LIMITS.head_bytes + 1)).next_event()


def test_a_method_may_be_as_long_as_the_longest() -> None:
    """A method of 32 bytes is one, a longer one is none."""
    assert head_of(b"M" * MAX_METHOD_BYTES + GET[3:]).method == "M" * MAX_METHOD_BYTES
    assert "over 32 bytes" in refused(b"M" * (MAX_METHOD_BYTES + 1) + GET[3:])


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALL = WireLimits(head_bytes=16384, content_bytes=40, trailer_bytes=30, chunk_extension_bytes=10)


def content_of(data: bytes) -> bytes:
    """Return the content of a message in chunks."""
    wire = fed(CHUNKED + data, SMALL)
    wire.next_event()
    content = b""
    while isinstance(event := wire.next_event(), Content):
        content += event.data
    return content


def chunks(*sizes: int) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes)


def test_the_size_of_a_chunk_is_hexadecimal() -> None:
    """Of more than one digit too, in either case."""
    assert content_of(b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n") == b"x" * 26
    assert content_of(b"1A\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n") == b"x" * 26


def test_all_chunks_together_may_have_as_much_as_the_limit() -> None:
    """What counts is their sum: the limit itself is taken, a byte more is 413, and the limit is named."""
    assert len(content_of(chunks(20, 20, 0))) == 40
    with pytest.raises(ContentLimitExceeded, match=r"over 40 bytes.*content_bytes"):
        content_of(chunks(20, 20, 1))


def test_announced_content_may_have_as_much_as_the_limit() -> None:
    """The same by Content-Length."""
    wire = fed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" + b"x" * 40, SMALL)
    wire.next_event()
    assert isinstance(wire.next_event(), Content)
    wire = fed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n", SMALL)
    wire.next_event()
    with pytest.raises(ContentLimitExceeded, match=r"over 40 bytes.*content_bytes"):
        wire.next_event()


def test_all_trailers_together_may_have_as_much_as_the_limit() -> None:
    """What counts is the sum of their lines."""
    line = b"x: " + b"y" * 5 + b"\r\n"  # three of them are the limit
    assert content_of(b"1\r\na\r\n0\r\n" + line * 3 + b"\r\n") == b"a"
    with pytest.raises(HeadTooLarge, match="trailers are over 30 bytes"):
        content_of(b"1\r\na\r\n0\r\n" + line * 4 + b"\r\n")


def test_an_extension_may_be_as_long_as_its_limit() -> None:
    """The limit is for the bytes after the semicolon."""
    assert content_of(b"1;" + b"a" * 10 + b"\r\nx\r\n0\r\n\r\n") == b"x"
    with pytest.raises(ProtocolError):
        content_of(b"1;" + b"a" * 11 + b"\r\nx\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"1\r\nab\r\n", "does not end after the number of bytes in its size"),
        (b"x\r\n", "not a hexadecimal number"),
        (b"1" * 16 + b"\r\n", "not a hexadecimal number"),
        (b"1;" + b"a" * 40, "its extension is too long"),
        (b"0\r\nHost: a\r\n\r\n", "host is not allowed as a trailer"),
    ],
)
def test_the_error_for_refused_chunks_names_the_reason(data: bytes, why: str) -> None:
    """The reason names the rule that is broken."""
    with pytest.raises(ProtocolError, match=f"(?i){why}"):
        content_of(data)


# --- why -----------------------------------------------------------------------------------------

HOST = b"\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x16\x03\x01\x02\x00", "this is TLS"),
        (b"\r\n\r\n\r\n\r\n\r\n\r\n", "does not start with a method"),
        (b"GET /\r\n\r\n", r"HTTP/0\.9 is not supported"),
        (b"GET  / HTTP/1.1" + HOST + b"\r\n", "separated by single spaces"),
        (b"POST /\r\n\r\n", "separated by single spaces"),
        (b"GET /#a HTTP/1.1" + HOST + b"\r\n", "fragment"),
        (b"GET /\x80 HTTP/1.1" + HOST + b"\r\n", "percent-encode"),
        (b"G(T / HTTP/1.1" + HOST + b"\r\n", "method is not a token"),
        (b"GET * HTTP/1.1" + HOST + b"\r\n", r"only OPTIONS may have the target \*"),
        (b"GET a HTTP/1.1" + HOST + b"\r\n", "neither a path nor an http URL"),
        (b"GET ftp://a/ HTTP/1.1" + HOST + b"\r\n", "neither a path nor an http URL"),
        (b"GET http:// HTTP/1.1" + HOST + b"\r\n", "neither a path nor an http URL"),
        (b"GET http://u@a/ HTTP/1.1" + HOST + b"\r\n", "host is not a name"),
        (b"GET https://a/ HTTP/1.1" + HOST + b"\r\n", "not encrypted"),
        (b"CONNECT /a HTTP/1.1" + HOST + b"\r\n", "takes host:port"),
        (b"CONNECT a HTTP/1.1" + HOST + b"\r\n", "takes host:port"),
        (b"CONNECT :1 HTTP/1.1" + HOST + b"\r\n", "takes host:port"),
        (b"CONNECT a: HTTP/1.1" + HOST + b"\r\n", "takes host:port"),
        (b"CONNECT [::1]:1 HTTP/1.1" + HOST + b"\r\n", "does not implement CONNECT"),
        (b"GET / HTTP/2.0" + HOST + b"\r\n", r"supports HTTP/1\.1 and HTTP/1\.0"),
        (b"GET / HTTP" + HOST + b"\r\n", "does not end with an HTTP version"),
        (b"GET / HTTP/1.1" + HOST + b"Host: b\r\n\r\n", "more than once"),
        (b"GET / HTTP/1.1" + HOST + b"Content-Length: x\r\n\r\n", "Content-Length is not a number"),
        (b"GET / HTTP/1.1" + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", "exceeds every limit"),
    ],
)
def test_the_error_for_a_refused_head_names_the_reason(data: bytes, why: str) -> None:
    """The reason names the rule that is broken."""
    with pytest.raises(ProtocolError, match=why):
        fed(data).next_event()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "does not start with a PROXY header"),
        (SIGNATURE[:-1] + b"x", "does not start with a PROXY header"),
        (b"PROXY TCP4 " + b"1" * MAX_V1_BYTES, "too long, or does not end with CR LF"),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", "too long, or does not end with CR LF"),
        (b"PROXY TCP4 \xff\r\n", "not ASCII"),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", "two addresses and two ports"),
        (b"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", "two addresses and two ports"),
        (b"PROXY TCP4 ::1 1.1.1.1 1 1\r\n", "not valid for its protocol"),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", "port .* is not valid"),
        (SIGNATURE + b"\x22\x11\0\0", "unknown version or command"),
        (SIGNATURE + b"\x21\x99\0\0", "address family"),
        (SIGNATURE + b"\x21\x11" + (MAX_BYTES - 15).to_bytes(2), f"over {MAX_BYTES} bytes"),
        (SIGNATURE + b"\x21\x11\0\x0b" + bytes(11), "too short for its addresses"),
        (SIGNATURE + b"\x21\x00\0\x02\x04\0", "TLV .* is incomplete"),
        (SIGNATURE + b"\x21\x00\0\x03\x04\0\x01", "longer than the header"),
        (SIGNATURE + b"\x21\x00\0\x03\x04\x01\x00", "longer than the header"),
        (SIGNATURE + b"\x21\x00\0\x07\x20\0\x04" + bytes(4), "TLS part .* is incomplete"),
        (SIGNATURE + b"\x21\x00\0\x07\x03\0\x04" + bytes(4), "checksum"),
    ],
)
def test_the_error_for_a_proxy_header_names_the_reason(data: bytes, why: str) -> None:
    """The reason names what is wrong with it."""
    with pytest.raises(ProtocolError, match=why):
        read_proxy_header(data)


# --- the header of a proxy -----------------------------------------------------------------------


def test_the_last_port_is_one() -> None:
    """65535 is a port."""
    preface = read_proxy_header(b"PROXY TCP4 1.1.1.1 1.1.1.1 65535 0\r\n")
    assert preface
    assert (preface.client_port, preface.server_port) == (65535, 0)


def test_a_line_of_a_proxy_may_be_as_long_as_the_longest() -> None:
    """107 bytes with the line end are taken, and one byte more is refused, be its line end there or not."""
    longest = b"PROXY UNKNOWN ".ljust(MAX_V1_BYTES - 2, b"x") + b"\r\n"
    assert read_proxy_header(longest)
    assert read_proxy_header(longest[:-1]) is None
    for too_long in (longest[:-2] + b"x\r\n", longest[:-2] + b"xx"):
        with pytest.raises(ProtocolError):
            read_proxy_header(too_long)


def test_a_header_of_bytes_may_be_as_long_as_the_longest() -> None:
    """As much of additions as we take is taken; sizes are of two bytes, also those of the additions."""
    size = MAX_BYTES - 16
    whole = SIGNATURE + b"\x21\x00" + size.to_bytes(2) + b"\x04" + (size - 3).to_bytes(2) + bytes(size - 3)
    assert read_proxy_header(whole[:-1]) is None
    preface = read_proxy_header(whole)
    assert preface
    assert preface.length == MAX_BYTES


def test_an_empty_addition_may_be_the_last() -> None:
    """An addition of no bytes ends exactly where the header ends."""
    preface = read_proxy_header(SIGNATURE + b"\x21\x00\0\x03\x04\0\0")
    assert preface
    assert preface.is_local


def test_a_client_without_an_address_may_have_spoken_tls() -> None:
    """The TLS flag of a PROXY header is valid for a unix socket too."""
    size = 216 + 8
    preface = read_proxy_header(SIGNATURE + b"\x21\x31" + size.to_bytes(2) + bytes(216) + b"\x20\0\x05\x01\0\0\0\0")
    assert preface
    assert (preface.is_tls, preface.client, preface.is_local) == (True, None, False)


# --- responses -----------------------------------------------------------------------------------


def refusal(wire: Http1Connection) -> bytes:
    try:
        while wire.next_event() is not None:
            pass
    except ProtocolError as error:
        return wire.refuse(error, b"date: today\r\n")
    raise AssertionError("nothing was refused")


def test_a_protocol_error_is_a_complete_response() -> None:
    """Status with its name, the standard fields, the reason as text, and the end of the connection."""
    wire = fed(b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    head, _, content = refusal(wire).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 400 Bad Request",
        b"date: today",
        b"content-type: text/plain; charset=utf-8",
        b"connection: close",
        b"content-length: %d" % len(content),
    ]
    assert b"fragment" in content
    assert (wire.must_close, wire.is_request_unread, wire.buffered_start) == (True, True, b"")


@pytest.mark.parametrize(
    "data",
    [b"HEAD /#a HTTP/1.1" + HOST + b"\r\n", GET + b"HEAD /#a HTTP/1.1" + HOST + b"\r\n"],
    ids=["first", "second"],
)
def test_a_refused_head_gets_no_content(data: bytes) -> None:
    """A response to HEAD has no content, also if the head is refused; its length is that of GET."""
    wire = fed(data)
    if data.startswith(GET):
        wire.next_event()
        wire.send_response(200, (), b"", b"")
    response = refusal(wire)
    assert response.endswith(b"\r\n\r\n")
    assert b"\r\ncontent-length: 0\r\n" not in response


@pytest.mark.parametrize(("method", "is_bare"), [(b"HEAD", True), (b"POST", False)])
def test_refused_content_does_not_change_the_method(method: bytes, is_bare: bool) -> None:
    """After the head was parsed, its method determines whether the error has content."""
    wire = fed(method + b" / HTTP/1.1" + HOST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    assert refusal(wire).endswith(b"\r\n\r\n") is is_bare


def test_an_error_in_the_middle_of_a_response_sends_nothing() -> None:
    """A second response must not be written into the first one."""
    wire = fed(b"POST / HTTP/1.1" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    wire.next_event()
    wire.start_response(200, (), None, b"")
    wire.receive(b"nonsense\r\n")
    assert refusal(wire) == b""
    assert wire.must_close


@pytest.mark.parametrize("status", [200, 299, 599])
def test_each_final_status_can_be_sent(status: int) -> None:
    """From 200 to 599, whether it has a name or not."""
    assert response_writer.write_head(status, []).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("status", "fields", "why"),
    [
        (199, (), "use a number from 200 to 599"),
        (600, (), "use a number from 200 to 599"),
        ("200", (), "use a number from 200 to 599"),
        (200, [("x", "\u20ac")], "is not allowed in a header"),
        (200, [("", "a")], "is not a valid name for a field"),
        (200, [("x y", "a")], "is not a valid name for a field"),
        (200, [("x", "a\nb")], "line end or another control character"),
        (200, [("Date", "now")], "Date is set by the server"),
    ],
)
def test_the_error_for_an_invalid_response_names_the_reason(
    status: int, fields: list[tuple[str, str]], why: str
) -> None:
    """The message names what is wrong with the response."""
    with pytest.raises(InvalidResponse, match=why):
        response_writer.write_head(status, fields)


def test_a_line_is_remembered_once_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short lines are kept as they are sent; long ones, and cookies, which never come again, are not."""
    known: dict[tuple[str, str], bytes] = {}
    monkeypatch.setattr(response_writer, "_KNOWN", known)
    pairs = [("x", " a\t"), ("set-cookie", "a=b"), ("y", "b" * response_writer.MAX_KNOWN_LINE_BYTES)]
    head = response_writer.write_head(200, pairs)
    assert known == {("x", " a\t"): b"x: a\r\n"}
    assert response_writer.write_head(200, pairs) == head


def test_a_stream_for_an_old_client_ends_with_its_connection() -> None:
    """HTTP/1.0 has no chunks: the content ends with the connection, which is announced."""
    wire = fed(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    wire.next_event()
    assert b"\r\nconnection: close\r\n" in wire.start_response(200, (), None, b"")
    wire.send_content(b"a")
    wire.end_response()
    assert wire.must_close


def test_a_stream_of_known_length_keeps_an_old_connection() -> None:
    """An HTTP/1.0 client that sends `keep-alive` receives it."""
    wire = fed(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    wire.next_event()
    assert b"\r\nconnection: keep-alive\r\n" in wire.start_response(200, (), 1, b"")
    wire.send_content(b"a")
    wire.end_response()
    assert not wire.must_close


def test_a_response_before_the_end_of_the_content_is_the_last() -> None:
    """What the client still sends would be read as its next request, so the connection ends."""
    wire = fed(b"POST / HTTP/1.1" + HOST + b"Content-Length: 5\r\n\r\n")
    wire.next_event()
    assert b"\r\nconnection: close\r\n" in wire.start_response(200, (), 0, b"")
    wire.end_response()
    wire.receive(b"hello")
    while wire.next_event() is not None:
        pass
    assert wire.must_close

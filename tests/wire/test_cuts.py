"""A message gets one verdict, however the network cuts it: at every limit, one byte below it, and one above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.states import ConnectionState
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead
from fanlight.wire.http1.wire_limits import WireLimits

pytestmark = pytest.mark.usefixtures("reader")

LIMITS = WireLimits(head_bytes=96, field_count=5, content_bytes=64, chunk_extension_bytes=16, trailer_bytes=40)
MAX_EVENTS = 1000
Verdict = tuple[list[object], int, str]


def verdict(pieces: Iterable[bytes]) -> Verdict:
    """Return what comes out of the wire: heads, whole contents, ends; and a refusal's status and words."""
    wire, found, content = Http1Connection(LIMITS), list[object](), b""
    try:
        for piece in pieces:
            wire.receive(piece)
            for _ in range(MAX_EVENTS):
                event = wire.next_event()
                if isinstance(event, Content):
                    content += event.data
                elif isinstance(event, EndOfMessage):
                    found += (content, event.trailers)
                    content = b""
                elif isinstance(event, RequestHead):
                    found.append((event.method, event.target, event.fields))
                if (
                    wire.state == ConnectionState.AWAITING_RESPONSE
                ):  # the request is complete: respond, so that the next one is read
                    wire.send_response(200, (), b"", b"")
                elif event is None:
                    break
            else:
                raise AssertionError("there is no end of events")
    except ProtocolError as refusal:
        return found, refusal.status, str(refusal)
    return found, 0, ""


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Yield a message whole, in every two pieces, in pieces of one, two and three bytes."""
    for at in range(len(data)):
        yield [data[:at], data[at:]] if at else [data]
    for size in (1, 2, 3):
        yield [data[at : at + size] for at in range(0, len(data), size)]


def with_line(size: int) -> bytes:
    return b"GET /" + b"a" * (size - 14) + b" HTTP/1.1\r\nhost: a\r\n\r\n"


def with_fields(size: int) -> bytes:
    return b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"v" * (size - 12) + b"\r\n\r\n"


def with_many_fields(count: int) -> bytes:
    return b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * (count - 1) + b"\r\n"


CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


def with_trailers(size: int) -> bytes:
    return CHUNKED + b"2\r\nhi\r\n0\r\na: b\r\nx: " + b"v" * (size - 11) + b"\r\n\r\n"


def with_trailer_count(count: int) -> bytes:
    return CHUNKED + b"0\r\n" + b"x: y\r\n" * count + b"\r\n"


def with_extension(size: int) -> bytes:
    return CHUNKED + b"000000000000002;" + b"e" * (size - 1) + b"\r\nhi\r\n0\r\n\r\n"


def with_content(size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size + b"c" * size


def with_chunks(size: int) -> bytes:
    return CHUNKED + b"%x\r\n" % size + b"c" * size + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("make", "most", "status"),
    [
        (with_line, LIMITS.request_line_bytes, 414),
        (with_fields, LIMITS.head_bytes, 431),
        (with_many_fields, LIMITS.field_count, 431),
        (with_trailers, LIMITS.trailer_bytes, 431),
        (with_trailer_count, LIMITS.field_count, 431),
        (with_extension, LIMITS.chunk_extension_bytes + 1, 400),
        (with_content, LIMITS.content_bytes, 413),
        (with_chunks, LIMITS.content_bytes, 413),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_limit_is_the_same_for_every_cut(make: object, most: int, status: int) -> None:
    """What is at its limit is taken, and one byte more refused, in whichever pieces it comes; so is what follows it."""
    assert callable(make)
    for size, expected in ((most - 1, 0), (most, 0), (most + 1, status)):
        data = make(size) + b"GET /next HTTP/1.1\r\nhost: b\r\n\r\n"
        whole = verdict([data])
        assert whole[1] == expected, (size, whole)
        if not expected:
            assert whole[0][-1] == ("GET", "/next", [("host", "b")])
        for pieces in cuts(data):
            assert verdict(pieces) == whole, pieces


TOKENS = st.sampled_from(
    [
        *(b"\r\n", b"\r\n", b"\r", b"\n", b"\0", b" ", b":", b";", b",", b"\t", b"0", b"5", b"\xff", b"a" * 20, b"#"),
        *(b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"GET / HTTP/2.0\r\n", b"BREW / HTTP/1.0\r\n"),
        *(b"host: a\r\n", b"x: y\r\n", b"content-length: 3\r\n", b"transfer-encoding: chunked\r\n", b"expect: z\r\n"),
        *(b"connection: close\r\n", b"2\r\nhi\r\n", b"0\r\n", b"\r\n\r\n", b"3;e=f\r\nabc\r\n", b"cookie: t\r\n"),
        *(b"v" * 40, b"content-length: 00000000000000000000000000000000002\r\n", b"host : a\r\n"),
    ]
)


@settings(max_examples=4 * settings().max_examples)
@given(
    data=st.lists(TOKENS, max_size=14).map(b"".join),
    start=st.sampled_from([b"", b"GET / HTTP/1.1\r\nhost: a\r\n", CHUNKED, CHUNKED + b"0\r\n"]),
    at=st.lists(st.integers(0, 300), max_size=6),
)
@example(data=b"v" * 100 + b"\n\r\n\r\n", start=b"GET / HTTP/1.1\r\nx:", at=[])  # over the limit, then a bare LF
@example(data=b"a\nb" + b"v" * 120 + b"\r\n\r\n", start=b"GET / HTTP/1.1\r\nx:", at=[])  # the other way round
@example(data=b"x: y\r\n" * 7 + b"x: a\nb\r\n\r\n", start=b"GET / HTTP/1.1\r\n", at=[])
@example(data=b"x: y\r\n" * 5 + b"x: a\x00b\r\n\r\n", start=CHUNKED + b"0\r\n", at=[])
@example(data=b"x: " + b"v" * 33 + b"\r\ny\x00: v\r\n\r\n", start=CHUNKED + b"0\r\n", at=[])
def test_what_is_wrong_in_several_ways_is_refused_for_the_same_one(start: bytes, data: bytes, at: list[int]) -> None:
    """Of any bytes the same requests come out, and the same refusal in the same words, whole, byte by byte, and cut."""
    data = start + data
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    whole = verdict([data])
    assert verdict(data[at : at + 1] for at in range(len(data))) == whole
    assert verdict(pieces) == whole

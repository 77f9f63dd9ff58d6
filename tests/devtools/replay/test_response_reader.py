"""Reading a response from bytes, however they come."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.devtools.inspector.replay.response_reader import BadResponse, ReadResponse, ResponseReader, read_response

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: 1\r\n\r\n"
HINTED = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n" + PLAIN
ENDLESS = b"HTTP/1.0 200 OK\r\n\r\nhello"


def fed(data: bytes, step: int, method: str = "GET") -> ResponseReader:
    reader = ResponseReader(method, 1000)
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    return reader


@pytest.mark.parametrize("data", [PLAIN, CHUNKED, HINTED], ids=["length", "chunks", "behind early hints"])
@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_content_is_read_in_any_pieces(data: bytes, step: int) -> None:
    """The content is the same however the bytes come, and the response is done with its last byte."""
    reader = fed(data, step)
    assert (reader.is_done, reader.response().content, reader.response().status) == (True, b"hello", 200)


@pytest.mark.parametrize("data", [PLAIN, CHUNKED], ids=["length", "chunks"])
def test_a_response_that_is_cut_off_is_not_complete(data: bytes) -> None:
    """Without its last byte a response is not done, and says why."""
    response = fed(data[:-1], 1000).response("the connection was closed")
    assert (response.is_complete, response.ended) == (False, "the connection was closed")


def test_content_without_length_ends_with_the_connection() -> None:
    """A response of HTTP/1.0 is complete when the connection is closed."""
    reader = fed(ENDLESS, 3)
    assert not reader.is_done
    reader.end()
    assert reader.response() == ReadResponse(status=200, content=b"hello")


def test_a_response_to_head_has_no_content() -> None:
    """The length in a response to HEAD is that of another response."""
    head, _, _ = PLAIN.partition(b"hello")
    assert fed(head, 1, "HEAD").is_done


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_content(status: int) -> None:
    """Responses 204 and 304 end with their heads, whatever length they give."""
    assert fed(b"HTTP/1.1 %d X\r\ncontent-length: 5\r\n\r\n" % status, 1000).is_done


def test_content_is_decoded() -> None:
    """Compressed content is compared as what it stands for."""
    packed = gzip.compress(b"hello" * 100)
    data = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(packed), packed)
    assert read_response(data, "GET", 10_000).content == b"hello" * 100


def test_content_that_can_not_be_decoded_is_reported() -> None:
    """Content that is not what its coding says leaves the response incomplete, with the reason."""
    data = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello"
    assert "gzip content can't be decoded" in read_response(data, "GET", 100).ended


def test_no_more_is_kept_than_allowed() -> None:
    """A response that is longer than what is kept is done, and not complete."""
    reader = ResponseReader("GET", 3)
    reader.feed(PLAIN[:-1])
    assert (reader.is_done, reader.response().content, reader.response().is_complete) == (True, b"hel", False)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        PLAIN.replace(b"5", b"x"),
        CHUNKED.replace(b"3\r\n", b"z\r\n"),
        b"",
    ],
)
def test_what_is_no_response_is_refused(data: bytes) -> None:
    """Bytes that are no response of HTTP, or none at all, raise BadResponse."""
    with pytest.raises(BadResponse):
        read_response(data, "GET", 100)


@given(st.binary(max_size=300), st.sampled_from([b"", PLAIN[:17], CHUNKED[:50]]))
def test_no_bytes_raise_anything_else(data: bytes, start: bytes) -> None:
    """Whatever comes, it is read or refused."""
    try:
        read_response(start + data, "GET", 100)
    except BadResponse:
        return

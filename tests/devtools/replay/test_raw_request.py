"""The bytes of a request that is sent again."""

from __future__ import annotations

import pytest

from fanlight.devtools.inspector.exchange_record import ConnectionInfo, Exchange, Piece
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest, head_and_content

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"


def exchange(*pieces: bytes, size: int | None = None) -> Exchange:
    received = [Piece(0.0, each, len(each)) for each in pieces]
    total = sum(map(len, pieces)) if size is None else size
    return Exchange("000001", 0.0, ConnectionInfo(1, "127.0.0.1", 0), received=received, received_bytes=total)


def test_a_request_is_sent_as_it_came() -> None:
    """The bytes are those that were received, however they came."""
    assert RawRequest.of(exchange(GET[:7], GET[7:])) == RawRequest(GET, "GET", "/a?b=c")


def test_a_broken_message_is_sent_as_it_came_too() -> None:
    """A message that is no request is replayed byte for byte, without a method."""
    assert RawRequest.of(exchange(b"\x16\x03nonsense")) == RawRequest(b"\x16\x03nonsense", "", "")


@pytest.mark.parametrize("kept", [exchange(), exchange(GET, size=10_000)])
def test_a_request_that_was_not_kept_whole_is_refused(kept: Exchange) -> None:
    """Half a request is not sent."""
    with pytest.raises(CannotReplay):
        RawRequest.of(kept)


@pytest.mark.parametrize(
    ("method", "writes"),
    [("GET", False), ("HEAD", False), ("OPTIONS", False), ("POST", True), ("DELETE", True), ("MAKE", True), ("", True)],
)
def test_requests_that_may_write_are_known(method: str, *, writes: bool) -> None:
    """Only the methods that RFC 9110 calls safe do not write; an unknown one may."""
    assert RawRequest(b"", method, "/").writes is writes


def test_an_edited_request_has_the_length_of_its_content() -> None:
    """Content-Length and Transfer-Encoding follow the content that was edited."""
    head = "POST /a HTTP/1.1\nHost: x\nContent-Length: 999\nTransfer-Encoding: chunked\nX-A: é"
    assert RawRequest.edited(head, "grün").data == (
        "POST /a HTTP/1.1\r\nHost: x\r\nX-A: é\r\ncontent-length: 5\r\n\r\ngrün".encode()
    )


def test_an_edited_request_can_be_sent_exactly() -> None:
    """With `is_exact` the bytes are those that are written, whatever they are."""
    assert RawRequest.edited("GET  / HTTP/9\nhost : x", "", is_exact=True).data == b"GET  / HTTP/9\r\nhost : x\r\n\r\n"


@pytest.mark.parametrize("head", ["", "GET /", "G@T / HTTP/1.1", "GET / HTTP/1.1\nno colon", "GET / HTTP/1.1\nb ad: x"])
def test_an_edited_text_that_is_no_request_is_refused(head: str) -> None:
    """A mistake in the edited text is reported before anything is sent."""
    with pytest.raises(CannotReplay):
        RawRequest.edited(head, "")


def test_a_request_can_be_edited_without_loss() -> None:
    """What is shown for editing gives the same bytes again, also where they are no UTF-8."""
    data = b"POST / HTTP/1.1\r\nhost: \xff\r\n\r\n\xfe\x00"
    kept = exchange(data)
    assert RawRequest.edited(*head_and_content(kept), is_exact=True).data == data

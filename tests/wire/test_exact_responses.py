"""What the wire itself writes, and reads of odd targets, to the byte.

Each case was a small change of the code that no other test of this room noticed (`make mutate ROOM=wire`).
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.wire.feeding import LIMITS, fed, head_of

from fanlight.errors import BadMessage, ContentLimitExceeded, InvalidResponse, UnsupportedMethod
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.response_writer import write_line
from fanlight.wire.http1.wire_events import Content, RequestHead

pytestmark = pytest.mark.usefixtures("reader")

HOST = b" HTTP/1.1\r\nHost: a\r\n"


def test_the_interim_response_that_requests_content() -> None:
    """100 Continue is a status line and an empty line (RFC 9110 section 15.2.1)."""
    wire = fed(b"POST /" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    wire.next_event()
    assert wire.send_continue() == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_early_hints_come_before_the_response_and_not_after() -> None:
    """A 103 has its links, each in a line; where the response has begun there is nothing."""
    wire = fed(b"GET /" + HOST + b"\r\n")
    assert wire.send_early_hints(["</early>"]) == b""
    wire.next_event()
    links = ["</a.css>; rel=preload", "</b.js>"]
    assert wire.send_early_hints(links) == (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>\r\n\r\n"
    )
    with pytest.raises(InvalidResponse):
        wire.send_early_hints(["</a>\r\nx: y"])
    wire.start_response(200, (), 0, b"")
    assert wire.send_early_hints(links) == b""


@pytest.mark.parametrize("is_chunked", [False, True])
def test_content_is_admitted_up_to_what_its_route_allows(*, is_chunked: bool) -> None:
    """The limit of a route replaces the default, higher or lower, and the error has the hint of the route."""
    said = b"Transfer-Encoding: chunked\r\n\r\n14\r\n" if is_chunked else b"Content-Length: 20\r\n\r\n"
    more = fed(b"POST /" + HOST + said, replace(LIMITS, content_bytes=0))
    more.next_event()
    more.limit_content(20, "hint")
    more.receive(b"x" * 20)
    assert more.next_event() == Content(b"x" * 20)
    less = fed(b"POST /" + HOST + said)
    less.next_event()

    def read_on() -> None:
        less.limit_content(19, "ask the route")
        less.next_event()

    with pytest.raises(ContentLimitExceeded, match="the content is over 19 bytes; ask the route"):
        read_on()


def test_a_length_may_have_all_digits_that_64_bits_have() -> None:
    """18 digits are read, where the limit allows so much; 19 are over any."""
    limits = replace(LIMITS, content_bytes=10**19)
    head = fed(b"POST /" + HOST + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n", limits).next_event()
    assert isinstance(head, RequestHead)
    assert head.content_length == 10**18 - 1
    with pytest.raises(ContentLimitExceeded):
        fed(b"POST /" + HOST + b"Content-Length: 1" + b"0" * 18 + b"\r\n\r\n", limits).next_event()


def test_only_spaces_and_tabs_are_taken_from_around_a_value() -> None:
    """A no-break space is a part of it (RFC 9110 section 5.5)."""
    assert write_line(("x", " \t\xa0v\x85 \t")) == b"x: \xa0v\x85\r\n"


def test_a_status_without_a_name_has_an_empty_phrase() -> None:
    """The phrase may be empty, the space before it not (RFC 9112 section 4)."""
    assert REASON_PHRASES[404] == "Not Found"
    assert 599 not in REASON_PHRASES
    for status in (201, 299, 599):
        wire = fed(b"GET /" + HOST + b"\r\n")
        wire.next_event()
        assert wire.send_response(status, (), b"", b"").startswith(b"HTTP/1.1 %d " % status)


def test_a_head_is_forgotten_once() -> None:
    """Only the first call returns True, so that the caller acts once."""
    wire = fed(b"GET /" + HOST + b"\r\n")
    assert not wire.release_head()
    wire.next_event()
    wire.send_response(200, (), b"", b"")
    assert wire.release_head()
    assert not wire.release_head()


def test_a_secured_connection_takes_https_and_keeps_the_fields() -> None:
    """The URL of a target may be one of https there, and all else is as ever."""
    wire = Http1Connection(LIMITS)
    wire.accept_https_targets()
    wire.receive(b"GET https://b/p?q" + HOST + b"X: y\r\n\r\n")
    head = wire.next_event()
    assert isinstance(head, RequestHead)
    assert (head.authority, head.path, head.query, head.values["x"]) == ("b", "/p", "q", "y")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://b", "*", ""),
        ("http://b/", "/", ""),
        ("http://b?", "/", ""),
        ("http://b?q", "/", "q"),
        ("http://b/http://c/", "/http://c/", ""),
        ("*", "*", ""),
    ],
)
def test_options_for_a_url_without_a_path_is_for_the_server(target: str, path: str, query: str) -> None:
    """Only where there is neither path nor query (RFC 9112 section 3.2.4)."""
    head = head_of(f"OPTIONS {target}".encode() + HOST + b"\r\n")
    assert (head.path, head.query) == (path, query)


def test_a_url_without_a_path_is_the_front_page_to_other_methods() -> None:
    """The asterisk is for OPTIONS alone."""
    assert head_of(b"GET http://b" + HOST + b"\r\n").path == "/"


@pytest.mark.parametrize(
    ("target", "error"),
    [(b"b:443", UnsupportedMethod), (b"[::1]:443", UnsupportedMethod), (b"[::1]", BadMessage), (b":", BadMessage)],
)
def test_connect_is_understood_and_not_served(target: bytes, error: type[Exception]) -> None:
    """A good one is 501, as this is no proxy; a bad one is 400."""
    with pytest.raises(error):
        fed(b"CONNECT " + target + HOST + b"\r\n").next_event()

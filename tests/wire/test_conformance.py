"""What RFC 9112 requires of a sender: the wire never writes an invalid response.

docs/reference/conformance.md names these tests, clause by clause.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from time import thread_time
from typing import Any

import pytest
from tests.wire.feeding import LIMITS

from fanlight.errors import BadMessage, FanlightError, InvalidResponse, SchemeMismatch
from fanlight.wire.http1.header_fields import TOKEN_BYTES, VALUE_BYTES
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.response_writer import known_heads, write_switch
from fanlight.wire.http1.states import WireStateError
from fanlight.wire.http1.wire_events import Content, RequestHead

OURS = "connection content-length date keep-alive proxy-connection server te trailer transfer-encoding upgrade".split()


def asked(method: str = "GET", version: str = "1.1", fields: str = "") -> Http1Connection:
    wire = Http1Connection(LIMITS)
    wire.receive(f"{method} / HTTP/{version}\r\nHost: a\r\n{fields}\r\n".encode())
    assert isinstance(wire.next_event(), RequestHead)
    return wire


def refused(wire: Http1Connection, status: Any, fields: Any) -> bool:
    """Return whether both methods refuse these, and leave the state unchanged."""
    acts: list[Callable[[], bytes]] = [
        lambda: wire.send_response(status, fields, b"x", b""),
        lambda: wire.start_response(status, fields, None, b""),
    ]
    for act in acts:
        try:
            act()
        except InvalidResponse:
            continue
        return False
    return wire.send_response(200, (), b"x", b"").startswith(b"HTTP/1.1 200 OK\r\n")


# --- the status line ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [*range(200, 300), 304, 404, 425, 427, 499, 500, 599])
def test_a_status_line_is_one_by_the_grammar(status: int) -> None:
    """Version, space, three digits, space, and a phrase of visible bytes or none, whatever the status."""
    line = asked().send_response(status, (), b"", b"").partition(b"\r\n")[0]
    assert line[:13] == b"HTTP/1.1 %d " % status
    assert not line.translate(None, VALUE_BYTES)


@pytest.mark.parametrize("status", [*range(-1, 200), *range(600, 700), 999, 1000, 200.5, "200", None, True, b"200"])
def test_no_other_status_is_sent(status: Any) -> None:
    """A status outside 200 to 599 is not final."""
    assert refused(asked(), status, ())


def test_426_names_the_protocol_to_upgrade_to() -> None:
    """A 426 has Upgrade, and Connection names it (RFC 9110 15.5.22)."""
    lines = asked().send_response(426, (), b"", b"").split(b"\r\n")
    assert lines[:3] == [b"HTTP/1.1 426 Upgrade Required", b"upgrade: websocket", b"connection: upgrade"]


def test_a_switch_names_the_protocol_and_ends_http() -> None:
    """A 101 has Upgrade and Connection, and what follows the head belongs to the new protocol (RFC 9110 7.8)."""
    wire = asked()
    wire.receive(b"\x81\x80abcd")
    received = wire.switch_protocol()
    assert write_switch("websocket", [("x", "y")], b"server: z\r\n") == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nx: y\r\nserver: z\r\n\r\n"
    )
    assert received == b"\x81\x80abcd"
    assert not wire.buffer
    with pytest.raises(WireStateError):
        wire.send_response(200, (), b"", b"")


def test_a_status_may_be_one_of_the_standard_library() -> None:
    """An HTTPStatus is the number that it is."""
    assert asked().send_response(HTTPStatus.IM_A_TEAPOT, (), b"", b"").startswith(b"HTTP/1.1 418 I'm a Teapot\r\n")


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.9"])
def test_the_response_has_the_highest_supported_version(version: str) -> None:
    """The response to every HTTP/1 request is HTTP/1.1 (RFC 9110 6.2)."""
    assert asked(version=version).send_response(200, (), b"", b"").startswith(b"HTTP/1.1 200 OK\r\n")


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("byte", sorted(set(range(256)) - set(TOKEN_BYTES)))
def test_a_name_is_a_token(byte: int) -> None:
    """A byte that no token has can't stand anywhere in a name."""
    for name in (chr(byte), f"x{chr(byte)}", f"{chr(byte)}x", f"x{chr(byte)}y"):
        assert refused(asked(), 200, [(name, "a")])


@pytest.mark.parametrize("byte", sorted(set(range(256)) - set(VALUE_BYTES)))
def test_a_value_has_no_control_character(byte: int) -> None:
    """CR, LF, NUL and other controls are refused anywhere in a value: no second field, no fold, no second response."""
    for value in (chr(byte), f"a{chr(byte)}", f"{chr(byte)}a", f"a{chr(byte)}b", f"a\r\n{chr(byte)}b"):
        assert refused(asked(), 200, [("x", value)])


@pytest.mark.parametrize("value", ["\u0100", "\u2028", "\U0001f600", "\udcff", 5, None, b"a"])
def test_a_value_is_text_that_a_field_can_hold(value: Any) -> None:
    """What is no Latin-1 text is refused, never replaced."""
    assert refused(asked(), 200, [("x", value)])


def test_a_value_has_no_spaces_around_it() -> None:
    """One space behind the colon, none at the end (RFC 9110 5.5, 5.6.3)."""
    assert b"\r\nx: a b\r\n" in asked().send_response(200, [("x", " \ta b\t ")], b"", b"")


@pytest.mark.parametrize("name", [spelled for name in OURS for spelled in (name, name.title(), name.upper())])
def test_fields_written_by_the_wire_are_refused(name: str) -> None:
    """Framing, the connection, Date and Server can't be set by an app, in whatever case."""
    assert refused(asked(), 200, ((name, "1"),))


def test_what_was_refused_is_never_remembered() -> None:
    """The tables of checked lines and heads hold nothing that was refused."""
    known_heads.clear()
    for _ in range(3):
        assert refused(asked(), 200, (("x", "a\r\nb: c"),))
    assert all(b"b: c" not in head for head in known_heads.values())


# --- content --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "minor", "length"),
    list(itertools.product(["GET", "HEAD"], [200, 204, 205, 304, 404], [0, 1], [None, 0, 5])),
)
def test_framing_fields_are_sent_once_and_only_where_allowed(
    method: str, status: int, minor: int, length: int | None
) -> None:
    """Never both framings, none with 204 and 304, no chunks to HTTP/1.0, an open end only with close."""
    wire = asked(method, f"1.{minor}")
    head = wire.start_response(status, (), length, b"")
    has_length, is_chunked = b"content-length: " in head, b"transfer-encoding: chunked\r\n" in head
    assert not (has_length and is_chunked)
    assert not (is_chunked and not minor)
    if status in (204, 304):
        assert not has_length
        assert not is_chunked
    elif not (has_length or is_chunked):
        assert b"connection: close\r\n" in head
    if status in (204, 205, 304):
        assert wire.end_response() == b""
        assert b"content-length: 0" in head or status != 205


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_takes_none_in_pieces(status: int) -> None:
    """Content in pieces is refused for a response without content, as it would be read as the next response."""
    wire = asked()
    wire.start_response(status, (), 5, b"")
    with pytest.raises(InvalidResponse):
        wire.send_content(b"hello")


def test_205_has_a_length_of_0() -> None:
    """205 has no content, and unlike 204 a content-length of 0 (RFC 9110 15.3.6, RFC 9112 6.3)."""
    assert asked().send_response(205, (), b"hello", b"").endswith(b"\r\ncontent-length: 0\r\n\r\n")


def test_pieces_that_are_empty_do_not_end_the_content() -> None:
    """A chunk of no bytes would be the last one, so an empty piece is no chunk."""
    wire = asked()
    wire.start_response(200, (), None, b"")
    assert wire.send_content(b"") == b""
    assert wire.send_content(b"\r\n0\r\n\r\n") == b"7\r\n\r\n0\r\n\r\n\r\n"


@pytest.mark.parametrize(
    "trailer", [("content-length", "1"), ("transfer-encoding", "x"), ("x", "a\r\nb: c"), ("x y", "1"), ("date", "x")]
)
def test_a_trailer_is_checked_like_a_field(trailer: tuple[str, str]) -> None:
    """A field that is not allowed in a response is not allowed as a trailer."""
    wire = asked()
    wire.start_response(200, (), None, b"")
    with pytest.raises(InvalidResponse):
        wire.end_response([trailer])


# --- requests -------------------------------------------------------------------------------------


def test_an_incomplete_request_is_no_event() -> None:
    """Not one byte less than the whole head makes a request (RFC 9110 5.3)."""
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
    wire = Http1Connection(LIMITS)
    for index in range(len(data) - 1):
        wire.receive(data[index : index + 1])
        assert wire.next_event() is None
    wire.receive(data[-1:])
    assert isinstance(wire.next_event(), RequestHead)


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "hTTps"])
def test_https_needs_a_secured_connection(scheme: str) -> None:
    """A URL with https is a target for a secured connection only; plain http is one for both (RFC 9110 7.4)."""
    for is_secured in (False, True):
        wire = Http1Connection(LIMITS)
        if is_secured:
            wire.accept_https_targets()
        wire.receive(b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n")
        assert isinstance(wire.next_event(), RequestHead)
        wire.send_response(200, (), b"", b"")
        wire.receive(f"GET {scheme}://a/ HTTP/1.1\r\nHost: b\r\n\r\n".encode())
        if is_secured:
            head = wire.next_event()
            assert isinstance(head, RequestHead)
            assert head.authority == "a"
        else:
            with pytest.raises(SchemeMismatch):
                wire.next_event()


@pytest.mark.parametrize("byte", sorted(set(range(256)) - set(VALUE_BYTES)))
def test_no_control_character_passes_in_a_head(byte: int) -> None:
    """In the method, the target, the version, a name or a value: the message is refused."""
    for place in ("G{}T / HTTP/1.1", "GET /{} HTTP/1.1", "GET / HTTP/{}1.1", "GET / HTTP/1.1{}"):
        assert_refused(f"{place.format(chr(byte))}\r\nHost: a\r\n\r\n")
    for place in ("X{}: a", "X: a{}b", "X: a{}", "X:{}", "{}X: a"):
        assert_refused(f"GET / HTTP/1.1\r\nHost: a\r\n{place.format(chr(byte))}\r\n\r\n")


def assert_refused(text: str) -> None:
    wire = Http1Connection(LIMITS)
    wire.receive(text.encode("latin-1"))
    with pytest.raises(BadMessage):
        wire.next_event()


@pytest.mark.parametrize(
    "extension",
    [';a="' + "\\" * 250, ";" * 256, ";a" * 128, " \t" * 128, ";a" + " " * 250, ";a=" + "b" * 250, ';a=""' * 51 + ";"],
)
def test_a_chunk_extension_costs_no_more_than_its_bytes(extension: str) -> None:
    """However an extension is made, it is read or refused in one walk over its bytes."""
    wire = asked("POST", fields="Transfer-Encoding: chunked\r\n")
    wire.receive(f"1{extension}\r\nx\r\n".encode() * 50)
    began = thread_time()
    with suppress(BadMessage):
        while wire.next_event() is not None:
            pass
    assert thread_time() - began < 0.5


def test_content_is_read_to_its_end_or_the_connection_ends() -> None:
    """A response before the end of the content is the last one (RFC 9112 9.3)."""
    wire = asked("POST", fields="Content-Length: 5\r\n")
    wire.receive(b"hel")
    assert wire.next_event() == Content(b"hel")
    assert b"connection: close\r\n" in wire.send_response(200, (), b"", b"")
    wire.receive(b"loGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert wire.next_event() is None
    with pytest.raises(FanlightError):
        wire.send_response(200, (), b"", b"")

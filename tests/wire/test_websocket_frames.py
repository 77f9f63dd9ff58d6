"""Frames of WebSocket clients, valid and malformed, however their bytes arrive (RFC 6455 sections 5 to 8)."""

from __future__ import annotations

import pytest
from tests.wire.client_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    FIN,
    MAX_BYTES,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    deflated,
    events_of,
    frame,
)

from fanlight.wire.websocket.websocket_connection import Closed, Ping, Pong, WebSocketConnection
from fanlight.wire.websocket.websocket_frames import (
    CloseCode,
    WebSocketError,
    is_sendable_code,
    unmask,
    write_close,
    write_frame,
)

EURO = "\u20ac".encode()  # three bytes
VALID: dict[str, tuple[bytes, list[object]]] = {
    "a text": (frame(TEXT, b"Hello"), ["Hello"]),
    "an empty text": (frame(TEXT), [""]),
    "bytes": (frame(BINARY, bytes(range(200))), [bytes(range(200))]),
    "empty bytes": (frame(BINARY), [b""]),
    "a mask of zeros": (frame(TEXT, b"Hello", key=bytes(4)), ["Hello"]),
    "the longest short form": (frame(BINARY, b"x" * 125), [b"x" * 125]),
    "the shortest medium form": (frame(BINARY, b"x" * 126), [b"x" * 126]),
    "the largest message": (frame(BINARY, b"x" * MAX_BYTES), [b"x" * MAX_BYTES]),
    "two messages": (frame(TEXT, b"a") + frame(BINARY, b"b"), ["a", b"b"]),
    "two fragments": (frame(TEXT, b"Hel", 0) + frame(CONTINUATION, b"lo"), ["Hello"]),
    "three fragments": (frame(BINARY, b"a", 0) + frame(CONTINUATION, b"b", 0) + frame(CONTINUATION, b"c"), [b"abc"]),
    "empty fragments": (frame(TEXT, b"", 0) + frame(CONTINUATION, b"", 0) + frame(CONTINUATION), [""]),
    "a character cut by fragments": (frame(TEXT, EURO[:1], 0) + frame(CONTINUATION, EURO[1:]), ["\u20ac"]),
    "a character cut twice": (
        frame(TEXT, EURO[:1], 0) + frame(CONTINUATION, EURO[1:2], 0) + frame(CONTINUATION, EURO[2:]),
        ["\u20ac"],
    ),
    "a ping within a message": (
        frame(TEXT, b"Hel", 0) + frame(PING, b"?") + frame(CONTINUATION, b"lo"),
        [Ping(b"?"), "Hello"],
    ),
    "a pong that was not asked for": (frame(PONG, b"!"), [Pong(b"!")]),
    "the largest ping": (frame(PING, b"p" * 125), [Ping(b"p" * 125)]),
    "a close without a code": (frame(CLOSE), [Closed(1005, "")]),
    "a close with a code": (frame(CLOSE, b"\x03\xe8"), [Closed(1000, "")]),
    "a close with a reason": (frame(CLOSE, b"\x0f\xa0" + EURO), [Closed(4000, "\u20ac")]),
    "the longest reason": (frame(CLOSE, b"\x03\xe9" + b"r" * 123), [Closed(1001, "r" * 123)]),
    "what follows a close": (frame(CLOSE) + frame(TEXT, b"x") + b"\xff\xff", [Closed(1005, "")]),
    "a close within a message": (frame(TEXT, b"Hel", 0) + frame(CLOSE), [Closed(1005, "")]),
}
PROTOCOL, INVALID, TOO_BIG = CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.TOO_BIG
MALFORMED: dict[str, tuple[bytes, CloseCode]] = {
    "no mask": (frame(TEXT, b"Hello", key=None), PROTOCOL),
    "no mask on a ping": (frame(PING, key=None), PROTOCOL),
    **{f"opcode {each}": (frame(each), PROTOCOL) for each in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{
        f"reserved bits {bits:#x} of opcode {opcode}": (frame(opcode, b"\x03\xe8", FIN | bits), PROTOCOL)
        for bits in (RSV1, RSV2, RSV3, RSV1 | RSV2, RSV1 | RSV2 | RSV3)
        for opcode in (TEXT, BINARY, PING, PONG, CLOSE)
    },
    "a reserved bit of a continuation": (frame(TEXT, b"a", 0) + frame(CONTINUATION, b"b", FIN | RSV2), PROTOCOL),
    "a short length in the medium form": (frame(TEXT, b"x" * 125, form=2), PROTOCOL),
    "no length in the medium form": (frame(TEXT, b"", form=2), PROTOCOL),
    "a short length in the long form": (frame(TEXT, b"x", form=8), PROTOCOL),
    "a medium length in the long form": (frame(TEXT, b"x" * 300, form=8), PROTOCOL),
    "a length of 64 bits": (b"\x82\xff\x80" + bytes(7) + b"abcd", PROTOCOL),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), PROTOCOL),
    "a fragment of nothing": (frame(CONTINUATION, b"x", 0), PROTOCOL),
    "a continuation behind a whole message": (frame(TEXT, b"x") + frame(CONTINUATION, b"x"), PROTOCOL),
    "a text within a message": (frame(TEXT, b"a", 0) + frame(TEXT, b"b"), PROTOCOL),
    "bytes within a message": (frame(TEXT, b"a", 0) + frame(BINARY, b"b", 0), PROTOCOL),
    "a fragmented ping": (frame(PING, b"x", 0), PROTOCOL),
    "a fragmented pong": (frame(PONG, b"x", 0), PROTOCOL),
    "a fragmented close": (frame(CLOSE, b"", 0), PROTOCOL),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), PROTOCOL),
    "a ping in the long form": (frame(PING, b"x", form=8), PROTOCOL),
    "a close of 126 bytes": (frame(CLOSE, b"\x03\xe8" + b"x" * 124), PROTOCOL),
    "a close of one byte": (frame(CLOSE, b"\x03"), PROTOCOL),
    **{
        f"code {code}": (frame(CLOSE, code.to_bytes(2, "big")), PROTOCOL)
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "a reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), INVALID),
    "a reason that is cut within a character": (frame(CLOSE, b"\x03\xe8" + EURO[:2]), INVALID),
    "a byte that UTF-8 never has": (frame(TEXT, b"a\xffb"), INVALID),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), INVALID),
    "an overlong form": (frame(TEXT, b"\xc0\xaf"), INVALID),
    "beyond the last character": (frame(TEXT, b"\xf4\x90\x80\x80"), INVALID),
    "a text that ends within a character": (frame(TEXT, EURO[:2]), INVALID),
    "fragments that end within a character": (frame(TEXT, b"a", 0) + frame(CONTINUATION, EURO[:2]), INVALID),
    "a wrong byte in a first fragment": (frame(TEXT, b"a\xff", 0), INVALID),
    "a character that goes on wrongly": (frame(TEXT, EURO[:1], 0) + frame(CONTINUATION, b"a", 0), INVALID),
    "a message beyond the limit": (frame(BINARY, b"x" * (MAX_BYTES + 1)), TOO_BIG),
    "a length beyond the limit": (b"\x82\xfe\xff\xff", TOO_BIG),
    "an absurd length": (b"\x82\xff\x7f" + b"\xff" * 7, TOO_BIG),
    "fragments beyond the limit": (frame(TEXT, b"x" * MAX_BYTES, 0) + frame(CONTINUATION, b"x"), TOO_BIG),
}


def cuts(data: bytes) -> list[list[bytes]]:
    """Return the data in one piece, byte by byte, and in two pieces at every position."""
    return [
        [data],
        [data[at : at + 1] for at in range(len(data))],
        *([data[:at], data[at:]] for at in range(1, len(data))),
    ]


@pytest.mark.parametrize("name", VALID)
def test_what_is_valid_is_understood_however_it_is_cut(name: str) -> None:
    """Messages, pings and the end are the same, wherever the bytes are cut."""
    data, expected = VALID[name]
    for pieces in cuts(data):
        assert events_of(pieces) == (expected, None)


@pytest.mark.parametrize("name", VALID)
def test_two_connections_behave_alike_with_an_extension(name: str) -> None:
    """That messages may be compressed changes nothing for those that are not."""
    data, expected = VALID[name]
    assert events_of([data], DEFLATE) == (expected, None)


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_however_it_is_cut(name: str) -> None:
    """Each fault has its code (RFC 6455 section 7.4), wherever the bytes are cut, and what came before is kept."""
    data, code = MALFORMED[name]
    before = frame(BINARY, b"before")
    for pieces in cuts(data):
        events, found = events_of([before, *pieces])
        assert found == code
        assert events[0] == b"before"


@pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_a_valid_code_is_understood(code: int) -> None:
    """What RFC 6455 and IANA have registered, and what is left to applications."""
    assert events_of([frame(CLOSE, code.to_bytes(2, "big"))]) == ([Closed(code, "")], None)
    assert is_sendable_code(code)


def test_nothing_is_read_ahead_of_a_length() -> None:
    """A length beyond the limit is refused before any of its bytes have come."""
    assert events_of([b"\x82\xff" + (1 << 40).to_bytes(8, "big")]) == ([], CloseCode.TOO_BIG)


def test_a_message_of_too_many_fragments_is_refused() -> None:
    """Empty fragments add nothing, so they are counted."""
    many = [frame(TEXT, b"", 0)] + [frame(CONTINUATION, b"", 0)] * 2000
    assert events_of([b"".join(many)]) == ([], CloseCode.POLICY)


def test_many_small_fragments_make_a_message() -> None:
    """As many as a message of the limit may have of 16 bytes each."""
    many = [frame(BINARY, b"", 0), *[frame(CONTINUATION, b"x" * 10, 0)] * 100, frame(CONTINUATION)]
    assert events_of([b"".join(many)]) == ([b"x" * 1000], None)


def test_a_long_message_is_one_piece() -> None:
    """Lengths of 64 bits are understood, and their mask goes on to the last byte."""
    data = bytes(range(256)) * 300
    for key in (b"abcd", bytes(4), b"\xff\x00\x80\x01"):
        assert events_of([frame(BINARY, data, key=key)], max_bytes=100_000) == ([data], None)


def test_what_was_received_is_released_with_its_last_message() -> None:
    """An idle connection keeps no byte of its last message."""
    wire = WebSocketConnection(MAX_BYTES)
    data = frame(TEXT, b"Hello")
    for piece in (data[:3], data[3:]):
        wire.receive(piece)
        wire.next_event()
    assert not wire.has_buffered


def test_nothing_is_read_behind_a_release() -> None:
    """A connection that is closed has no more events, whatever comes."""
    wire = WebSocketConnection(MAX_BYTES)
    wire.receive(frame(TEXT, b"a", 0))
    wire.next_event()
    wire.release()
    wire.receive(frame(TEXT, b"b"))
    assert wire.next_event() is None


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_the_shortest_length(size: int, head: bytes) -> None:
    """RFC 6455 section 5.2; a server's frames are not masked."""
    assert WebSocketConnection(MAX_BYTES).write(b"x" * size) == head + b"x" * size


def test_a_text_is_sent_in_utf8() -> None:
    """The length is that of its bytes."""
    assert WebSocketConnection(MAX_BYTES).write("\u20ac") == b"\x81\x03" + EURO


def test_a_reason_is_cut_between_characters() -> None:
    """A close frame has 125 bytes at most."""
    data = write_close(1000, "x" * 122 + "\u20ac")
    assert data == write_frame(CLOSE, b"\x03\xe8" + b"x" * 122)


@pytest.mark.parametrize("size", [*range(12), 2047, 2048, 2049, 2050, 2051, 2052])
def test_a_mask_is_taken_off(size: int) -> None:
    """Byte by byte, by the four of the key in turn (RFC 6455 section 5.3)."""
    data, key = bytes(each % 251 for each in range(size)), b"\x01\x80\xff\x10"
    assert unmask(data, key) == bytes(each ^ key[at % 4] for at, each in enumerate(data))


def test_an_error_names_its_code_and_its_reason() -> None:
    """Both are for the close frame, and for the log."""
    error = WebSocketError(CloseCode.TOO_BIG, "why")
    assert (error.code, error.reason, str(error)) == (1009, "why", "why")


def test_a_compressed_message_needs_the_extension() -> None:
    """The bit of permessage-deflate is reserved unless that was agreed on."""
    data = frame(TEXT, deflated(b"Hello"), FIN | RSV1)
    assert events_of([data]) == ([], CloseCode.PROTOCOL_ERROR)
    assert events_of([data], DEFLATE) == (["Hello"], None)

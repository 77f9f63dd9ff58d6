"""Compressed messages, and how their extension is agreed on (RFC 7692)."""

from __future__ import annotations

import os
import zlib

import pytest
from tests.wire.client_frames import (
    BINARY,
    CONTINUATION,
    DEFLATE,
    FIN,
    MAX_BYTES,
    PING,
    RSV1,
    TEXT,
    deflated,
    events_of,
    frame,
)
from tests.wire.test_websocket_frames import cuts

from fanlight.wire.websocket.deflate import LEAST_BYTES, MOST_BYTES, Deflate, choose_deflate, compress
from fanlight.wire.websocket.websocket_connection import Ping, WebSocketConnection
from fanlight.wire.websocket.websocket_frames import CloseCode

BITS = range(9, 16)
BASE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
HELLO = bytes((0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00))  # RFC 7692 section 7.2.3.1
STORED = bytes((0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00))  # 7.2.3.3
FINAL = bytes((0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00))  # 7.2.3.4
TWO_BLOCKS = bytes((0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00))  # 7.2.3.5
EXAMPLES: dict[str, tuple[bytes, list[object]]] = {
    "one block": (frame(TEXT, HELLO, FIN | RSV1), ["Hello"]),
    "two fragments": (frame(TEXT, HELLO[:3], RSV1) + frame(CONTINUATION, HELLO[3:]), ["Hello"]),
    "a stored block": (frame(TEXT, STORED, FIN | RSV1), ["Hello"]),
    "a last block": (frame(TEXT, FINAL, FIN | RSV1), ["Hello"]),
    "two blocks": (frame(TEXT, TWO_BLOCKS, FIN | RSV1), ["Hello"]),
    "nothing": (frame(TEXT, b"\x00", FIN | RSV1), [""]),
    "a ping between": (
        frame(TEXT, HELLO[:3], RSV1) + frame(PING, b"?") + frame(CONTINUATION, HELLO[3:]),
        [Ping(b"?"), "Hello"],
    ),
    "compressed, then not": (frame(TEXT, HELLO, FIN | RSV1) + frame(TEXT, b"x"), ["Hello", "x"]),
    "the largest": (frame(BINARY, deflated(bytes(MAX_BYTES)), FIN | RSV1), [bytes(MAX_BYTES)]),
}
REFUSED: dict[str, tuple[bytes, CloseCode]] = {
    "no deflate": (frame(TEXT, b"\xff\xff\xff", FIN | RSV1), CloseCode.INVALID_DATA),
    "no text": (frame(TEXT, deflated(b"\xff"), FIN | RSV1), CloseCode.INVALID_DATA),
    "one byte too many": (frame(BINARY, deflated(bytes(MAX_BYTES + 1)), FIN | RSV1), CloseCode.TOO_BIG),
    "a bomb": (frame(BINARY, deflated(bytes(900_000)), FIN | RSV1), CloseCode.TOO_BIG),
    "a bomb in fragments": (
        frame(BINARY, deflated(bytes(900_000))[:400], RSV1) + frame(CONTINUATION, deflated(bytes(900_000))[400:]),
        CloseCode.TOO_BIG,
    ),
    "the bit on a continuation": (
        frame(TEXT, HELLO[:3], RSV1) + frame(CONTINUATION, HELLO[3:], FIN | RSV1),
        CloseCode.PROTOCOL_ERROR,
    ),
    "the bit on a ping": (frame(PING, HELLO, FIN | RSV1), CloseCode.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_compressed_message_is_understood_however_it_is_cut(name: str) -> None:
    """The examples of RFC 7692 section 7.2.3, and what else a client may send."""
    data, expected = EXAMPLES[name]
    for pieces in cuts(data):
        assert events_of(pieces, DEFLATE) == (expected, None)


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_decompressed_is_refused_however_it_is_cut(name: str) -> None:
    """Malformed or too large: never more is decompressed than a message may have."""
    data, code = REFUSED[name]
    for pieces in cuts(data):
        assert events_of(pieces, DEFLATE) == ([], code)


def test_a_bomb_is_decompressed_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one frame is decompressed to is one byte beyond the limit at most."""
    sizes = list[int]()
    make = zlib.decompressobj

    class Measured:
        def __init__(self, bits: int) -> None:
            self._inner = make(bits)
            self.eof, self.unconsumed_tail, self.unused_data = False, b"", b""

        def decompress(self, data: bytes, most: int) -> bytes:
            out = self._inner.decompress(data, most)
            self.unconsumed_tail = self._inner.unconsumed_tail
            sizes.append(len(out))
            return out

    monkeypatch.setattr(zlib, "decompressobj", Measured)
    bomb = frame(BINARY, deflated(bytes(10_000_000)), FIN | RSV1)
    assert events_of([bomb], DEFLATE, 20_000) == ([], CloseCode.TOO_BIG)
    assert sum(sizes) == 20_001


@pytest.mark.parametrize("bits", range(9, 16))
def test_a_message_is_compressed_within_its_window(bits: int) -> None:
    """A client with no more than the window can decompress it, and each message by itself."""
    wire = WebSocketConnection(MAX_BYTES, Deflate(window_bits=bits, response=""))
    data = os.urandom(600) * 3
    for _ in range(2):
        sent = wire.write(data)
        assert sent[0] == FIN | RSV1 | BINARY
        assert int.from_bytes(sent[2:4], "big") == len(sent) - 4
        assert zlib.decompressobj(-bits).decompress(sent[4:] + b"\x00\x00\xff\xff") == data


def test_a_short_message_is_sent_as_it_is_and_a_long_one() -> None:
    """Compressing takes longer than sending it; and what is long would hold up others."""
    wire = WebSocketConnection(MAX_BYTES, DEFLATE)
    assert wire.write(b"x" * (LEAST_BYTES - 1))[0] == FIN | BINARY
    assert wire.write(b"x" * LEAST_BYTES)[0] == FIN | RSV1 | BINARY
    assert wire.write(b"x" * MOST_BYTES)[0] == FIN | RSV1 | BINARY
    assert wire.write(b"x" * (MOST_BYTES + 1))[0] == FIN | BINARY


def test_what_is_compressed_ends_without_the_empty_block() -> None:
    """RFC 7692 section 7.2.1: its last four bytes are not sent."""
    assert not compress(b"x" * 300, 15).endswith(b"\x00\x00\xff\xff")


@pytest.mark.parametrize(
    ("offered", "response"),
    [
        ("permessage-deflate", BASE),
        ("Permessage-Deflate", BASE),
        ("permessage-deflate; client_max_window_bits", BASE),
        ("permessage-deflate;client_max_window_bits=15", BASE),
        ("permessage-deflate; client_max_window_bits=8", BASE),
        ("permessage-deflate; server_no_context_takeover", BASE),
        ("permessage-deflate; client_no_context_takeover;server_no_context_takeover", BASE),
        ('permessage-deflate; server_max_window_bits="10"', BASE + "; server_max_window_bits=10"),
        *((f"permessage-deflate; server_max_window_bits={n}", f"{BASE}; server_max_window_bits={n}") for n in BITS),
        ("x-webkit-deflate-frame, permessage-deflate", BASE),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", BASE),
        ("permessage-deflate; other, permessage-deflate;server_max_window_bits=9", BASE + "; server_max_window_bits=9"),
    ],
)  # fmt: skip
def test_an_offer_is_accepted(offered: str, response: str) -> None:
    """The first one that we can keep (RFC 7692 section 7.1), without keeping anything between two messages."""
    found = choose_deflate(offered)
    assert found is not None
    assert found.response == response


@pytest.mark.parametrize(
    "offered",
    [
        "",
        ",",
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=",
        *(f"permessage-deflate; server_max_window_bits={each}" for each in ("7", "8", "16", "08", "+9", "x", '"')),
        *(f"permessage-deflate; client_max_window_bits={each}" for each in ("7", "16", "08", "", "1e1")),
        "permessage-deflate; =1",
        "permessage-deflate; ;",
        ", ".join(["other"] * 16 + ["permessage-deflate"]),
    ],
)  # fmt: skip
def test_an_offer_that_can_not_be_kept_is_declined(offered: str) -> None:
    """Unknown or repeated parameters, and windows that zlib does not have: messages are then not compressed."""
    assert choose_deflate(offered) is None

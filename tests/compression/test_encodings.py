"""Negotiation of the coding, the table of media types, and the codecs."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.compression.codecs import CODECS, CODINGS
from fanlight.compression.negotiation import COMPRESSIBLE, acceptable_encodings, best_encoding, is_compressible

ALL = CODINGS
MIB = 1024 * 1024

VECTORS = [
    # what the client says, what it gets of zstd, br and gzip
    ("", ""),
    ("gzip", "gzip"),
    ("GZip", "gzip"),
    ("x-gzip", "gzip"),
    ("br", "br"),
    ("zstd", "zstd"),
    ("gzip, deflate, br, zstd", "zstd"),  # Chromium, Firefox
    ("gzip, deflate, br", "br"),  # Safari
    ("gzip, deflate", "gzip"),
    ("deflate", ""),
    ("compress, gzip", "gzip"),
    ("identity", ""),
    ("identity, gzip", "gzip"),
    ("identity;q=1, gzip;q=0.5", ""),
    ("identity;q=0.5, gzip;q=1.0", "gzip"),
    ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"),
    ("*", "zstd"),
    ("*;q=0", ""),
    ("*;q=0.5, gzip", "gzip"),
    ("zstd;q=0, *", "br"),
    ("zstd;q=0, br;q=0, *;q=0.1", "gzip"),
    ("gzip;q=0", ""),
    ("gzip;q=0, br;q=0, zstd;q=0, identity;q=0", ""),
    ("identity;q=0", ""),
    ("identity;q=0, gzip", "gzip"),
    ("identity;q=0, gzip;q=0.001", "gzip"),
    ("identity;q=0, *", "zstd"),
    ("gzip;q=0.8, br;q=0.9, zstd;q=0.7", "br"),
    ("gzip;q=0.8, br;q=0.8, zstd;q=0.8", "zstd"),
    ("gzip; q=0.8 , br ;Q=0.1", "gzip"),
    ("gzip;q=1.000, br;q=0.999", "gzip"),
    ("gzip;q=nan, br;q=-1", ""),
    ("gzip;q=abc", ""),
    ("gzip;q=7, br;q=0.5", "gzip"),
    (",,gzip,,", "gzip"),
    (", ,\t", ""),
    ("gzip;q=.5, br;q=.4", "gzip"),  # Java's own client leaves out the 0
    ("gzip;q=1_0, br;q=0.5", "br"),
    ("gzip;q=1e0, br;q=+1, zstd;q=infinity", ""),
    ("gzip;q=\xa01, br;q=\u0661", ""),
    ("gzip;q=" + "9" * 500, ""),
    (";q=1", ""),
    ("gzip;level=9", "gzip"),
    ("gz", ""),
    ("gzipped", ""),
    ("gzip" + " " * 2000, ""),
    ("\u00fc, gzip", "gzip"),
]


@pytest.mark.parametrize(("field", "expected"), VECTORS)
def test_the_client_gets_the_coding_it_prefers(field: str, expected: str) -> None:
    """The highest weight wins, then our order; codings that neither a name nor `*` covers are not used."""
    assert best_encoding(field, ALL) == expected


@pytest.mark.parametrize(
    ("field", "ranked"),
    [
        ("gzip, deflate, br, zstd", ("br", "zstd", "gzip")),
        ("gzip;q=1.0, br;q=0.5", ("gzip", "br")),
        ("*", ("br", "zstd", "gzip")),
        ("*;q=0.5, gzip", ("gzip", "br", "zstd")),
        ("*;q=0, zstd", ("zstd",)),
        ("identity;q=0.5, gzip;q=0.5", ("gzip",)),
        ("identity;q=0, gzip;q=0", ()),
        (",".join(["x"] * 600 + ["gzip"]), ()),
    ],
)
def test_acceptable_codings_are_ranked(field: str, ranked: tuple[str, ...]) -> None:
    """All codings that the client prefers to unencoded content, best first; side files are chosen by this."""
    assert acceptable_encodings(field, ("br", "zstd", "gzip")) == ranked


def test_only_an_offered_coding_is_chosen() -> None:
    """Ties keep the offered order; a coding that is not offered is never chosen."""
    assert best_encoding("gzip, br, zstd", ("gzip", "br")) == "gzip"
    assert best_encoding("zstd", ("gzip",)) == ""
    assert best_encoding("*", ()) == ""


@given(st.text(max_size=60))
def test_any_field_can_be_read(field: str) -> None:
    """Whatever the field contains, one of the offers is chosen, or none."""
    assert best_encoding(field, ALL) in {"", *ALL}


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/HTML", True),
        ("text/csv", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/atom+xml", True),
        ("image/svg+xml", True),
        ("application/javascript", True),
        ("application/wasm", True),
        ("font/ttf", True),
        ("text/event-stream", False),
        ("image/png", False),
        ("image/jpeg", False),
        ("font/woff2", False),
        ("video/mp4", False),
        ("application/zip", False),
        ("application/pdf", False),
        ("application/octet-stream", False),
        ("multipart/byteranges; boundary=x", False),
        ("", False),
        ("text", False),
    ],
)
def test_compressible_media_types_are_in_the_table(media_type: str, expected: bool) -> None:
    """Text in all its forms is compressible; formats that are compressed themselves are not."""
    assert is_compressible(media_type) is expected


def test_the_table_can_be_extended() -> None:
    """A site can add media types; events are included only by their full name."""
    table = (*COMPRESSIBLE, "application/x-mine", "text/event-stream", "model/*")
    assert is_compressible("application/x-mine", table)
    assert is_compressible("text/event-stream", table)
    assert is_compressible("model/obj", table)
    assert not is_compressible("application/x-other", table)


def test_all_codings_are_installed() -> None:
    """The packages that the tests need are installed; else a coding would not be tested."""
    assert set(CODECS) == set(CODINGS)


@pytest.mark.parametrize("coding", CODINGS)
@given(content=st.binary(max_size=5000), padding=st.integers(0, 700))
def test_content_decodes_to_itself(coding: str, content: bytes, padding: int) -> None:
    """Encoded content decodes to the same, however it is padded."""
    codec = CODECS[coding]
    assert codec.decode(codec.encode(content, codec.level, b"7" * padding)) == content


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 1, 1023, 65_535, 65_536, 65_537, 131_072, MIB + 1, 5 * MIB])
def test_content_of_every_size_decodes_to_itself(coding: str, size: int) -> None:
    """Content below, at and above every boundary of the formats decodes to the same, whole or in pieces."""
    codec = CODECS[coding]
    content = (b"abcdefghij%d" % size * (size // 8 + 1))[:size]
    for level in (codec.levels.start, codec.level):
        assert codec.decode(codec.encode(content, level, b"")) == content
        encoder = codec.encoder(level)
        encoded = b"".join([encoder.encode(content[at : at + 65_536]) for at in range(0, size, 65_536)])
        assert codec.decode(encoded + encoder.finish()) == content


@pytest.mark.parametrize("coding", CODINGS)
@given(pieces=st.lists(st.binary(min_size=1, max_size=500), max_size=8))
def test_each_piece_can_be_decoded_at_once(coding: str, pieces: list[bytes]) -> None:
    """A decoder returns each piece as soon as it arrives."""
    codec = CODECS[coding]
    encoder, feed = codec.encoder(codec.level), _decoder(coding)
    for piece in pieces:
        assert feed(encoder.encode(piece)) == piece
    assert feed(encoder.finish()) == b""


@pytest.mark.parametrize("coding", CODINGS)
def test_padding_is_the_length_alone(coding: str) -> None:
    """Each byte of padding makes the content one byte longer, apart from its header."""
    codec, content = CODECS[coding], b"a page of text " * 100
    lengths = [len(codec.encode(content, codec.level, b"7" * count)) for count in range(1, 101)]
    assert [length - lengths[0] for length in lengths] == list(range(100))


def _decoder(coding: str) -> Callable[[bytes], bytes]:
    if coding == "gzip":
        return zlib.decompressobj(31).decompress
    if coding == "br":
        brotli: Any = import_module("brotli")
        feed: Callable[[bytes], bytes] = brotli.Decompressor().process
        return feed
    zstd: Any
    try:
        zstd = import_module("compression.zstd")
    except ImportError:
        zstd = import_module("backports.zstd")
    decoder = zstd.ZstdDecompressor()
    return lambda data: b"" if decoder.eof and not data else decoder.decompress(data)

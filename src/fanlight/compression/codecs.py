"""Encode and decode content: zstd, br, gzip (RFC 9110 section 8.4.1, RFC 8878, RFC 7932).

In: bytes, whole or in pieces. Out: bytes. gzip is in the standard library; so is zstd from Python 3.14 on, and needs
the package `backports.zstd` before; br needs `brotli`. A coding that is not installed is not in `CODECS`.

Padding is bytes that every decoder skips: it hides the exact length of the content (docs/why.md).
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_GZIP_HEAD_BYTES = 10
_GZIP_FLAGS = 3  # their position in the head
_GZIP_HAS_NAME = b"\x08"
_ZSTD_SKIPPABLE = b"\x50\x2a\x4d\x18"
_ZSTD_WINDOW_LOG = 19  # 512 KiB; RFC 9659 requires clients to support up to 8 MiB
_BROTLI_WINDOW_LOG = 19
_BROTLI_METADATA = 0b01_0110  # not the last block, MNIBBLES 3, reserved 0, one byte of length
_BROTLI_MOST_BYTES = 256


def _module(*names: str) -> Any:
    """Return the first of several modules that is installed, None if none is."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


_zstd = _module("compression.zstd", "backports.zstd")
_brotli = _module("brotli")


class Encoder:
    """Encodes content piece by piece. The client can decode each piece as soon as it arrives."""

    __slots__ = ("_compress", "_flush", "finish")

    def __init__(
        self, compress: Callable[[bytes], bytes], flush: Callable[[], bytes], finish: Callable[[], bytes]
    ) -> None:
        """Take the methods of a compressor; `finish` returns what ends the content."""
        self._compress, self._flush, self.finish = compress, flush, finish

    def encode(self, piece: bytes, /) -> bytes:
        """Return the encoded piece."""
        return self._compress(piece) + self._flush()


def _gzip_encoder(level: int) -> Encoder:
    compressor = zlib.compressobj(level, wbits=_GZIP_WINDOW)
    return Encoder(compressor.compress, partial(compressor.flush, zlib.Z_SYNC_FLUSH), compressor.flush)


def _br_encoder(level: int) -> Encoder:
    compressor = _brotli.Compressor(quality=level, lgwin=_BROTLI_WINDOW_LOG)
    return Encoder(compressor.process, compressor.flush, compressor.finish)


def _zstd_encoder(level: int) -> Encoder:
    option = _zstd.CompressionParameter
    options = {option.compression_level: level, option.window_log: _ZSTD_WINDOW_LOG}
    compressor = _zstd.ZstdCompressor(options=options)
    return Encoder(compressor.compress, partial(compressor.flush, compressor.FLUSH_BLOCK), compressor.flush)


def _encode_gzip(content: bytes, level: int, padding: bytes) -> bytes:
    encoder = zlib.compressobj(level, wbits=_GZIP_WINDOW)
    encoded = encoder.compress(content) + encoder.flush()
    if not padding:
        return encoded
    # RFC 1952 section 2.3: padding stands as the name of a file, which clients ignore; it ends with a zero byte.
    head = encoded[:_GZIP_FLAGS] + _GZIP_HAS_NAME + encoded[_GZIP_FLAGS + 1 : _GZIP_HEAD_BYTES]
    return b"%b%b\0%b" % (head, padding, encoded[_GZIP_HEAD_BYTES:])


def _encode_br(content: bytes, level: int, padding: bytes) -> bytes:
    if not padding:
        encoded: bytes = _brotli.compress(content, quality=level, lgwin=_BROTLI_WINDOW_LOG)
        return encoded
    encoder = _br_encoder(level)
    pieces = [encoder.encode(content)]
    # RFC 7932 section 9.2: metadata blocks, which start at a byte boundary: a flush ends at one.
    for start in range(0, len(padding), _BROTLI_MOST_BYTES):
        part = padding[start : start + _BROTLI_MOST_BYTES]
        pieces += ((_BROTLI_METADATA | (len(part) - 1) << 6).to_bytes(2, "little"), part)
    return b"".join([*pieces, encoder.finish()])


def _encode_zstd(content: bytes, level: int, padding: bytes) -> bytes:
    encoded: bytes = _zstd.compress(content, level)
    if not padding:
        return encoded
    # RFC 8878 section 3.1.2: a skippable frame, after the content: a decoder that stops at the first frame has it all.
    return b"%b%b%b%b" % (encoded, _ZSTD_SKIPPABLE, len(padding).to_bytes(4, "little"), padding)


def _decode_gzip(encoded: bytes) -> bytes:
    decoded = b""
    while encoded:
        decoder = zlib.decompressobj(_GZIP_WINDOW)
        decoded += decoder.decompress(encoded) + decoder.flush()
        if not decoder.eof:
            raise EOFError("the content ends in the middle of a gzip member")
        encoded = decoder.unused_data
    return decoded


class Codec(Struct, frozen=True, kw_only=True):
    """One content coding."""

    levels: range
    level: int  # for content that is compressed while its client waits (figures in docs/why.md)
    cached_level: int  # for content that is compressed once and kept in memory: a small static file
    stream_level: int  # at most, for a stream: it may last long, and its encoder holds about 150 KiB
    encode: Callable[[bytes, int, bytes], bytes]  # content, level, padding (ASCII without NUL)
    encoder: Callable[[int], Encoder]  # level
    decode: Callable[[bytes], bytes]  # without any limit: for tests


# Preferred first.
CODINGS = ("zstd", "br", "gzip")
PACKAGES = {"zstd": "backports.zstd", "br": "brotli"}
CODECS: dict[str, Codec] = {}
if _zstd is not None:
    CODECS["zstd"] = Codec(
        levels=range(-7, 20),
        level=3,
        cached_level=9,
        stream_level=1,
        encode=_encode_zstd,
        encoder=_zstd_encoder,
        decode=_zstd.decompress,
    )
if _brotli is not None:
    CODECS["br"] = Codec(
        levels=range(12),
        level=4,
        cached_level=5,
        stream_level=1,
        encode=_encode_br,
        encoder=_br_encoder,
        decode=_brotli.decompress,
    )
CODECS["gzip"] = Codec(
    levels=range(1, 10),
    level=4,
    cached_level=6,
    stream_level=9,
    encode=_encode_gzip,
    encoder=_gzip_encoder,
    decode=_decode_gzip,
)


def decode_content(content: bytes, content_encoding: str) -> bytes:
    """Return content as it was before it was encoded, for tests; unchanged where a coding is not installed.

    Raises what the codec raises for content that is broken.
    """
    codings = [each.strip().lower().removeprefix("x-") for each in content_encoding.split(",") if each.strip()]
    if not content or not all(coding in CODECS for coding in codings):
        return content
    for coding in reversed(codings):
        content = CODECS[coding].decode(content)
    return content

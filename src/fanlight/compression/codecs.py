"""Encode and decode content: zstd, br, gzip (RFC 9110 section 8.4.1, RFC 8878, RFC 7932).

In: bytes, whole or in pieces. Out: bytes. gzip is Python's own; zstd is too from Python 3.14 on, and needs the
package `backports.zstd` before; br needs `brotli`. One that is not installed is not in `CODECS`.

Padding is bytes that every decoder skips: of what is to be hidden, the length (docs/why.md).
"""

from __future__ import annotations

import importlib
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_GZIP_HEAD_BYTES = 10
_GZIP_FLAGS = 3  # where they stand in the head
_GZIP_HAS_NAME = b"\x08"
_ZSTD_SKIPPABLE = b"\x50\x2a\x4d\x18"
_ZSTD_WINDOW_LOG = 19  # 512 KiB; RFC 9659 has clients take up to 8 MiB
_BROTLI_WINDOW_LOG = 19
_BROTLI_METADATA = 0b01_0110  # not the last block, MNIBBLES 3, reserved 0, one byte of length
_BROTLI_MOST_BYTES = 256


def _module(*names: str) -> Any:
    """Return the first of several modules that is there, None if none is."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


_zstd = _module("compression.zstd", "backports.zstd")
_brotli = _module("brotli")


class Encoder(ABC):
    """Encodes content that comes in pieces. What `encode` returns can be decoded at once."""

    @abstractmethod
    def encode(self, piece: bytes) -> bytes:
        """Return a piece, encoded."""

    @abstractmethod
    def finish(self) -> bytes:
        """Return what ends the content."""


class _Gzip(Encoder):
    def __init__(self, level: int) -> None:
        self._encoder = zlib.compressobj(level, wbits=_GZIP_WINDOW)

    def encode(self, piece: bytes) -> bytes:
        return self._encoder.compress(piece) + self._encoder.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._encoder.flush()


class _Brotli(Encoder):
    def __init__(self, level: int) -> None:
        self._encoder = _brotli.Compressor(quality=level, lgwin=_BROTLI_WINDOW_LOG)

    def encode(self, piece: bytes) -> bytes:
        encoded: bytes = self._encoder.process(piece) + self._encoder.flush()
        return encoded

    def finish(self) -> bytes:
        encoded: bytes = self._encoder.finish()
        return encoded


class _Zstd(Encoder):
    def __init__(self, level: int) -> None:
        parameter = _zstd.CompressionParameter
        self._encoder = _zstd.ZstdCompressor(
            options={parameter.compression_level: level, parameter.window_log: _ZSTD_WINDOW_LOG}
        )

    def encode(self, piece: bytes) -> bytes:
        encoded: bytes = self._encoder.compress(piece, self._encoder.FLUSH_BLOCK)
        return encoded

    def finish(self) -> bytes:
        encoded: bytes = self._encoder.flush()
        return encoded


def _gzip(content: bytes, level: int, padding: bytes) -> bytes:
    encoder = zlib.compressobj(level, wbits=_GZIP_WINDOW)
    encoded = encoder.compress(content) + encoder.flush()
    if not padding:
        return encoded
    # RFC 1952 section 2.3: the name of a file, which nobody asks for; it ends with a zero byte.
    head = encoded[:_GZIP_FLAGS] + _GZIP_HAS_NAME + encoded[_GZIP_FLAGS + 1 : _GZIP_HEAD_BYTES]
    return b"%b%b\0%b" % (head, padding, encoded[_GZIP_HEAD_BYTES:])


def _br(content: bytes, level: int, padding: bytes) -> bytes:
    if not padding:
        encoded: bytes = _brotli.compress(content, quality=level, lgwin=_BROTLI_WINDOW_LOG)
        return encoded
    encoder = _Brotli(level)
    pieces = [encoder.encode(content)]
    # RFC 7932 section 9.2: metadata, at a byte's boundary, where a flush ends.
    for start in range(0, len(padding), _BROTLI_MOST_BYTES):
        some = padding[start : start + _BROTLI_MOST_BYTES]
        pieces += ((_BROTLI_METADATA | (len(some) - 1) << 6).to_bytes(2, "little"), some)
    return b"".join([*pieces, encoder.finish()])


def _zst(content: bytes, level: int, padding: bytes) -> bytes:
    encoded: bytes = _zstd.compress(content, level)
    if not padding:
        return encoded
    # RFC 8878 section 3.1.2. Behind the content: a decoder that stops after the first frame has it all.
    return b"%b%b%b%b" % (encoded, _ZSTD_SKIPPABLE, len(padding).to_bytes(4, "little"), padding)


def _gunzip(encoded: bytes) -> bytes:
    decoded = b""
    while encoded:
        decoder = zlib.decompressobj(_GZIP_WINDOW)
        decoded += decoder.decompress(encoded) + decoder.flush()
        if not decoder.eof:
            raise EOFError("the content ends in the middle of a gzip member")
        encoded = decoder.unused_data
    return decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One content coding."""

    levels: range
    level: int  # chosen for content that is made while somebody waits for it (docs/why.md has the figures)
    cached_level: int  # for content that is compressed once and kept in memory: a small static file
    stream_level: int  # the most for a stream, which may last: its encoder holds about 150 KiB
    encode: Callable[[bytes, int, bytes], bytes]  # content, level, padding: ASCII without zeros
    encoder: Callable[[int], Encoder]  # level
    decode: Callable[[bytes], bytes]  # all of it, however big that becomes: for tests


# In the order in which they are preferred.
CODINGS = ("zstd", "br", "gzip")
PACKAGES = {"zstd": "backports.zstd", "br": "brotli"}
CODECS: dict[str, Codec] = {}
if _zstd is not None:
    CODECS["zstd"] = Codec(
        levels=range(-7, 20),
        level=3,
        cached_level=9,
        stream_level=1,
        encode=_zst,
        encoder=_Zstd,
        decode=_zstd.decompress,
    )
if _brotli is not None:
    CODECS["br"] = Codec(
        levels=range(12),
        level=4,
        cached_level=5,
        stream_level=1,
        encode=_br,
        encoder=_Brotli,
        decode=_brotli.decompress,
    )
CODECS["gzip"] = Codec(
    levels=range(1, 10),
    level=4,
    cached_level=6,
    stream_level=9,
    encode=_gzip,
    encoder=_Gzip,
    decode=_gunzip,
)

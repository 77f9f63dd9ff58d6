"""Read a response from the bytes that were sent: its status, its fields, its content.

In: the sent bytes, of which the end may be missing. Out: what can be read of them. Interim responses are skipped.
Refuses nothing: what is no HTTP message has the status 0.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
import zlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct

_HEAD = re.compile(rb"HTTP/1\.[01] (\d\d\d) [^\r\n]*\r\n((?:[^\r\n]*\r\n)*?)\r\n")
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_SLICE_BYTES = 2048
# The modules that decode a coding, and how; the first that is installed is used.
_DECODERS: dict[str, tuple[tuple[str, Callable[[Any], Any]], ...]] = {
    "br": (("brotli", lambda module: module.Decompressor().process),),
    "zstd": (
        ("compression.zstd", lambda module: module.ZstdDecompressor().decompress),
        ("backports.zstd", lambda module: module.ZstdDecompressor().decompress),
    ),
}
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+)\r\n")

log = logging.getLogger("fanlight.devtools")


class SentMessage(Struct, frozen=True):
    """A response as it was sent."""

    status: int
    fields: list[tuple[str, str]]
    body_at: int  # offset of its body, behind any interim responses and its head

    def value(self, name: str) -> str:
        """Return the value of a field, "" if it was not sent."""
        return next((value for each, value in self.fields if each.lower() == name), "")


def read_sent(data: bytes) -> SentMessage:
    """Return what was sent; the status is 0 if it is not whole."""
    position = 0
    while (found := _HEAD.match(data, position)) is not None:
        status, position = int(found[1]), found.end()
        if status >= 200:
            lines = found[2].decode("latin-1").split("\r\n")[:-1]
            pairs = (line.partition(":") for line in lines)
            return SentMessage(status, [(name, value.strip()) for name, _, value in pairs], position)
    return SentMessage(0, [], len(data))


def content_of(message: SentMessage, data: bytes, limit: int) -> bytes:
    """Return the content of a response, without its framing and its coding, as far as it is there and can be read."""
    body = data[message.body_at :]
    if message.value("transfer-encoding") == "chunked":
        body = _dechunked(body)
    coding = message.value("content-encoding")
    return (_decoded(body, coding, limit) if coding else body)[:limit]


def _dechunked(data: bytes) -> bytes:
    pieces, position = [], 0
    while (found := _CHUNK_SIZE.match(data, position)) is not None and (size := int(found[1], 16)):
        pieces.append(data[found.end() : found.end() + size])
        position = found.end() + size + 2
    return b"".join(pieces)


def _decoded(data: bytes, coding: str, limit: int) -> bytes:
    """Return the beginning of encoded content; b"" for a coding that is not known here."""
    decode, content = _decoder(coding), b""
    if decode is None:
        return b""
    try:
        for start in range(0, len(data), _SLICE_BYTES):  # small ones: a few bytes may decode to many
            content += decode(data[start : start + _SLICE_BYTES])
            if len(content) >= limit:
                break
    except Exception:  # each library has errors of its own; the content may be cut, and is only for display
        log.debug("content can't be decoded from %s", coding, exc_info=True)
    return content


def _decoder(coding: str) -> Callable[[bytes], bytes] | None:
    if coding == "gzip":
        return zlib.decompressobj(_GZIP_WINDOW).decompress
    for module, make in _DECODERS.get(coding, ()):
        with contextlib.suppress(ImportError):
            decode: Callable[[bytes], bytes] = make(importlib.import_module(module))
            return decode
    return None

"""Compress responses (RFC 9110 section 8.4), as the server sends them.

In: a response that is ready, and its request. Out: the same response, or another one with the content encoded and the
fields that follow from that. Never changes a response, which may be sent again. Leaves alone what is compressed
already, partial, small, or marked as uncompressed. Knows nothing of the wire.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from fanlight.compression.codecs import CODECS
from fanlight.compression.coding_fields import Fields, encoded_fields, may_be_encoded, with_vary, with_weak_etag
from fanlight.compression.compression_settings import Compression, is_uncompressed
from fanlight.compression.negotiation import best_encoding, is_compressible
from fanlight.errors import InvalidResponse
from fanlight.message.request import Request
from fanlight.message.response import Heartbeat, Response, is_lazy_stream
from fanlight.message.stream import LARGE_PIECE_BYTES, AsyncStream, stream_of

_NEVER = frozenset({204, 205})
_MOST_KNOWN = 256
_SIZE = re.compile(r"[0-9]{1,18}")


class EncodedResponse(Response):
    """A response with its final fields, sent in place of another one."""

    __slots__ = ("_fields", "_heartbeat")

    def __init__(self, original: Response, fields: Fields, content: Any, length: int | None = None) -> None:
        super().__init__(content, original.status, media_type=original.media_type, length=length)
        self.own_headers = original.own_headers  # which fields of the server it replaces
        self._fields = fields
        self._heartbeat = original.heartbeat

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The heartbeat of the original."""
        return self._heartbeat

    def fields(self) -> Fields:
        """Return the fields as the wire takes them."""
        return self._fields


class Compressor:
    """Compresses the responses of one app. Bytes of fewer than `least_bytes` need not be passed to it."""

    def __init__(self, setting: Compression) -> None:
        self.least_bytes = setting.least_bytes
        self._setting = setting
        self._offers = setting.offers
        self._known: dict[Fields, bool] = {}  # whether shared fields allow compression
        self._types: dict[str, bool] = {}  # whether a media type is compressed

    def encode(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - as in ResponseEncoder
        """Return the response to send, which may be the same one. `is_busy`: no thread is free to send a stream."""
        try:
            if response.own_headers is None and not self._types.get(response.media_type, True):
                return response
            return self._encoded(response, request, is_busy=is_busy)
        except (InvalidResponse, TypeError, AttributeError):  # it can't be sent: the exchange reports why
            return response

    def _encoded(self, response: Response, request: Request, *, is_busy: bool) -> Response:
        if response.status in _NEVER or is_uncompressed(request):
            return response
        if response.status == 304:
            return self._not_modified(response, request)
        if response.status == 206:
            return self._partial(response)
        content: Any = response.content
        is_file = not isinstance(content, bytes) and not is_lazy_stream(response)
        fields = response.fields()
        if not self._is_of_size(response, is_file=is_file) or not self._may_encode(fields):
            media_type = response.media_type
            if media_type and len(self._types) < _MOST_KNOWN:  # later responses of the type are passed by at once
                self._types[media_type] = is_compressible(media_type, self._setting.media_types)
            return response
        fields = with_vary(fields)
        coding = best_encoding(request.head.values.get("accept-encoding", ""), self._offers)
        encoded: object = None
        if coding:
            is_padded = self._setting.padding_bytes > 0 and not is_file and _has_credentials(request)
            if not isinstance(content, bytes):
                # SECURITY: tests/compression/test_padding.py: the length of each piece would be visible by itself
                encoded = None if is_padded else self._encode_stream(response, coding, is_file=is_file)
            elif not is_busy or len(content) <= self._setting.at_once_bytes:
                is_head = request.head.method == "HEAD"
                encoded = self._encode_bytes(content, coding, is_padded=is_padded, is_head=is_head)
        if encoded is None:
            return EncodedResponse(response, fields, content, response.length)
        return EncodedResponse(response, encoded_fields(fields, coding), encoded)

    def _is_of_size(self, response: Response, *, is_file: bool) -> bool:
        content, setting = response.content, self._setting
        length = len(content) if isinstance(content, bytes) else response.length
        return length is None or (length >= setting.least_bytes and (not is_file or length <= setting.file_bytes))

    def _may_encode(self, fields: Fields) -> bool:
        if not isinstance(fields, tuple):
            return may_be_encoded(fields, self._setting.media_types)
        may = self._known.get(fields)
        if may is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            may = self._known[fields] = may_be_encoded(fields, self._setting.media_types)
        return may

    def _encode_bytes(self, content: bytes, coding: str, *, is_padded: bool, is_head: bool) -> object:
        """Return the encoded content, as a stream if it is big; None where it would not become smaller."""
        setting, codec, level = self._setting, CODECS[coding], self._setting.level_of(coding)
        if is_padded and is_head:
            return iter(())  # RFC 9110 section 8.6: no length but that of GET, which has another one each time
        if is_padded and len(content) > setting.at_once_bytes:
            # SECURITY: tests/compression/test_padding.py: in one piece, so that the length of no part is visible
            padding = _padding(setting.padding_bytes)
            return (codec.encode(each, level, padding) for each in (content,))
        if len(content) > setting.at_once_bytes:
            return stream_of(_slices(content), encoder=codec.encoder(level))
        encoded = codec.encode(content, level, _padding(setting.padding_bytes) if is_padded else b"")
        return encoded if len(encoded) < len(content) else None

    def _encode_stream(self, response: Response, coding: str, *, is_file: bool) -> object:
        """Return a stream that is encoded while it is sent; None where it can't be."""
        stream = stream_of(response.content)
        if response.heartbeat is not None and not isinstance(stream, AsyncStream):
            return None  # its pieces are made in threads, its heartbeat on the loop: one encoder can't serve both
        codec, level = CODECS[coding], self._setting.level_of(coding)
        return stream_of(stream, encoder=codec.encoder(level if is_file else min(level, codec.stream_level)))

    def _partial(self, response: Response) -> Response:
        """Return a 206, which is never compressed, with the `vary` of its 200 (RFC 9110 section 15.3.7)."""
        whole = response.headers.get("content-range").rpartition("/")[2]
        setting = self._setting
        if not is_compressible(response.media_type, setting.media_types) or (
            _SIZE.fullmatch(whole) and not setting.least_bytes <= int(whole) <= setting.file_bytes
        ):
            return response
        return EncodedResponse(response, with_vary(response.fields()), response.content, response.length)

    def _not_modified(self, response: Response, request: Request) -> Response:
        """Return a 304 with the fields that the 200 would have (RFC 9110 section 15.4.5)."""
        if response.media_type and not is_compressible(response.media_type, self._setting.media_types):
            return response
        own = response.fields()
        fields = with_vary(own)
        # PERF: benchmarks/static.py: with `headers`, one that is shared by many requests would have a copy from now on
        etag = next((value for name, value in fields if name == "etag"), "")
        is_weak = etag and f"W/{etag}" in request.head.values.get("if-none-match", "")
        if is_weak:
            fields = with_weak_etag(fields)
        elif fields == own:
            return response
        return EncodedResponse(response, fields, response.content, response.length)


def _slices(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), LARGE_PIECE_BYTES):
        yield content[start : start + LARGE_PIECE_BYTES]


def _padding(most: int) -> bytes:
    """Return 1 to `most` bytes, none of them zero."""
    # SECURITY: tests/compression/test_padding.py: with three draws the extremes are hardly ever seen (docs/why.md)
    draws = 1 + (most - 1) // 3
    # Not with `secrets`, whose `randbelow` takes longer than all the rest, and which loads OpenSSL
    drawn = os.urandom(12 + most)
    size = 1 + sum(int.from_bytes(drawn[at : at + 4], "big") % draws for at in (0, 4, 8))
    return drawn[12:].hex()[:size].encode()


def _has_credentials(request: Request) -> bool:
    """Return whether a request carries credentials of the kinds that a browser sends by itself."""
    values = request.head.values
    return "cookie" in values or "authorization" in values or request.client_cert is not None

"""Say which answers are compressed, and make them so: what the server asks of an app before it sends.

In: a response that is ready, and the request it answers. Out: the same response, or one of its own with the
content encoded and the fields that follow from that. Never changes a response: it may be sent again.
Leaves alone what is compressed, a part, small, or not to be touched. Knows nothing of bytes on the wire.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterable, Iterable

from fanlight.compression.codecs import CODECS
from fanlight.compression.headers import Fields, encoded_fields, may_be_encoded, with_vary, with_weak_etag
from fanlight.compression.negotiation import best_encoding, is_compressible
from fanlight.compression.options import Compression, is_uncompressed
from fanlight.compression.streams import EncodedAsyncPieces, EncodedPieces, encoded_whole
from fanlight.errors import InvalidResponse
from fanlight.message.request import Request
from fanlight.message.response import Heartbeat, Response, is_lazy_stream

Pieces = Iterable[bytes | str] | AsyncIterable[bytes | str]

_NEVER = frozenset({204, 205})
_MOST_KNOWN = 256
_SIZE = re.compile(r"[0-9]{1,18}")


class EncodedResponse(Response):
    """A response on its way out: nobody sets its fields any more."""

    __slots__ = ("heartbeat_override", "lines")

    lines: Fields
    heartbeat_override: Heartbeat | None

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What is sent while a stream waits."""
        return self.heartbeat_override

    def fields(self) -> Fields:
        """Return the fields as the wire takes them."""
        return self.lines


class Compressor:
    """Compresses the answers of one app. Whole content of fewer than `least_bytes` need not be shown to it."""

    def __init__(self, setting: Compression) -> None:
        """Take the settings, which are right."""
        self.least_bytes = setting.least_bytes
        self._setting = setting
        self._offers = setting.offers
        self._known: dict[Fields, bool] = {}  # whether shared fields leave the content to be compressed
        self._types: dict[str, bool] = {}  # whether content of a media type is ever compressed

    def encoded(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - as in Encoding
        """Return what is sent in place of a response, which may be itself."""
        try:
            if response.has_shared_fields and not self._types.get(response.media_type, True):
                return response
            return self._encoded(response, request, is_busy=is_busy)
        except (InvalidResponse, TypeError, AttributeError):  # it can't be sent at all, and whoever sends it says why
            return response

    def _encoded(self, response: Response, request: Request, *, is_busy: bool) -> Response:
        if response.status in _NEVER or is_uncompressed(request):
            return response
        if response.status == 304:
            return self._not_modified(response, request)
        if response.status == 206:
            return self._part(response)
        is_file = not isinstance(response.content, bytes) and not is_lazy_stream(response)
        fields = response.fields()
        if not self._has_the_size(response, is_file=is_file) or not self._may(fields):
            self._learn(response.media_type)
            return response
        made = _sent(response, with_vary(fields))
        coding = best_encoding(request.head.values.get("accept-encoding", ""), self._offers)
        if not coding:
            return made
        hides = self._setting.padding_bytes > 0 and not is_file and _is_somebodys(request)
        if isinstance(made.content, bytes):
            if not is_busy or len(made.content) <= self._setting.at_once_bytes:
                self._encode_whole(made, coding, hides=hides, is_head=request.head.method == "HEAD")
        elif not hides:
            # SECURITY: tests/app/test_padding.py: each piece has a length of its own, so none is compressed
            self._encode_stream(made, made.content, coding, is_file=is_file)
        return made

    def _has_the_size(self, response: Response, *, is_file: bool) -> bool:
        content, setting = response.content, self._setting
        length = len(content) if isinstance(content, bytes) else response.length
        return length is None or (length >= setting.least_bytes and (not is_file or length <= setting.file_bytes))

    def _may(self, fields: Fields) -> bool:
        if fields.__class__ is not tuple:
            return may_be_encoded(fields, self._setting.media_types)
        may = self._known.get(fields)
        if may is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            may = self._known[fields] = may_be_encoded(fields, self._setting.media_types)
        return may

    def _learn(self, media_type: str) -> None:
        """Remember of a media type whether it is compressed; what is not need not be looked at again."""
        if media_type and len(self._types) < _MOST_KNOWN:
            self._types[media_type] = is_compressible(media_type, self._setting.media_types)

    def _encode_whole(self, made: EncodedResponse, coding: str, *, hides: bool, is_head: bool) -> None:
        """Encode whole content: now, or while it is sent if it is big."""
        content, setting = made.content, self._setting
        assert isinstance(content, bytes)
        level, padding = setting.level_of(coding), _padding(setting.padding_bytes) if hides else b""
        if hides and is_head:
            made.content = iter(())  # RFC 9110 section 8.6: no length but that of GET, which has another each time
        elif len(content) > setting.at_once_bytes:
            made.content = encoded_whole(content, coding, level, padding)
        else:
            encoded = CODECS[coding].encode(content, level, padding)
            if len(encoded) >= len(content):
                return
            made.content = encoded
        made.lines = encoded_fields(made.lines, coding)

    def _encode_stream(self, made: EncodedResponse, content: Pieces, coding: str, *, is_file: bool) -> None:
        if not isinstance(content, Iterable | AsyncIterable):
            return  # it can't be sent at all, and whoever sends it says why
        codec, level, heartbeat = CODECS[coding], self._setting.level_of(coding), made.heartbeat
        encoder = codec.encoder(level if is_file else min(level, codec.stream_level))
        if isinstance(content, AsyncIterable):
            made.content = pieces = EncodedAsyncPieces(content, encoder)
            if heartbeat is not None:
                made.heartbeat_override = Heartbeat(heartbeat.interval, lambda: pieces.between(heartbeat.make_frame()))
        elif heartbeat is None:
            made.content = EncodedPieces(content, encoder)
        else:
            return  # its pieces are made in threads, and one encoder can't be in two places
        made.length = None
        made.lines = encoded_fields(made.lines, coding)

    def _part(self, response: Response) -> Response:
        """Return a 206, which is never compressed, with the `vary` of its 200 (RFC 9110 section 15.3.7)."""
        whole = response.headers.get("content-range").rpartition("/")[2]
        setting = self._setting
        if not is_compressible(response.media_type, setting.media_types) or (
            _SIZE.fullmatch(whole) and not setting.least_bytes <= int(whole) <= setting.file_bytes
        ):
            return response
        return _sent(response, with_vary(response.fields()))

    def _not_modified(self, response: Response, request: Request) -> Response:
        """Return a 304 with the fields that the 200 would have (RFC 9110 section 15.4.5)."""
        if response.media_type and not is_compressible(response.media_type, self._setting.media_types):
            return response
        fields = with_vary(response.fields())
        etag = response.headers.get("etag")
        is_weak = etag and f"W/{etag}" in request.head.values.get("if-none-match", "")
        return _sent(response, with_weak_etag(fields) if is_weak else fields)


def _sent(response: Response, fields: Fields) -> EncodedResponse:
    made = EncodedResponse(response.content, response.status, media_type=response.media_type, length=response.length)
    made.lines, made.heartbeat_override = fields, response.heartbeat
    return made


def _padding(most: int) -> bytes:
    """Return one to so many bytes that are no zeros."""
    # SECURITY: tests/app/test_padding.py: of three draws neither the least nor the most is ever seen (docs/why.md)
    draws = 1 + (most - 1) // 3
    return secrets.token_hex(most)[: 1 + sum(secrets.randbelow(draws) for _ in range(3))].encode()


def _is_somebodys(request: Request) -> bool:
    """Say whether a client shows who it is, in ways in which a browser does so without being asked."""
    values = request.head.values
    return "cookie" in values or "authorization" in values or request.client_cert is not None

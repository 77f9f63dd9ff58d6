"""Say which answers are compressed, and make them so: what the server asks of an app before it sends.

In: a response that is ready, and the request it answers. Out: the same response, or one of its own with the
content encoded and the fields that follow from that. Never changes a response: it may be sent again.
Leaves alone what is compressed, a part, small, or not to be touched. Knows nothing of bytes on the wire.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, Sequence

from fanlight.app.encoded import EncodedAsyncPieces, EncodedPieces, encoded_whole
from fanlight.app.held import is_held
from fanlight.errors import InvalidResponse
from fanlight.message import (
    CODECS,
    Compression,
    Pair,
    Request,
    Response,
    best_encoding,
    is_compressible,
    is_uncompressed,
)

_NEVER = frozenset({204, 205})
# What says that content is encoded already, is a part, or what its bytes are (RFC 9530).
_TELLING = frozenset("content-encoding content-range content-digest repr-digest digest content-md5".split())


class Compressor:
    """Compresses the answers of one app. Whole content of fewer than `least_bytes` need not be shown to it."""

    def __init__(self, setting: Compression) -> None:
        """Take the settings, which are right."""
        self.least_bytes = setting.least_bytes
        self._setting = setting
        self._offers = setting.offers

    def encoded(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - as in Encoding
        """Return what is sent in place of a response, which may be itself."""
        try:
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
        is_whole = isinstance(response.content, bytes)
        is_file = not is_whole and not is_held(response)
        if not self._has_the_size(response, is_file=is_file) or not self._may(_joined(response.fields())):
            return response
        made = _varying(response)
        if is_busy and isinstance(response.content, bytes) and len(response.content) > self._setting.at_once_bytes:
            return made
        hides = self._setting.padding_bytes > 0 and not is_file and _is_somebodys(request)
        coding = best_encoding(request.head.values.get("accept-encoding", ""), self._offers)
        # SECURITY: tests/app/test_padding.py: of a stream the length of each piece is seen, so it stays as it is
        return self._made(made, coding, request, is_padded=hides) if coding and (is_whole or not hides) else made

    def _has_the_size(self, response: Response, *, is_file: bool) -> bool:
        content, setting = response.content, self._setting
        length = len(content) if isinstance(content, bytes) else response.length
        return length is None or (length >= setting.least_bytes and (not is_file or length <= setting.file_bytes))

    def _may(self, fields: dict[str, str]) -> bool:
        """Say whether fields leave the content to be compressed."""
        return (
            is_compressible(fields.get("content-type", ""), self._setting.media_types)
            and _TELLING.isdisjoint(fields)
            and "no-transform" not in fields.get("cache-control", "").lower()
        )

    def _made(self, made: Response, coding: str, request: Request, *, is_padded: bool) -> Response:
        """Give a response of our own its encoded content."""
        setting, content = self._setting, made.content
        level, padding = setting.level_of(coding), _padding(setting.padding_bytes) if is_padded else b""
        if not isinstance(content, bytes):
            codec = CODECS[coding]
            encoder = codec.encoder(min(level, codec.stream_level) if is_held(made) else level)
            if isinstance(content, AsyncIterable):
                made.content = EncodedAsyncPieces(content, encoder)
            else:
                made.content = EncodedPieces(content, encoder)
            made.length = None
        elif is_padded and request.head.method == "HEAD":
            made.content = iter(())  # RFC 9110 section 8.6: no length but that of GET, which has another each time
        elif len(content) > setting.at_once_bytes:
            made.content = encoded_whole(content, coding, level, padding)
        else:
            encoded = CODECS[coding].encode(content, level, padding)
            if len(encoded) >= len(content):
                return made
            made.content = encoded
        headers = made.headers
        headers["content-encoding"] = coding
        # RFC 9110 section 8.8.3: other bytes, so no longer the same by a strong comparison.
        etag = headers.get("etag")
        if etag and not etag.startswith("W/"):
            headers["etag"] = f"W/{etag}"
        if "accept-ranges" in headers:
            del headers["accept-ranges"]
        return made

    def _part(self, response: Response) -> Response:
        """Return a 206, which is never compressed, with the `vary` of its 200 (RFC 9110 section 15.3.7)."""
        whole = response.headers.get("content-range").rpartition("/")[2]
        setting = self._setting
        if not is_compressible(response.media_type, setting.media_types) or (
            whole.isdecimal() and not setting.least_bytes <= int(whole) <= setting.file_bytes
        ):
            return response
        return _varying(response)

    def _not_modified(self, response: Response, request: Request) -> Response:
        """Return a 304 with the fields that the 200 would have (RFC 9110 section 15.4.5)."""
        if response.media_type and not is_compressible(response.media_type, self._setting.media_types):
            return response
        made = _varying(response)
        etag = made.headers.get("etag")
        if etag and f"W/{etag}" in request.head.values.get("if-none-match", ""):
            made.headers["etag"] = f"W/{etag}"
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


def _varying(response: Response) -> Response:
    """Return a response of our own, which tells caches by what it was chosen."""
    made = Response.copy(response)
    lines = made.headers.get_all("vary")
    names = {name.strip().lower() for line in lines for name in line.split(",")}
    if names.isdisjoint({"accept-encoding", "*"}):
        made.headers["vary"] = ", ".join([*lines, "accept-encoding"])
    return made


def _joined(pairs: Sequence[Pair]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values

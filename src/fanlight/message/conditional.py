"""Answer only if, and only what, the client wants: preconditions and ranges (RFC 9110 sections 13 and 14).

In: a request, and what stands for the version that there is: an entity tag, a date. Out: whether to go on;
or an answer made of another: 304, 412, 206, 416. The order in which the fields are looked at is that of
section 13.2.2. Fields that make no sense are as if they were not there, as the RFC wants it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from enum import Enum

from fanlight.errors import PreconditionFailed
from fanlight.message.file_content import FileContent, Span
from fanlight.message.file_response import FileResponse
from fanlight.message.headers import Pair
from fanlight.message.http_date import read_date
from fanlight.message.ranges import read_ranges
from fanlight.message.request import Request
from fanlight.message.response import Response

_SAFE = frozenset({"GET", "HEAD"})
_ASKED = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"})
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
# What a 304 says of the version that the client has (section 15.4.5), and what says nothing of it.
_NOT_OF_304 = frozenset("content-type content-encoding content-language content-disposition accept-ranges".split())
_WHOLE_RANGES = 2  # from so many parts on they are told apart by boundaries


class PreconditionResult(Enum):
    """What the preconditions of a request say."""

    GO_ON = 200
    NOT_MODIFIED = 304
    FAILED = 412


def evaluate_preconditions(
    method: str, fields: Mapping[str, str], etag: str, modified: int | None
) -> PreconditionResult:
    """Evaluate the preconditions of a request (section 13.2.2).

    `etag` is "" where there is no version at all, and where it has no tag; `modified` None where it is not
    known since when it is as it is.
    """
    is_there = bool(etag) or modified is not None
    match fields:
        case {"if-match": wanted}:
            if not (wanted == "*" and is_there) and not _is_in(etag, wanted, is_weak_enough=False):
                return PreconditionResult.FAILED
        case {"if-unmodified-since": date} if modified is not None:
            since = read_date(date)
            if since is not None and modified > since:
                return PreconditionResult.FAILED
    match fields:
        case {"if-none-match": known}:
            if (known == "*" and is_there) or _is_in(etag, known, is_weak_enough=True):
                return PreconditionResult.NOT_MODIFIED if method in _SAFE else PreconditionResult.FAILED
        case {"if-modified-since": date} if modified is not None and method in _SAFE:
            since = read_date(date)
            if since is not None and modified <= since:
                return PreconditionResult.NOT_MODIFIED
    return PreconditionResult.GO_ON


def _is_in(etag: str, tags: str, *, is_weak_enough: bool) -> bool:
    """Say whether a tag is in a list; weak ones equal nothing where bytes are meant (section 8.8.3.2)."""
    if not etag:
        return False
    if is_weak_enough:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in _TAG.findall(tags))
    return not etag.startswith("W/") and etag in _TAG.findall(tags)


def check_preconditions(request: Request, etag: str | None = None, modified: float | None = None) -> None:
    """Have a request that would change something fail if it was made for another version than there is.

    `etag` and `modified` (seconds since 1970) are those of the version that there is; neither: there is none.
    Raises PreconditionFailed.
    """
    verdict = evaluate_preconditions(
        "PUT", request.head.values, etag or "", None if modified is None else int(modified)
    )
    if verdict is PreconditionResult.FAILED:
        raise PreconditionFailed("it has changed since you read it; read it again, and decide anew")


def apply_conditions(response: Response, request: Request) -> Response:
    """Return what a client gets that may have a version already, or wants but a part of this one.

    It is the response itself for anything but a 200 to GET or HEAD that has an `etag` or a `last-modified`.
    """
    head = request.head
    fields = head.values
    if response.status != 200 or head.method not in _SAFE or _ASKED.isdisjoint(fields):
        return response
    headers = response.headers
    etag, date = headers.get("etag"), headers.get("last-modified")
    if not etag and not date:
        return response
    modified = response.modified if isinstance(response, FileResponse) else read_date(date)
    verdict = evaluate_preconditions(head.method, fields, etag, modified)
    if verdict is not PreconditionResult.GO_ON:
        return _without_content(response, verdict)
    if "range" not in fields or not isinstance(response, FileResponse) or head.method != "GET":
        return response
    is_whole = "if-range" in fields and not _is_same(fields["if-range"], etag, date)
    return response if is_whole else _in_parts(response, fields["range"])


def _is_same(tag_or_date: str, etag: str, date: str) -> bool:
    """Say whether parts would be of the version that the client has (section 13.1.5).

    A date that is ours is exact enough: we never say that of the second in which a file was changed.
    """
    if tag_or_date.startswith(('"', "W/")):
        return tag_or_date == etag and not etag.startswith("W/")
    return tag_or_date == date


def _without_content(response: Response, verdict: PreconditionResult) -> Response:
    _close(response)
    if verdict is PreconditionResult.FAILED:
        raise PreconditionFailed("this is another version than the one you ask for")
    made = Response(b"", 304)
    made.headers.adopt(not_modified_fields(response.headers.pairs()))
    made.headers.secure_if_https = response.headers.secure_if_https
    made.media_type = response.media_type  # of what it is about: who compresses must know
    return made


def is_plain_revalidation(fields: Mapping[str, str], etag: str) -> bool:
    """Say whether a GET asks for nothing but another version than this one: how browsers ask again."""
    return fields.get("if-none-match") == etag and "if-match" not in fields and "if-unmodified-since" not in fields


def not_modified_fields(fields: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return what a 304 says, of what the 200 would say."""
    return tuple(pair for pair in fields if pair[0] not in _NOT_OF_304)


def _close(response: Response) -> None:
    close = getattr(response.content, "close", None)
    if close is not None:
        close()


def _in_parts(response: FileResponse, wanted: str) -> Response:
    content = response.content
    if not isinstance(content, FileContent):
        return response
    length = content.length
    spans = read_ranges(wanted, length)
    if spans is None:
        return response
    headers = response.headers
    if not spans:
        content.close()
        made = Response(f"There are {length} bytes, and none of those you ask for.\n", 416, media_type="text/plain")
        made.headers["content-range"] = f"bytes */{length}"
        return made
    response.status = 206
    if len(spans) < _WHOLE_RANGES:
        (span,) = spans
        headers["content-range"] = _range_line(span, length)
        response.content = content.of(spans)
    else:
        response.content = content.of(
            _with_boundaries(spans, length, boundary := secrets.token_hex(12), headers["content-type"])
        )
        headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
    response.length = response.content.length
    return response


def _range_line(span: Span, length: int) -> str:
    return f"bytes {span.start}-{span.start + span.size - 1}/{length}"


def _with_boundaries(spans: Sequence[Span], length: int, boundary: str, media_type: str) -> list[bytes | Span]:
    """Return several parts as one content (section 14.6)."""
    pieces: list[bytes | Span] = []
    for span in spans:
        line = _range_line(span, length)
        pieces += (
            f"\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: {line}\r\n\r\n".encode("latin-1"),
            span,
        )
    return [*pieces, f"\r\n--{boundary}--\r\n".encode()]

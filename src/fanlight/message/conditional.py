"""Conditional requests and ranges (RFC 9110 sections 13 and 14).

In: a request, and the validators of the current version: entity tag and modification date. Out: the result of the
preconditions, or a response derived from another one: 304, 412, 206, 416. Fields are evaluated in the order of section
13.2.2; malformed ones are ignored, as the RFC requires.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import Enum

from fanlight.errors import PreconditionFailed
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.file_content import FileContent, Span
from fanlight.message.file_response import FileResponse
from fanlight.message.headers import Pair
from fanlight.message.http_date import read_date
from fanlight.message.request import Request
from fanlight.message.response import Response

_SAFE = frozenset({"GET", "HEAD"})
_TAG = lazy_pattern(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
# Fields of a 200 that a 304 must not repeat, because the client has them already (section 15.4.5).
_NOT_OF_304 = frozenset("content-type content-encoding content-language content-disposition accept-ranges".split())
MAX_RANGES = 32
MAX_MEMBERS = 4 * MAX_RANGES  # of the list, with empty ones, which are ignored (section 5.6.1.2)
_RANGE = lazy_pattern(r"([0-9]*)-([0-9]*)")
_MAX_DIGITS = 18  # more than any file size


class PreconditionResult(Enum):
    """The result of the preconditions of a request."""

    PASSED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def evaluate_preconditions(
    method: str, fields: Mapping[str, str], etag: str, modified: int | None
) -> PreconditionResult:
    """Evaluate the preconditions of a request (section 13.2.2).

    `etag` is "" if there is no current version, or it has no tag; `modified` is None if its date is not known.
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
    return PreconditionResult.PASSED


def _is_in(etag: str, tags: str, *, is_weak_enough: bool) -> bool:
    """Return whether a tag is in a list, by strong or weak comparison (section 8.8.3.2)."""
    if not etag:
        return False
    if is_weak_enough:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in _TAG.findall(tags))
    return not etag.startswith("W/") and etag in _TAG.findall(tags)


def check_preconditions(request: Request, etag: str | None = None, modified: float | None = None) -> None:
    """Raise PreconditionFailed if a request that changes a resource was made for another version of it.

    `etag` and `modified` (seconds since 1970) are those of the current version; give neither if there is none.
    """
    verdict = evaluate_preconditions(
        "PUT", request.head.values, etag or "", None if modified is None else int(modified)
    )
    if verdict is PreconditionResult.FAILED:
        raise PreconditionFailed("the resource has changed since you read it; read it again before you change it")


def has_conditions(fields: Mapping[str, str]) -> bool:
    """Return whether a request has preconditions, or a range."""
    # PERF: benchmarks/static.py: to iterate over the fields has the compiled reader of heads parse all of them
    return (
        "if-none-match" in fields
        or "if-modified-since" in fields
        or "range" in fields
        or "if-match" in fields
        or "if-unmodified-since" in fields
    )


def apply_conditions(response: Response, request: Request) -> Response:
    """Return the response to a request that may have preconditions or a range.

    It is the given response unless that is a 200 to GET or HEAD with an `etag` or a `last-modified`.
    """
    head = request.head
    fields = head.values
    if response.status != 200 or head.method not in _SAFE or not has_conditions(fields):
        return response
    headers = response.headers
    etag, date = headers.get("etag"), headers.get("last-modified")
    if not etag and not date:
        return response
    modified = response.modified if isinstance(response, FileResponse) else read_date(date)
    verdict = evaluate_preconditions(head.method, fields, etag, modified)
    if verdict is not PreconditionResult.PASSED:
        return _not_modified(response, verdict)
    if "range" not in fields or not isinstance(response, FileResponse) or head.method != "GET":
        return response
    is_whole = "if-range" in fields and not _is_same(fields["if-range"], etag, date)
    return response if is_whole else _partial_response(response, fields["range"])


def _is_same(tag_or_date: str, etag: str, date: str) -> bool:
    """Return whether the client has a part of this version, so that another part fits it (section 13.1.5).

    Our dates are strong validators: `last-modified` is never the current second, in which a file may change again.
    """
    if tag_or_date.startswith(('"', "W/")):
        return tag_or_date == etag and not etag.startswith("W/")
    return tag_or_date == date


def _not_modified(response: Response, verdict: PreconditionResult) -> Response:
    if (close := getattr(response.content, "close", None)) is not None:
        close()
    if verdict is PreconditionResult.FAILED:
        raise PreconditionFailed("the current version is not the one in the precondition")
    # The media type is for the compressor: a 304 has the same `vary` and `etag` as the compressed 200.
    made = Response(b"", 304, media_type=response.media_type)
    made.headers.load_checked(not_modified_fields(response.headers.pairs()), response.headers.secure_if_https)
    return made


def is_plain_revalidation(fields: Mapping[str, str], etag: str) -> bool:
    """Return whether the only condition is that the entity tag is another one, as when a browser revalidates."""
    return fields.get("if-none-match") == etag and "if-match" not in fields and "if-unmodified-since" not in fields


def not_modified_fields(fields: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return the fields of a 304, given those of the 200."""
    return tuple(pair for pair in fields if pair[0] not in _NOT_OF_304)


def _partial_response(response: FileResponse, wanted: str) -> Response:
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
        made = Response(f"The range is not satisfiable: there are {length} bytes.\n", 416, media_type="text/plain")
        made.headers["content-range"] = f"bytes */{length}"
        return made
    if len(spans) == 1:
        headers["content-range"] = _range_line(spans[0], length)
        response.send_parts(content, spans)
    else:
        boundary = os.urandom(12).hex()
        response.send_parts(content, _with_boundaries(spans, length, boundary, headers["content-type"]))
        headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
    return response


def read_ranges(field: str, length: int) -> Sequence[Span] | None:
    """Return the spans of a `Range` field that are satisfiable, in the order requested; [] if none is (416).

    None is for the whole file: for a malformed field, and one that requests more bytes than there are, as attacks do.
    """
    unit, equals, text = field.partition("=")
    if unit.strip(" \t").lower() != "bytes" or not equals:
        return None
    # SECURITY: tests/message/test_ranges.py: their number is bounded before any of them is parsed
    members = text.split(",", MAX_MEMBERS)
    wanted = [each for member in members if (each := member.strip(" \t"))]
    if not 0 < len(wanted) <= MAX_RANGES or len(members) > MAX_MEMBERS:
        return None
    spans: list[Span] = []
    for each in wanted:
        match = _RANGE.fullmatch(each)
        if match is None or each == "-":
            return None
        first, last = match.groups()
        if not first:
            size = min(_number(last), length)
            span = Span(length - size, size)
        else:
            start = _number(first)
            if last and _number(last) < start:
                return None
            end = min(_number(last) + 1, length) if last else length
            span = Span(start, end - start)
        if span.size > 0:
            spans.append(span)
    return spans if sum(span.size for span in spans) <= length else None


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _range_line(span: Span, length: int) -> str:
    return f"bytes {span.start}-{span.start + span.size - 1}/{length}"


def _with_boundaries(spans: Sequence[Span], length: int, boundary: str, media_type: str) -> list[bytes | Span]:
    """Return several parts as one multipart content (section 14.6)."""
    pieces: list[bytes | Span] = []
    for span in spans:
        line = _range_line(span, length)
        pieces += (
            f"\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: {line}\r\n\r\n".encode("latin-1"),
            span,
        )
    return [*pieces, f"\r\n--{boundary}--\r\n".encode()]

"""Parse the `Range` field of a request (RFC 9110 section 14).

In: the field, and the length of the file. Out: the spans to send; an empty list if none is satisfiable (416); None to
send the whole file: for a malformed field, and for one that requests more bytes than the file has, as attacks do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fanlight.message.file_content import Span

MAX_RANGES = 32
MAX_MEMBERS = 4 * MAX_RANGES  # of the list, with empty ones, which are ignored (section 5.6.1.2)
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_MAX_DIGITS = 18  # more than any file size


def read_ranges(field: str, length: int) -> Sequence[Span] | None:
    """Return the satisfiable spans, in the order requested; None for the whole file."""
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
        if match is None:
            return None
        first, last = match.groups()
        if not first and not last:
            return None
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

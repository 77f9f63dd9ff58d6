"""Compare two responses to the same request, but for what may differ.

In: two responses, and rules. Out: the differences, each with both sides. Dates, times and ids that are made for each
response differ by nature, and are compared as such; what else may differ is in the rules. Refuses a rule that it does
not know: InvalidRule.

    field:NAME        the value of this header field
    json:/items/*/id  the value at this place in a JSON content (RFC 6901, * for every name or index)
    text:REGEX        what matches this in text
    content           the whole content
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Self

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.devtools.inspector.replay.response_reader import ReadResponse
from fanlight.errors import FanlightError

# Made for each response or connection, or part of the framing.
_FIELDS_OF_A_RESPONSE = frozenset(
    "date age connection keep-alive transfer-encoding content-length x-request-id server-timing x-runtime".split()
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_VARYING = (
    (re.compile(rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:{_MONTHS}) \d{{4}} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{16,}\b"), "<id>"),
)
DEV_SCRIPT = re.compile(r"<script\b[^>]*/__fanlight__/[^>]*></script>\s*")  # has the number of the code's generation
_KINDS = ("field", "json", "text", "content")
_MAX_DIFF_LINES = 2000
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/problem+json")


class InvalidRule(FanlightError):
    """A rule is not understood; the message says what to write."""


class Rules(Struct, frozen=True):
    """What may differ between two responses."""

    fields: frozenset[str] = frozenset()
    json_places: tuple[tuple[str, ...], ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    ignores_content: bool = False

    @classmethod
    def read(cls, written: Sequence[str]) -> Self:
        """Return the rules of their texts. Raises InvalidRule."""
        fields, places, patterns, ignores_content = set[str](), [], [], False
        for each in written:
            kind, colon, value = each.partition(":")
            if each == "content":
                ignores_content = True
            elif kind not in _KINDS or not colon or not value:
                close = closest_name(kind, _KINDS)
                raise InvalidRule(
                    f"{each!r} is no rule{f'; did you mean {close}:...?' if close and close != kind else ''};"
                    " write field:NAME, json:/PLACE, text:REGEX or content"
                )
            elif kind == "field":
                fields.add(value.strip().lower())
            elif kind == "json":
                if not value.startswith("/"):
                    raise InvalidRule(f"{each!r}: a place in JSON begins with a slash: json:/items/*/id")
                places.append(tuple(step.replace("~1", "/").replace("~0", "~") for step in value[1:].split("/")))
            else:
                try:
                    patterns.append(re.compile(value))
                except re.error as error:
                    raise InvalidRule(f"{each!r} is no regular expression: {error}") from None
        return cls(frozenset(fields), tuple(places), tuple(patterns), ignores_content)


NO_RULES = Rules()


class Difference(Struct, frozen=True):
    """What differs: `place` is "status", "field NAME", "content" or "content /items/0/name"."""

    place: str
    before: str
    after: str


class DiffLine(Struct, frozen=True):
    """A line of two texts side by side; `kind` is "same", "changed", "gone" or "new"."""

    kind: str
    before: str
    after: str


def differences(before: ReadResponse, after: ReadResponse, rules: Rules = NO_RULES) -> list[Difference]:
    """Return what differs, but for what may."""
    found = []
    if before.status != after.status:
        found.append(Difference("status", str(before.status), str(after.status)))
    found += _field_differences(before, after, rules)
    if not rules.ignores_content:
        found += _content_differences(before, after, rules)
    return found


def side_by_side(before: ReadResponse, after: ReadResponse, rules: Rules = NO_RULES) -> list[DiffLine]:
    """Return the contents of both responses as lines beside each other; binary content as its size."""
    old, new = _lines(before), _lines(after)
    comparable = [_without_varying(each, rules) for each in old], [_without_varying(each, rules) for each in new]
    rows = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, *comparable, autojunk=False).get_opcodes():
        left, right = old[i1:i2], new[j1:j2]
        for index in range(max(len(left), len(right))):
            a = left[index] if index < len(left) else None
            b = right[index] if index < len(right) else None
            kind = "same" if tag == "equal" else "gone" if b is None else "new" if a is None else "changed"
            rows.append(DiffLine(kind, a or "", b or ""))
    return rows


def varies(text: str) -> bool:
    """Return whether a text has a date, a time or an id in it, which is made for each response."""
    return any(pattern.search(text) for pattern, _ in _VARYING)


# --- fields -------------------------------------------------------------------------------------------


def _field_differences(before: ReadResponse, after: ReadResponse, rules: Rules) -> Iterator[Difference]:
    ignored = _FIELDS_OF_A_RESPONSE | rules.fields
    names = dict.fromkeys(name for name, _ in (*before.fields, *after.fields))
    for name in names:
        if name in ignored:
            continue
        old, new = (_values(each, name, rules) for each in (before, after))
        if old != new:
            yield Difference(f"field {name}", ", ".join(old), ", ".join(new))


def _values(response: ReadResponse, name: str, rules: Rules) -> list[str]:
    values = [value for each, value in response.fields if each == name]
    if name == "set-cookie":
        values = [_without_value(each) for each in values]
    return [_without_varying(each, rules) for each in values]


def _without_value(cookie: str) -> str:
    """Return a Set-Cookie line without the value: it is signed or random, and mostly another one each time."""
    pair, *attributes = cookie.split(";")
    name, _, value = pair.partition("=")
    return ";".join([f"{name}={'...' if value else ''}", *attributes])


# --- content ------------------------------------------------------------------------------------------


def _content_differences(before: ReadResponse, after: ReadResponse, rules: Rules) -> Iterator[Difference]:
    old, new = before.content, after.content
    if not (before.is_complete and after.is_complete):
        shared = min(len(old), len(new))
        old, new = old[:shared], new[:shared]
    if old == new:
        return
    document, other_document = _json_of(before), _json_of(after)
    if before.is_complete and after.is_complete and document is not None and other_document is not None:
        yield from _json_differences(document[0], other_document[0], (), rules)
        return
    if not (_is_text(before) and _is_text(after)):
        yield Difference("content", f"{len(before.content)} bytes", f"{len(after.content)} bytes, other ones")
        return
    one, other = (_comparable(each, rules) for each in (old, new))
    if one != other:
        lines = list(difflib.unified_diff(one.splitlines(), other.splitlines(), lineterm="", n=0))[2:]
        removed = [line[1:] for line in lines if line.startswith("-")]
        added = [line[1:] for line in lines if line.startswith("+")]
        yield Difference("content", "\n".join(removed), "\n".join(added))


def _comparable(content: bytes, rules: Rules) -> str:
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    return _without_varying(DEV_SCRIPT.sub("", text), rules)


def _without_varying(text: str, rules: Rules) -> str:
    for pattern in rules.patterns:
        text = pattern.sub("<may differ>", text)
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text


def _is_text(response: ReadResponse) -> bool:
    return not response.content or response.get("content-type").startswith(_TEXT)


def _lines(response: ReadResponse) -> list[str]:
    if not _is_text(response):
        return [f"({len(response.content)} bytes of {response.get('content-type') or 'no media type'})"]
    document = _json_of(response) if response.is_complete else None
    if document is not None:
        text = json.dumps(document[0], indent=2, ensure_ascii=False, sort_keys=False)
    else:
        text = DEV_SCRIPT.sub("", response.content.decode("utf-8", "replace"))
    lines = text.splitlines()
    if len(lines) > _MAX_DIFF_LINES:
        lines = [*lines[:_MAX_DIFF_LINES], f"({len(lines) - _MAX_DIFF_LINES} more lines)"]
    return lines


def _json_of(response: ReadResponse) -> tuple[Any] | None:
    """Return the document of a JSON response in a tuple, None for any other."""
    kind = response.get("content-type").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        return (json.loads(response.content),)
    except (ValueError, RecursionError):
        return None


def _json_differences(before: Any, after: Any, place: tuple[str, ...], rules: Rules) -> Iterator[Difference]:
    if any(_matches(place, pattern) for pattern in rules.json_places):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _member_differences(before, after, name, place, rules)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old = dict(enumerate(before))
            yield from _member_differences(old, dict(enumerate(after)), index, place, rules)
    elif type(before) is not type(after) or _without_varying_value(before, rules) != _without_varying_value(
        after, rules
    ):
        yield Difference(f"content {_pointer(place)}".rstrip(), json.dumps(before), json.dumps(after))


def _member_differences(
    before: dict[Any, Any], after: dict[Any, Any], key: str | int, place: tuple[str, ...], rules: Rules
) -> Iterator[Difference]:
    inner = (*place, str(key))
    if key in before and key in after:
        yield from _json_differences(before[key], after[key], inner, rules)
    elif not any(_matches(inner, pattern) for pattern in rules.json_places):
        old, new = (json.dumps(each[key]) if key in each else "(absent)" for each in (before, after))
        yield Difference(f"content {_pointer(inner)}", old, new)


def _without_varying_value(value: Any, rules: Rules) -> Any:
    return _without_varying(value, rules) if isinstance(value, str) else value


def _matches(place: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(place) == len(pattern) and all(step in ("*", each) for each, step in zip(place, pattern, strict=True))


def _pointer(place: tuple[str, ...]) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in place)

"""Explain in words why a request gets its route: for `fanlight routes --explain PATH`, and for pages in development.

In: the routes, a method, a path, and what the table found. Out: lines of text, or the routes that are most similar. It
serves no request, so it simply compares pattern by pattern.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from msgspec import Struct

from fanlight.routing.converter import CONVERTERS, read_path
from fanlight.routing.path import UNMATCHABLE, decode_path
from fanlight.routing.pattern import Pattern, Segment
from fanlight.routing.route import NoMatch, NoMatchReason, Route

MAX_NEAR_ROUTES = 8  # that are listed
MAX_COMPARED = 100  # characters of a segment whose likeness is measured
MIN_SCORE = 0.6  # so similar must the first segment be

_VERDICTS = {
    NoMatchReason.NOT_FOUND: "404: no route matches",
    NoMatchReason.WRONG_METHOD: "the path has routes, but none for this method (405; 204 for OPTIONS); Allow: {allow}",
    NoMatchReason.REDIRECT: "308: only the slash at the end is wrong; redirected to {to}",
    NoMatchReason.BAD_PATH: "400: the path is invalid (percent-encoding, not UTF-8, or NUL)",
}


class NearRoute(Struct, frozen=True):
    """A route that does not serve a request: how similar it is, and why it does not."""

    route: Route
    score: float  # how many segments match
    reason: str
    path_matches: bool


def explain(
    routes: Sequence[tuple[Pattern, Route]],
    method: str,
    raw_path: str,
    found: tuple[Route, dict[str, object]] | NoMatch,
) -> list[str]:
    """Return what was found and, most similar first, why each of the other routes does not match."""
    chosen = None if isinstance(found, NoMatch) else found[0]
    lines = [f"{method} {raw_path}", f"  {_verdict(found)}"]
    if decode_path(raw_path) is UNMATCHABLE:
        return [*lines, '  the path has a segment "." or "..", and no route matches such a path']
    near = [each for each in nearest(routes, method, raw_path, chosen) if each.score >= MIN_SCORE]
    for each in near[:MAX_NEAR_ROUTES]:
        lines.append(f"     {_line(each.route)}")
        lines.append(f"       {each.reason}")
    if len(near) > MAX_NEAR_ROUTES:
        lines.append(f"     and {len(near) - MAX_NEAR_ROUTES} more that are less similar")
    return lines


def nearest(
    routes: Sequence[tuple[Pattern, Route]], method: str, raw_path: str, chosen: Route | None = None
) -> list[NearRoute]:
    """Return the routes other than the chosen one, most similar first, and why each does not match."""
    segments = decode_path(raw_path)
    if segments is None or segments is UNMATCHABLE:
        return []
    wanted, near = segments[1:], list[tuple[int, NearRoute]]()
    for pattern, route in routes:
        if route is not chosen:
            score, reason = _compare(pattern, wanted)
            each = NearRoute(route, score, reason or _why_not_chosen(method, route, chosen), not reason)
            near.append((abs(len(pattern.segments) - len(wanted)), each))
    return [each for _, each in sorted(near, key=lambda item: (-item[1].score, item[0]))]


def _verdict(found: tuple[Route, dict[str, object]] | NoMatch) -> str:
    if isinstance(found, NoMatch):
        return _VERDICTS[found.kind].format(allow=", ".join(found.allow), to=found.to)
    route, parameters = found
    given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
    return f"-> {_line(route)}" + (f"  with {given}" if given else "")


def _line(route: Route) -> str:
    parts = (f"{'|'.join(sorted(route.methods))} {route.address}", route.full_name, route.place)
    return "  ".join(filter(None, parts))


def _why_not_chosen(method: str, route: Route, chosen: Route | None) -> str:
    methods = route.methods | {"HEAD"} if "GET" in route.methods else route.methods
    if method not in methods:
        return f"the path matches, the method does not: it takes {', '.join(sorted(methods))}"
    if method == "HEAD" and "HEAD" not in route.methods and chosen is not None and chosen.pattern == route.pattern:
        return "HEAD has a route of its own"
    return "matches too, but is less specific"


def _compare(pattern: Pattern, segments: list[str]) -> tuple[float, str]:
    """Return how many segments match, and the reason why the pattern does not match ("": it does)."""
    for index, segment in enumerate(pattern.segments):
        number = f"segment {index + 1}"
        if index == len(segments):
            return index, f'the path ends before "{segment}"' if str(segment) else "the path has no slash at its end"
        if segment.is_rest:
            if read_path(segments[index:]) is None:
                return index, f"{number}: {{{segment.name}...}} takes one or more segments, none of them empty"
            return len(segments) + 1, ""
        reason = _mismatch(segment, segments[index])
        if reason:
            return index + _likeness(segment, segments[index]), f"{number}: {reason}"
    if len(segments) > len(pattern.segments):
        left = "/".join(segments[len(pattern.segments) :])
        return len(pattern.segments), f'the path goes on: "/{left}"'
    return len(segments) + 1, ""


def _likeness(segment: Segment, text: str) -> float:
    """Return how similar a text is to a segment that does not match it, from 0 to 1."""
    if not segment.name:
        return difflib.SequenceMatcher(None, segment.prefix.casefold(), text[:MAX_COMPARED].casefold()).ratio()
    literal = len(segment.prefix) + len(segment.suffix)
    if text.startswith(segment.prefix) and text.endswith(segment.suffix) and len(text) >= literal:
        return 0.9  # only its type is wrong
    return 0.0


def _mismatch(segment: Segment, text: str) -> str:
    """Return why a text does not match a segment, "" if it does."""
    if not segment.name:
        if segment.prefix == text:
            return ""
        case = " (upper and lower case differ)" if segment.prefix.casefold() == text.casefold() else ""
        return f'"{text}" is not "{segment.prefix}"{case}'
    if not text:
        return f'it is empty, which "{segment}" can\'t be'
    if not text.startswith(segment.prefix):
        return f'"{text}" does not begin with "{segment.prefix}"'
    inner = text.removeprefix(segment.prefix)
    if not inner.endswith(segment.suffix):
        return f'"{text}" does not end with "{segment.suffix}"'
    inner = inner.removesuffix(segment.suffix)
    converter = CONVERTERS[segment.converter]
    return "" if converter.read(inner) is not None else f'"{inner}" is not {converter.expected}'

"""The parts of a site that begin with certain paths: whether a path without a route is in one of them.

In: the patterns of nested tables; then a path as it was sent. Out: whether it is the path of a table, or below one.
Raises nothing: a path that is invalid is compared as far as it can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import unquote

from fanlight.routing.pattern import Pattern, Segment
from fanlight.routing.tree import segment_reader

Value = TypeVar("Value")


def innermost_first(places: Iterable[tuple[Pattern, Value]]) -> list[tuple[Pattern, Value]]:
    """Return places in such an order that of two that contain a path the inner one comes first, or the more specific.

    "/a" is inside "/", and more specific than "/{name}".
    """
    return sorted(places, key=_depth)


def _depth(place: tuple[Pattern, object]) -> tuple[int, list[tuple[int, ...]]]:
    segments = _without_slash(place[0])
    return -len(segments), [segment.order if segment.name else () for segment in segments]


class Prefixes:
    """The patterns at which tables begin; false if there are none."""

    def __init__(self, patterns: Iterable[Pattern] = ()) -> None:
        self._patterns = [_without_slash(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def contain(self, raw_path: str) -> bool:
        """Return whether a path begins with one of them, segment by segment: "/api" and "/api/x", but not "/apis"."""
        segments = [unquote(each, errors="replace") for each in raw_path.split("/")[1:]]
        return any(_begins_with(segments, pattern) for pattern in self._patterns)


class Prefix:
    """A place with paths below it; its parameters are read from those."""

    def __init__(self, pattern: Pattern) -> None:
        self._segments = _without_slash(pattern)

    def read(self, raw_path: str) -> dict[str, object] | None:
        """Return the parameters of a path below the place, None for one that is elsewhere."""
        sent = raw_path.split("/")[1:]
        if len(sent) <= len(self._segments):
            return None
        values: dict[str, object] = {}
        for segment, text in zip(self._segments, sent, strict=False):
            text = unquote(text, errors="replace")  # noqa: PLW2901 - the same text
            if not _matches(segment, text):
                return None
            if segment.name:
                read = segment_reader(segment)
                values[segment.name] = text if read is None else read(text)
        return values


def _without_slash(pattern: Pattern) -> tuple[Segment, ...]:
    segments = pattern.segments
    return segments[:-1] if segments[-1:] == (Segment(""),) else segments


def _begins_with(segments: list[str], pattern: tuple[Segment, ...]) -> bool:
    if len(segments) < len(pattern):
        return False
    return all(_matches(segment, text) for segment, text in zip(pattern, segments, strict=False))


def _matches(segment: Segment, text: str) -> bool:
    if not segment.name:
        return segment.prefix == text
    read = segment_reader(segment)
    return bool(text) if read is None else read(text) is not None

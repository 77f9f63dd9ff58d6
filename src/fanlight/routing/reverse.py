"""Write the URL of a view: the table read backwards.

In: a view (or its name) and the values of its parameters. Out: a path, percent-encoded.
Refuses missing, extra and unfitting parameters and ambiguous names, and says what would do.

Reading a URL that was written here gives the same values, but for one case: a value that is also
the literal text of a more specific route ("/users/me" beside "/users/{name}") leads to that one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from fanlight.errors import NoSuchURL
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.names import lookup_names
from fanlight.routing.path import encode_path, has_dot_segments
from fanlight.routing.pattern import Pattern
from fanlight.routing.route import Route


class Reverse:
    """All routes, by view and by name, in the order of the table."""

    def __init__(self, routes: Iterable[tuple[Pattern, Route]]) -> None:
        self._by_view: dict[object, list[_Writer]] = {}
        self._by_name: dict[str, dict[str, list[_Writer]]] = {}  # name -> full name -> routes
        for pattern, route in routes:
            writer = _Writer(pattern)
            self._by_view.setdefault(_handle(route.view), []).append(writer)
            for name in lookup_names(route.name, route.view):
                self._by_name.setdefault(name, {}).setdefault(route.name, []).append(writer)

    def url_for(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return the path of a view; raises NoSuchURL when there is none with these parameters."""
        writers = self._writers(view)
        for writer in writers:
            if writer.names == parameters.keys():
                return writer.write(parameters)
        raise NoSuchURL(_mismatch(view, writers, parameters))

    def _writers(self, view: object) -> list[_Writer]:
        found = self._by_view.get(_handle(view))
        if found is not None:
            return found
        if not isinstance(view, str):
            raise NoSuchURL(f"{_called(view)} has no route; add it to URLS")
        named = self._by_name.get(view)
        if named is None:
            close = difflib.get_close_matches(view, self._by_name, n=1)
            hint = f'did you mean "{close[0]}"?' if close else "add it to URLS"
            raise NoSuchURL(f'no view in URLS is called "{view}"; {hint}')
        if len(named) > 1:
            names = " or ".join(f'"{name}"' for name in named)
            raise NoSuchURL(f'{len(named)} views are called "{view}"; say which: {names}')
        return next(iter(named.values()))


class _Writer:
    """Writes the URLs of one pattern."""

    __slots__ = ("names", "pattern", "ready")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.names = pattern.parameters.keys()
        self.ready = "" if self.names else encode_path([segment.prefix for segment in pattern.segments])

    def write(self, parameters: Mapping[str, object]) -> str:
        """Return the path with these values in it."""
        if self.ready:
            return self.ready
        segments: list[str] = []
        for segment in self.pattern.segments:
            if not segment.name:
                segments.append(segment.prefix)
                continue
            value = parameters[segment.name]
            converter = CONVERTERS[segment.converter]
            text = converter.write(value)
            if text is None or has_dot_segments(segment.prefix + text + segment.suffix):
                raise NoSuchURL(f"{segment.name}={value!r} does not fit {self.pattern}: it takes {converter.expected}")
            segments += text.split("/") if segment.is_rest else [segment.prefix + text + segment.suffix]
        return encode_path(segments)


def _handle(view: object) -> object:
    """Return what a view is found by: equality where it can be hashed, else its identity."""
    try:
        hash(view)
    except TypeError:
        return id(view)
    return view


def _called(view: object) -> str:
    if isinstance(view, str):
        return f'"{view}"'
    return str(getattr(view, "__qualname__", repr(view)))


def _mismatch(view: object, writers: list[_Writer], parameters: Mapping[str, object]) -> str:
    """Say what is missing and what is too much, measured on the pattern that comes nearest."""
    nearest = min(writers, key=lambda writer: len(writer.names ^ parameters.keys()))
    missing = [name for name in nearest.names if name not in parameters]
    extra = [name for name in parameters if name not in nearest.names]
    said = [f"the URL of {_called(view)} is {nearest.pattern}"]
    if missing:
        said.append(f"missing: {', '.join(missing)}")
    if extra:
        said.append(f"too much: {', '.join(extra)}")
    meant = {wrong: difflib.get_close_matches(wrong, missing, n=1) for wrong in extra}
    said += [f'did you mean "{close[0]}" by "{wrong}"?' for wrong, close in meant.items() if close]
    return "; ".join(said)

"""Write the URL of a view: the table read backwards.

In: a view (or its name) and the values of its parameters. Out: a path, percent-encoded.
Refuses missing, extra and unfitting parameters and ambiguous names, and says what would do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from fanlight.errors import NoSuchURL
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.names import answers_to
from fanlight.routing.path import climbs, encode_path
from fanlight.routing.pattern import Pattern
from fanlight.routing.route import Route


class Reverse:
    """All routes, by view and by name, in the order of the table."""

    def __init__(self, routes: Iterable[tuple[Pattern, Route]]) -> None:
        self._by_view: dict[object, list[tuple[Pattern, Route]]] = {}
        self._by_name: dict[str, dict[str, list[tuple[Pattern, Route]]]] = {}  # name -> full name -> routes
        for pattern, route in routes:
            self._by_view.setdefault(_handle(route.view), []).append((pattern, route))
            for name in answers_to(route.name, route.view) if route.name else ():
                self._by_name.setdefault(name, {}).setdefault(route.name, []).append((pattern, route))

    def url_for(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return the path of a view; raises NoSuchURL when there is none with these parameters.

        Of several patterns with these parameters, the one written first in the table is taken.
        """
        candidates = self._candidates(view)
        for pattern, _ in candidates:
            if pattern.parameters.keys() == parameters.keys():
                return _write(pattern, parameters)
        raise NoSuchURL(_misfit(view, [pattern for pattern, _ in candidates], parameters))

    def _candidates(self, view: object) -> list[tuple[Pattern, Route]]:
        found = self._by_view.get(_handle(view))
        if found is not None:
            return found
        if not isinstance(view, str):
            raise NoSuchURL(f"{view!r} has no route; add it to URLS")
        named = self._by_name.get(view)
        if named is None:
            close = difflib.get_close_matches(view, self._by_name, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else "; add it to URLS"
            raise NoSuchURL(f'no view in URLS is called "{view}"{hint}')
        if len(named) > 1:
            names = " or ".join(f'"{name}"' for name in named)
            raise NoSuchURL(f'several views are called "{view}"; say which: {names}')
        return next(iter(named.values()))


def _handle(view: object) -> object:
    """Return what a view is found by: equality where it can be hashed, else its identity."""
    try:
        hash(view)
    except TypeError:
        return id(view)
    return view


def _write(pattern: Pattern, parameters: Mapping[str, object]) -> str:
    segments: list[str] = []
    for segment in pattern.segments:
        if not segment.name:
            segments.append(segment.prefix)
            continue
        value = parameters[segment.name]
        converter = CONVERTERS[segment.converter]
        text = converter.write(value)
        if text is None or (not segment.is_rest and climbs(segment.prefix + text + segment.suffix)):
            raise NoSuchURL(f"{segment.name}={value!r} does not fit {pattern}: it takes {converter.says}")
        segments += text.split("/") if segment.is_rest else [segment.prefix + text + segment.suffix]
    return encode_path(segments)


def _misfit(view: object, patterns: list[Pattern], parameters: Mapping[str, object]) -> str:
    """Say what is missing and what is too much, measured on the pattern that comes nearest."""
    nearest = min(patterns, key=lambda pattern: len(pattern.parameters.keys() ^ parameters.keys()))
    missing = [name for name in nearest.parameters if name not in parameters]
    extra = [name for name in parameters if name not in nearest.parameters]
    name = f'"{view}"' if isinstance(view, str) else getattr(view, "__qualname__", repr(view))
    said = f"the URL of {name} is {nearest}"
    if missing:
        said += f"; missing: {', '.join(missing)}"
    if extra:
        said += f"; too much: {', '.join(extra)}"
    for wrong in extra:
        if close := difflib.get_close_matches(wrong, missing, n=1):
            said += f'; did you mean "{close[0]}" by "{wrong}"?'
    return said

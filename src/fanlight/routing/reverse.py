"""Build the URL of a view: the table in reverse.

In: a view (or its name) and the values of its parameters. Out: a path, percent-encoded. Refuses missing, extra and
unfitting parameters and ambiguous names, with a suggestion.

A URL that is built here leads to the same view and values, with one exception: a value that is also the literal text of
a more specific route ("/users/me" beside "/users/{name}") leads to that route.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fanlight.closest_name import closest_name
from fanlight.errors import NoSuchURL
from fanlight.routing.converter import CONVERTERS
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
            self._by_view.setdefault(_key_of(route.view), []).append(writer)
            for name in _lookup_names(route.name, route.view):
                self._by_name.setdefault(name, {}).setdefault(route.name, []).append(writer)

    def url_for(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return the path of a view. Raises NoSuchURL if there is none with these parameters."""
        writers = self._writers(view)
        for writer in writers:
            if writer.names == parameters.keys():
                return writer.write(parameters)
        raise NoSuchURL(_mismatch(view, writers, parameters))

    def _writers(self, view: object) -> list[_Writer]:
        found = self._by_view.get(_key_of(view))
        if found is not None:
            return found
        if not isinstance(view, str):
            raise NoSuchURL(f"{_display_name(view)} has no route; add it to URLS")
        named = self._by_name.get(view)
        if named is None:
            close = closest_name(view, self._by_name)
            hint = f'did you mean "{close}"?' if close else "add it to URLS"
            raise NoSuchURL(f'no view in URLS is named "{view}"; {hint}')
        if len(named) > 1:
            names = " or ".join(f'"{name}"' for name in named)
            raise NoSuchURL(f'{len(named)} views are named "{view}"; write {names}')
        return next(iter(named.values()))


class _Writer:
    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.names = pattern.parameters.keys()
        self.literal_path = "" if self.names else encode_path([segment.prefix for segment in pattern.segments])

    def write(self, parameters: Mapping[str, object]) -> str:
        """Return the path with these values in it."""
        if self.literal_path:
            return self.literal_path
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


def name_of(value: object) -> str:
    """Return a view's full name, "views.post", or a string itself; other values have no name ("")."""
    if isinstance(value, str):
        return value
    name = getattr(value, "__qualname__", "")
    module = getattr(value, "__module__", "")
    if not isinstance(name, str) or not name:
        return ""
    return f"{module}.{name}" if isinstance(module, str) and module else name


def _lookup_names(name: str, value: object) -> list[str]:
    """Return every name by which a value is found, the shortest first: "post", "views.post", "blog.views.post"."""
    if not name or isinstance(value, str):
        return [name] if name else []  # "thanks.html" is not something named html
    pieces = name.split(".")
    return [".".join(pieces[start:]) for start in range(len(pieces) - 1, -1, -1)]


def _key_of(view: object) -> object:
    """Return the key by which a view is found: itself, or its id if it can't be hashed."""
    try:
        hash(view)
    except TypeError:
        return id(view)
    return view


def _display_name(view: object) -> str:
    if isinstance(view, str):
        return f'"{view}"'
    return str(getattr(view, "__qualname__", repr(view)))


def _mismatch(view: object, writers: list[_Writer], parameters: Mapping[str, object]) -> str:
    """Return what is missing and what is extra, compared with the most similar pattern."""
    nearest = min(writers, key=lambda writer: len(writer.names ^ parameters.keys()))
    missing = [name for name in nearest.names if name not in parameters]
    extra = [name for name in parameters if name not in nearest.names]
    parts = [f"the URL of {_display_name(view)} is {nearest.pattern}"]
    if missing:
        parts.append(f"missing: {', '.join(missing)}")
    if extra:
        parts.append(f"extra: {', '.join(extra)}")
    meant = {wrong: closest_name(wrong, missing) for wrong in extra}
    parts += [f'did you mean "{close}" by "{wrong}"?' for wrong, close in meant.items() if close]
    return "; ".join(parts)

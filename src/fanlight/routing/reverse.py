"""Build the URL of a view: the table in reverse.

In: a view (or its name), the values of its parameters, and a query and fragment. Out: a path, percent-encoded, and what
follows it; of a table of several hosts a host before it, "//example.org/path". Refuses missing, extra and unfitting
parameters and ambiguous names, with a suggestion.

A view is found by the end of its dotted name, and behind a colon in the table of a name: the view `index` of the module
`shop.views`, in a table named "shop" inside one named "admin", is "index", "views.index", "shop:index",
"admin:shop:index" and so on. Of several views, the one of whose tables the name leaves out none is meant; if there is
not one such view, the name is refused.

A URL that is built here leads to the same view and values, with one exception: a value that is also the literal text of
a more specific route ("/users/me" beside "/users/{name}") leads to that route.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fanlight.closest_name import closest_name, closest_names
from fanlight.errors import NoSuchURL, UnfittingValue
from fanlight.routing.converter import CONVERTERS
from fanlight.routing.path import encode_path, has_dot_segments
from fanlight.routing.pattern import Pattern
from fanlight.routing.query_string import suffix_of
from fanlight.routing.route import Route

if TYPE_CHECKING:
    from fanlight.routing.host_pattern import HostPattern

MAX_SUGGESTED = 3
_AFTER_PATH = frozenset({"query", "fragment"})  # of a URL


class Reverse:
    """All routes, by view and by name, in the order of the table."""

    def __init__(self, routes: Iterable[tuple[Pattern, Route]], *, with_hosts: bool = False) -> None:
        self._by_view: dict[object, list[_Writer]] = {}
        # Name -> full name -> routes: with the names of all tables around the route, and with some of them left out.
        self._by_name: dict[str, _Named] = {}
        self._by_short_name: dict[str, _Named] = {}
        for pattern, route in routes:
            writer = _Writer(pattern, route.host if with_hosts else None, route.inherited.table)
            self._by_view.setdefault(_key_of(route.view), []).append(writer)
            table = route.inherited.table
            for prefix in _prefixes(table):
                names = self._by_name if prefix == table else self._by_short_name
                for name in _lookup_names(route.name, route.view):
                    named = names.setdefault(f"{prefix}:{name}" if prefix else name, {})
                    named.setdefault(route.full_name, []).append(writer)

    def url_for(self, view: object, parameters: Mapping[str, object], table: str = "") -> str:
        """Return the path of a view, with a query and a fragment if they are among the parameters.

        With the full name of a `table`, a view in it goes before others.

        A parameter of the path goes before those: of a view at "/search/{query}", `query` is the parameter. Raises
        NoSuchURL if there is no path with these parameters.
        """
        writers = (self._writers_in(table, view) if table else []) or self._writers(view)
        for writer in writers:
            if writer.names == parameters.keys():
                return writer.write(parameters)
        for writer in writers:
            after_path = _AFTER_PATH - writer.names
            if writer.names == parameters.keys() - after_path:
                given = {name: parameters.get(name) for name in after_path}
                return writer.write(parameters) + suffix_of(given.get("query"), given.get("fragment"))
        raise NoSuchURL(_mismatch(view, writers, parameters))

    def _writers_in(self, table: str, view: object) -> list[_Writer]:
        """Return what writes the paths of a view in a table, or in tables inside it."""
        if isinstance(view, str):
            named = self._by_name.get(f"{table}:{view}")
            return next(iter(named.values())) if named is not None and len(named) == 1 else []
        return [each for each in self._by_view.get(_key_of(view), ()) if f"{each.table}:".startswith(f"{table}:")]

    def _writers(self, view: object) -> list[_Writer]:
        if not isinstance(view, str):
            found = self._by_view.get(_key_of(view))
            if found is not None:
                return found
            hint = self._suggestion(name_of(view).rpartition(".")[2])
            raise NoSuchURL(f"{_display_name(view)} has no route; {hint}")
        named = self._by_name.get(view) or self._by_short_name.get(view)
        if named is None:
            raise NoSuchURL(f'no view in URLS is named "{view}"; {self._suggestion(view)}')
        if view in named:
            return named[view]
        if len(named) > 1:
            names = " or ".join(f'"{self._shortest(name)}"' for name in named)
            raise NoSuchURL(f'{len(named)} views are named "{view}"; write {names}')
        return next(iter(named.values()))

    def _suggestion(self, name: str) -> str:
        """Return which names were meant by an unknown one: for each view the most similar that means it alone."""
        names = self._by_short_name | self._by_name
        meant: dict[str, str] = {}
        for each in closest_names(name, names, MAX_SUGGESTED * 4):
            for full_name in (each,) if each in names[each] else names[each]:
                meant.setdefault(full_name, each if len(names[each]) == 1 else self._shortest(full_name))
        found = list(meant.values())[:MAX_SUGGESTED]
        return f"did you mean {_or(found)}?" if found else "add it to URLS"

    def _shortest(self, full_name: str) -> str:
        """Return the shortest name that means one view."""
        unique = (name for name, named in self._by_name.items() if list(named) == [full_name])
        return min(unique, key=len, default=full_name)


_Named = dict[str, list["_Writer"]]


class _Writer:
    def __init__(self, pattern: Pattern, host: HostPattern | None, table: str) -> None:
        self.pattern, self.table, self._host = pattern, table, host
        names = pattern.parameters if host is None else host.parameters | pattern.parameters
        self.names = names.keys()
        is_literal = pattern.is_literal
        self.literal_path = encode_path([segment.prefix for segment in pattern.segments]) if is_literal else ""

    def __str__(self) -> str:
        return f"{self._host or ''}{self.pattern}"

    def write(self, parameters: Mapping[str, object]) -> str:
        """Return the path with these values in it, after its host if it has one."""
        path = self.literal_path or self._path(parameters)
        return path if self._host is None else f"//{self._host.write(parameters)}{path}"

    def _path(self, parameters: Mapping[str, object]) -> str:
        segments: list[str] = []
        for segment in self.pattern.segments:
            if not segment.name:
                segments.append(segment.prefix)
                continue
            value = parameters[segment.name]
            converter = CONVERTERS[segment.converter]
            text = converter.write(value)
            if text is None or has_dot_segments(segment.prefix + text + segment.suffix):
                reason = f"{segment.name}={value!r} does not fit {self.pattern}: it takes {converter.expected}"
                if segment.name in _AFTER_PATH:
                    reason += f"; to give the URL a {segment.name}, rename this parameter of the path"
                raise UnfittingValue(reason, value)
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


def _prefixes(table: str) -> list[str]:
    """Return every way to name a table, from none to all names: "", "shop", "admin:shop"."""
    pieces = table.split(":") if table else []
    return [":".join(pieces[start:]) for start in range(len(pieces), -1, -1)]


def _lookup_names(name: str, value: object) -> list[str]:
    """Return every name by which a value is found, the shortest first: "post", "views.post", "blog.views.post"."""
    if not name or isinstance(value, str):
        return [name] if name else []  # "thanks.html" is not something named html
    pieces = name.split(".")
    return [".".join(pieces[start:]) for start in range(len(pieces) - 1, -1, -1)]


def _or(names: Sequence[str]) -> str:
    """Return names in quotes, as alternatives: `"a", "b" or "c"`."""
    *before, last = [f'"{name}"' for name in names]
    return f"{', '.join(before)} or {last}" if before else last


def _key_of(view: object) -> object:
    """Return the key by which a view is found: itself, or its id if it can't be hashed; for a copy, the original."""
    view = getattr(view, "__fanlight_original__", view)  # of a view with a setting that only one of its routes has
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
    nearest = min(writers, key=lambda writer: len(writer.names ^ (parameters.keys() - (_AFTER_PATH - writer.names))))
    missing = [name for name in nearest.names if name not in parameters]
    extra = [name for name in parameters if name not in nearest.names | _AFTER_PATH]
    parts = [f"the URL of {_display_name(view)} is {nearest}"]
    if missing:
        parts.append(f"missing: {', '.join(missing)}")
    if extra:
        parts.append(f"extra: {', '.join(extra)}")
    meant = {wrong: closest_name(wrong, missing) for wrong in extra}
    parts += [f'did you mean "{close}" by "{wrong}"?' for wrong, close in meant.items() if close]
    return "; ".join(parts)

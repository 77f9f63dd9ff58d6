"""The built routing table: from a method and a path to a route, and from a view to its URL.

In: the method of a request, and its path as it was sent. Out: a route with its parameters, or a `NoMatch`, which
determines the response. Raises nothing for any path. Immutable, so threads can share it.

A literal path is one lookup in a dict; all others walk the tree of their method.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fanlight.routing.explain import NearRoute, explain, nearest
from fanlight.routing.key import METHODS
from fanlight.routing.path import browser_path, decode_path, encode_path
from fanlight.routing.pattern import Pattern
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.reverse import Reverse
from fanlight.routing.route import NoMatch, NoMatchReason, Route
from fanlight.routing.tree import Node, NoParameters, find

_NOT_FOUND = NoMatch(NoMatchReason.NOT_FOUND)
_BAD_PATH = NoMatch(NoMatchReason.BAD_PATH)


class _MethodRoutes:
    __slots__ = ("literal", "tree")

    def __init__(self, routes: Iterable[tuple[Pattern, Route]]) -> None:
        self.literal: dict[str, tuple[Route, dict[str, object]]] = {}
        self.tree = Node()
        for pattern, route in routes:
            self.tree.add(pattern, route)
            if pattern.is_literal:
                self.literal[encode_path([segment.prefix for segment in pattern.segments])] = route, NoParameters()


class Table:
    """All routes of a site; made by `build`."""

    def __init__(self, routes: Sequence[tuple[Pattern, Route]], json_prefixes: Prefixes | None = None) -> None:
        self.json_prefixes = json_prefixes or Prefixes()  # of the tables whose errors are JSON
        self.routes: tuple[Route, ...] = tuple(route for _, route in routes)
        self._patterns = tuple(routes)
        self._reverse = Reverse(routes)
        named = {method for route in self.routes for method in route.methods}
        self._by_method = {method: _MethodRoutes((p, r) for p, r in routes if method in r.methods) for method in named}
        self._add_head()
        shared: dict[_MethodRoutes, list[str]] = {}
        for method, routes_of_method in self._by_method.items():
            shared.setdefault(routes_of_method, []).append(method)
        self._distinct_routes = tuple(shared.items())

    def _add_head(self) -> None:
        """Let GET routes serve HEAD (RFC 9110 section 9.3.2), except where a pattern has a HEAD route of its own."""
        if "GET" not in self._by_method:
            return
        if "HEAD" not in self._by_method:
            self._by_method["HEAD"] = self._by_method["GET"]
            return
        own = {pattern.shape for pattern, route in self._patterns if "HEAD" in route.methods}
        self._by_method["HEAD"] = _MethodRoutes(
            (pattern, route)
            for pattern, route in self._patterns
            if "HEAD" in route.methods or ("GET" in route.methods and pattern.shape not in own)
        )

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, object]] | NoMatch:
        """Return the route for a request and its parameters, or why none matches.

        `raw_path` is the path as it was sent, without the query. It is decoded here, once. A route without parameters
        has one immutable dict of them, shared by all its requests.
        """
        routes_of_method = self._by_method.get(method)
        if routes_of_method is not None:
            found = routes_of_method.literal.get(raw_path)
            if found is not None:
                return found
            # PERF: benchmarks/routing.py; a path without any of these is its own decoded form, and has no dot-segments.
            if not ("%" in raw_path or "/." in raw_path or "\\" in raw_path) and raw_path.isascii():
                found = find(routes_of_method.tree, raw_path.split("/"), 1, [])
                if found is not None:
                    return found
        return self._find_decoded(method, raw_path)

    def _find_decoded(self, method: str, raw_path: str) -> tuple[Route, dict[str, object]] | NoMatch:
        if raw_path == "*" and method == "OPTIONS":  # RFC 9110 section 9.3.7: the server as a whole
            return NoMatch(NoMatchReason.WRONG_METHOD, allow=_in_order(self._by_method))
        segments = decode_path(raw_path)
        if segments is None:
            return _BAD_PATH
        routes_of_method = self._by_method.get(method)
        found = find(routes_of_method.tree, segments, 1, []) if routes_of_method is not None else None
        return found or self._no_match(segments)

    def _no_match(self, segments: list[str]) -> NoMatch:
        """Return why a path has no route: it has for another method, or with its trailing slash toggled."""
        if allow := self._methods_at(segments):
            return NoMatch(NoMatchReason.WRONG_METHOD, allow=_in_order(allow))
        other = _toggle_trailing_slash(segments)
        if other and self._methods_at(other):
            return NoMatch(NoMatchReason.REDIRECT, to=encode_path(other[1:]))
        return _NOT_FOUND

    def _methods_at(self, segments: list[str]) -> list[str]:
        """Return the methods that have a route; each tree is searched once, since HEAD mostly shares that of GET."""
        return [
            method
            for routes_of_method, methods in self._distinct_routes
            if find(routes_of_method.tree, segments, 1, []) is not None
            for method in methods
        ]

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, of a view's name, or of any other value in URLS.

        `query` and `fragment` are added to the path, unless it has parameters of these names. If several patterns have
        the parameters, the first in the table is used. Raises NoSuchURL, with a suggestion,
        for unknown views and parameters that do not fit.
        """
        return self._reverse.url_for(view, parameters)

    def explain(self, method: str, raw_path: str) -> list[str]:
        """Return lines that explain which route a request gets, and why similar ones do not match.

        A path that is typed by hand, like "/café", is encoded first, as by a browser.
        """
        sent = browser_path(raw_path)
        return explain(self._patterns, method, sent, self.find(method, sent))

    def nearest(self, method: str, raw_path: str) -> list[NearRoute]:
        """Return the routes that do not serve a request, most similar first, and why each does not."""
        found = self.find(method, raw_path)
        return nearest(self._patterns, method, raw_path, found[0] if isinstance(found, tuple) else None)


def _toggle_trailing_slash(segments: list[str]) -> list[str]:
    """Return the segments with a trailing slash added or removed; nothing if neither makes sense."""
    if segments[-1]:
        return [*segments, ""]
    # "/" has no other form, and "/x//" has more than one superfluous slash.
    return segments[:-1] if len(segments) > 2 and segments[-2] else []


def _in_order(methods: Iterable[str]) -> tuple[str, ...]:
    """Return methods in the order of the RFCs, with OPTIONS, which every path has."""
    known = {*methods, "OPTIONS"}
    return tuple(method for method in METHODS if method in known)

"""The built routing table: from a method and a path to a route, and from a view to its URL.

In: the method of a request, and its path as it was sent. Out: a route with its parameters, or a `NoMatch`, which
determines the response. Raises nothing for any path. Immutable, so threads can share it.

A literal path is one lookup in a dict, and so is the path above a parameter that ends a pattern: `/user/{id}`. All
others walk the tree of their method, which would find the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fanlight.errors import NoSuchURL, UnfittingValue
from fanlight.routing.entries import Mount
from fanlight.routing.key import METHODS
from fanlight.routing.path import browser_path, decode_path, encode_path
from fanlight.routing.pattern import Pattern, Segment
from fanlight.routing.prefixes import Prefixes, innermost_first
from fanlight.routing.reverse import Reverse
from fanlight.routing.route import NOT_FOUND, NoMatch, NoMatchReason, Route
from fanlight.routing.tree import Node, NoParameters, find, raw_segment_reader

if TYPE_CHECKING:
    from fanlight.routing.explain import NearRoute

_BAD_PATH = NoMatch(NoMatchReason.BAD_PATH)


class _MethodRoutes:
    """The routes of one method; the tree has all of them."""

    __slots__ = ("leaves", "literal", "tree")

    def __init__(self, routes: Iterable[tuple[Pattern, Route]]) -> None:
        self.literal: dict[str, tuple[Route, dict[str, object]]] = {}
        self.tree = Node()
        leaves: dict[str, list[tuple[Segment, Route]]] = {}
        for pattern, route in routes:
            self.tree.add(pattern, route)
            *above, last = pattern.segments
            if pattern.is_literal:
                self.literal[_path_of(pattern.segments)] = route, NoParameters()
            elif not any(segment.name for segment in above):
                leaves.setdefault(_path_of(above), []).append((last, route))
        # By the literal path above them: the parameters that end a pattern, the most specific first.
        self.leaves = {
            path: [(raw_segment_reader(each), route, each.name) for each, route in sorted(ends, key=_order)]
            for path, ends in leaves.items()
        }


class Table:
    """All routes of a site; made by `build`."""

    def __init__(
        self,
        routes: Sequence[tuple[Pattern, Route]] = (),
        json_prefixes: Prefixes | None = None,
        mounts: Sequence[tuple[Pattern, Mount]] = (),
    ) -> None:
        self.json_prefixes = json_prefixes or Prefixes()  # of the tables whose errors are JSON
        self.mounts = tuple((Prefixes([pattern]), mount) for pattern, mount in innermost_first(mounts))
        self.routes: tuple[Route, ...] = tuple(route for _, route in routes)
        self.pairs = tuple(routes)
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
        own = {pattern.shape for pattern, route in self.pairs if "HEAD" in route.methods}
        self._by_method["HEAD"] = _MethodRoutes(
            (pattern, route)
            for pattern, route in self.pairs
            if "HEAD" in route.methods or ("GET" in route.methods and pattern.shape not in own)
        )

    @property
    def redirects(self) -> list[tuple[str, str, str]]:
        """The hosts that are redirected, with the target and the place of each."""
        return []

    def at(self, authority: str) -> Table:
        """Return the table for requests to a host: this one, for any."""
        del authority  # of an app whose hosts differ: see `HostTable`
        return self

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
            # PERF: benchmarks/routing.py; a third of what the tree costs. It is the first that the tree would try.
            above, slash, last = raw_path.rpartition("/")
            leaves = routes_of_method.leaves.get(above)
            if leaves is not None and slash:
                for read, route, name in leaves:
                    value = read(last)
                    if value is not None:
                        return route, {name: value}
        segments = decode_path(raw_path)
        if segments is None:
            if raw_path == "*" and method == "OPTIONS":  # RFC 9110 section 9.3.7: the server as a whole
                return NoMatch(NoMatchReason.WRONG_METHOD, allow=_in_order(self._by_method))
            return _BAD_PATH
        found = None if routes_of_method is None else find(routes_of_method.tree, segments, 1, [])
        return found or self._no_match(segments, routes_of_method)

    def _no_match(self, segments: list[str], searched: _MethodRoutes | None) -> NoMatch:
        """Return why a path has no route: it has for another method, or with its trailing slash toggled."""
        if allow := self._methods_at(segments, searched):
            return NoMatch(NoMatchReason.WRONG_METHOD, allow=_in_order(allow))
        other = _toggle_trailing_slash(segments)
        if other and self._methods_at(other):
            return NoMatch(NoMatchReason.REDIRECT, to=encode_path(other[1:]))
        return NOT_FOUND

    def _methods_at(self, segments: list[str], searched: _MethodRoutes | None = None) -> list[str]:
        """Return the methods that have a route; each tree is searched once, since HEAD mostly shares that of GET."""
        return [
            method
            for routes_of_method, methods in self._distinct_routes
            if routes_of_method is not searched and find(routes_of_method.tree, segments, 1, []) is not None
            for method in methods
        ]

    def url_for(self, view: object, /, **parameters: object) -> str:
        """Return the path of a view, of a view's name, or of any other value in URLS.

        `query` and `fragment` are added to the path, unless it has parameters of these names. If several patterns have
        the parameters, the first in the table is used. Raises NoSuchURL, with a suggestion,
        for unknown views and parameters that do not fit.
        """
        return self._reverse.url_for(view, parameters)

    def mount_for(self, method: str, raw_path: str) -> Mount | None:
        """Return the part of the site that a request is for, None for the site itself.

        It is that of the route; of a path without one, the innermost that is mounted there or above.
        """
        if not self.mounts:
            return None
        found = self.find(method, raw_path)
        if isinstance(found, tuple):
            return found[0].inherited.mount
        return next((mount for prefixes, mount in self.mounts if prefixes.contain(raw_path)), None)

    def url_in(self, mount: Mount | None, view: object, parameters: Mapping[str, object]) -> str:
        """Return the path of a view as `url_for` does, in a part that is mounted if that has such a view."""
        return self._reverse.url_for(view, parameters, "" if mount is None else mount.name)

    def tried_url(self, view: object, parameters: Mapping[str, object]) -> str:
        """Return a path that a view has somewhere in the site, for checks at start. Raises NoSuchURL."""
        for _, mount in self.mounts:
            try:
                return self.url_in(mount, view, parameters)
            except UnfittingValue:
                raise
            except NoSuchURL:
                pass  # it may be there for another part
        return self._reverse.url_for(view, parameters)

    def explain(self, method: str, raw_path: str) -> list[str]:
        """Return lines that explain which route a request gets, and why similar ones do not match.

        A path that is typed by hand, like "/café", is encoded first, as by a browser.
        """
        from fanlight.routing.explain import explain  # noqa: PLC0415 - serves no request

        sent = browser_path(raw_path)
        return explain(self.pairs, method, sent, self.find(method, sent))

    def nearest(self, method: str, raw_path: str) -> list[NearRoute]:
        """Return the routes that do not serve a request, most similar first, and why each does not."""
        from fanlight.routing.explain import nearest  # noqa: PLC0415 - as above

        found = self.find(method, raw_path)
        return nearest(self.pairs, method, raw_path, found[0] if isinstance(found, tuple) else None)


def _path_of(segments: Sequence[Segment]) -> str:
    """Return the path of literal segments, as it is sent; "" for none."""
    return encode_path([segment.prefix for segment in segments]) if segments else ""


def _order(end: tuple[Segment, Route]) -> tuple[int, int, int]:
    return end[0].order


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

"""Find the most specific route for a list of segments.

In: the decoded segments of a path. Out: a route and its parameters, or None. Each method has a tree of its own.

At each node the literal child is tried first, then the parameters by specificity, then the rest:

    /users/me  >  /users/u-{id:int}  >  /users/{id:int}  >  /users/{name}  >  /users/{rest...}

After a dead end the next choice is tried, so `/users/me/x` may still match `/users/{name}/x`. Each node has one parent,
so a search visits each node at most once, whatever the path: its cost is bounded by the table, and does not grow with
the path beyond that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from fanlight.routing.converter import CONVERTERS, read_path
from fanlight.routing.path import is_plain_segment
from fanlight.routing.pattern import Pattern, Segment
from fanlight.routing.route import Route

SegmentReader = Callable[[str], object]  # the value of the parameter, None if the text does not fit


class NoParameters(dict[str, object]):
    """The parameters of a route without parameters: shared by all its requests, so immutable."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this route has no parameters, and its empty dict is shared: copy it to change it")

    __setitem__ = _refuse
    __ior__ = _refuse
    update = _refuse
    setdefault = _refuse


class Edge:
    """A parameter segment, and the node after it; `read` is None for a bare `{name}`."""

    __slots__ = ("node", "read", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.read = segment_reader(segment)
        self.node = Node()


def segment_reader(segment: Segment) -> SegmentReader | None:
    """Return a function that reads a segment of a path, including the literal text beside the parameter.

    It is None for a bare `{name}`, which any text matches that is not empty.
    """
    read = CONVERTERS[segment.converter].read
    prefix, suffix = segment.prefix, segment.suffix
    if not prefix and not suffix:
        return None if segment.converter == "str" else read
    start, shortest = len(prefix), len(prefix) + len(suffix) + 1

    def read_between(text: str) -> object | None:
        if len(text) < shortest or not text.startswith(prefix) or not text.endswith(suffix):
            return None
        return read(text[start : len(text) - len(suffix)])

    return read_between


def raw_segment_reader(segment: Segment) -> SegmentReader:
    """Return a function that reads a segment as it was sent; None also means that it must be decoded first."""
    read = segment_reader(segment)
    if read is None or segment.is_rest:
        return lambda text: text if is_plain_segment(text) else None
    if not segment.prefix and not segment.suffix:
        return read  # all other types are of letters, digits, "-" and "." in a number
    return lambda text: read(text) if is_plain_segment(text) else None


class Node:
    """A node of the tree, with its children, and the route that ends here."""

    __slots__ = ("edges", "is_fork", "literals", "names", "only", "rest", "route")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.edges: tuple[Edge, ...] = ()  # the most specific first
        self.rest: Node | None = None
        self.route: Route | None = None
        self.names: tuple[tuple[int, str], ...] = ()  # of the route's parameters, each with its index
        self.is_fork = False  # has children that are no literals
        self.only: Edge | None = None  # the only child that is no literal

    def add(self, pattern: Pattern, route: Route) -> None:
        """Add a route; the caller has checked that its shape is new."""
        node = self
        for segment in pattern.segments:
            node = node._follow(segment)
        node.route = route
        node.names = tuple(enumerate(pattern.parameters))

    def _follow(self, segment: Segment) -> Node:
        if not segment.name:
            return self.literals.setdefault(segment.prefix, Node())
        self.is_fork = True
        if segment.is_rest:
            self.rest = self.rest or Node()
            self.only = None
            return self.rest
        for edge in self.edges:
            if edge.segment.shape == segment.shape:
                return edge.node
        edge = Edge(segment)
        self.edges = tuple(sorted([*self.edges, edge], key=lambda edge: edge.segment.order))
        self.only = edge if len(self.edges) == 1 and self.rest is None else None
        return edge.node


def find(node: Node, segments: list[str], index: int, values: list[object]) -> tuple[Route, dict[str, object]] | None:
    """Return the most specific route at or below a node, and its parameters.

    `segments[index]` is the first that is left; `segments[0]` is the empty text before the path's first slash. `values`
    are those of the parameters so far; a dead end appends its own, for the caller to drop.
    """
    end = len(segments)
    # PERF: benchmarks/routing.py; a node with one choice costs no call, only another iteration.
    while index < end:
        segment = segments[index]
        child = node.literals.get(segment)
        if child is not None:
            if node.is_fork:
                return _choose(node, segments, index, values)
            node = child
        else:
            edge = node.only
            if edge is None:
                return _choose(node, segments, index, values) if node.is_fork else None
            value = segment or None if edge.read is None else edge.read(segment)
            if value is None:
                return None
            values.append(value)
            node = edge.node
        index += 1
    if node.route is None:
        return None
    parameters = {}
    for index, name in node.names:  # PERF: benchmarks/routing.py; half of what a comprehension or a zip takes
        parameters[name] = values[index]
    return node.route, parameters


def _choose(
    node: Node, segments: list[str], index: int, values: list[object]
) -> tuple[Route, dict[str, object]] | None:
    """Try the children of a node, the most specific first."""
    segment = segments[index]
    known = len(values)
    child = node.literals.get(segment)
    if child is not None:
        found = find(child, segments, index + 1, values)
        if found is not None:
            return found
        del values[known:]
    for edge in node.edges:
        value = segment or None if edge.read is None else edge.read(segment)
        if value is not None:
            values.append(value)
            found = find(edge.node, segments, index + 1, values)
            if found is not None:
                return found
            del values[known:]
    if node.rest is not None and (rest := read_path(segments[index:])) is not None:
        values.append(rest)
        return find(node.rest, segments, len(segments), values)
    return None

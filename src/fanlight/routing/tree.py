"""Find the most specific route for a list of segments.

In: decoded segments of a path that does not climb. Out: a route and its parameters, or None.
Refuses nothing; knows nothing of methods (each has a tree of its own) and of percent-encoding.

At each node the literal child is tried first, then the parameters by specificity, then the rest:

    /users/me  >  /users/u-{id:int}  >  /users/{id:int}  >  /users/{name}  >  /users/{rest...}

A dead end goes back to the next choice, so `/users/me/x` may still be `/users/{name}/x`. Each node
of a tree has one way to it, so a search visits each node at most once, whatever the path: its cost
is bounded by the table, which its author wrote, and never grows beyond that with the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from fanlight.routing.converter import CONVERTERS, read_path
from fanlight.routing.path import climbs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.routing.pattern import Pattern, Segment
    from fanlight.routing.route import Route


class NoParameters(dict[str, object]):
    """The parameters of a route that has none: shared by all its requests, so it can't be changed."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this route has no parameters, and its empty dict is shared: copy it to change it")

    __setitem__ = _refuse
    __ior__ = _refuse
    update = _refuse
    setdefault = _refuse


class Edge:
    """A parameter of one segment, and the node behind it; `read` is None for a bare `{name}`."""

    __slots__ = ("node", "read", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.read = _reader(segment)
        self.node = Node()


def _reader(segment: Segment) -> Callable[[str], object | None] | None:
    """Return what reads a whole segment of a path: the literal text beside the parameter included."""
    read = CONVERTERS[segment.converter].read
    prefix, suffix = segment.prefix, segment.suffix
    if not prefix and not suffix:
        return None if segment.converter == "str" else read
    start, shortest = len(prefix), len(prefix) + len(suffix) + 1

    def read_between(text: str) -> object | None:
        if len(text) < shortest or not text.startswith(prefix) or not text.endswith(suffix):
            return None
        inner = text[start : len(text) - len(suffix)]
        return None if climbs(inner) else read(inner)

    return read_between


class Node:
    """A place in the tree, with what may follow, and the route that ends here."""

    __slots__ = ("edges", "literals", "names", "rest", "route")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.edges: tuple[Edge, ...] = ()  # the most specific first
        self.rest: Node | None = None
        self.route: Route | None = None
        self.names: tuple[str, ...] = ()  # of the route's parameters

    def add(self, pattern: Pattern, route: Route) -> None:
        """Hang a route into the tree; the caller has made sure that its shape is new."""
        node = self
        for segment in pattern.segments:
            node = node._follow(segment)
        node.route = route
        node.names = tuple(pattern.parameters)

    def _follow(self, segment: Segment) -> Node:
        if not segment.name:
            return self.literals.setdefault(segment.prefix, Node())
        if segment.is_rest:
            self.rest = self.rest or Node()
            return self.rest
        for edge in self.edges:
            if edge.segment.shape == segment.shape:
                return edge.node
        edge = Edge(segment)
        self.edges = tuple(sorted([*self.edges, edge], key=lambda edge: edge.segment.order))
        return edge.node

    def find(self, segments: list[str]) -> tuple[Route, dict[str, object]] | None:
        """Return the most specific route and its parameters; the first segment is the "" before the slash."""
        if segments[0]:
            return None
        values: list[object] = []
        node = _descend(self, segments, 1, values)
        if node is None or node.route is None:
            return None
        # PERF: benchmarks/routing.py; zip costs as much as the rest of the search.
        if len(values) == 1:
            return node.route, {node.names[0]: values[0]}
        return node.route, dict(zip(node.names, values, strict=True))


def _descend(node: Node, segments: list[str], index: int, values: list[object]) -> Node | None:
    """Return the node of the best route below `node`, and leave its values in `values`."""
    end = len(segments)
    while index < end:
        segment = segments[index]
        child = node.literals.get(segment)
        # PERF: benchmarks/routing.py; where there is no choice, there is no call either.
        if child is None or node.edges or node.rest is not None:
            if not segment:
                return child if child is not None and index + 1 == end and child.route is not None else None
            break
        node = child
        index += 1
    else:
        return node if node.route is not None else None
    return _choose(node, segments, index, values)


def _choose(node: Node, segments: list[str], index: int, values: list[object]) -> Node | None:
    """Try what may follow a node, the most specific first."""
    segment = segments[index]
    child = node.literals.get(segment)
    if child is not None:
        found = _descend(child, segments, index + 1, values)
        if found is not None:
            return found
    known = len(values)
    for edge in node.edges:
        value = segment if edge.read is None else edge.read(segment)
        if value is not None:
            values.append(value)
            found = _descend(edge.node, segments, index + 1, values)
            if found is not None:
                return found
            del values[known:]
    if node.rest is not None:
        rest = read_path(segments[index:])
        if rest is not None:
            values.append(rest)
            return node.rest
    return None

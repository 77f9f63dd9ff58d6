"""Which of several matching routes wins, and what a search may cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from fanlight.routing.build import build
from fanlight.routing.route import NoMatch, NoMatchReason
from fanlight.routing.table import Table
from fanlight.routing.tree import Node, find

RANKED = [  # (patterns from the most to the least specific, a path that all of them match)
    (["/me", "/{id}", "/{rest...}"], "/me"),
    (["/42", "/{a:int}", "/{b:float}", "/{c}", "/{d...}"], "/42"),
    (["/{a:date}", "/{b}"], "/2024-01-31"),
    (["/{a:uuid}", "/{b}"], "/0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"),
    (["/ab.txt", "/ab{x}", "/a{x}.txt", "/a{x}txt", "/a{x}", "/{x}.txt", "/{x}t", "/{x}"], "/ab.txt"),
    (["/n-{x:int}", "/n-{x}", "/{x}-7"], "/n-7"),
    (["/{x}.5", "/{x:float}", "/{y}"], "/3.5"),
    (["/a/b/c", "/a/b/{z}", "/a/b/{z...}", "/a/{y}/c", "/a/{y...}", "/{x}/b/c", "/{x}/{y}/c", "/{x...}"], "/a/b/c"),
    (["/a/{x}", "/a/{x...}", "/{x}/b", "/{x:path}"], "/a/b"),
]


def winner(table: Table, path: str) -> str:
    """Return the pattern that a path finds."""
    found = table.find("GET", path)
    assert not isinstance(found, NoMatch)
    return found[0].pattern


def written(pattern: str) -> str:
    """Return a pattern as a table shows it: "{x:path}" is "{x...}"."""
    return pattern.replace(":path}", "...}")


@pytest.mark.parametrize(("patterns", "path"), RANKED)
def test_the_most_specific_route_wins(patterns: list[str], path: str) -> None:
    """Of any two routes that match, the more specific one wins, in whichever order they are written."""
    for better, worse in itertools.combinations(patterns, 2):
        for order in ([better, worse], [worse, better]):
            assert winner(build(dict.fromkeys(order, "view")), path) == written(better)


@pytest.mark.parametrize(("patterns", "path"), RANKED)
def test_specificity_is_one_order_over_many(patterns: list[str], path: str) -> None:
    """With the best routes taken away one by one, the next best wins each time."""
    for start in range(len(patterns)):
        table = build(dict.fromkeys(reversed(patterns[start:]), "view"))
        assert winner(table, path) == written(patterns[start])


def test_a_dead_end_goes_back_to_the_next_choice() -> None:
    """Where the literal branch does not lead on, the parameter's does, and the rest's after that."""
    table = build({"/a/b/c": "1", "/a/{x}/d": "2", "/{y:int}/b/e": "3", "/{z}/b/f": "4", "/{rest...}": "5"})
    assert winner(table, "/a/b/c") == "/a/b/c"
    assert winner(table, "/a/b/d") == "/a/{x}/d"
    assert winner(table, "/7/b/e") == "/{y:int}/b/e"
    assert winner(table, "/7/b/f") == "/{z}/b/f"
    assert winner(table, "/a/b/x") == "/{rest...}"


def test_a_way_back_leaves_no_values_behind() -> None:
    """Values read on a dead end are not among the parameters of the route that is found."""
    table = build(
        {"/{a:int}/{b:int}/{c:int}/end": "1", "/{a:int}/{b}/{c}/stop": "2", "/{x}/{y...}": "3", "/way/{d:int}/yes": "4"}
    )
    for path, expected in [
        ("/1/2/3/stop", {"a": 1, "b": "2", "c": "3"}),
        ("/1/2/3/other", {"x": "1", "y": "2/3/other"}),
        ("/1/2/3/end", {"a": 1, "b": 2, "c": 3}),
        ("/way/1/no", {"x": "way", "y": "1/no"}),
    ]:
        found = table.find("GET", path)
        assert not isinstance(found, NoMatch)
        assert found[1] == expected


def test_a_rest_is_found_beside_a_parameter_whichever_is_written_first() -> None:
    """A single parameter that does not fit leaves the path to the rest beside it."""
    for keys in (["/a/{x:int}", "/a/{r...}"], ["/a/{r...}", "/a/{x:int}"]):
        table = build(dict.fromkeys(keys, "view"))
        assert [winner(table, path) for path in ("/a/1", "/a/b", "/a/1/2")] == ["/a/{x:int}", "/a/{r...}", "/a/{r...}"]


class CountedLiterals(dict[str, Node]):
    """The literals of a node, counting look-ups."""

    asked = 0

    def get(self, key: str, default: object = None) -> Node | None:  # type: ignore[override]  # what the tree calls
        """Count, then look up."""
        CountedLiterals.asked += 1
        return super().get(key)


def nodes_below(node: Node) -> Iterator[Node]:
    """Give a node and all nodes that hang below it."""
    yield node
    for child in [*node.literals.values(), *(edge.node for edge in node.edges), *([node.rest] if node.rest else [])]:
        yield from nodes_below(child)


def test_no_path_makes_a_search_visit_a_node_twice() -> None:
    """Where every branch fits and all are dead ends, each node is visited once, however long the path."""
    depth = 6
    urls = {}
    for row in itertools.product(["{p%d:int}", "{p%d:float}", "{p%d}"], repeat=depth):
        urls["/" + "/".join(piece % number for number, piece in enumerate(row)) + "/end"] = "view"
    table = build(urls)
    tree = table._by_method["GET"].tree
    nodes = list(nodes_below(tree))
    for node in nodes:
        node.literals = CountedLiterals(node.literals)
    inner = [node for node in nodes if node.route is None]
    assert len(inner) == sum(3**level for level in range(depth + 1))
    for path in ["/1" * depth + "/dead", "/1" * (depth + 5000)]:
        CountedLiterals.asked = 0
        assert find(tree, path.split("/"), 1, []) is None
        # A node with a choice asks twice: before it knows that it has one, and after.
        assert len(inner) <= CountedLiterals.asked <= 2 * len(inner)
        assert table.find("GET", path) == NoMatch(NoMatchReason.NOT_FOUND)


def test_every_rest_on_the_way_is_tried_once() -> None:
    """A pattern with a rest at each depth is left from the deepest to the first that fits."""
    depth = 40
    urls = {"/a" * n + "/{rest...}": str(n) for n in range(depth)} | {"/a" * depth + "/end": "end"}
    table = build(urls)
    found = table.find("GET", "/a" * depth + "/other")
    assert not isinstance(found, NoMatch)
    assert found[0].pattern == "/a" * (depth - 1) + "/{rest...}"

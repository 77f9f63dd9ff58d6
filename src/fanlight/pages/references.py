"""Find the templates that a template extends, includes and imports.

In: the name of a template that compiles. Out: each place where it names others. A name that is computed while the page
is rendered can't be followed, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes
from msgspec import Struct

from fanlight.pages.environment import FolderEnvironment

_NAMING = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


class Reference(Struct, frozen=True, kw_only=True):
    """One place where a template names others; the first that exists is used."""

    line: int
    names: tuple[str, ...]
    is_optional: bool  # `ignore missing`
    is_parent: bool  # `extends` at the top level, so whatever the context


def references_of(name: str, environment: FolderEnvironment) -> list[Reference]:
    """Return every place where a template names others, from top to bottom."""
    source, filename, _ = environment.loader.get_source(environment, name)
    tree = environment.parse(source, name, filename)
    found = [_reference(node, is_parent=node in tree.body) for node in tree.find_all(_NAMING)]
    return sorted((each for each in found if each.names), key=lambda each: each.line)


def _reference(node: nodes.Node, *, is_parent: bool) -> Reference:
    assert isinstance(node, _NAMING)
    return Reference(
        line=node.lineno,
        names=tuple(_names_in(node.template)),
        is_optional=isinstance(node, nodes.Include) and node.ignore_missing,
        is_parent=is_parent and isinstance(node, nodes.Extends),
    )


def _names_in(expression: nodes.Expr) -> Iterator[str]:
    """Yield the names that are literals; none at all if one of several is computed."""
    values = expression.items if isinstance(expression, nodes.Tuple | nodes.List) else [expression]
    if all(isinstance(value, nodes.Const) for value in values):
        for value in values:
            assert isinstance(value, nodes.Const)
            each = value.value
            yield from each if isinstance(each, tuple | list) else [each]

"""A reader who follows imports arrives soon: no chain of them is long."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.house.test_rooms import ROOT, files, tree_of

MAX_DEPTH = 21  # with imports that are made when they are needed


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its name."""
    return {
        ".".join(("fanlight", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): file
        for file in files()
    }


@cache
def imported(name: str) -> frozenset[str]:
    """Return the modules of the package that a module imports, type-only imports included."""
    found = set()
    for node in ast.walk(tree_of(modules()[name])):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {
                full if (full := f"{node.module}.{each.name}") in modules() else node.module for each in node.names
            }
    return frozenset(found & modules().keys() - {name})


@cache
def chain(name: str) -> tuple[str, ...]:
    """Return the longest chain of imports that begins with a module."""
    return (name, *max((chain(each) for each in sorted(imported(name))), key=len, default=()))


def test_no_chain_of_imports_is_long() -> None:
    """The longest chain of modules that import each other has at most 21 of them."""
    longest = max(map(chain, modules()), key=len)
    assert len(longest) <= MAX_DEPTH, " -> ".join(longest)


def test_a_file_name_is_found_once() -> None:
    """A file's name is enough to find it: no two files of the package share one, but for package and command files."""
    names = [file.name for file in files() if file.name not in ("__init__.py", "__main__.py")]
    assert {name for name in names if names.count(name) > 1} == set()

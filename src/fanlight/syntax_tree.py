"""Parse Python source, for what is looked up in a site's own code.

In: source. Out: its syntax tree. CPython up to 3.12 counts for all threads together how deep it is in a tree, so that a
parse may fail because another thread parses, too (python/cpython issue 106905). It is then done again.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

ATTEMPTS = 20


def parse_source(source: str | bytes) -> ast.Module:
    """Return the syntax tree. Raises SyntaxError, ValueError, RecursionError or MemoryError for what has none."""
    for _ in range(ATTEMPTS - 1):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)


def parse_file(path: Path) -> ast.Module:
    """Return the syntax tree of a file, an empty one if it can't be read or parsed: its import reports that.

    Warnings about the source are left to the import, too.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse_source(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])

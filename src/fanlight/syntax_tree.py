"""Parse Python source, for what is looked up in a site's own code.

In: source. Out: its syntax tree. CPython up to 3.12 counts for all threads together how deep it is in a tree, so that a
parse may fail because another thread parses, too (python/cpython issue 106905). It is then done again.
"""

from __future__ import annotations

import ast

ATTEMPTS = 20


def parse_source(source: str | bytes) -> ast.Module:
    """Return the syntax tree. Raises SyntaxError, ValueError, RecursionError or MemoryError for what has none."""
    for _ in range(ATTEMPTS - 1):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)

"""One context for each request: what one sets in a context variable, no other sees.

In: the context in which the server was started, so that what the site has set at its start is there. Out: a
function that makes a copy of it, for each request (PEP 567: a copy costs the same whatever is in it).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from fanlight.message import THREADS

DECIMAL = "decimal_context"  # the one variable of the standard library that holds something that can be changed


def context_maker(threads: Callable[..., Any]) -> Callable[[], Context]:
    """Return what makes the context of a request; `threads` runs a function in the server's pool."""
    base = copy_context()
    base.run(THREADS.set, threads)
    decimal = next((each for each in base if each.name == DECIMAL), None)
    if decimal is None:  # nobody has calculated with decimals yet, so each request gets a fresh one where it does
        return base.copy
    shared = base[decimal]

    def make() -> Context:
        # SECURITY: tests/server/test_contexts.py: `decimal.getcontext().prec = 3` would be everybody's precision.
        context = base.copy()
        context.run(decimal.set, shared.copy())
        return context

    return make

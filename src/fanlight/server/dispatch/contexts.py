"""A context of its own for each request: what one sets in a context variable, no other sees.

In: the context in which the server was started, so that what the site has set at its start is there, and what a request
can have the server do. Out: a function that copies it, for each request (PEP 567: a copy costs the same whatever is in
it).
"""

from __future__ import annotations

import decimal as decimal_module
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any

from fanlight.message.handler import HUB_LEAVER
from fanlight.message.threads import POOL_RUNNER

DECIMAL = "decimal_context"  # the one variable of the standard library that holds something that can be changed
RULES = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "traps")  # of its contexts; its flags are no rules


def context_maker(threads: Callable[..., Any], leave_hub: Callable[[str], object]) -> Callable[[], Context]:
    """Return a function that makes the context of a request.

    `threads` runs a function in the server's pool, `leave_hub` passes the hub on to another thread.
    """
    base = Context()
    decimal: ContextVar[decimal_module.Context] | None = None
    for variable, value in copy_context().items():
        if variable.name == DECIMAL and isinstance(value, decimal_module.Context):
            if all(getattr(value, name) == getattr(decimal_module.DefaultContext, name) for name in RULES):
                continue  # each request makes one of its own when it first calculates
            decimal = variable
        base.run(variable.set, value)
    base.run(POOL_RUNNER.set, threads)
    base.run(HUB_LEAVER.set, leave_hub)
    if decimal is None:
        return base.copy
    variable, shared = decimal, base[decimal]

    def make() -> Context:
        # SECURITY: tests/server/dispatch/test_contexts.py: `decimal.getcontext().prec = 3` would be for all requests.
        context = base.copy()
        context.run(variable.set, shared.copy())
        return context

    return make

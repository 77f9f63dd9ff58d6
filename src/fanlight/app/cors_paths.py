"""CORS where no view runs: the responses to preflights, and the fields on errors of paths without a route.

In: the routing table, and the policy of each route. Out: for a preflight, the methods and request fields that the
address really takes from its origin; for any other request, the policy of its path: that of a route there for another
method, or of the innermost table around it. A preflight that is refused gets a plain response, and the log one line
with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from fanlight.lazy_logger import lazy_logger
from fanlight.message.guard import Guard
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cors import CORS, CorsPolicy
from fanlight.protection.origins import MAX_ORIGIN
from fanlight.routing.entries import Placed
from fanlight.routing.pattern import Pattern, parse_pattern
from fanlight.routing.prefixes import Prefixes, innermost_first
from fanlight.routing.route import NoMatch, Route
from fanlight.routing.table import Table

MAX_LOGGED = 32  # refused preflights
MAX_SHOWN = 200
SIMPLE_FIELDS = frozenset({"accept", "accept-language", "content-language"})  # a page may send them anyway

log = lazy_logger("fanlight.protection")


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
        self._logged: set[tuple[str, str]] = set()

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
        policy.apply_to_preflight(request, response, methods, fields)
        if reason := _why_refused(request, policy, methods, fields):
            self._log(request, origin, reason)

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

    def _log(self, request: Request, origin: str, reason: str) -> None:
        """Log a refused preflight, once for each origin and reason: browsers do not say why to the server's author."""
        if (origin, reason) not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add((origin, reason))
            path, shown = request.head.path[:MAX_SHOWN], _shown(origin)
            log.warning("CORS: %s may not send to %s: %s (logged once)", shown, path, reason)


def _why_refused(request: Request, policy: CorsPolicy, methods: list[str], fields: frozenset[str]) -> str:
    """Return why a browser refuses the request that a preflight announces, "" if it does not."""
    values = request.head.values
    if not policy.allows(values["origin"]):
        return "its origin is none of CORS(origins=...)"
    method = values["access-control-request-method"]
    if method not in methods and method not in ("GET", "HEAD", "POST"):
        return f"there is no route for {_shown(method)}, only for {', '.join(methods)}"
    sent = {each.strip().lower() for each in values.get("access-control-request-headers", "").split(",")} - {""}
    unknown = sorted(sent - policy.fields_with(fields) - SIMPLE_FIELDS)
    if unknown:
        return f"no view takes {_shown(', '.join(unknown))}; to allow it: CORS(headers=[...])"
    return ""


def _tables_with_cors(
    table: Table, policy_of: Callable[[tuple[Placed, ...]], CorsPolicy | None]
) -> list[tuple[Prefixes, CorsPolicy | None]]:
    """Return the places in URLS that have a policy of their own, the innermost first."""
    places: dict[str, CorsPolicy | None] = {}
    for route in table.routes:
        for each in _cors_of(route):
            places[each.place] = policy_of((each,))
    patterns = sorted(((parse_pattern(place), policy) for place, policy in places.items()), key=_order)
    return [(Prefixes([pattern]), policy) for pattern, policy in patterns]


def _order(place: tuple[Pattern, CorsPolicy | None]) -> tuple[int, list[tuple[int, ...]]]:
    return innermost_first(place[0])


def _cors_of(route: Route) -> list[Placed]:
    return [each for each in route.inherited.marks if isinstance(each.mark, CORS)]


def _shown(text: str) -> str:
    text = text[:MAX_ORIGIN]
    return text if text.isprintable() else text.encode("unicode_escape").decode()

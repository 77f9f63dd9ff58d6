"""The preflights of CORS for apps of other frameworks.

In: a request with OPTIONS, and the policy of each app. Out: the call of a preflight, in the place of the app's. It runs
as that for a view does: within the middleware of the whole site, and nothing that is around the app alone. A browser
sends a preflight without cookies, so what wants a signed-in user would refuse it. Which methods and request fields an
app takes is not known: it takes every method, the type of its content, and the fields that the policy names. All else
is the app's, also any other request with OPTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from fanlight.app.calls import CallFactory
from fanlight.app.preflights import Preflights
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cors import CorsGuard, CorsPolicy
from fanlight.routing.key import METHODS

_METHODS = tuple(each for each in METHODS if each != "OPTIONS")
_FIELDS = frozenset({"content-type"})


class MountPreflights:
    """Finds the calls of the preflights for the apps of one site."""

    def __init__(self, policies: Mapping[Call, CorsPolicy], calls: CallFactory) -> None:
        """Take the policy of each app by its call; `calls` makes those for addresses without a route."""
        self._preflights = Preflights()
        self._by_call = {
            call: calls.with_guards([CorsGuard(policy)]).for_handler(partial(self._respond, policy), "a preflight")
            for call, policy in policies.items()
        }

    def finder(self, find: Callable[[Request], Call]) -> Callable[[Request], Call]:
        """Return what finds the call of a request, given what finds that of any but a preflight for an app."""

        def find_call(request: Request, /) -> Call:
            call = find(request)
            if request.head.method == "OPTIONS" and call in self._by_call and _is_preflight(request):
                return self._by_call[call]
            return call

        return find_call

    def _respond(self, policy: CorsPolicy, request: Request) -> Response:
        response = Response(b"", 204)
        self._preflights.respond(request, response, policy, _METHODS, _FIELDS)
        return response


def _is_preflight(request: Request) -> bool:
    """Return whether a request with OPTIONS asks for another one (Fetch standard, section 3.3.2)."""
    values = request.head.values
    return bool(values.get("origin") and values.get("access-control-request-method"))

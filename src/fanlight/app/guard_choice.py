"""Choose the guards of each route, in an order that is the same for all.

In: the marks of a route (outermost first), its methods, and the settings of the app. Out: its guards, the outermost
first: CORS, whose fields are on the errors of all others; the check of cross-site requests, and of tokens where it
decides nothing; rate limits, which a refused request does not count for; the tries of a sign-in. Raises SetupError for
marks that can't be understood. What a guard needs is imported with the first route that has it, before the port opens:
most sites have no limits, tokens or sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from fanlight.errors import Mistake, SetupError
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.route_marks import RouteMark
from fanlight.protection.cors import CORS, CorsGuard, CorsPolicy
from fanlight.protection.cross_site import SAFE_METHODS, CrossSite, CrossSiteCheck, CrossSiteGuard
from fanlight.protection.origins import Origins, origin_mistakes
from fanlight.protection.rate_limits import RateLimit
from fanlight.protection.security import Security
from fanlight.routing.entries import Placed
from fanlight.sessions.session_settings import Sessions

if TYPE_CHECKING:
    from fanlight.protection.rate_limit_guard import RateLimitGuards

Mark = TypeVar("Mark", bound=RouteMark)


class GuardChoice:
    """Chooses the guards of the routes of one app."""

    def __init__(self, security: Security, sessions: Sessions) -> None:
        self._security, self._sessions = security, sessions

    @cached_property
    def _rate_limits(self) -> RateLimitGuards:
        from fanlight.protection.rate_limit_guard import RateLimitGuards  # noqa: PLC0415 - see above
        from fanlight.sessions.session_users import user_of  # noqa: PLC0415 - see above

        return RateLimitGuards(user_of)

    def guards_for(  # noqa: PLR0913 - what is known of a route
        self,
        marks: Sequence[Placed],
        methods: frozenset[str],
        name: str,
        sign_in: str = "",
        *,
        is_websocket: bool = False,
        may_upgrade: bool = False,
        is_mounted: bool = False,
    ) -> Sequence[Guard]:
        """Return the guards of a route, the outermost first.

        `name` is that of the route, for logs; `sign_in` its path, if people sign in there; `may_upgrade`: some of its
        requests begin a WebSocket; `is_mounted`: it is an app's, before which preflights are responded to.
        """
        policy = self.cors_policy(marks)
        # RFC 6455 section 10.2: browsers send cookies with a handshake of any page, so none is safe by its method.
        safe = frozenset[str]() if is_websocket else SAFE_METHODS
        return (
            *_cors(policy, methods - {"OPTIONS"} if is_mounted else methods),
            *_websocket(is_websocket=is_websocket),
            *self._cross_site(marks, methods, policy, name, safe),
            *(_upgrades(self._cross_site(marks, methods, policy, name, frozenset())) if may_upgrade else ()),
            *self._rate_limits_of(marks),
            *self._attempts(methods, sign_in),
        )

    def cors_policy(self, marks: Sequence[Placed]) -> CorsPolicy | None:
        """Return the CORS policy of a route, None without one: the innermost mark counts, or else that of the app."""
        declared = _innermost(marks, CORS)
        if declared is None:
            declared = self._security.cors
        elif mistakes := declared.mistakes():
            raise SetupError(mistakes)
        return None if declared is None or not declared.origins else declared.policy()

    def _cross_site(
        self,
        marks: Sequence[Placed],
        methods: frozenset[str],
        cors: CorsPolicy | None,
        name: str,
        safe_methods: frozenset[str],
    ) -> Sequence[Guard]:
        if methods <= safe_methods:
            return ()
        mark, security = _innermost(marks, CrossSite), self._security
        allowed = mark.origins if mark is not None else None if security.cross_site else ()
        if allowed is None:
            return ()
        hint = "to let every site send requests, write `cross_site(...)` without origins"
        if mistakes := origin_mistakes(allowed, "cross_site(origins=...)", if_any=hint):
            raise SetupError(mistakes)
        trusted = [Origins(allowed), Origins(security.trusted_origins)]
        if cors is not None:
            trusted.append(cors.origins)
        # SECURITY: tests/protection/test_cross_site.py: CORS for every origin must not open what cookies protect
        check = CrossSiteCheck(trusted, trusts_without_credentials=cors is not None and cors.origins.is_any)
        guard = CrossSiteGuard(check, name, safe_methods)
        if not security.tokens or not safe_methods:
            return (guard,)
        from fanlight.sessions.token_guard import TokenGuard  # noqa: PLC0415 - see above

        return guard, TokenGuard(name)

    def _rate_limits_of(self, marks: Sequence[Placed]) -> Sequence[Guard]:
        limits = [(each.mark, each.place) for each in marks if isinstance(each.mark, RateLimit)]
        return (self._rate_limits.guard_for(limits),) if limits else ()

    def _attempts(self, methods: frozenset[str], path: str) -> Sequence[Guard]:
        """Return what limits the tries of a sign-in, for a route where people sign in."""
        limits = self._sessions.attempt_limits
        if not path or "POST" not in methods or (limits.address is None and limits.account is None):
            return ()
        from fanlight.protection.sign_in_attempts import SignInGuard  # noqa: PLC0415 - see above
        from fanlight.sessions.session_users import has_signed_in  # noqa: PLC0415 - see above

        return (SignInGuard(limits, path, has_signed_in, self._known_cookie),)

    def _known_cookie(self, request: Request) -> str:
        return self._sessions.known_cookie_name(is_https=request.scheme == "https")


def _websocket(*, is_websocket: bool) -> Sequence[Guard]:
    if not is_websocket:
        return ()
    from fanlight.protection.websocket_guard import WebSocketGuard  # noqa: PLC0415 - see above

    return (WebSocketGuard(),)


def _upgrades(guards: Sequence[Guard]) -> Sequence[Guard]:
    """Return guards for those requests of a route that begin a WebSocket."""
    from fanlight.protection.websocket_guard import UpgradeGuard  # noqa: PLC0415 - see above

    return [UpgradeGuard(each) for each in guards]


def _cors(policy: CorsPolicy | None, methods: frozenset[str]) -> Sequence[Guard]:
    if policy is None:
        return ()
    if "OPTIONS" in methods:
        message = "a route for OPTIONS is in a part of URLS with CORS, whose preflights it would get"
        hint = "remove it, as preflights are responded to without it; or put `CORS(origins=[])` around it"
        raise SetupError([Mistake(message=message, hint=hint)])
    return (CorsGuard(policy),)


def _innermost(marks: Sequence[Placed], kind: type[Mark]) -> Mark | None:
    """Return the innermost mark of a kind."""
    return next((each.mark for each in reversed(marks) if isinstance(each.mark, kind)), None)

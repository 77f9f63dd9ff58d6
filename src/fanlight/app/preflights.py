"""Responses to the preflights of CORS, and what the log says of those that a browser will refuse.

In: a preflight, a policy, and the methods and request fields of its address. Out: its fields.
"""

from __future__ import annotations

from collections.abc import Collection

from fanlight.lazy_logger import lazy_logger
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cors import CorsPolicy
from fanlight.protection.origins import MAX_ORIGIN

MAX_LOGGED = 32  # refused preflights
MAX_SHOWN = 200
SIMPLE_FIELDS = frozenset({"accept", "accept-language", "content-language"})  # a page may send them anyway

log = lazy_logger("fanlight.protection")


class Preflights:
    """Responds to the preflights of one app."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def respond(
        self,
        request: Request,
        response: Response,
        policy: CorsPolicy,
        methods: Collection[str],
        fields: frozenset[str],
    ) -> None:
        """Add to a response what the address takes, and log once why a browser will refuse it, if it will."""
        policy.apply_to_preflight(request, response, methods, fields)
        if reason := _why_refused(request, policy, methods, fields):
            self._log(request, request.head.values["origin"], reason)

    def _log(self, request: Request, origin: str, reason: str) -> None:
        """Log a refused preflight, once for each origin and reason: browsers do not say why to the server's author."""
        if (origin, reason) not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add((origin, reason))
            path, shown = request.head.path[:MAX_SHOWN], _shown(origin)
            log.warning("CORS: %s may not send to %s: %s (logged once)", shown, path, reason)


def _why_refused(request: Request, policy: CorsPolicy, methods: Collection[str], fields: frozenset[str]) -> str:
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


def _shown(text: str) -> str:
    text = text[:MAX_ORIGIN]
    return text if text.isprintable() else text.encode("unicode_escape").decode()

"""Responses to requests that no route matches: 404, 405, 400, 501, a redirect, and OPTIONS.

In: why no route matches. Out: one of six calls, made at start-up; or, below a table whose errors are
JSON, one of six others.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.app.calls import CallFactory
from fanlight.app.cors_paths import CorsPaths
from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.responses import ResponseFactory
from fanlight.errors import BadRequest, MethodNotAllowed, NotFound, NotImplementedByServer
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.routing.key import METHODS
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.route import NOT_FOUND, NoMatch, NoMatchReason
from fanlight.routing.table import Table

_NO_MATCH = "no_match"  # in the cache of a request
_KNOWN = (*METHODS, "TRACE")  # which is known, and refused everywhere


class NoRouteResponses:
    """The calls for requests that no route matches."""

    def __init__(
        self,
        calls: CallFactory,
        table: Table,
        cors: CorsPaths | None = None,
        *,
        is_json: bool = False,
        in_parts: Sequence[tuple[Prefixes, tuple[ResponseFactory, ErrorHandlers]]] = (),
    ) -> None:
        self._cors = cors
        if cors is not None:
            calls = calls.with_guards([cors])
        self._calls = {
            NoMatchReason.NOT_FOUND: calls.for_handler(_not_found, "no route"),
            NoMatchReason.BAD_PATH: calls.for_handler(_bad_path, "no path"),
            NoMatchReason.WRONG_METHOD: calls.for_handler(_method_not_allowed, "no route for the method"),
            NoMatchReason.REDIRECT: calls.for_handler(_redirect, "the slash at the end"),
        }
        self._options = calls.for_handler(self._respond_to_options, "OPTIONS")
        self._unknown_method = calls.for_handler(_unknown_method, "no such method")

        self._json_prefixes = table.json_prefixes
        self._in_parts = [
            (prefixes, NoRouteResponses(calls.for_part(own=own, json_errors=False), table, cors))
            for prefixes, own in in_parts
        ]
        self._in_json: NoRouteResponses | None = None
        if table.json_prefixes and not is_json:
            self._in_json = NoRouteResponses(calls.for_part(json_errors=True), table, cors, is_json=True)

    def call(self, no_match: NoMatch, request: Request) -> Call:
        """Return the call for a request that no route matches."""
        method = request.head.method
        for prefixes, responses in self._in_parts:
            if prefixes.contain(request.head.path):
                return responses.call(no_match, request)
        if self._in_json is not None and self._json_prefixes.contain(request.head.path):
            return self._in_json.call(no_match, request)
        if method not in _KNOWN:  # unknown to the server, wherever it is sent (RFC 9110 section 9.1)
            return self._unknown_method
        if no_match is not NOT_FOUND:  # the call is shared by all requests, so it can't hold what was found for one
            request.cache_value(_NO_MATCH, no_match)
        if method == "OPTIONS" and no_match.kind is NoMatchReason.WRONG_METHOD:
            return self._options
        return self._calls[no_match.kind]

    def _respond_to_options(self, request: Request) -> Response:
        allow = _no_match_of(request).allow
        response = Response(b"", 204, headers={"allow": ", ".join(allow)})
        if self._cors is not None:
            self._cors.respond_to_options(request, response, allow)
        return response


def _no_match_of(request: Request) -> NoMatch:
    no_match: NoMatch = request.cached_value(_NO_MATCH)
    return no_match


def _not_found(_: Request) -> Response:
    raise NotFound


def _method_not_allowed(request: Request) -> Response:
    allow = _no_match_of(request).allow
    raise MethodNotAllowed(f"This address takes {', '.join(allow)}.", allow=allow)


def _redirect(request: Request) -> Response:
    query = f"?{request.head.query}" if request.head.query else ""
    return redirect(_no_match_of(request).to + query, permanent=True)


def _unknown_method(_: Request) -> Response:
    raise NotImplementedByServer("This server does not know this method.")


def _bad_path(_: Request) -> Response:
    raise BadRequest("The path is not percent-encoded UTF-8.")

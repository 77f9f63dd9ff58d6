"""Answer what no route answers: unknown paths, other methods, a slash too many, OPTIONS.

In: why there is no route. Out: one of six calls, made at start-up. Knows nothing of views.
"""

from __future__ import annotations

from fanlight.app.calls import CallFactory
from fanlight.errors import BadRequest, MethodNotAllowed, NotFound, NotImplementedByServer
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.routing.key import METHODS
from fanlight.routing.route import NoMatch, NoMatchReason
from fanlight.routing.table import Table


class NoRouteResponses:
    """The calls for requests without a route."""

    def __init__(self, calls: CallFactory, table: Table) -> None:
        """Make the calls."""
        self._table = table
        self._calls = {
            NoMatchReason.NOT_FOUND: calls.for_handler(_refuse_unknown, "no route"),
            NoMatchReason.BAD_PATH: calls.for_handler(_refuse_path, "no path"),
            NoMatchReason.WRONG_METHOD: calls.for_handler(self._refuse_method, "no route for the method"),
            NoMatchReason.REDIRECT: calls.for_handler(self._redirect, "the slash at the end"),
        }
        self._options = calls.for_handler(self._tell_options, "OPTIONS")
        self._no_method = calls.for_handler(_refuse_unknown_method, "no such method")

    def call(self, miss: NoMatch, method: str) -> Call:
        """Return the call for a miss."""
        if method not in METHODS:  # no site can have it, so it is not this address's fault (RFC 9110 section 9.1)
            return self._no_method
        if method == "OPTIONS" and miss.kind is NoMatchReason.WRONG_METHOD:
            return self._options
        return self._calls[miss.kind]

    # A call is shared by all requests, so what a miss says of one of them is asked again.

    def _again(self, request: Request) -> NoMatch:
        found = self._table.find(request.head.method, request.head.path)
        assert isinstance(found, NoMatch)
        return found

    def _refuse_method(self, request: Request) -> Response:
        allow = self._again(request).allow
        raise MethodNotAllowed(f"This address takes {', '.join(allow)}.", allow=allow)

    def _tell_options(self, request: Request) -> Response:
        return Response(b"", 204, headers={"allow": ", ".join(self._again(request).allow)})

    def _redirect(self, request: Request) -> Response:
        query = f"?{request.head.query}" if request.head.query else ""
        return redirect(self._again(request).to + query, permanent=True)


def _refuse_unknown(_: Request) -> Response:
    raise NotFound


def _refuse_unknown_method(_: Request) -> Response:
    raise NotImplementedByServer("This server does not know this method.")


def _refuse_path(_: Request) -> Response:
    raise BadRequest("The path is not percent-encoded UTF-8.")

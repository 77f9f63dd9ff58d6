"""What depends on the host of a request: whether it is served here, and which call a handler with several hosts has.

In: a connection with a new request, whose host is what the client or a trusted proxy says. Out: the same; for a foreign
host with the handler's own call for that, or a line of text (RFC 9110 section 15.5.20). It is checked before the
content is read, and before any code of the site runs. A handler with several hosts finds its call here, when the fields
of a proxy have been applied; for all others that is earlier, and costs nothing here. Knows nothing of routes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fanlight.message.handler import Call, Handler
from fanlight.message.media_types import TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.connection import Connection
from fanlight.settings.host_names import HostNames

MAX_LOGGED = 16  # foreign hosts: scanners send any
MAX_SHOWN = 260

log = logging.getLogger("fanlight.server")


class AllowedHosts:
    """The hosts of a site, and what others get."""

    def __init__(self, names: HostNames, handler: Handler) -> None:
        own: Call | None = getattr(handler, "misdirected", None)
        self._call = own or Call(_respond, "a foreign host", is_pinned=True)
        self._allow = names.allow
        self._logged: set[str] = set()

    def check(self, connection: Connection) -> None:
        """Give the request of a connection another call if its host is foreign."""
        other = self.call_for(connection.request.head.authority)
        if other is not None:
            connection.replace_call(other)

    def call_for(self, host: str) -> Call | None:
        """Return the call for a request to a foreign host; None for one of the site's own."""
        if self._allow(host):
            return None
        if host not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(host)
            shown = host[:MAX_SHOWN]
            log.warning("a request for the host %r was refused, which is none of --hosts (logged once)", shown)
        return self._call


class CallsByHost:
    """Has the handler find the call of each request when its host is known, unless it has got another one by then."""

    def __init__(self, find: Callable[[Request], Call], allowed: AllowedHosts | None) -> None:
        self._find, self._allowed = find, allowed

    def check(self, connection: Connection) -> None:
        """Give the request of a connection its call."""
        if self._allowed is not None:
            self._allowed.check(connection)
        if connection.call is _UNDECIDED:
            connection.replace_call(self._find(connection.request))


def host_rules(
    handler: Handler, names: HostNames | None
) -> tuple[AllowedHosts | CallsByHost | None, Callable[[Request], Call]]:
    """Return what is checked of the host of each request, if anything, and what finds a call before that."""
    allowed = None if names is None or names.is_any else AllowedHosts(names, handler)
    if not getattr(handler, "has_hosts", False):
        return allowed, handler.find
    return CallsByHost(handler.find, allowed), lambda _: _UNDECIDED


def _respond(_: Request) -> Response:
    return Response("This site is not served at this host.\n", 421, media_type=TEXT)


_UNDECIDED = Call(_respond, "a host")  # until the host is known

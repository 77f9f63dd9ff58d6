"""Refuse requests for hosts that the site is not served for (RFC 9110 section 15.5.20).

In: a connection with a new request, whose host is what the client or a trusted proxy says. Out: the same; for a foreign
host with the handler's own call for that, or a line of text. It is checked before the content is read, and before any
code of the site runs. Knows nothing of routes.
"""

from __future__ import annotations

import logging

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


def _respond(_: Request) -> Response:
    return Response("This site is not served at this host.\n", 421, media_type=TEXT)

"""The guard of a WebSocket: its handshake is valid.

In: a request. Out: an error for one that asks for no WebSocket, or is malformed. That it comes from a page of this site
is checked by the guard in `cross_site.py`.
"""

from __future__ import annotations

from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.websocket import transport_of


class WebSocketGuard(Guard):
    """Refuses what is no handshake."""

    def begin(self, request: Request) -> None:
        """Raise UpgradeRequired or BadRequest."""
        transport_of(request)


class UpgradeGuard(Guard):
    """Has another guard check those requests of a route that ask for another protocol."""

    def __init__(self, guard: Guard) -> None:
        self._begin = guard.begin

    def begin(self, request: Request) -> None:
        """Raise what the other guard raises."""
        if request.head.find("upgrade") is not None:
            self._begin(request)

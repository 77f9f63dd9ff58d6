"""Tools for testing an app: a client, a live server, and fakes of the interfaces."""

import sys
from typing import TYPE_CHECKING, Any

from fanlight.testing.client import Client, ClientResponse
from fanlight.testing.cookie_jar import Cookies, StoredCookie
from fanlight.testing.fakes import FakeCall, FakeHandler, FakeHead
from fanlight.testing.running import LiveServer, ServerThread
from fanlight.testing.websocket_session import ClientWebSocket, WebSocketRefused

__all__ = [
    "Client",
    "ClientResponse",
    "ClientWebSocket",
    "Cookies",
    "FakeCall",
    "FakeHandler",
    "FakeHead",
    "LiveServer",
    "ServerThread",
    "StoredCookie",
    "WebSocketRefused",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Raise an error that names what to write instead of `TestClient` and the like."""
        from fanlight.foreign_names import missing_name  # noqa: PLC0415 - for a mistake only

        raise missing_name(__name__, name, sys._getframe(1).f_globals["__name__"])  # noqa: SLF001 - the importer

"""Tools for testing an app: a client, a live server, and fakes of the interfaces."""

from fanlight.testing.client import Client, ClientResponse
from fanlight.testing.cookie_jar import Cookies, StoredCookie
from fanlight.testing.fakes import FakeCall, FakeHandler, FakeHead
from fanlight.testing.running import LiveServer, ServerThread

__all__ = [
    "Client",
    "ClientResponse",
    "Cookies",
    "FakeCall",
    "FakeHandler",
    "FakeHead",
    "LiveServer",
    "ServerThread",
    "StoredCookie",
]

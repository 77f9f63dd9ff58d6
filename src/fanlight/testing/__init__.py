"""What Fanlight is tested with, and what apps are tested with."""

from fanlight.testing.client import Client, ClientResponse
from fanlight.testing.cookie_jar import Cookie, Cookies
from fanlight.testing.fakes import FakeCall, FakeHandler, FakeHead
from fanlight.testing.running import LiveServer, Running

__all__ = [
    "Client",
    "ClientResponse",
    "Cookie",
    "Cookies",
    "FakeCall",
    "FakeHandler",
    "FakeHead",
    "LiveServer",
    "Running",
]

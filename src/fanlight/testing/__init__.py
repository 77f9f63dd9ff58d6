"""What Fanlight is tested with, and what apps are tested with."""

from fanlight.testing.client import Answer, Client, LiveServer, Running
from fanlight.testing.fakes import FakeCall, FakeHandler, FakeHead

__all__ = ["Answer", "Client", "FakeCall", "FakeHandler", "FakeHead", "LiveServer", "Running"]

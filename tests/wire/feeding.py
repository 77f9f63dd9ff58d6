"""Feed bytes to a wire, and read the head from it."""

from __future__ import annotations

from fanlight.server.connection.connection import wire_limits
from fanlight.settings.limits import Limits
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import RequestHead
from fanlight.wire.http1.wire_limits import WireLimits

LIMITS = wire_limits(Limits())


def fed(data: bytes, limits: WireLimits | None = None) -> Http1Connection:
    """Return a wire that has received the bytes."""
    wire = Http1Connection(limits or LIMITS)
    wire.receive(data)
    return wire


def head_of(data: bytes, limits: WireLimits | None = None) -> RequestHead:
    """Return the head of a request."""
    head = fed(data, limits).next_event()
    assert isinstance(head, RequestHead)
    return head

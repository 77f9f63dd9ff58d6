"""Feed a wire with bytes, and take the head that they are."""

from __future__ import annotations

from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import RequestHead
from fanlight.wire.http1.wire_limits import WireLimits


def fed(data: bytes, limits: WireLimits | None = None) -> Http1Connection:
    """Return a wire that has received these bytes."""
    wire = Http1Connection(limits or WireLimits())
    wire.receive(data)
    return wire


def head_of(data: bytes, limits: WireLimits | None = None) -> RequestHead:
    """Return the head of a request."""
    head = fed(data, limits).next_event()
    assert isinstance(head, RequestHead)
    return head

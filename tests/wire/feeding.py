"""Feed a wire with bytes, and take the head that they are."""

from __future__ import annotations

from fanlight.wire.http1.connection import Http1
from fanlight.wire.http1.events import RequestHead
from fanlight.wire.http1.limits import WireLimits


def fed(data: bytes, limits: WireLimits | None = None) -> Http1:
    """Return a wire that has received these bytes."""
    wire = Http1(limits or WireLimits())
    wire.receive(data)
    return wire


def head_of(data: bytes, limits: WireLimits | None = None) -> RequestHead:
    """Return the head of a request."""
    head = fed(data, limits).next_event()
    assert isinstance(head, RequestHead)
    return head

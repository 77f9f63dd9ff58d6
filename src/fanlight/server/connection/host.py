"""What the hub is to those that serve its connections: the seam between `hub` and `exchange`, `streams`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from fanlight.server.io.poller import READ

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection
    from fanlight.server.dispatch.stall_monitor import Turn
    from fanlight.settings.limits import Limits

DRAIN_KEEPALIVE_SECONDS = (
    1.0  # what a client gets while we drain to send one more request, if no answer has said `close`
)


class Host(Protocol):
    """The hub, as far as a connection's affairs need it."""

    now: float
    standard: bytes
    keepalive_seconds: float  # for which a client may take to send its next request
    is_draining: bool
    is_closed: bool
    arrive_until: float  # while we drain, on the clock of `now`: what has not wholly come by then is refused
    limits: Limits
    turn: Turn | None
    loop: asyncio.AbstractEventLoop
    connections: dict[int, Connection]

    def post(self, act: Callable[..., object], *args: object) -> None:
        """Have the holder do something, soon; from any thread."""

    def drop(self, connection: Connection) -> None:
        """Close a connection; only the holder may."""

    def watch(self, connection: Connection, events: int = READ) -> None:
        """Be told of these events of a connection, of none if 0; only the holder may."""

    def on_loop_thread(self) -> bool:
        """Say whether this is the loop's thread, and the holder."""
        ...

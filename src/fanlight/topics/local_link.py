"""The link within one process: what is published is delivered at once, and kept in memory.

In: as `bus.Link`. Out: the same. Refuses nothing.
"""

from __future__ import annotations

from fanlight.topics.bus import Bus
from fanlight.topics.history import NO_ID, Histories, Id, Kept, Message


class LocalLink:
    """The topics of a site without workers."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._histories = bus, Histories()

    def subscribe(self, name: str) -> None:
        """Do nothing: all is delivered."""

    def unsubscribe(self, name: str) -> None:
        """Do nothing."""

    async def subscribed(self, name: str) -> None:
        """Return at once."""

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        """Deliver a message."""
        message = self._histories.add(name, keep, data) if keep else Message(NO_ID, data)
        self._bus.deliver(name, message)
        return message.id

    async def kept(self, name: str, after: Id | None, latest: int) -> Kept:
        """Return what was kept."""
        return self._histories.kept(name, after, latest)

    async def close(self) -> None:
        """Do nothing: the histories end with this object."""

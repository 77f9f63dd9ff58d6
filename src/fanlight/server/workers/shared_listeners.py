"""The listening sockets that a supervisor has opened, as they are passed to its workers.

In: listeners, at the supervisor's end of a channel, and a place among the workers that accept from them. Out: the same
at the worker's end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

from fanlight.server.listening.listeners import Listener, ListenerSet
from fanlight.server.listening.worker_loads import AcceptShare, WorkerLoads
from fanlight.server.workers.channel import MAX_DESCRIPTORS, Channel, Message
from fanlight.settings.options import Options


class SharedListenerSet(ListenerSet):
    """The listeners that a supervisor has opened for all its workers."""

    def __init__(self, options: Options, channel: Channel) -> None:
        super().__init__(options)
        self._channel, self._is_delivered = channel, threading.Event()

    def check(self) -> None:
        """Do nothing: the supervisor has checked the addresses."""

    def open(self) -> None:
        """Wait for the sockets; there are none if the worker is to stop, or the supervisor is gone."""
        self._channel.send("started")
        self._is_delivered.wait()

    def deliver(self, listeners: Sequence[Listener] = (), share: AcceptShare | None = None) -> None:
        """End the wait with these; called by the channel's thread. A second time does nothing."""
        if not self._is_delivered.is_set():
            self.adopt(listeners)
            self.share = share
            self._is_delivered.set()


def send_listeners(
    channel: Channel, listeners: Sequence[Listener], loads: WorkerLoads | None = None, place: int | None = None
) -> bool:
    """Send a worker the listening sockets, and its place among all workers if it has one; False if it is gone."""
    kinds = [{"bind": each.bind, "is_redirect": each.is_redirect} for each in listeners]
    descriptors = [each.sock.fileno() for each in listeners]
    if loads is None or place is None or len(descriptors) + len(loads.descriptors) > MAX_DESCRIPTORS:
        return channel.send("serve", descriptors, listeners=kinds)
    return channel.send("serve", descriptors + loads.descriptors, listeners=kinds, place=place)


def received_listeners(message: Message, descriptors: Sequence[int]) -> tuple[list[Listener], AcceptShare | None]:
    """Return the listening sockets that a message has brought, and the worker's share of what they accept."""
    kinds = message["listeners"]
    listeners = [
        Listener(socket.socket(fileno=fd), kind["bind"], kind["is_redirect"])
        for fd, kind in zip(descriptors[: len(kinds)], kinds, strict=True)
    ]
    place = message.get("place")
    return listeners, None if place is None else AcceptShare(place, descriptors[len(kinds) :])

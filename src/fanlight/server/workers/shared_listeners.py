"""The listening sockets that a supervisor has opened, as they are passed to its workers.

In: listeners, at the supervisor's end of a channel. Out: the same listeners at the worker's end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

from fanlight.server.listening.listeners import Listener, ListenerSet
from fanlight.server.workers.channel import Channel, Message
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

    def deliver(self, listeners: Sequence[Listener] = ()) -> None:
        """End the wait with these; called by the channel's thread. A second time does nothing."""
        if not self._is_delivered.is_set():
            self.adopt(listeners)
            self._is_delivered.set()


def send_listeners(channel: Channel, listeners: Sequence[Listener]) -> bool:
    """Send a worker the listening sockets; False if it is gone."""
    kinds = [{"bind": each.bind, "is_redirect": each.is_redirect} for each in listeners]
    return channel.send("serve", [each.sock.fileno() for each in listeners], listeners=kinds)


def received_listeners(message: Message, descriptors: Sequence[int]) -> list[Listener]:
    """Return the listening sockets that a message has brought."""
    return [
        Listener(socket.socket(fileno=fd), kind["bind"], kind["is_redirect"])
        for fd, kind in zip(descriptors, message["listeners"], strict=True)
    ]

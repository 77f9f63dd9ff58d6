"""Accept clients, no more at once than the limits allow.

In: a listening socket that is ready. Out: connected sockets, handed to `adopt`. When there are too
many connections, or no descriptors left, the listeners are not watched for a while and clients wait
in the system's queue: nobody is turned away, and a full process does not spin.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sized

from fanlight.server.poller import READ, Poller

AT_ONCE = 64

log = logging.getLogger("fanlight.server")


class Acceptor:
    """The listening sockets of one hub."""

    def __init__(
        self, poller: Poller, open_now: Sized, most: int, adopt: Callable[[socket.socket, str | None], None]
    ) -> None:
        """Hand clients to `adopt` while fewer than `most` are in `open_now`."""
        self._poller, self._open_now, self._most, self._adopt = poller, open_now, most, adopt
        self._listeners: dict[int, socket.socket] = {}
        self.is_paused = False

    def add(self, listener: socket.socket) -> None:
        """Accept from one more listening socket."""
        self._listeners[listener.fileno()] = listener
        self._poller.register(listener.fileno(), READ)

    def accept(self, fd: int) -> bool:
        """Accept who waits at a listener; False if the descriptor is no listener of ours."""
        listener = self._listeners.get(fd)
        if listener is None:
            return False
        for _ in range(AT_ONCE):
            if len(self._open_now) >= self._most:
                self._pause("Limits.connections is reached")
                break
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionError):
                break
            except OSError as error:  # out of descriptors or memory
                self._pause(str(error))
                break
            client = None
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                client = address[0]
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._adopt(sock, client)
        return True

    def _pause(self, why: str) -> None:
        if not self.is_paused:
            log.warning("new clients wait in the system's queue: %s (%d are open)", why, len(self._open_now))
            self.is_paused = True
            for fd in self._listeners:
                self._poller.unregister(fd)

    def resume(self) -> None:
        """Try again after a pause."""
        if self.is_paused:
            self.is_paused = False
            for fd in self._listeners:
                self._poller.register(fd, READ)

    def close(self) -> None:
        """Accept who waits by now, then close every listener."""
        for fd, listener in list(self._listeners.items()):
            if not self.is_paused:
                self.accept(fd)
            if not self.is_paused:
                self._poller.unregister(fd)
            listener.close()
        self._listeners.clear()

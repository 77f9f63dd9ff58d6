"""Calls for the loop of a supervisor, posted by other threads and by signal handlers.

In: functions, from any thread. Out: the loop calls them in their order; a pair of sockets, which its selector watches,
wakes it up. An exception of one of them is raised in the loop.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable


class PostedCalls:
    """The calls, and the sockets that wake the loop up."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable when the loop is to call `run`."""
        return self._out.fileno()

    def post(self, callback: Callable[[], object]) -> None:
        """Have the loop call something."""
        self._waiting.append(callback)
        self.wake()

    def wake(self) -> None:
        """Have the loop go round once more."""
        with contextlib.suppress(OSError):
            self._in.send(b"\x00")

    def run(self) -> None:
        """Make the calls; in the loop."""
        with contextlib.suppress(BlockingIOError):
            self._out.recv(4096)
        while self._waiting:
            self._waiting.popleft()()

    def close(self) -> None:
        """Close the sockets."""
        self._in.close()
        self._out.close()

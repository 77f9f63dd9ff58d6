"""Calls that only the holder of the hub may make, queued from any thread.

In: functions and their arguments, from any thread. Out: the holder calls them, soon, in the order in which they came. A
pair of sockets, which the hub's poller watches, wakes the holder up. Knows nothing of what is called.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable

from fanlight.message import forked_child
from fanlight.server.io.forks import run_in_child

log = logging.getLogger("fanlight.server")

WAKE = b"\x00"


class CallQueue:
    """The queue, and the pair of sockets that wakes the holder up."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)
        self._is_woken = False
        run_in_child(self, CallQueue.close_in_child)

    def fileno(self) -> int:
        """Return the descriptor that is readable while something is queued."""
        return self._out.fileno()

    def post(self, act: Callable[..., object], *args: object) -> None:
        """Have the holder call `act(*args)`; safe from any thread and from a signal handler."""
        self._waiting.append((act, args))
        if not self._is_woken:  # one byte is enough; a full buffer could not take the byte of a signal
            self._is_woken = True
            try:
                self._in.send(WAKE)
            except OSError:  # it is closed
                forked_child.exit_if_forked()

    def run_pending(self) -> bool:
        """Make the queued calls; False once one of them has given the hub to another thread, which goes on."""
        with contextlib.suppress(OSError):
            self._out.recv(4096)
        self._is_woken = False  # what is queued from now on wakes the holder again
        waiting = self._waiting
        while waiting:
            act, args = waiting.popleft()
            try:
                has_passed_on = act(*args) is False
            except BaseException:  # a call that fails must not take the ones behind it with it
                log.exception("something that the server does between requests has failed")
                continue
            if has_passed_on:
                self.post(_nothing)  # wakes the new holder up for what is left here
                return False
        return True

    def close_in_child(self) -> None:
        """Close a forked child's copy; a later `post` ends that child."""
        self._is_woken = False
        self.close()

    def close(self) -> None:
        """Close the sockets; what is posted from now on is not called."""
        self._in.close()
        self._out.close()


def _nothing(*_: object) -> None:
    """Do nothing."""

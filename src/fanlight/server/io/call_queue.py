"""Work that only the holder of the hub may do, posted by anybody.

In: functions and their arguments, from any thread. Out: they are called by the holder, soon, in the
order of their coming. The bell is a pair of sockets that the hub's poller watches. Knows nothing of
what it carries.
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
    """What waits for the holder, and the bell that tells it so."""

    def __init__(self) -> None:
        """Make the bell; `fileno` is what a poller watches."""
        self._waiting: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)
        self._is_woken = False
        run_in_child(self, CallQueue.close_in_child)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is something."""
        return self._out.fileno()

    def post(self, act: Callable[..., object], *args: object) -> None:
        """Have the holder call `act(*args)`; from any thread, and from a signal handler."""
        self._waiting.append((act, args))
        if not self._is_woken:  # once is enough; a bell full of rings could not take a signal
            self._is_woken = True
            try:
                self._in.send(WAKE)
            except OSError:  # it is closed
                forked_child.exit_if_forked()

    def run_pending(self) -> bool:
        """Do what waits; False once something has given the hub to another thread, which then goes on."""
        with contextlib.suppress(OSError):
            self._out.recv(4096)
        self._is_woken = False  # whoever rang before this is served below, whoever comes now rings anew
        waiting = self._waiting
        while waiting:
            act, args = waiting.popleft()
            try:
                has_passed_on = act(*args) is False
            except BaseException:  # one that fails must not take what waits behind it with it
                log.exception("something that the server does between requests has failed")
                continue
            if has_passed_on:
                self.post(_nothing)  # the other must hear the bell for what is left here
                return False
        return True

    def close_in_child(self) -> None:
        """Close a forked child's copy; a post to it ends that child."""
        self._is_woken = False
        self.close()

    def close(self) -> None:
        """Give the bell back; what is posted from now on is not done."""
        self._in.close()
        self._out.close()


def _nothing(*_: object) -> None:
    """Do nothing."""

"""From one worker to the next: the old one stops accepting, then the new one begins.

In: the two workers, and what they report. Out: the new worker is sent the listening sockets, and the idle connections
of the old one. So no client gets old code after new code; what connects in between waits in the system's queue, as the
sockets stay open. An old worker that does not stop in time is not waited for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from fanlight.devtools.reload.connection_transfer import MOST_AT_ONCE
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.workers.shared_listeners import send_listeners
from fanlight.server.workers.worker_state import Worker

STOP_SECONDS = 1.0


class SwitchOver:
    """The switch that is under way, if any; `due_at` is when the old worker is not waited for any longer."""

    def __init__(self, listeners: ListenerSet) -> None:
        self._listeners = listeners
        self._old: Worker | None = None
        self._new: Worker | None = None
        self._idle: list[int] = []  # connections that wait for the new worker
        self.due_at = math.inf

    @property
    def is_under_way(self) -> bool:
        """Whether a worker is about to serve, and the one before it does not any longer."""
        return self._new is not None

    def begin(self, old: Worker | None, new: Worker, now: float, exit_deadline: float) -> None:
        """Have a worker serve that has started; the old one, if any, finishes what it has and exits by a deadline."""
        self._new = new
        if old is None:
            self._send_sockets()
            return
        self._old, self.due_at = old, now + STOP_SECONDS
        old.channel.send("drain")
        old.set_leaving(exit_deadline)

    def on_stopped(self, worker: Worker) -> None:
        """Record that a worker accepts no more, or has exited."""
        if worker is self._old:
            self._send_sockets()

    def check(self, now: float) -> None:
        """Go on without an old worker that has not stopped in time."""
        if now >= self.due_at:
            self._send_sockets()

    def end(self) -> None:
        """Record that the new worker serves, or has failed to."""
        self._old = self._new = None
        self.due_at = math.inf

    def take(self, descriptors: Sequence[int]) -> None:
        """Keep idle connections of an old worker."""
        self._idle += descriptors

    def pass_on(self, worker: Worker) -> None:
        """Pass the kept connections on to a worker that serves."""
        idle, self._idle = self._idle, []
        for start in range(0, len(idle), MOST_AT_ONCE):
            worker.channel.send("adopt", idle[start : start + MOST_AT_ONCE])
        for each in idle:
            os.close(each)

    def _send_sockets(self) -> None:
        self._old, self.due_at = None, math.inf
        if self._new is not None:
            send_listeners(self._new.channel, self._listeners.listeners)

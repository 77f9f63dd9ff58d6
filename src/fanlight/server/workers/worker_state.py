"""The supervisor's record of one worker, from its start to its exit.

In: what happens to the worker, and the time. Out: its state, the messages and signals it is sent, and what it last
reported. Only the methods of `Worker` change a record. The states, and what leads from one to the next:

    STARTING ---- ready ----> READY
        |                       |
        +--- stop, leaving -----+----> STOPPING ---- deadline ----> KILLED
        |                       |
        +--- start timeout -----+----> ABORTING   (a stack dump by SIGABRT, then SIGKILL)
                heartbeat timeout

Anything else (a second `stop`, a `ready` that comes too late) changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from fanlight.server.recording.counts import CountsSnapshot
from fanlight.server.workers.channel import Channel

DUMP_SECONDS = 2.0  # to write the stack dump, before SIGKILL


class WorkerState(Enum):
    """The state of a worker; the values are shown to operators."""

    STARTING = "starting"  # it loads the site
    READY = "ready"  # it serves
    STOPPING = "stopping"  # it finishes active requests
    KILLED = "killed"  # it was stopping and missed its deadline
    ABORTING = "aborting"  # it hangs: it dumps its stacks, and is killed next


STARTING, READY, STOPPING, KILLED, ABORTING = WorkerState

TRANSITIONS: dict[WorkerState, frozenset[WorkerState]] = {
    STARTING: frozenset({READY, STOPPING, ABORTING}),
    READY: frozenset({STOPPING, ABORTING}),
    STOPPING: frozenset({KILLED}),
    KILLED: frozenset(),
    ABORTING: frozenset(),
}


class ChildProcess(Protocol):
    """A child process of the supervisor."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code (the negative number of the signal that ended it), None while it lives."""


@dataclass(eq=False, slots=True, kw_only=True)
class Worker:
    """One worker as the supervisor sees it."""

    process: ChildProcess
    channel: Channel
    generation: int
    started_at: float
    last_pong: float  # when it last showed that its hub responds
    state: WorkerState = STARTING
    is_retired: bool = False  # it is stopped as soon as another has taken its place
    last_ping: float = 0.0
    exit_deadline: float = 0.0  # STOPPING: killed at this time; ABORTING: the same, after its stack dump
    place: int | None = None  # among those that share the connections
    served: int = 0
    counts: CountsSnapshot | None = None  # as it last reported them
    abort_reason: str = ""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def _enter(self, state: WorkerState) -> bool:
        """Change the state if the table permits it; return whether it did."""
        if state not in TRANSITIONS[self.state]:
            return False
        self.state = state
        return True

    def take_place(self, place: int | None) -> None:
        """Record its place among the workers that share the connections."""
        self.place = place

    def begin(self, generation: int, now: float) -> None:
        """Record that it begins to start now: it was waiting for something to load."""
        self.generation, self.started_at = generation, now

    def set_ready(self, now: float) -> bool:
        """Record that it serves; False if it is not starting any more."""
        if not self._enter(READY):
            return False
        self.last_pong = now
        return True

    def stop(self, exit_deadline: float, *, is_replaced: bool = False) -> bool:
        """Have it stop by `deadline`, as others serve in its place or not; False if it is stopping already."""
        was_starting = self.state is STARTING
        if not self.set_leaving(exit_deadline):
            return False
        if was_starting:
            self.send_signal(signal.SIGKILL)  # it has no clients yet
        self.channel.send("drain", is_replaced=is_replaced)
        return True

    def set_leaving(self, exit_deadline: float) -> bool:
        """Record that it stops by itself; False if it is stopping or aborting already."""
        if not self._enter(STOPPING):
            return False
        self.exit_deadline = exit_deadline
        return True

    def abandon(self, exit_deadline: float) -> None:
        """Have it close all connections and exit by `deadline`."""
        self.channel.send("abandon")
        self.exit_deadline = exit_deadline

    def abort(self, reason: str, now: float) -> None:
        """Have it dump its stacks (on SIGABRT); `kill_if_late` kills it after that."""
        if self._enter(ABORTING):
            self.abort_reason, self.exit_deadline = reason, now + DUMP_SECONDS
            self.send_signal(signal.SIGABRT)

    def kill_if_late(self, now: float) -> bool:
        """Kill it if it has missed its deadline; return whether it was stopping and is now KILLED."""
        if self.state not in (STOPPING, ABORTING) or now <= self.exit_deadline:
            return False
        self.send_signal(signal.SIGKILL)
        return self._enter(KILLED)

    def retire(self) -> None:
        """Mark it for replacement: it is stopped when another has taken its place."""
        self.is_retired = True

    def ping(self, now: float) -> None:
        """Request a heartbeat."""
        self.last_ping = now
        self.channel.send("ping")

    def record_pong(self, now: float, served: int, counts: CountsSnapshot | None) -> None:
        """Record a heartbeat, with what it has served and counted so far."""
        self.last_pong, self.served, self.counts = now, served, counts or self.counts

    def restart_heartbeat(self, now: float) -> None:
        """Measure its silence from now on: until now the supervisor itself was not running."""
        self.last_pong = self.last_ping = now

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has exited."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

"""Who works, who is to come, who is to go: all that a parent decides about its workers.

In: what happened (a worker is ready, has answered, is gone; new code is wanted; so much time has
passed). Out: workers are started, told to leave, or ended. One rule brings all of it about (`tend`):
there are as many workers of the current generation as wanted, and whoever is not of it, or is
retired, leaves when they are there, one at a time. New code is a new generation on trial: it is
the current one when all its workers are ready, and is dismissed when one of them can't start.

Knows nothing of sockets, signals and log files; time is an argument.
"""

from __future__ import annotations

import logging
import signal
from collections import Counter
from collections.abc import Callable

from fanlight.server.recording.counts import Snapshot, merge
from fanlight.server.shutdown import LATE_EXIT_CODE
from fanlight.server.workers.worker_process import Worker, WorkerState, memory_of
from fanlight.settings.limits import Limits
from fanlight.settings.units import format_bytes

MOST_SECONDS_BETWEEN_PINGS = 5.0
STEADY_SECONDS = 10.0  # who worked for so long did not fail at its start
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0  # before another try, when workers fail at once
MOST_FAILURES = 16  # that are counted: the pause is the longest by then
DUMP_SECONDS = 2.0  # to write down where it hangs
GRACE_SECONDS = 5.0  # beyond drain_seconds, before a worker that does not leave, nor ends itself, is ended
ABANDON_SECONDS = 1.0  # before one that is to end at once is ended
# Of a worker that a signal ended before it could say that it leaves.
STOPPED_CODES = {code for number in (signal.SIGINT, signal.SIGTERM) for code in (-number, 128 + number)}

log = logging.getLogger("fanlight.server")


class WorkerPolicy:
    """The workers of one parent."""

    def __init__(
        self,
        start_worker: Callable[[int], Worker],
        wanted: int,
        limits: Limits,
        *,
        memory: Callable[[int], int] = memory_of,
    ) -> None:
        """Begin with nobody; `recruit` starts a worker of a generation, and may raise OSError."""
        self._start_worker, self._limits, self._memory = start_worker, limits, memory
        self.wanted = wanted
        self.workers: list[Worker] = []
        self.generation = 1
        self.candidate: int | None = None
        self.restarts: Counter[str] = Counter()
        self.past = merge([])  # the counts of who is gone
        self.is_closing = False
        self.was_ready = False  # some worker has been, once
        self.has_failed = False  # none has ever been ready, and one ended
        self.has_cut_off = False  # a worker that was leaving was ended, by us or by itself, before it was done
        self._wants_reload = False
        self._failures = 0
        self._next_start = 0.0
        self._tended: float | None = None

    # --- what is seen from outside --------------------------------------------------------------

    @property
    def ready(self) -> list[Worker]:
        """Return the workers that serve and are to go on."""
        return [each for each in self.workers if each.state is WorkerState.READY]

    @property
    def is_complete(self) -> bool:
        """Say whether all is as it should be: everybody there, nobody to come or to go."""
        return len(self.workers) == len(self.ready) == self.wanted and not self.is_reloading

    @property
    def is_reloading(self) -> bool:
        """Say whether new code is wanted and neither serves alone yet, nor has failed to."""
        is_mixed = any(each.generation != self.generation for each in self.ready)
        return is_mixed or self.candidate is not None or self._wants_reload

    @property
    def seconds_between_pings(self) -> float:
        """Return how often each worker is asked whether it is well."""
        return min(self._limits.heartbeat_seconds / 3, MOST_SECONDS_BETWEEN_PINGS)

    # --- what happens ---------------------------------------------------------------------------

    def reload(self) -> None:
        """Have the code loaded anew; while that is being done already, it is done once more afterwards."""
        self._wants_reload = True

    def on_ready(self, worker: Worker, now: float) -> None:
        """Note that a worker serves now."""
        if worker.state is WorkerState.STARTING:
            worker.state, worker.heard = WorkerState.READY, now
            self.was_ready = True

    def on_pong(self, worker: Worker, served: int, counts: Snapshot | None, now: float) -> None:
        """Note that a worker's hub turns; who has done enough, or holds too much memory, is retired."""
        worker.heard, worker.served, worker.counts = now, served, counts or worker.counts
        if worker.is_retired or worker.state is not WorkerState.READY:
            return
        most_requests, most_bytes = self._limits.worker_requests, self._limits.worker_bytes
        if most_requests and served >= most_requests + most_requests * (worker.pid % 11) // 100:  # not all at once
            self._retire(worker, "requests", f"has served {served} requests")
        elif most_bytes and (held := self._memory(worker.pid)) >= most_bytes:
            self._retire(worker, "memory", f"holds {format_bytes(held)}")

    def on_exit(self, worker: Worker, code: int, now: float) -> None:
        """Take a worker that has ended off the roster, and think of what that means."""
        self.workers.remove(worker)
        if worker.counts is not None:
            self.past = merge([self.past, worker.counts])
        if worker.state in (WorkerState.LEAVING, WorkerState.KILLED):
            self.has_cut_off |= worker.state is WorkerState.KILLED or code == LATE_EXIT_CODE
            return
        if self.is_closing:
            return
        what = worker.why or _describe_exit(code)
        if worker.generation == self.candidate and worker.state is not WorkerState.READY:
            self._reject_candidate(f"worker {worker.pid} {what}")
            return
        self.restarts["hung" if worker.why else "died"] += 1
        if not self.was_ready and code not in STOPPED_CODES:
            self.has_failed = True
            return
        pause = self._pause(now, is_failure=now - worker.began < STEADY_SECONDS)
        log.error("worker %d %s; another takes its place%s", worker.pid, what, f" in {pause:g} s" if pause else "")

    def on_leaving(self, worker: Worker, now: float) -> None:
        """Note that a worker leaves by itself, after a signal that did not come from here; another takes its place."""
        if worker.state in (WorkerState.STARTING, WorkerState.READY):
            worker.state = WorkerState.LEAVING
            worker.leave_by = now + self._limits.unready_seconds + self._limits.drain_seconds + GRACE_SECONDS
            if not self.is_closing:
                log.info("worker %d was told by a signal to leave; another takes its place", worker.pid)

    def _pause(self, now: float, *, is_failure: bool) -> float:
        """Start no worker for a while, which doubles with each failure in a row; return how many seconds that is."""
        self._failures = min(self._failures + 1, MOST_FAILURES) if is_failure else 0
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), LONGEST_PAUSE_SECONDS) if self._failures else 0.0
        self._next_start = now + pause
        return pause

    def close(self, now: float) -> None:
        """Have everybody leave; nobody comes any more."""
        self.is_closing = True
        for worker in self.workers:
            self._stop(worker, now)

    def abandon(self, now: float) -> None:
        """Have everybody leave at once."""
        for worker in self.workers:
            worker.channel.send("abandon")
            worker.leave_by = now + ABANDON_SECONDS

    def kill(self) -> None:
        """End everybody, whatever they do."""
        for worker in self.workers:
            worker.signal(signal.SIGKILL)

    # --- what follows ---------------------------------------------------------------------------

    def reconcile(self, now: float) -> None:
        """Do all that is due."""
        if self._tended is not None and now - self._tended > 2 * self.seconds_between_pings:
            for worker in self.workers:
                worker.heard = worker.asked = now  # we ourselves were away: nobody is to blame for his silence
        self._tended = now
        for worker in list(self.workers):
            self._check_worker(worker, now)
        if self.is_closing:
            return
        if self._wants_reload and self.candidate is None and self.was_ready:
            self._begin_candidate()
        self._start_missing(now)
        self._promote_candidate()
        self._stop_surplus(now)

    def _check_worker(self, worker: Worker, now: float) -> None:
        limits = self._limits
        if worker.state is WorkerState.STARTING and now - worker.began > limits.start_seconds:
            self._abort(worker, f"was not ready after {limits.start_seconds:g} s", now)
        elif worker.state is WorkerState.READY and now - worker.heard > limits.heartbeat_seconds:
            self._abort(worker, f"has not answered for {limits.heartbeat_seconds:g} s", now)
        elif worker.state is WorkerState.ABORTING and now - worker.told > DUMP_SECONDS:
            worker.signal(signal.SIGKILL)
        elif worker.state is WorkerState.LEAVING and now > worker.leave_by:
            log.error("worker %d did not leave in time; it is ended", worker.pid)
            worker.state = WorkerState.KILLED
            worker.signal(signal.SIGKILL)
        if (
            worker.state in (WorkerState.READY, WorkerState.LEAVING)
            and now - worker.asked >= self.seconds_between_pings
        ):
            worker.asked = now
            worker.channel.send("ping")

    def _abort(self, worker: Worker, why: str, now: float) -> None:
        """Have a worker that hangs write down where it does (on SIGABRT), to be ended after that."""
        log.error("worker %d %s; this is where its threads stand:", worker.pid, why)
        worker.state, worker.why, worker.told = WorkerState.ABORTING, why, now
        worker.signal(signal.SIGABRT)

    def _retire(self, worker: Worker, reason: str, why: str) -> None:
        log.info("worker %d %s; another takes its place", worker.pid, why)
        worker.is_retired = True
        self.restarts[reason] += 1

    def _stop(self, worker: Worker, now: float) -> None:
        if worker.state is WorkerState.STARTING:
            worker.signal(signal.SIGKILL)  # it has no clients yet
        if worker.state in (WorkerState.STARTING, WorkerState.READY):
            worker.state, worker.leave_by = WorkerState.LEAVING, now + self._limits.drain_seconds + GRACE_SECONDS
            worker.channel.send("drain")

    def _workers_of(self, generation: int | None) -> list[Worker]:
        return [
            each
            for each in self.workers
            if each.generation == generation
            and not each.is_retired
            and each.state in (WorkerState.STARTING, WorkerState.READY)
        ]

    def _start_missing(self, now: float) -> None:
        """Start who is missing: of the current generation all at once, of one on trial one at a time."""
        if now < self._next_start:
            return
        for _ in range(self.wanted - len(self._workers_of(self.generation))):
            if not self._start_one(self.generation, now):
                return
        candidate = self._workers_of(self.candidate)
        is_one_on_its_way = any(each.state is WorkerState.STARTING for each in candidate)
        if self.candidate is not None and not is_one_on_its_way and len(candidate) < self.wanted:
            self._start_one(self.candidate, now)

    def _start_one(self, generation: int, now: float) -> bool:
        try:
            self.workers.append(self._start_worker(generation))
        except OSError as error:
            if generation == self.candidate:
                self._reject_candidate(f"it can't be started: {error}")
                return False
            again = f"another try in {self._pause(now, is_failure=True):g} s" if self.was_ready else "giving up"
            log.error("a worker can't be started: %s; %s", error, again)  # noqa: TRY400 - the reason says it all
            self.has_failed = not self.was_ready
            return False
        return True

    def _begin_candidate(self) -> None:
        self._wants_reload = False
        self.candidate = self.generation + 1
        log.info("loading the code anew; the old workers serve until all new ones do")

    def _promote_candidate(self) -> None:
        """Make the generation on trial the current one when all its workers are ready."""
        if (
            self.candidate is not None
            and len([each for each in self._workers_of(self.candidate) if each in self.ready]) >= self.wanted
        ):
            log.info("the new code serves; the old workers leave one by one")
            self.generation, self.candidate = self.candidate, None
            self.restarts["reload"] += self.wanted

    def _reject_candidate(self, why: str) -> None:
        log.error("the new code does not start (%s); the old one goes on serving", why)
        for each in self._workers_of(self.candidate):
            each.is_retired = True
        self.candidate = None

    def _stop_surplus(self, now: float) -> None:
        """Have one of those leave who are not wanted any more, if enough others are there and nobody leaves yet."""
        if any(each.state is WorkerState.LEAVING for each in self.workers):
            return
        current = [each for each in self._workers_of(self.generation) if each.state is WorkerState.READY]
        surplus = [
            each for each in self.ready if each.is_retired or each.generation not in (self.generation, self.candidate)
        ]
        unwanted = [each for each in self.workers if each.state is WorkerState.STARTING and each.is_retired]
        if unwanted:
            self._stop(unwanted[0], now)
        elif surplus and len(current) >= self.wanted:
            self._stop(surplus[0], now)
        elif len(current) > self.wanted:
            self._stop(current[0], now)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (the system may have been out of memory)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"

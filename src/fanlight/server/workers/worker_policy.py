"""Worker lifecycle policy: which workers to start, replace and stop, and when.

In: events (a worker is ready, has sent a heartbeat, has exited; new code is wanted) and the time. Out: workers are
started, stopped and killed. `reconcile` brings the workers there are to what is wanted:

- There are as many workers of the current generation as wanted.
- A worker of another generation, or a retired one, is stopped once its replacement is ready, one at a time.
- A reload starts a candidate generation, one worker at a time. When all of it is ready it becomes the current one; if
  one of its workers can't start, all of it is stopped.

Does no I/O itself and has no clock: tests drive it through every accident.
"""

from __future__ import annotations

import logging
import signal
from collections import Counter
from collections.abc import Callable

from fanlight.server.recording.counts import CountsSnapshot, merge
from fanlight.server.shutdown import LATE_EXIT_CODE
from fanlight.server.workers.worker_process import memory_of
from fanlight.server.workers.worker_state import ABORTING, KILLED, READY, STARTING, STOPPING, Worker
from fanlight.settings.limits import Limits
from fanlight.settings.units import format_bytes

MAX_SECONDS_BETWEEN_PINGS = 5.0
STEADY_SECONDS = 10.0  # a worker that ran for so long did not fail at its start
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0  # before another start, when workers fail early
MAX_FAILURES = 16  # that are counted: the pause has its maximum by then
WORKER_GRACE_SECONDS = 5.0  # beyond drain_seconds, before a worker that does not exit is killed
ABANDON_SECONDS = 1.0  # before a worker that is to exit at once is killed
# Exit codes of a worker that a signal ended before it could report that it is stopping.
STOPPED_CODES = {code for number in (signal.SIGINT, signal.SIGTERM) for code in (-number, 128 + number)}

log = logging.getLogger("fanlight.server")


class WorkerPolicy:
    """The workers of one supervisor."""

    def __init__(
        self,
        start_worker: Callable[[int], Worker],
        wanted: int,
        limits: Limits,
        *,
        memory: Callable[[int], int] = memory_of,
    ) -> None:
        """Begin without workers; `start_worker` starts one of a generation, and may raise OSError."""
        self._start_worker, self._limits, self._memory = start_worker, limits, memory
        self.wanted = wanted
        self.workers: list[Worker] = []
        self.generation = 1
        self.candidate: int | None = None  # the generation that a reload has begun
        self.restarts: Counter[str] = Counter()  # by reason
        self.past = merge([])  # the counts of workers that have exited
        self.is_closing = False
        self.was_ready = False  # a worker has been ready, once
        self.has_failed = False  # no worker has ever been ready, and one has exited
        self.has_cut_off = False  # a worker that was stopping did not finish everything
        self._wants_reload = False
        self._failures = 0
        self._next_start = 0.0
        self._reconciled_at: float | None = None

    def resume(self, workers: list[Worker], generation: int, past: CountsSnapshot, restarts: Counter[str]) -> None:
        """Take over the workers and counts of a supervisor that has replaced its own program."""
        self.workers, self.generation, self.past = workers, generation, past
        self.restarts.update(restarts)
        self.was_ready = True

    # --- the state, for the supervisor and for operators ----------------------------------------------

    @property
    def ready(self) -> list[Worker]:
        """Return the workers that serve."""
        return [each for each in self.workers if each.state is READY]

    @property
    def is_complete(self) -> bool:
        """Whether exactly the wanted workers exist and all are ready."""
        return len(self.workers) == len(self.ready) == self.wanted and not self.is_reloading

    @property
    def is_reloading(self) -> bool:
        """Whether a reload is wanted or under way."""
        is_mixed = any(each.generation != self.generation for each in self.ready)
        return is_mixed or self.candidate is not None or self._wants_reload

    @property
    def seconds_between_pings(self) -> float:
        """The interval between two pings of a worker."""
        return min(self._limits.heartbeat_seconds / 3, MAX_SECONDS_BETWEEN_PINGS)

    # --- events ---------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Load new code; during a reload, once more after it."""
        self._wants_reload = True

    def on_ready(self, worker: Worker, now: float) -> None:
        """Record that a worker serves."""
        if worker.set_ready(now):
            self.was_ready = True

    def on_pong(self, worker: Worker, served: int, counts: CountsSnapshot | None, now: float) -> None:
        """Record a heartbeat; retire a worker that has served enough or holds too much memory."""
        worker.record_pong(now, served, counts)
        if worker.is_retired or worker.state is not READY:
            return
        max_requests, max_bytes = self._limits.worker_requests, self._limits.worker_bytes
        if max_requests and served >= max_requests + max_requests * (worker.pid % 11) // 100:  # not all at once
            self._retire(worker, "requests", f"has served {served} requests")
        elif max_bytes and (held := self._memory(worker.pid)) >= max_bytes:
            self._retire(worker, "memory", f"uses {format_bytes(held)} of memory")

    def on_exit(self, worker: Worker, code: int, now: float) -> None:
        """Remove an exited worker and decide whether and when to restart it."""
        self.workers.remove(worker)
        if worker.counts is not None:
            self.past = merge([self.past, worker.counts])
        if worker.state in (STOPPING, KILLED):
            self.has_cut_off |= worker.state is KILLED or code == LATE_EXIT_CODE
            return
        if self.is_closing:
            return
        reason = worker.abort_reason or _describe_exit(code)
        if worker.generation == self.candidate and worker.state is not READY:
            self._reject_candidate(f"worker {worker.pid} {reason}")
            return
        self.restarts["hung" if worker.abort_reason else "died"] += 1
        if not self.was_ready and code not in STOPPED_CODES:
            self.has_failed = True
            return
        pause = self._pause(now, is_failure=now - worker.started_at < STEADY_SECONDS)
        log.error("worker %d %s; starting another%s", worker.pid, reason, f" in {pause:g} s" if pause else "")

    def on_leaving(self, worker: Worker, now: float) -> None:
        """Record that a worker stops because of a signal that was sent to it; it is replaced."""
        limits = self._limits
        deadline = now + limits.unready_seconds + limits.drain_seconds + WORKER_GRACE_SECONDS
        if worker.set_leaving(deadline) and not self.is_closing:
            log.info("worker %d was stopped by a signal; starting another", worker.pid)

    def close(self, now: float) -> None:
        """Stop all workers, and start no more."""
        self.is_closing = True
        for worker in self.workers:
            if worker.state is ABORTING:
                worker.send_signal(signal.SIGKILL)
            self._stop(worker, now)

    def abandon(self, now: float) -> None:
        """Have all workers exit at once."""
        for worker in self.workers:
            worker.abandon(now + ABANDON_SECONDS)

    def kill(self) -> None:
        """Kill all workers."""
        for worker in self.workers:
            worker.send_signal(signal.SIGKILL)

    # --- what follows from them -----------------------------------------------------------------------

    def reconcile(self, now: float) -> None:
        """Do everything that is due."""
        if self._reconciled_at is not None and now - self._reconciled_at > 2 * self.seconds_between_pings:
            for worker in self.workers:
                worker.restart_heartbeat(now)
        self._reconciled_at = now
        for worker in list(self.workers):
            self._check_worker(worker, now)
        if self.is_closing:
            return
        if self._wants_reload and self.candidate is None and self.was_ready:
            self._wants_reload = False
            self.candidate = self.generation + 1
            log.info("loading new code; the old workers serve until all new ones are ready")
        self._start_missing(now)
        self._promote_candidate()
        self._stop_surplus(now)

    def _check_worker(self, worker: Worker, now: float) -> None:
        limits = self._limits
        if worker.state is STARTING and now - worker.started_at > limits.start_seconds:
            self._abort(worker, f"was not ready after {limits.start_seconds:g} s", now)
        elif worker.state is READY and now - worker.last_pong > limits.heartbeat_seconds:
            self._abort(worker, f"has sent no heartbeat for {limits.heartbeat_seconds:g} s", now)
        elif worker.kill_if_late(now):
            log.error("worker %d did not stop in time; killed", worker.pid)
        if worker.state in (READY, STOPPING) and now - worker.last_ping >= self.seconds_between_pings:
            worker.ping(now)

    def _abort(self, worker: Worker, reason: str, now: float) -> None:
        log.error("worker %d %s; its threads are at:", worker.pid, reason)
        worker.abort(reason, now)

    def _retire(self, worker: Worker, reason: str, text: str) -> None:
        log.info("worker %d %s; starting another", worker.pid, text)
        worker.retire()
        self.restarts[reason] += 1

    def _stop(self, worker: Worker, now: float) -> None:
        deadline = now + self._limits.drain_seconds + WORKER_GRACE_SECONDS
        worker.stop(deadline, is_replaced=not self.is_closing)

    def _pause(self, now: float, *, is_failure: bool) -> float:
        """Start no worker for a time that doubles with each failure in a row; return its seconds."""
        self._failures = min(self._failures + 1, MAX_FAILURES) if is_failure else 0
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), MAX_PAUSE_SECONDS) if self._failures else 0.0
        self._next_start = now + pause
        return pause

    def _workers_of(self, generation: int | None) -> list[Worker]:
        return [
            each
            for each in self.workers
            if each.generation == generation and not each.is_retired and each.state in (STARTING, READY)
        ]

    def _start_missing(self, now: float) -> None:
        """Start missing workers: of the current generation all at once, of a candidate one at a time."""
        if now < self._next_start:
            return
        for _ in range(self.wanted - len(self._workers_of(self.generation))):
            if not self._start_one(self.generation, now):
                return
        new = self._workers_of(self.candidate)
        if self.candidate is not None and len(new) < self.wanted and all(each.state is READY for each in new):
            self._start_one(self.candidate, now)

    def _start_one(self, generation: int, now: float) -> bool:
        try:
            self.workers.append(self._start_worker(generation))
        except OSError as error:
            if generation == self.candidate:
                self._reject_candidate(f"a worker can't be started: {error}")
                return False
            again = f"trying again in {self._pause(now, is_failure=True):g} s" if self.was_ready else "giving up"
            log.error("a worker can't be started: %s; %s", error, again)  # noqa: TRY400 - the reason is in the message
            self.has_failed = not self.was_ready
            return False
        return True

    def _promote_candidate(self) -> None:
        new = [each for each in self._workers_of(self.candidate) if each.state is READY]
        if self.candidate is not None and len(new) >= self.wanted:
            log.info("the new code serves; stopping the old workers one by one")
            self.generation, self.candidate = self.candidate, None
            self.restarts["reload"] += self.wanted

    def _reject_candidate(self, reason: str) -> None:
        log.error("the new code does not start (%s); the old code goes on serving", reason)
        for each in self._workers_of(self.candidate):
            each.retire()
        self.candidate = None

    def _stop_surplus(self, now: float) -> None:
        """Stop one worker that is not wanted, if enough others are ready and none is stopping yet."""
        if any(each.state is STOPPING for each in self.workers):
            return
        current = [each for each in self._workers_of(self.generation) if each.state is READY]
        surplus = [
            each for each in self.ready if each.is_retired or each.generation not in (self.generation, self.candidate)
        ]
        unwanted = [each for each in self.workers if each.state is STARTING and each.is_retired]
        if unwanted:
            self._stop(unwanted[0], now)
        elif surplus and len(current) >= self.wanted:
            self._stop(surplus[0], now)
        elif len(current) > self.wanted:
            self._stop(current[0], now)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (the system may have been out of memory)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"

"""Which routes run inline and which in threads, decided by how long their calls take and wait.

In: what the stall detector and the clocks have measured of a route. Out: the lane of its next calls. Three things send
a route to the thread pool: it was *stuck*, so that the stall detector had to take the hub from it (`stall_detector`);
it *waits*: its thread sleeps in it for longer than a hand-over to the pool costs, and all others would wait with it; or
it has *left* the hub by itself, because it is about to compute for long. A route that computes otherwise stays inline.

    MEASURED -> INLINE    SAMPLES calls in a row waited for little; a second later they are measured again
    MEASURED -> THREAD    they wait, on average more than WAIT_SECONDS each
    any      -> THREAD    one was stuck, or has left the hub; after the latter it stays there
    THREAD   -> MEASURED  in the pool it has been short, and has not waited, for a while: its probation

Each relapse doubles the probation. A lane that was chosen with `@lane` is never changed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.dispatch.thread_probes import thread_usage

SAMPLES = 8  # calls that are measured, one after the other
WAIT_SECONDS = 0.0002  # a call that sleeps for longer on average runs better in a thread: a hand-over costs half of it
SLEPT_SECONDS = 0.0001  # a call that sleeps for less is not counted as one that waits
MOST_MEASURED = 64  # routes that are measured again in one second: some 20 us for each of their samples

SHORT_SECONDS = 0.002  # a call in the pool that takes less, and sleeps less than SLEPT_SECONDS, could run inline
SHORT_RUNS = 25  # so many short calls in a row bring a route back, after its probation
NEXT_LOOK_SECONDS = 1.0  # after a call in the pool that was not short, none is measured for so long
FIRST_PROBATION_SECONDS = 5.0  # not sooner than this; twice as long after each relapse
LONGEST_PROBATION_SECONDS = 600.0

log = logging.getLogger("fanlight.server")


class RouteTimings:
    """What was measured of a route."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.probation_seconds = FIRST_PROBATION_SECONDS / 2
        self.short_runs = 0
        self.since = 0.0  # when it was sent to threads
        self.next_look = 0.0  # from when on its calls in threads are measured
        self.reason = ""  # why
        self.stays = False  # in threads, however short its calls are
        self.begin(-1)  # the first call of all fills caches for later ones, so it does not count

    def begin(self, measured: int = 0) -> None:
        """Start measuring again."""
        self.measured, self.waits = measured, 0
        self.calls = self.seconds = self.asleep = 0.0

    def fade(self) -> None:
        """Start another round, in which the results of this one count half."""
        self.measured, self.waits = 0, 0
        self.calls, self.seconds, self.asleep = self.calls / 2, self.seconds / 2, self.asleep / 2


class Lanes:
    """Moves routes between running inline and running in threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[Call, RouteTimings] = {}
        self._settled: deque[Call] = deque()  # inline ones that are to be measured again

    # --- inline ----------------------------------------------------------------------------------

    def run_measured(self, call: Call, request: Request) -> Response:
        """Run a call inline, and measure whether it waits."""
        before = thread_usage()
        try:
            return call.run(request)  # type: ignore[return-value]  # in this lane it is a response
        finally:
            seconds, _, idle = before.elapsed()
            self.record_inline(call, seconds, idle)

    def record_inline(self, call: Call, seconds: float, idle: float) -> None:
        """Record a measured call: how long it took, and for how long of that the whole process slept."""
        record = self._records.setdefault(call, RouteTimings())
        with record.lock:
            record.measured += 1
            if call.lane is not Lane.MEASURED or not record.measured:
                return
            record.calls += 1
            record.seconds += seconds
            record.asleep += idle
            record.waits += idle >= SLEPT_SECONDS
            if record.waits > 1 and record.asleep >= WAIT_SECONDS * SAMPLES:
                asleep, seconds = (1000 * each / record.calls for each in (record.asleep, record.seconds))
                self._send_to_threads(call, record, f"waits for {asleep:.1f} of {seconds:.1f} ms on average")
            elif record.measured >= SAMPLES:
                record.fade()
                call.move_to(Lane.INLINE)
                self._settled.append(call)

    def remeasure(self) -> None:
        """Have inline routes measured again; called once a second."""
        settled = self._settled
        for _ in range(min(len(settled), MOST_MEASURED)):
            call = settled.popleft()
            if call.lane is Lane.INLINE:
                call.move_to(Lane.MEASURED)

    def record_stall(self, call: Call, place: str) -> None:
        """Send a route to threads that was stuck at a place, unless its lane is pinned."""
        if call.is_pinned:
            if call.lane is Lane.INLINE:
                log.warning("%s, pinned inline, blocked the server at %s", call.name, place)
            return
        record = self._records.setdefault(call, RouteTimings())
        with record.lock:
            if call.lane is Lane.THREAD:  # another of its calls was found meanwhile
                return
            self._send_to_threads(call, record, f"blocked the server at {place}")

    def record_leave(self, call: Call, reason: str) -> None:
        """Send a route to threads for good that leaves the hub by itself, unless its lane is pinned."""
        if call.is_pinned:
            return
        record = self._records.setdefault(call, RouteTimings())
        with record.lock:
            if not record.stays:
                record.stays = True
                self._send_to_threads(call, record, reason)

    def _send_to_threads(self, call: Call, record: RouteTimings, reason: str) -> None:
        record.probation_seconds = min(record.probation_seconds * 2, LONGEST_PROBATION_SECONDS)
        record.short_runs = 0
        record.since, record.reason = self._clock(), reason
        record.next_look = record.since + record.probation_seconds
        call.move_to(Lane.THREAD)
        log.info(
            "%s %s: from now on it runs in the thread pool, each call in any of its threads "
            "(what belongs to one thread, like an SQLite connection, must be opened by the call)",
            call.name if "/" in call.name else f'a request with "{call.name}"',  # one without a path: "no route"
            reason,
        )

    # --- in threads ------------------------------------------------------------------------------

    def should_measure(self, call: Call) -> bool:
        """Return whether a call that is about to run in the pool should be measured."""
        record = self._records.get(call)
        # Without a record its lane was chosen with `@lane`.
        return record is not None and not record.stays and self._clock() >= record.next_look

    def record_in_thread(self, call: Call, seconds: float, asleep: float, _idle: float) -> None:
        """Record a pool run; after enough short runs in a row the route runs inline again."""
        record = self._records[call]
        with record.lock:
            if call.lane is not Lane.THREAD or record.stays or self._clock() < record.next_look:
                return  # it began before that was decided
            if seconds >= SHORT_SECONDS or asleep >= SLEPT_SECONDS:
                record.short_runs = 0
                record.next_look = self._clock() + NEXT_LOOK_SECONDS
                return
            record.short_runs += 1
            if record.short_runs >= SHORT_RUNS:
                record.begin()
                call.move_to(Lane.MEASURED)
                log.info("%s is fast again: it runs inline", call.name)

    # --- for the status page ------------------------------------------------------------------------

    def slow_routes(self) -> list[tuple[Call, float, str]]:
        """Return the routes that were sent to threads, for how many seconds, and why."""
        return [
            (call, self._clock() - record.since, record.reason)
            for call, record in list(self._records.items())
            if call.lane is Lane.THREAD
        ]

"""Record the exchanges of a development server, from outside: the site and the server run as they do without it.

In: each new connection of a `Server` (`watch`), and the app that it serves (`recorded`). Out: exchanges in the store,
also those that never reached a view, written by a thread of its own. It never waits for the store, and never fails a
request: what the store does not take is dropped. In a flood only the newest exchanges are written.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, Self

from fanlight.devtools.inspector.exchange_maker import ExchangeMaker
from fanlight.devtools.inspector.log_capture import LogCapture
from fanlight.devtools.inspector.recorded_connection import RecordedWire
from fanlight.devtools.inspector.recorded_handler import RecordedHandler
from fanlight.devtools.inspector.recorded_handshake import RecordedHandshake
from fanlight.devtools.inspector.recorded_sqlalchemy import SqlalchemyRecorder
from fanlight.devtools.inspector.recording import ConnectionFacts, Recording
from fanlight.devtools.inspector.recording_limits import (
    BATCH_SECONDS,
    BLOCKED_SECONDS,
    CALM_BATCH,
    FLOOD_BATCH,
    FLOOD_INTERVAL,
    FLOOD_SECONDS,
    FLOOD_SHARE,
    MAX_BATCH,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    SAMPLE_SECONDS,
)
from fanlight.devtools.inspector.stack_samples import stack_of
from fanlight.server.connection.phases import HANDSHAKE

if TYPE_CHECKING:
    from fanlight.devtools.inspector.exchange_record import Exchange
    from fanlight.devtools.inspector.site_routes import SiteRoutes
    from fanlight.message.handler import Call, Handler
    from fanlight.server.connection.connection import Connection

STOP_SECONDS = 2.0  # for the last exchanges to be written

log = logging.getLogger("fanlight.devtools")


class ExchangeStore(Protocol):
    """What keeps exchanges: a `Store`."""

    def add(self, exchanges: Iterable[Exchange], /) -> None:
        """Keep exchanges; one that is kept already is replaced."""


class Recorder:
    """Records what one server process serves, from `start` to `stop`."""

    def __init__(self, store: ExchangeStore, *, generation: int = 0) -> None:
        """Record to a store; `generation` is the number of the code that is served."""
        self._store, self._generation = store, generation
        self._maker = ExchangeMaker(generation)
        self._logs = LogCapture(self._blocked_by)
        self._sqlalchemy = SqlalchemyRecorder()
        self._numbers, self._connections = count(1), count(1)
        self._latest: Recording | None = None
        self._open: set[Recording] = set()
        self._handshakes: dict[RecordedHandshake, Connection] = {}
        self._lock = threading.Lock()  # held for a few instructions, never while anything waits
        self._waiting: deque[Recording] = deque()
        self._waiting_bytes = 0
        self._bell = threading.Event()
        self._is_asleep = self._is_stopped = self._has_failed = False
        self._most, self._is_flood, self._in_flood, self._last_began = MAX_BATCH, False, 0, 0.0
        self._written_at, self._pause, self._dropped_before = 0.0, BATCH_SECONDS, 0
        self.dropped = 0  # exchanges that were not written, because there were too many or the store failed
        self._thread = threading.Thread(target=self._run, name="fanlight-recorder", daemon=True)

    def start(self) -> None:
        """Begin to write what is recorded."""
        self._logs.install()
        self._sqlalchemy.install()
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        self._logs.remove()
        self._is_stopped = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._sqlalchemy.remove()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- for the server ----------------------------------------------------------------------------

    def watch(self, connection: Connection) -> None:
        """Record a new connection: `Server(watch=recorder.watch)`."""
        facts = ConnectionFacts(next(self._connections))
        connection.record_through(connection.sock, RecordedWire(connection, self, facts))
        if connection.phase is HANDSHAKE and connection.policy is not None:
            handshake = RecordedHandshake(connection.policy, self, facts)
            connection.set_policy(handshake)
            self._handshakes[handshake] = connection
            if self._is_asleep:
                self._bell.set()

    def explain_lanes(self, slow_routes: Callable[[], Iterable[tuple[Call, float, str]]]) -> None:
        """Have the reasons why routes run in threads from a function: `Lanes.slow_routes` of the hub."""
        self._maker.explain_lanes(lambda: {call: reason for call, _, reason in slow_routes()})

    def recorded(self, app: Handler, routes: SiteRoutes | None = None) -> RecordedHandler:
        """Return the handler for the server, which serves as the app does; `routes` are those of the app, if known."""
        self._maker.explain_routes(routes)
        return RecordedHandler(app, self)

    # --- for the recorded connections and the recorded handler --------------------------------------

    def begin(self, began: float, connection: ConnectionFacts) -> Recording:
        """Make a recording; the next call that is looked for is for its request."""
        self._latest = recording = Recording(self._generation, next(self._numbers), began, connection, self.update)
        self._open.add(recording)
        if self._is_asleep:
            self._bell.set()
        return recording

    def begin_request(self, began: float, connection: ConnectionFacts) -> Recording | None:
        """Make a recording of a request whose head is valid; None for most of them in a flood."""
        if self._is_flood:
            before, self._last_began = self._last_began, began
            self._in_flood += 1
            if began - before < FLOOD_INTERVAL and self._in_flood % FLOOD_SHARE:
                self.dropped += 1
                self._latest = None
                return None
        return self.begin(began, connection)

    def take_latest(self, head: object) -> Recording | None:
        """Return the recording of the request whose head was read just now; None if it is not recorded."""
        latest, self._latest = self._latest, None
        return latest if latest is not None and latest.head is head else None

    def finish(self, recording: Recording, outcome: str) -> None:
        """Take a recording that has ended; from the thread that owns its connection."""
        recording.end(outcome, perf_counter())
        self._open.discard(recording)
        self.update(recording)

    def update(self, recording: Recording) -> None:
        """Write a recording that has ended, again if it was written before; from any thread."""
        with self._lock:
            self._waiting.append(recording)
            self._waiting_bytes += recording.hold()
            while len(self._waiting) > MAX_WAITING or self._waiting_bytes > MAX_WAITING_BYTES:
                self._waiting_bytes -= self._waiting.popleft().release()
                self.dropped += 1
        if self._is_asleep:
            self._bell.set()

    # --- the recorder's thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopped:
            self._bell.clear()
            self._is_asleep = True
            if not self._waiting and not self._open and not self._handshakes:
                self._bell.wait()
            self._is_asleep = False
            if not self._is_stopped:
                self._bell.wait(SAMPLE_SECONDS)  # others may end meanwhile
            self._work()
        self._check_handshakes()
        while self._waiting:
            self._write(perf_counter())

    def _work(self) -> None:
        self._sqlalchemy.install()
        self._check_handshakes()
        now = perf_counter()
        for each in list(self._open):
            run = each.run
            if run is not None and not run.ended and now - run.began > BLOCKED_SECONDS and run.wants_stack:
                run.add_stack(stack_of(run, self._maker.folder))
        if now - self._written_at >= self._pause:
            is_flood, self._dropped_before = self.dropped > self._dropped_before, self.dropped
            self._is_flood = is_flood
            self._pause = FLOOD_SECONDS if is_flood else BATCH_SECONDS
            self._most = FLOOD_BATCH if is_flood else MAX_BATCH
            self._write(now)

    def _check_handshakes(self) -> None:
        for handshake, connection in list(self._handshakes.items()):
            handshake.check(connection)
            if handshake.is_over:
                del self._handshakes[handshake]

    def _blocked_by(self, record: logging.LogRecord) -> Recording | None:
        """Return the recording of a call that the server reports to have blocked it, in a thread of its own."""
        if record.name != "fanlight.server" or not record.args:
            return None
        name = record.args[0] if isinstance(record.args, tuple) else ""
        running = (each for each in list(self._open) if each.run is not None and each.call is not None)
        return next((each for each in running if each.call is not None and each.call.name == name), None)

    def _write(self, now: float) -> None:
        batch = self._take_waiting()
        batch += [each for each in list(self._open) if each.is_due(now)]
        self._written_at = now
        if not batch:
            return
        is_flood = len(batch) > CALM_BATCH
        exchanges = []
        for each in batch:
            made = self._make(each, now, is_brief=is_flood)
            if made is not None:
                exchanges.append(made)
        try:
            self._store.add(exchanges)
        except Exception as error:  # noqa: BLE001 - a full disk, a locked file, a value that no column holds: as above
            self.dropped += len(exchanges)
            self._report("exchanges can't be recorded: %s (logged once)", error)

    def _take_waiting(self) -> list[Recording]:
        """Return the recordings that have waited longest, each once."""
        taken: dict[Recording, None] = {}
        with self._lock:
            while self._waiting and len(taken) < self._most:
                recording = self._waiting.popleft()
                self._waiting_bytes -= recording.release()
                taken[recording] = None
        return list(taken)

    def _make(self, recording: Recording, now: float, *, is_brief: bool) -> Exchange | None:
        recording.mark_written(now)
        try:
            return self._maker.make(recording, now, is_brief=is_brief)
        except Exception as error:  # noqa: BLE001 - whatever a site holds in its requests and responses, it is served on
            self._report("exchange %s can't be recorded: %r (logged once)", recording.id, error)
            return None

    def _report(self, message: str, *arguments: object) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.warning(message, *arguments)

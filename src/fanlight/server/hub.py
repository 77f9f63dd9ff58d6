"""The hub: one thread at a time serves every connection of the process.

In: listening sockets and a handler. Out: every request gets its response. The hub's poller is nested in the event loop,
so `poll_once` is called once for a whole batch of ready connections; it receives and parses for each, then calls and
sends for each, in place, with no task, future or callback in between.

The hub polls, hands out the events, and looks after deadlines once a second. Which thread does that is decided by
`Ownership`; connections are added, watched and closed by `ConnectionTable`; what a request means is in `Exchange`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fanlight.message.handler import Handler, default_fields_of
from fanlight.server.connection.client_errors import is_about_client
from fanlight.server.connection.connection import RECV_BYTES, Connection, wire_limits
from fanlight.server.connection.phases import (
    CONTENT,
    HANDSHAKE,
    HEAD,
    LINGERING,
    READING_REQUESTS,
    STREAMING,
    STREAMING_BODY,
    WAITING_FOR_CLIENT,
)
from fanlight.server.dispatch.lanes import Lanes
from fanlight.server.dispatch.ownership import Ownership, Turn
from fanlight.server.dispatch.stall_detector import EventLoopWatchdog, StallDetector
from fanlight.server.exchange.background_tasks import BackgroundTasks
from fanlight.server.exchange.connection_table import ConnectionTable
from fanlight.server.exchange.dispatch import Executors
from fanlight.server.exchange.exchange import Exchange
from fanlight.server.exchange.handshake import continue_handshake
from fanlight.server.exchange.interim_responses import InterimResponses
from fanlight.server.exchange.timeouts import close_expired, close_idle_for_drain, evict_idle
from fanlight.server.io.forks import run_in_child
from fanlight.server.io.poller import Poller, best_poller
from fanlight.server.io.thread_pool import WAITING_CALLS_PER_THREAD, ThreadPool
from fanlight.server.listening.acceptor import EVICT_SECONDS, Acceptor
from fanlight.wire.http1.http1_connection import Http1Connection

if TYPE_CHECKING:
    from fanlight.server.exchange.request_observer import RequestObserver
    from fanlight.server.listening.acceptor import Address
    from fanlight.server.listening.listener_policy import ListenerPolicy
    from fanlight.settings.host_names import HostNames
    from fanlight.settings.limits import Limits

TICK_SECONDS = 1.0
MAX_ARRIVED = 64  # requests that are read before their calls run

log = logging.getLogger("fanlight.server")


class Hub:
    """All connections of one process; made in a running event loop, whose thread serves them."""

    def __init__(  # noqa: PLR0913 - what a test puts in another's place is given by its name
        self,
        handler: Handler,
        limits: Limits,
        *,
        observer: RequestObserver | None = None,
        poller: Poller | None = None,
        detects_stalls: bool = True,
        is_shared: bool = False,
        watch: Callable[[Connection], object] | None = None,
        hosts: HostNames | None = None,
    ) -> None:
        """Begin to serve what is adopted or listened for.

        Unless `detects_stalls`, a view that blocks the hub keeps it, until a test calls `detector.check`.
        `is_shared`: other processes accept from its listeners too. `watch` is called with each new connection, and may
        put something else in the place of its socket and its wire: that is how exchanges are recorded in development.
        Requests for others than `hosts` are refused.
        """
        loop, poller = asyncio.get_running_loop(), poller or best_poller()
        self._wire_limits, self._watch = wire_limits(limits), watch
        self._next_tick = 0.0
        self._timer: asyncio.TimerHandle | None = None

        self.ownership = ownership = Ownership(
            loop,
            poller,
            poll_once=self.poll_once,
            run_in_rescue_thread=self.run_in_rescue_thread,
            resumed=self._schedule_timer,
        )
        self.post = ownership.post  # have the holder call a function, soon; from any thread
        self.pool = pool = ThreadPool(limits.threads, limits.threads * WAITING_CALLS_PER_THREAD)
        self.background = BackgroundTasks(loop, pool)
        self.table = table = ConnectionTable(
            poller, ownership, limits, self.background, observer, default_fields_of(handler)
        )
        self.lanes = lanes = Lanes()
        self.watchdog = watchdog = EventLoopWatchdog(loop, ownership.loop_thread_id)
        self.detector = StallDetector(
            lambda: ownership.turn,
            self._rescue,
            lanes.record_stall,
            lanes.record_leave,
            watchdog=watchdog,
        )
        interim = InterimResponses(table, ownership, self.background)
        executors = Executors(pool=pool, lanes=lanes, detector=self.detector, watchdog=watchdog, interim=interim)
        self.exchange = Exchange(table, ownership, executors, handler, self.background, observer, hosts=hosts)
        evict = partial(evict_idle, table)
        self.acceptor = Acceptor(
            poller, table.connections, limits, self.adopt, evict, self._call_later, is_shared=is_shared
        )
        run_in_child(table, ConnectionTable.close_in_child)
        if detects_stalls:
            self.detector.start()

    def listen(self, listener: socket.socket, policy: ListenerPolicy | None = None) -> None:
        """Accept from a listening socket, by its policy; called in the loop's thread."""
        self.acceptor.add(listener, policy)

    def adopt(
        self,
        sock: socket.socket,
        client: str | None,
        policy: ListenerPolicy | None = None,
        address: Address | None = None,
    ) -> None:
        """Serve a connected socket; only the holder may. `address` is what the acceptor counts it under."""
        sock.setblocking(False)
        table = self.table
        now = table.take_time()
        connection = Connection(sock, client, Http1Connection(self._wire_limits), now, self._on_closed)
        connection.count_under(address)
        if policy is None or not policy.wrap(connection):
            connection.enter(HEAD, now, table.limits.head_seconds)
        if self._watch is not None:
            self._watch(connection)
        table.add(connection)
        self._schedule_timer()

    def _on_closed(self, connection: Connection) -> None:
        self.acceptor.release_slot(connection.address)

    def drain(self, *, is_replaced: bool = False) -> None:
        """Stop accepting, finish what runs, close what is idle; only the holder may. Then `table.drained` is set.

        A client that got a response a moment ago may be sending its next request: it gets one more, which says
        `connection: close`.
        """
        table = self.table
        if table.is_draining:
            return
        self.acceptor.close()
        table.start_draining(is_replaced=is_replaced)
        close_idle_for_drain(table)
        for each in table.connections.values():
            if each.stream is not None:
                each.stream.drain()  # one with a heartbeat has no natural end
        table.finish_if_drained()
        self._schedule_timer()

    def close(self) -> None:
        """Give everything back; called in the loop's thread, after `table.drained`."""
        self.ownership.stop()
        self.detector.stop()
        self.pool.close()
        self.acceptor.close()
        self.table.close_all()
        if self._timer is not None:
            self._timer.cancel()
        self.ownership.close()

    # --- serving --------------------------------------------------------------------------

    def poll_once(self) -> None:
        """Serve all that is ready; the event loop calls this once for a whole batch."""
        ownership, dispatch = self.ownership, self.exchange.dispatch
        turn = ownership.turn
        asyncio._set_running_loop(None)  # noqa: SLF001 - documented, for those who run loops: a plain view sees none
        try:
            if turn is None or not turn.is_on_loop or not self.serve_ready(turn, 0):
                ownership.give_back()
        finally:
            asyncio._set_running_loop(ownership.loop)  # noqa: SLF001 - as above
            if dispatch.starting:
                dispatch.begin_tasks()

    def run_in_rescue_thread(self, turn: Turn) -> None:
        """Serve until the loop's thread is free again, or this thread is stuck in a view too."""
        ownership = self.ownership
        if not self._run_arrived(turn):  # the last holder is stuck in a view before them
            return
        while ownership.turn is turn and not ownership.is_closed:
            if not self.serve_ready(turn, max(0.0, self._next_tick - time.monotonic())):
                return

    def serve_ready(self, turn: Turn, timeout: float) -> bool:
        """Serve every ready connection; False once another thread holds the hub.

        Requests are read first and their calls run after that, many at a time. PERF: benchmarks/revisions.py: what
        is done again and again is done by code that is still in the processor's caches.
        """
        table, arrived = self.table, self.exchange.arrived
        ready = table.poll(timeout)
        if table.now >= self._next_tick:
            self._tick(table.now)
        connections, advance = table.connections, self.exchange.advance
        for fd, events in ready:
            connection = connections.get(fd)
            if connection is None:
                # Before that, as it may close connections that wait for a request, which these look like.
                if not self._run_arrived(turn) or not self._serve_own(fd):
                    return False
                continue
            phase = connection.phase
            try:
                if phase not in READING_REQUESTS:
                    if phase is HANDSHAKE:
                        continue_handshake(connection, table, table.linger, self.acceptor.acquire_slot)
                    else:
                        self._serve_event(connection, events)
                    continue
                data = connection.receive_content() if phase is CONTENT else connection.sock.recv(RECV_BYTES)
                if data:
                    connection.wire.receive(data)
                if not (advance(connection, turn, arrived) if data else self._end(connection, turn)):
                    return False
            except BlockingIOError:
                continue
            except BaseException as error:  # noqa: BLE001 - one connection that fails must not end the others
                self._close_failed(connection, error)
            if len(arrived) >= MAX_ARRIVED and not self._run_arrived(turn):
                return False
        return self._run_arrived(turn)

    def _end(self, connection: Connection, turn: Turn) -> bool:
        """Serve what has arrived before the client closed its sending side, and close; False as in `serve_ready`.

        Requests that came together with one that has just been responded to by a task or a thread wait to be served.
        """
        if connection.wire.buffer and not self.exchange.advance(connection, turn):
            return False
        if connection.phase in READING_REQUESTS:
            self.table.close(connection)
        return True

    def _run_arrived(self, turn: Turn) -> bool:
        """Run the calls of the requests that were read; False once another thread holds the hub, and runs the rest."""
        arrived, run = self.exchange.arrived, self.exchange.run
        while arrived:
            connection = arrived.popleft()
            try:
                if not run(connection, turn):
                    return False
            except BlockingIOError:
                continue
            except BaseException as error:  # noqa: BLE001 - as above
                self._close_failed(connection, error)
        return True

    def _close_failed(self, connection: Connection, error: BaseException) -> None:
        if not is_about_client(error):
            log.error("a connection failed; it is closed, the others go on", exc_info=error)
            self.exchange.batching.flush(connection)
        self.table.close(connection)

    def _serve_event(self, connection: Connection, events: int) -> None:
        """Handle a poll event of a connection in a phase in which no request is read, and no handshake."""
        phase = connection.phase
        if phase in WAITING_FOR_CLIENT:
            self.exchange.write_more(connection)
        elif phase is STREAMING:
            assert connection.stream is not None
            connection.stream.on_poll_event(events)
        elif phase is STREAMING_BODY:
            assert connection.body_reader is not None
            connection.body_reader.read_more()
        elif phase is LINGERING:
            if not connection.discard(self.table.now):
                self.table.close(connection)
        else:  # it runs elsewhere, and its client sends more or has left: looked at again when it comes back
            self.table.watch(connection, 0)
            if connection.body_reader is not None:
                connection.body_reader.on_poll_event(events)
            self.table.watch_again(connection)  # its thread may have given it back just before

    def _serve_own(self, fd: int) -> bool:
        """Accept, or do what was posted; False once another thread holds the hub."""
        if self.acceptor.accept(fd) or fd != self.ownership.wakeup_fd:
            return True  # a listener, or a connection that was closed earlier in this batch
        return self.ownership.run_pending()

    def _rescue(self, turn: Turn, connection: Connection) -> None:
        """Pass the hub on, which was taken from the view of a connection; finished responses do not wait for it."""
        try:
            self.exchange.batching.flush(connection)
        finally:
            self.ownership.rescue(turn, connection)

    # --- time -----------------------------------------------------------------------------

    def _call_later(self, seconds: float, callback: Callable[[], object]) -> bool:
        """Have the holder call a function after so many seconds; False in a rescue thread, which has no timers."""
        if not self.ownership.on_loop_thread():
            return False
        self.ownership.loop.call_later(seconds, self.post, callback)
        return True

    def _schedule_timer(self) -> None:
        """Have the event loop call for deadlines, while there is anything that can miss one."""
        is_needed = bool(self.table.connections) or self.acceptor.is_paused
        if is_needed and self._timer is None and self.ownership.on_loop_thread():
            seconds = EVICT_SECONDS if self.acceptor.is_crowded or self.table.is_draining else TICK_SECONDS
            self._timer = self.ownership.loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self.ownership.on_loop_thread():
            self.poll_once()
            self._schedule_timer()

    def _tick(self, now: float) -> None:
        """Once a second, or more often while many wait: set the date, and close what has taken too long."""
        table, wall = self.table, time.time()
        is_quick = self.acceptor.is_crowded or table.is_draining
        self._next_tick = now + (EVICT_SECONDS if is_quick else TICK_SECONDS - wall % 1)
        table.set_date(wall)
        close_expired(table, self.exchange.refusals.refuse_late, now)
        self.exchange.send_buffers.enforce()
        self.lanes.remeasure()
        self.acceptor.on_tick()
        table.abort_if_overdue(now)

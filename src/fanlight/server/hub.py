"""The hub: one thread at a time serves every connection of the process.

In: listening sockets and a handler. Out: every request that comes is answered. The hub's poller is
nested in the event loop, so `turn` is called once for a whole batch of ready connections; for each
it receives, parses, calls and sends in place, with no task, future or callback in between.

Who is the holder, and how a stuck view loses the hub: see `stall_monitor`. In short: the loop's thread holds it at
home. When the monitor takes it, a rescue thread holds it (`lead`), and the loop's thread, when its view has returned,
detaches the poller from the loop and asks for the hub (`_go_home`, then `_come_home`). What only the holder may do is
posted to the `inbox`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from fanlight.errors import ProtocolError
from fanlight.message.handler import Handler
from fanlight.server.connection.background_tasks import BackgroundTasks
from fanlight.server.connection.connection import RECV_BYTES, Connection, is_about_client, wire_limits
from fanlight.server.connection.exchange import Exchange
from fanlight.server.connection.host import DRAIN_KEEPALIVE_SECONDS
from fanlight.server.connection.phases import (
    CLOSED,
    CONTENT,
    HANDSHAKE,
    HEAD,
    LINGERING,
    READING_REQUESTS,
    RUNNING,
    STREAMING,
    STREAMING_BODY,
    WAITING_FOR_CLIENT,
)
from fanlight.server.connection.streams import Streams, end_streams
from fanlight.server.connection.timeouts import ARRIVING_SECONDS, close_expired, close_idle_for_drain, evict_idle
from fanlight.server.dispatch.dispatch import Dispatch
from fanlight.server.dispatch.lanes import Lanes
from fanlight.server.dispatch.loop_watchdog import EventLoopWatchdog
from fanlight.server.dispatch.stall_monitor import StallDetector, Turn
from fanlight.server.io.call_queue import CallQueue
from fanlight.server.io.forks import run_in_child
from fanlight.server.io.poller import READ, Poller, best_poller
from fanlight.server.io.thread_pool import WAITING_CALLS_PER_THREAD, ThreadPool
from fanlight.server.listening.acceptor import EVICT_SECONDS, Acceptor
from fanlight.server.tls.tls_stream import TlsError
from fanlight.wire.http1.http1_connection import Http1Connection

if TYPE_CHECKING:
    from fanlight.server.connection.request_observer import RequestObserver
    from fanlight.server.listening.acceptor import Address
    from fanlight.server.listening.listener_policy import ListenerPolicy
    from fanlight.settings.limits import Limits

TICK_SECONDS = 1.0

log = logging.getLogger("fanlight.server")


class Hub:
    """All connections of one process; make it in a running loop, whose thread is its home."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        *,
        observer: RequestObserver | None = None,
        poller: Poller | None = None,
        has_monitor: bool = True,
        is_shared: bool = False,
    ) -> None:
        """Take the running loop's thread as home and begin to serve what is adopted or listened for.

        Without a monitor, views in place are never rescued, unless `monitor.look` is called. `is_shared`: other
        processes accept from its listeners too.
        """
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.connections: dict[int, Connection] = {}
        self.now = time.monotonic()
        self.standard, self.keepalive_seconds = b"", limits.idle_seconds
        self.is_draining = self.is_closed = self.has_cut_off = False
        self.finished = asyncio.Event()
        self.rescues = 0
        self.turn: Turn | None = Turn(is_on_loop=True)

        self._home_thread = threading.get_ident()
        self._wire_limits = wire_limits(limits)
        self.calls = CallQueue()
        self.post = self.calls.post
        self._next_tick = self._drain_until = 0.0
        self.arrive_until = float("inf")  # while we drain: what has not wholly come by then is refused
        self._ticker: asyncio.TimerHandle | None = None

        self.lanes = Lanes()
        self.monitor = StallDetector(lambda: self.turn, self._rescue, self.lanes.record_stall)
        self.pool = ThreadPool(limits.threads, limits.threads * WAITING_CALLS_PER_THREAD)
        self._exchange = exchange = Exchange(self, handler, limits, self.pool, observer=observer)
        self.background = exchange.background = BackgroundTasks(self.loop, self.pool)
        self.monitor.watchdog = watch = EventLoopWatchdog(self.loop, self._home_thread)
        exchange.streams = Streams(self, self.pool, watch, exchange.stream_finished)
        exchange.dispatch = Dispatch(self, exchange, self.pool, self.lanes, self.monitor, watch)

        self._poller = poller or best_poller()
        self._poll = self._poller.poll
        self.acceptor = Acceptor(
            self._poller, self.connections, limits, self.adopt, lambda: evict_idle(self), is_shared=is_shared
        )
        self._poller.register(self.calls.fileno(), READ)
        self._poller.attach(self.loop, self.poll_once)
        run_in_child(self, Hub._let_go)
        if has_monitor:
            self.monitor.start()

    def listen(self, listener: socket.socket, policy: ListenerPolicy | None = None) -> None:
        """Accept from a listening socket, by its entrance; called at home."""
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
        self.now = time.monotonic()
        connection = Connection(sock, client, Http1Connection(self._wire_limits), self.now)
        connection.address = address
        if policy is None or not policy.wrap(connection):
            connection.enter(HEAD, self.now, self.limits.head_seconds)
        self.connections[connection.fd] = connection
        self._poller.register(connection.fd, READ)
        self._schedule_timer()

    @property
    def served(self) -> int:
        """How many requests have come since the beginning."""
        return self._exchange.served

    def on_loop_thread(self) -> bool:
        """Say whether this is the loop's thread, and the holder."""
        turn = self.turn
        return turn is not None and turn.is_on_loop and threading.get_ident() == self._home_thread

    def watch(self, connection: Connection, events: int = READ) -> None:
        """Watch for these events of a connection, none if 0; only the holder may."""
        if connection.interest == events:
            return
        if not events:
            self._poller.unregister(connection.fd)
        elif connection.interest:
            self._poller.modify(connection.fd, events)
        else:
            self._poller.register(connection.fd, events)
        connection.interest = events

    def drop(self, connection: Connection) -> None:
        """Close a connection; only the holder may. A second time does nothing."""
        if connection.phase is CLOSED:
            return
        connection.enter(CLOSED, self.now)
        del self.connections[connection.fd]
        try:
            self._exchange.release_closed(connection)
        finally:  # whatever of it has failed: the connection is gone, and no drain waits for it
            self.acceptor.release_slot(connection.address)
            if self.is_draining and not self.connections:
                self._finish()

    def drain(self) -> None:
        """Stop accepting, finish what runs, close what idles; only the holder may. Then `finished` is set.

        A client that got a response a moment ago may be sending its next request: it gets one more, which says
        `connection: close`.
        """
        if self.is_draining:
            return
        self.acceptor.close()
        self.is_draining, self.keepalive_seconds = True, DRAIN_KEEPALIVE_SECONDS
        self.now = time.monotonic()
        self._drain_until = self.now + self.limits.drain_seconds
        self.arrive_until = self.now + min(ARRIVING_SECONDS, self.limits.drain_seconds)
        close_idle_for_drain(self.connections.values(), self, self.now)
        end_streams(self.connections.values())
        if self.connections:
            self._schedule_timer()
        else:
            self._finish()

    @property
    def drain_left(self) -> float:
        """How many of the seconds to drain are left."""
        return self._drain_until - time.monotonic()

    def abandon(self) -> None:
        """Close every connection at once; only the holder may."""
        if self.connections:
            self.has_cut_off = True
            log.warning("%d connections are cut off: they were not done in time", len(self.connections))
        for connection in list(self.connections.values()):
            self.drop(connection)

    def close(self) -> None:
        """Give everything back; called at home, after `finished`."""
        self.is_closed = True
        self.monitor.stop()
        self.pool.close()
        self.acceptor.close()
        for connection in list(self.connections.values()):
            self.drop(connection)
        if self._ticker is not None:
            self._ticker.cancel()
        self._poller.detach()
        self._poller.close()
        self.calls.close()

    def _let_go(self) -> None:
        """Close the clients' sockets in a forked child, without a word to the clients."""
        for each in list(self.connections.values()):
            each.close_in_child()

    # --- serving --------------------------------------------------------------------------

    def poll_once(self) -> None:
        """Serve all that is ready; the loop calls this once for a whole batch."""
        turn = self.turn
        asyncio._set_running_loop(None)  # noqa: SLF001 - documented, for those who run loops: a plain view sees none
        try:
            if turn is None or not turn.is_on_loop or not self.serve_ready(turn, 0):
                self._poller.detach()
                if not self.is_closed:
                    self.post(self._release_to_loop)
        finally:
            asyncio._set_running_loop(self.loop)  # noqa: SLF001 - as above

    def run_in_rescue_thread(self, turn: Turn) -> None:
        """Serve in a rescue thread, until the loop's thread is free again or this one is stuck too."""
        while self.turn is turn and not self.is_closed:
            if not self.serve_ready(turn, max(0.0, self._next_tick - time.monotonic())):
                return

    def serve_ready(self, turn: Turn, timeout: float) -> bool:
        """Serve every ready connection; False once another thread has the hub."""
        ready = self._poll(timeout)
        self.now = now = time.monotonic()
        if now >= self._next_tick:
            self._tick(now)
        connections, advance = self.connections, self._exchange.advance
        for fd, events in ready:
            connection = connections.get(fd)
            if connection is None:
                if not self._serve_own(fd):
                    return False
                continue
            phase = connection.phase
            try:
                if phase not in READING_REQUESTS:
                    self._serve_other(connection, events)
                    continue
                data = connection.receive_content() if phase is CONTENT else connection.sock.recv(RECV_BYTES)
                if not data:
                    self.drop(connection)
                    continue
                connection.wire.receive(data)
                if not advance(connection, turn):
                    return False
            except BlockingIOError:
                continue
            except BaseException as error:  # noqa: BLE001 - around the connection: one that fails must not end the others
                self._fail(connection, error)
        return True

    def _fail(self, connection: Connection, error: BaseException) -> None:
        """Close a connection that can't go on; only what is not its client's doing is logged."""
        if not is_about_client(error):
            log.error("a connection failed; it is closed, the others go on", exc_info=error)
        self.drop(connection)

    def _serve_other(self, connection: Connection, events: int) -> None:
        """Do what an event means to a connection that reads no requests now."""
        if connection.phase in WAITING_FOR_CLIENT:
            self._exchange.write_more(connection)
        elif connection.phase is LINGERING:
            if not connection.discard(self.now):
                self.drop(connection)
        elif connection.phase is HANDSHAKE:
            self._handshake(connection)
        elif connection.phase is STREAMING_BODY:
            assert connection.body_reader is not None
            connection.body_reader.read_more()
        elif connection.phase is STREAMING:
            assert connection.stream is not None
            connection.stream.on_poll_event(events)
        else:  # it runs elsewhere, and its client sends more or has left: we look again when it comes back
            self.watch(connection, 0)

    def _handshake(self, connection: Connection) -> None:
        """Go on with what comes before a connection's first request; who gets it wrong is let go."""
        setup = connection.setup
        assert setup is not None
        try:
            wanted = setup.handshake(connection)
        except TlsError:  # it was told why, and may send on: closing now, we would take our word back with a reset
            self._exchange.linger(connection)
            return
        except (OSError, ProtocolError):
            self.drop(connection)
            return
        if wanted:
            self.watch(connection, wanted)
            return
        if connection.address is None and connection.client is not None and not setup.trusts(connection.client):
            connection.address = self.acceptor.acquire_slot(connection.client)  # whom a proxy spoke for
            if connection.address is None:
                self.drop(connection)
                return
        connection.enter(HEAD, self.now, self.limits.head_seconds)
        self.watch(connection)

    def _serve_own(self, fd: int) -> bool:
        """Accept, or do what was posted; False once another thread has the hub."""
        if self.acceptor.accept(fd) or fd != self.calls.fileno():
            return True  # a listener, or a connection that was closed earlier in this batch
        return self.calls.run_pending()

    # --- time -----------------------------------------------------------------------------

    def _schedule_timer(self) -> None:
        """See to it that the loop wakes us for deadlines, while there is anything that can miss one."""
        if self._ticker is None and self.on_loop_thread() and (self.connections or self.acceptor.is_paused):
            seconds = EVICT_SECONDS if self.acceptor.is_crowded or self.is_draining else TICK_SECONDS
            self._ticker = self.loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._ticker = None
        turn = self.turn
        if turn is not None and turn.is_on_loop:
            self.poll_once()
            self._schedule_timer()

    def _tick(self, now: float) -> None:
        """Once a second at most: a new date, and the end for whoever took too long."""
        wall = time.time()
        is_quick = self.acceptor.is_crowded or self.is_draining
        self._next_tick = now + (EVICT_SECONDS if is_quick else TICK_SECONDS - wall % 1)
        date = formatdate(wall, usegmt=True)  # in English, whatever locale the app has set
        self.standard = b"server: fanlight\r\ndate: " + date.encode() + b"\r\n"
        close_expired(self.connections.values(), self, self._exchange, now)
        self._exchange.unsent.enforce(self)
        self.lanes.remeasure()
        self.acceptor.resume()
        if self.is_draining and self.connections and now >= self._drain_until:
            self.abandon()

    def _finish(self) -> None:
        """Say that all is done; if the loop's thread is away, it is said when it comes home."""
        if self.on_loop_thread():
            self.loop.call_soon_threadsafe(self.finished.set)

    # --- who holds the hub ----------------------------------------------------------------

    def _rescue(self, turn: Turn, connection: Connection) -> None:
        """Pass the hub on: the monitor has taken the tenure's baton, and calls this in its own thread."""
        connection.enter(RUNNING, self.now)
        self.rescues += 1
        if turn.is_on_loop:
            self._poller.stop_mirroring()
        self.turn = fresh = Turn(is_on_loop=False)
        while True:
            try:
                args = (self.run_in_rescue_thread,)
                threading.Thread(target=fresh.run, args=args, name="fanlight-rescue", daemon=True).start()
            except RuntimeError:  # no thread to be had: better late than never
                time.sleep(0.05)
            else:
                return

    def _release_to_loop(self) -> bool:
        """Let go of the hub for the loop's thread, which is free again; a rescue thread's last act."""
        if not self.is_closed:
            self.turn = None
            self.loop.call_soon_threadsafe(self._resume_on_loop)
        return False

    def _resume_on_loop(self) -> None:
        self.turn = Turn(is_on_loop=True)
        self._poller.attach(self.loop, self.poll_once)
        if self.is_draining and not self.connections:
            self._finish()
        self._schedule_timer()
        self.poll_once()

"""The open connections of one hub: what the poller watches them for, and how they are closed and drained.

In: connections, and what they wait for. Out: those that are ready, and the end of each, with all that it holds. The
only place where a connection is registered with the poller or closed. Keeps what is the same for all connections: the
limits, the time, the header fields of every response, how long a client may stay idle. Only the holder of the hub may
call what changes anything. Knows nothing of requests, listeners or threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fanlight.message.headers import MutableHeaders
from fanlight.message.http_date import write_date
from fanlight.server.connection.connection import LINGER_SECONDS, NO_REQUEST
from fanlight.server.connection.phases import CLOSED, IDLE, LINGERING, READING_REQUESTS
from fanlight.server.io.poller import READ, Poller
from fanlight.wire.http1.response_writer import write_line

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection
    from fanlight.server.dispatch.ownership import Ownership
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.request_observer import RequestObserver
    from fanlight.settings.limits import Limits

MAX_KNOWN_SETS = 64  # of fields that responses replace
DRAIN_KEEPALIVE_SECONDS = 1.0  # for a next request while we drain, where no response has said `connection: close`
ARRIVING_SECONDS = 3.0  # for the rest of a request that was on its way when the server began to stop

log = logging.getLogger("fanlight.server")


class ConnectionTable:
    """The connections of one hub."""

    def __init__(
        self,
        poller: Poller,
        ownership: Ownership,
        limits: Limits,
        background: BackgroundTasks,
        observer: RequestObserver | None,
        default_fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Begin without any. On closing one, its background tasks go to `background`, its log line to `observer`.

        `default_fields` are on every response that does not set them itself. Raises InvalidResponse.
        """
        self._poller, self.ownership, self.limits = poller, ownership, limits
        self._background, self._observer = background, observer
        self._poll = poller.poll
        self._watched: dict[int, int] = {}  # the events that the poller watches for; none: it does not know of it
        self.connections: dict[int, Connection] = {}
        self.now = time.monotonic()
        self.default_headers = b""
        self._field_lines = {name: write_line((name, value)) for name, value in default_fields}
        self._all_field_lines = b"".join(self._field_lines.values())
        self._without: dict[frozenset[str], bytes] = {}  # the lines without some of them
        self.keepalive_seconds = limits.idle_seconds
        self.is_draining = self.has_cut_off = False
        self.is_replaced = False  # while we drain: another process serves in our place
        self.drained = asyncio.Event()
        self.refuse_late_at = math.inf  # while we drain: what has not wholly arrived by then is refused
        self._drain_until = 0.0
        self._date_lines = b""

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Return what is ready, as pairs of descriptor and events, and take the time."""
        ready = self._poll(timeout)
        self.now = time.monotonic()
        return ready

    def take_time(self) -> float:
        """Return the time, which is `now` from here on."""
        self.now = now = time.monotonic()
        return now

    def set_date(self, seconds: float) -> None:
        """Set the date that responses carry; once a second."""
        date = write_date(int(seconds))
        self._date_lines = b"server: fanlight\r\ndate: " + date.encode() + b"\r\n"
        self.default_headers = self._date_lines + self._all_field_lines

    def headers_beside(self, own: MutableHeaders | None) -> bytes:
        """Return the default headers for a response with fields of its own, which may replace some of the app's."""
        if own is None or not own.replaced:
            return self.default_headers
        names = own.replaced
        lines = self._without.get(names)
        if lines is None:
            if len(self._without) >= MAX_KNOWN_SETS:
                self._without.clear()
            kept = (line for name, line in self._field_lines.items() if name not in names)
            lines = self._without[names] = b"".join(kept)
        return self._date_lines + lines

    @property
    def date_lines(self) -> bytes:
        """The header fields of a response that is no page: `server` and `date`."""
        return self._date_lines

    # --- one connection ---------------------------------------------------------------------------

    def add(self, connection: Connection) -> None:
        """Take over a new connection, and watch it for something to receive."""
        stale = self.connections.get(connection.fd)
        if stale is not None:  # the site has closed its descriptor, whose number is the new one's now
            stale.sock.detach()  # it would close that of the new one
            self._watched.pop(connection.fd, None)  # the system watches it no longer
            self.close(stale)
        self.connections[connection.fd] = connection
        self.watch(connection)

    def watch(self, connection: Connection, events: int = READ) -> None:
        """Have the poller watch a connection for these events only; 0: for none, not even for a disconnect."""
        fd = connection.fd
        before = self._watched.get(fd, 0)
        if before == events:
            return
        if not events:
            del self._watched[fd]
            self._poller.unregister(fd)
            return
        if before:
            self._poller.modify(fd, events)
        else:
            self._poller.register(fd, events)
        self._watched[fd] = events

    def give_back(self, connection: Connection) -> None:
        """Have the holder read the next request, as its thread has sent the whole response; from that thread only.

        PERF: benchmarks/waits.py: the holder need not be woken for it. It stops watching a connection whose client
        sends while it runs, so both look twice: the thread enters IDLE, then sees whether it is watched; the holder
        stops watching, then sees whether it is in IDLE (`watch_again`). However close, one of them sees the other.
        """
        connection.enter(IDLE, time.monotonic(), self.keepalive_seconds)
        if connection.fd not in self._watched:
            self.ownership.post(self.watch_again, connection)

    def watch_again(self, connection: Connection) -> None:
        """Watch a connection that was given back meanwhile; only the holder may."""
        if connection.phase in READING_REQUESTS and self.connections.get(connection.fd) is connection:
            self.watch(connection)

    def wait_for_next(self, connection: Connection) -> None:
        """Wait for the next request of a connection, all of whose bytes have been read."""
        # Freed here, and not with the next one: thousands of other connections may follow until then.
        connection.request = NO_REQUEST
        if connection.phase is IDLE:
            connection.restart_phase(self.now, self.keepalive_seconds)
        else:
            connection.enter(IDLE, self.now, self.keepalive_seconds)

    def close(self, connection: Connection) -> None:
        """Close a connection, and end all that it had under way. A second time does nothing."""
        if connection.phase is CLOSED:
            return
        connection.enter(CLOSED, self.now)
        del self.connections[connection.fd]
        try:
            with contextlib.suppress(OSError, ValueError, KeyError):  # its descriptor was closed behind our back
                self.watch(connection, 0)
            connection.end()
            if self._observer is not None:
                self._observer.on_cut_off(connection)
            connection.release_all()
            self._background.schedule(connection)
            connection.resume_stream(is_there=False)
        finally:  # whatever of it has failed: the connection is gone, and no drain waits for it
            connection.on_closed(connection)
            self.finish_if_drained()

    def linger(self, connection: Connection) -> None:
        """Close our sending side, and receive until the client has closed (RFC 9112 section 9.6)."""
        try:
            connection.sock.shutdown(1)  # SHUT_WR
        except OSError:
            self.close(connection)
            return
        connection.enter(LINGERING, self.now, LINGER_SECONDS)
        self.watch(connection)

    def release(self, connection: Connection) -> socket.socket:
        """Stop serving an idle connection without TLS, which stays open; return its socket, now the caller's.

        Another process can serve it on: nothing of a next request has been received yet.
        """
        connection.enter(CLOSED, self.now)
        del self.connections[connection.fd]
        self.watch(connection, 0)
        sock = connection.detach()
        connection.on_closed(connection)
        self.finish_if_drained()
        return sock

    # --- all of them ------------------------------------------------------------------------------

    def start_draining(self, *, is_replaced: bool = False) -> None:
        """Begin to drain: idle clients and arriving requests get little time. `drained` is set when all are closed."""
        now = self.take_time()
        self.is_replaced = is_replaced
        self.is_draining, self.keepalive_seconds = True, DRAIN_KEEPALIVE_SECONDS
        self._drain_until = now + self.limits.drain_seconds
        self.refuse_late_at = now + min(ARRIVING_SECONDS, self.limits.drain_seconds)

    @property
    def drain_seconds_left(self) -> float:
        """How many of the seconds to drain are left."""
        return self._drain_until - time.monotonic()

    def finish_if_drained(self) -> None:
        """Report a drain that has come to its end."""
        if self.is_draining and not self.connections:
            self.ownership.when_on_loop(self.drained.set)

    def abort_if_overdue(self, now: float) -> None:
        """Close every connection if a drain has taken too long."""
        if self.is_draining and self.connections and now >= self._drain_until:
            self.abort()

    def abort(self) -> None:
        """Close every connection now, whatever it has under way."""
        if self.connections:
            self.has_cut_off = True
            log.warning("%d connections are cut off: they were not done in time", len(self.connections))
        self.close_all()

    def close_all(self) -> None:
        """Close every connection."""
        for connection in list(self.connections.values()):
            self.close(connection)

    def close_in_child(self) -> None:
        """Close the sockets of the clients in a forked child, without notice to the clients."""
        for each in list(self.connections.values()):
            each.close_in_child()

"""Accept connections, within the limits for the process and for each address.

In: a listening socket that is ready. Out: connected sockets, passed to `on_accept`. When there are too many
connections, or no descriptors left, idle ones are evicted (`timeouts.evict_idle`). If there are none, the listeners are
not polled for a while and clients wait in the system's queue: none is refused, and a full process does not spin. An
address that has its share of connections is refused more, so that it can't take everyone's place. A worker that has
clearly more connections than another leaves new ones to that one (`worker_loads`), for STEP_BACK_SECONDS at most.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sized

from fanlight.server.io.forks import run_in_child
from fanlight.server.io.poller import READ, SHARED, Poller
from fanlight.server.listening.listener_policy import ListenerPolicy
from fanlight.server.listening.worker_loads import AcceptShare
from fanlight.settings.addresses import unmapped
from fanlight.settings.limits import Limits

BATCH = 64  # connections accepted at a time
SHARED_BATCH = 8  # fewer when the socket is shared, so load spreads over workers
STEP_BACK_SECONDS = 0.002  # for another worker to accept what waits
# PERF: benchmarks/balance.py: how often a worker steps back in a second, which is enough for kept connections. Short
# ones, by the thousand, are shared well enough by the kernel, and each step costs as much as a request.
STEPS_PER_SECOND = 64
# How much of a response the kernel buffers ahead of what it sends; accepted sockets inherit this from the listener.
# Without it each slow reader takes megabytes of the kernel's memory for TCP, until that is exhausted for everyone.
MAX_UNSENT_BYTES = 128 * 1024
# A client that has vanished (no network, no power) is detected also where nothing is sent to it: the system probes it
# after so many silent seconds, then at intervals, and closes the connection after the last probe.
PROBE_AFTER_SECONDS, PROBE_SECONDS, PROBES = 60, 15, 4
_OPTIONS: tuple[tuple[int, str, int], ...] = (
    (socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", MAX_UNSENT_BYTES),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", PROBE_AFTER_SECONDS),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", PROBE_AFTER_SECONDS),  # the same on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", PROBE_SECONDS),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
)
_NAT64 = socket.inet_pton(socket.AF_INET6, "64:ff9b::")[:12] if socket.has_ipv6 else b""
EVICT_SECONDS = 0.25  # between two evictions, and two ticks of the hub while it is crowded
CROWDED_SECONDS = 2.0  # after a pause, the hub looks for idle connections more often
LOG_SECONDS = 60.0  # between two log lines of the same kind

Address = str | bytes
CallLater = Callable[[float, Callable[[], object]], bool]
# The socket, the client (None behind a unix socket), the listener's policy, and what the connection is counted under.
OnAccept = Callable[[socket.socket, str | None, ListenerPolicy | None, Address | None], None]

log = logging.getLogger("fanlight.server")


class Acceptor:
    """The listening sockets of one hub."""

    def __init__(  # noqa: PLR0913 - what the hub gives it
        self,
        poller: Poller,
        open_now: Sized,
        limits: Limits,
        on_accept: OnAccept,
        evict_idle: Callable[[], bool],
        call_later: CallLater,
        *,
        is_shared: bool,
    ) -> None:
        """Pass connections to `on_accept` while fewer than the limit are in `open_now`.

        `evict_idle` closes idle connections; False if there are none. `call_later` calls a function after so many
        seconds; False if it can't now. `is_shared`: other processes accept from the same sockets.
        """
        self._poller, self._open_now, self._on_accept = poller, open_now, on_accept
        self._max_connections, self._max_per_address = limits.connections, limits.connections_per_address
        self._batch, self._events = (SHARED_BATCH, READ | SHARED) if is_shared else (BATCH, READ)
        self._listeners: dict[int, tuple[socket.socket, ListenerPolicy | None]] = {}
        self._counts: dict[Address, int] = {}
        self._refused, self._refusal_logged_at, self._pause_logged_at = 0, -LOG_SECONDS, -LOG_SECONDS
        self._evict_idle, self._next_eviction, self._paused_at = evict_idle, 0.0, -CROWDED_SECONDS
        self._share: AcceptShare | None = None
        self._call_later = call_later
        self.is_paused = self._has_stepped_back = False
        self._steps_left = STEPS_PER_SECOND
        self.accepted = 0
        run_in_child(self, Acceptor.close_in_child)

    def add(self, listener: socket.socket, policy: ListenerPolicy | None) -> None:
        """Accept from one more listening socket, with its policy."""
        self._listeners[listener.fileno()] = listener, policy
        if listener.family in (socket.AF_INET, socket.AF_INET6):
            for level, name, value in _OPTIONS:  # accepted sockets inherit them
                if hasattr(socket, name):
                    listener.setsockopt(level, getattr(socket, name), value)
        self._poller.register(listener.fileno(), self._events)

    def join(self, share: AcceptShare) -> None:
        """Share the connections with other workers, by how many each has."""
        self._share = share
        share.report(len(self._open_now))
        self._poller.register(share.fd, READ)

    def accept(self, fd: int) -> bool:
        """Accept connections that wait at a listener, or at all if another worker has woken this one.

        False if the descriptor is neither a listener nor that signal.
        """
        if fd not in self._listeners:
            if self._share is None or fd != self._share.fd:
                return False
            self._share.clear()
            self.accept_all()
        elif not self._leave_to_another():
            self._accept(fd, self._batch)
        return True

    def _worker_with_fewer(self) -> int | None:
        """Return the place of a worker that is to accept instead of this one, None if there is none."""
        if self._share is None or not self._steps_left:
            return None
        return self._share.place_with_fewer(len(self._open_now))

    def _leave_to_another(self) -> bool:
        """Wake a worker that has fewer connections, and accept nothing for a moment; False if this one is to accept."""
        share, place = self._share, self._worker_with_fewer()
        if share is None or place is None or not self._call_later(STEP_BACK_SECONDS, self._return):
            return False
        self._has_stepped_back = True
        self._steps_left -= 1
        for fd in self._listeners:
            self._poller.unregister(fd)
        share.wake(place)
        return True

    def _return(self) -> None:
        """Accept again, and first of all what the other worker has not accepted, if anything: it may be stuck."""
        if self._has_stepped_back:
            self.resume()
            for fd in self._listeners:
                self._accept(fd, 1)

    def _accept(self, fd: int, batch: int) -> None:
        listener, policy = self._listeners[fd]
        for count in range(batch):
            if count and self._worker_with_fewer() is not None:
                break  # what waits is announced again
            if len(self._open_now) >= self._max_connections and not self._evict_if_due():
                self._pause("Limits.connections is reached")
                break
            try:
                sock, peer = listener.accept()
            except (BlockingIOError, ConnectionError):
                break
            except OSError as error:  # out of descriptors or memory
                if self._evict_if_due():
                    continue
                self._pause(str(error))
                break
            self.accepted += 1
            self._take(sock, peer, policy)
            if self._share is not None:
                self._share.report(len(self._open_now))

    def _evict_if_due(self) -> bool:
        """Evict idle connections; not too often, as all connections are examined for it."""
        now = time.monotonic()
        if now < self._next_eviction:
            return False
        self._next_eviction = now + EVICT_SECONDS
        return self._evict_idle()

    @property
    def is_crowded(self) -> bool:
        """Whether accepting was paused a moment ago, so that idle connections are looked for more often."""
        return time.monotonic() - self._paused_at < CROWDED_SECONDS

    def accept_all(self) -> None:
        """Accept on all listeners: with EPOLLEXCLUSIVE the kernel may have woken a worker that has died."""
        if not self.is_paused:
            for fd in self._listeners:
                self._accept(fd, self._batch)

    def _take(self, sock: socket.socket, peer: tuple[str, int], policy: ListenerPolicy | None) -> None:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            self._on_accept(sock, None, policy, None)
            return
        client, address = unmapped(peer[0]), None
        if self._max_per_address and not (policy is not None and policy.trusts(client)):
            address = self.acquire_slot(client)
            if address is None:
                sock.close()
                return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_accept(sock, client, policy, address)

    def acquire_slot(self, client: str) -> Address | None:
        """Count one more connection of a client; None if it has as many as allowed."""
        address = address_of(client)
        count = self._counts.get(address, 0)
        if self._max_per_address and count >= self._max_per_address:
            self._warn_of_address_limit(client)
            return None
        self._counts[address] = count + 1
        return address

    def release_slot(self, address: Address | None) -> None:
        """Count one connection less of an address, None if it is not counted; then accepting can go on."""
        if address is not None:
            count = self._counts[address] - 1
            if count:
                self._counts[address] = count
            else:
                del self._counts[address]
        if self._share is not None:
            self._share.report(len(self._open_now))
        if self.is_paused or (self._has_stepped_back and self._worker_with_fewer() is None):
            self.resume()

    def _warn_of_address_limit(self, client: str) -> None:
        self._refused += 1
        now = time.monotonic()
        if now - self._refusal_logged_at >= LOG_SECONDS:
            log.warning(
                "%s has %d connections, the limit for one address: further ones are closed (%d so far)."
                " If it is your proxy, use --trusted-proxies %s; if many clients share it, raise"
                " --connections-per-address",
                client,
                self._max_per_address,
                self._refused,
                client,
            )
            self._refusal_logged_at, self._refused = now, 0

    def _pause(self, why: str) -> None:
        if not self.is_paused:
            self._paused_at = now = time.monotonic()
            if now - self._pause_logged_at >= LOG_SECONDS:  # under load each connection that closes ends a pause
                log.warning("new connections wait in the system's queue: %s (%d are open)", why, len(self._open_now))
                self._pause_logged_at = now
            self.is_paused = True
            if self._share is not None:
                self._share.leave()
            if not self._has_stepped_back:
                for fd in self._listeners:
                    self._poller.unregister(fd)

    def on_tick(self) -> None:
        """Do what is due once a second."""
        self._steps_left = STEPS_PER_SECOND
        self.resume()

    def resume(self) -> None:
        """Accept again after a pause, or after leaving connections to another worker."""
        if self.is_paused or self._has_stepped_back:
            self.is_paused = self._has_stepped_back = False
            if self._share is not None:
                self._share.report(len(self._open_now))
            for fd in self._listeners:
                self._poller.register(fd, self._events)

    def close_in_child(self) -> None:
        """Close the listeners of a forked child, without accepting."""
        self._share = None  # its memory is its parent's too
        for listener, _ in self._listeners.values():
            listener.close()

    def close(self) -> None:
        """Accept the connections that wait by now, then close every listener."""
        share, self._share = self._share, None
        if self._has_stepped_back:
            self.resume()
        for fd, (listener, _) in list(self._listeners.items()):
            if not self.is_paused:
                self._accept(fd, self._batch)
            if not self.is_paused:
                self._poller.unregister(fd)
            listener.close()
        self._listeners.clear()
        if share is not None:
            self._poller.unregister(share.fd)
            share.close()


def address_of(client: str) -> Address:
    """Return what a client is counted under: its address, or for IPv6 its /64 network, which is one site.

    An IPv4 client behind a translator (RFC 6052) is counted by its own address, as all of them share one network.
    """
    if ":" not in client:
        return client
    try:
        packed = socket.inet_pton(socket.AF_INET6, client.partition("%")[0])
    except OSError:
        return client
    return packed if packed.startswith(_NAT64) else packed[:8]

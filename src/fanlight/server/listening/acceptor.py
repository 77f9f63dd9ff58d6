"""Accept clients, no more at once than the limits allow, in all and from one address.

In: a listening socket that is ready. Out: connected sockets, handed to `adopt`. When there are too
many connections, or no descriptors left, those that lose least make room (`deadlines.evict_idle`). Where none
does, the listeners are not watched for a while and clients wait in the system's queue: nobody is turned away,
and a full process does not spin. A single address
that has its share of connections is turned away, so that it can't take everybody's place.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sized
from typing import TYPE_CHECKING, Protocol

from fanlight.server.io.forks import run_in_child
from fanlight.server.io.poller import READ, SHARED, Poller
from fanlight.settings.addresses import unmapped

if TYPE_CHECKING:
    from fanlight.server.listening.listener_policy import ListenerPolicy
    from fanlight.settings.limits import Limits

AT_ONCE = 64
AT_ONCE_SHARED = 8  # of a queue that other workers serve too: they shall have their part
# How much of an answer the system takes ahead of what it sends; its clients' sockets have it from the listener. Without
# it slow readers have megabytes each in the system's memory for TCP, until that is used up for everybody.
MOST_UNSENT_BYTES = 128 * 1024
# A client that has vanished without a word (out of reach, out of power) is noticed where nothing is sent to it either:
# the system asks it after so many silent seconds, then again and again, and closes after the last try.
PROBE_AFTER_SECONDS, PROBE_SECONDS, PROBES = 60, 15, 4
_OPTIONS: tuple[tuple[int, str, int], ...] = (
    (socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", MOST_UNSENT_BYTES),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", PROBE_AFTER_SECONDS),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", PROBE_AFTER_SECONDS),  # the same on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", PROBE_SECONDS),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
)
_NAT64 = socket.inet_pton(socket.AF_INET6, "64:ff9b::")[:12] if socket.has_ipv6 else b""
ROOM_SECONDS = 0.25  # between two attempts to make room
CROWDED_SECONDS = 2.0  # so long after there was none
TELL_SECONDS = 60.0  # between two log lines on the same matter

Address = str | bytes

log = logging.getLogger("fanlight.server")


class Adopt(Protocol):
    """What an accepted client is handed to."""

    def __call__(
        self, sock: socket.socket, client: str | None, policy: ListenerPolicy | None, address: Address | None
    ) -> None:
        """Serve a client; `address` is what it is counted under, None if it is not."""


class Acceptor:
    """The listening sockets of one hub."""

    def __init__(
        self,
        poller: Poller,
        open_now: Sized,
        limits: Limits,
        adopt: Adopt,
        evict_idle: Callable[[], bool] = lambda: False,
        *,
        is_shared: bool,
    ) -> None:
        """Hand clients to `adopt` while fewer than the limit are in `open_now`; shared with other processes or not.

        `evict_idle` closes connections that lose least; False if there are none.
        """
        self._poller, self._open_now, self._adopt = poller, open_now, adopt
        self._most, self._most_of_one = limits.connections, limits.connections_per_address
        self._at_once, self._events = (AT_ONCE_SHARED, READ | SHARED) if is_shared else (AT_ONCE, READ)
        self._listeners: dict[int, tuple[socket.socket, ListenerPolicy | None]] = {}
        self._counts: dict[Address, int] = {}
        self._turned_away, self._told, self._told_of_pause = 0, -TELL_SECONDS, -TELL_SECONDS
        self._make_room, self._next_room, self._paused_at = evict_idle, 0.0, -CROWDED_SECONDS
        self.is_paused = False
        self.accepted = 0
        run_in_child(self, Acceptor.close_in_child)

    def add(self, listener: socket.socket, policy: ListenerPolicy | None) -> None:
        """Accept from one more listening socket, by its entrance."""
        self._listeners[listener.fileno()] = listener, policy
        if listener.family in (socket.AF_INET, socket.AF_INET6):
            for level, name, value in _OPTIONS:  # which those that are accepted inherit
                if hasattr(socket, name):
                    listener.setsockopt(level, getattr(socket, name), value)
        self._poller.register(listener.fileno(), self._events)

    def accept(self, fd: int) -> bool:
        """Accept who waits at a listener; False if the descriptor is no listener of ours."""
        found = self._listeners.get(fd)
        if found is None:
            return False
        listener, policy = found
        for _ in range(self._at_once):
            if len(self._open_now) >= self._most and not self._try_to_evict():
                self._pause("Limits.connections is reached")
                break
            try:
                sock, peer = listener.accept()
            except (BlockingIOError, ConnectionError):
                break
            except OSError as error:  # out of descriptors or memory
                if self._try_to_evict():
                    continue
                self._pause(str(error))
                break
            self.accepted += 1
            self._take(sock, peer, policy)
        return True

    def _try_to_evict(self) -> bool:
        """Close connections that lose least, so that others need not wait; not too often, as all are looked at."""
        now = time.monotonic()
        if now < self._next_room:
            return False
        self._next_room = now + ROOM_SECONDS
        return self._make_room()

    @property
    def is_crowded(self) -> bool:
        """Whether there was no room a moment ago, so that it is looked for often."""
        return time.monotonic() - self._paused_at < CROWDED_SECONDS

    def accept_all(self) -> None:
        """Accept who waits at any listener: the system may have called a worker for him that is no more."""
        if not self.is_paused:
            for fd in list(self._listeners):
                self.accept(fd)

    def _take(self, sock: socket.socket, peer: tuple[str, int], policy: ListenerPolicy | None) -> None:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            self._adopt(sock, None, policy, None)
            return
        client, address = unmapped(peer[0]), None
        if self._most_of_one and not (policy is not None and policy.trusts(client)):
            address = self.acquire_slot(client)
            if address is None:
                sock.close()
                return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._adopt(sock, client, policy, address)

    def acquire_slot(self, client: str) -> Address | None:
        """Count one connection more of a client; None if it has as many as it may have."""
        address = address_of(client)
        count = self._counts.get(address, 0)
        if self._most_of_one and count >= self._most_of_one:
            self._warn_of_address_limit(client)
            return None
        self._counts[address] = count + 1
        return address

    def release_slot(self, address: Address | None) -> None:
        """Count one connection less from an address, if it is counted; there is room for another one."""
        if address is not None:
            count = self._counts[address] - 1
            if count:
                self._counts[address] = count
            else:
                del self._counts[address]
        self.resume()

    def _warn_of_address_limit(self, client: str) -> None:
        self._turned_away += 1
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            log.warning(
                "%s has %d connections, as many as one address may have: further ones are closed (%d so far)."
                " If it is your proxy, write --trusted-proxies %s; if many visitors share it, raise"
                " --connections-per-address",
                client,
                self._most_of_one,
                self._turned_away,
                client,
            )
            self._told, self._turned_away = now, 0

    def _pause(self, why: str) -> None:
        if not self.is_paused:
            self._paused_at = now = time.monotonic()
            if now - self._told_of_pause >= TELL_SECONDS:  # where many come and go, each that goes ends a pause
                log.warning("new clients wait in the system's queue: %s (%d are open)", why, len(self._open_now))
                self._told_of_pause = now
            self.is_paused = True
            for fd in self._listeners:
                self._poller.unregister(fd)

    def resume(self) -> None:
        """Try again after a pause."""
        if self.is_paused:
            self.is_paused = False
            for fd in self._listeners:
                self._poller.register(fd, self._events)

    def close_in_child(self) -> None:
        """Close the listeners, and leave those that wait there to others."""
        for listener, _ in self._listeners.values():
            listener.close()

    def close(self) -> None:
        """Accept who waits by now, then close every listener."""
        for fd, (listener, _) in list(self._listeners.items()):
            if not self.is_paused:
                self.accept(fd)
            if not self.is_paused:
                self._poller.unregister(fd)
            listener.close()
        self._listeners.clear()


def address_of(client: str) -> Address:
    """Return what a client is counted under: its address, or the /64 network of an IPv6 one, which is one site.

    A client of IPv4 that comes by a translator (RFC 6052) is counted by its own address: all of them share a network.
    """
    if ":" not in client:
        return client
    try:
        packed = socket.inet_pton(socket.AF_INET6, client.partition("%")[0])
    except OSError:
        return client
    return packed if packed.startswith(_NAT64) else packed[:8]

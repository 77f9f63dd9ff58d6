"""A worker's link to the relay of its supervisor.

In: as `topics.bus.Link`; and the channel, over which the supervisor gets one end of a new pair of sockets, when the
first topic is used. Out: the same. If it is cut off (it has read too slowly), it connects again: what it publishes
meanwhile waits for that, listeners of topics with a history catch up, and others are dropped, as they have missed
messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable

from fanlight.errors import BusUnavailable
from fanlight.server.io.forks import run_in_child
from fanlight.server.workers.relay_frames import (
    Frame,
    FrameReader,
    Kind,
    read_id,
    read_kept,
    read_message,
    write,
    write_fetch,
    write_publish,
)
from fanlight.topics.bus import Bus
from fanlight.topics.history import Id, Kept

READ_BYTES = 64 * 1024
MAX_BATCH = 64  # messages, before their listeners have their turn
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0  # before it connects again
CUT_OFF = "this worker was cut off from the topics for a moment"

Connect = Callable[[], socket.socket]


class RelayLink:
    """Joins the bus of a worker to the relay."""

    def __init__(self, bus: Bus, connect: Connect) -> None:
        """Prepare; `connect` returns a socket whose other end the relay has. Raises OSError."""
        self._bus, self._loop, self._connect = bus, bus.loop, connect
        self._sock: socket.socket | None = None
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()
        self._unsent = bytearray()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._subscriptions: dict[str, asyncio.Future[bytes]] = {}
        self._pause = FIRST_PAUSE_SECONDS
        self._has_begun = self._is_closed = False
        run_in_child(self, RelayLink._close_socket)

    def subscribe(self, name: str) -> None:
        """Have the messages of a topic delivered."""
        self._subscriptions[name] = self._request(Kind.SUBSCRIBE, name)

    def unsubscribe(self, name: str) -> None:
        """Have no more of them delivered."""
        self._subscriptions.pop(name, None)
        self._send(write(Kind.UNSUBSCRIBE, 0, name.encode()))

    async def subscribed(self, name: str) -> None:
        """Wait for the relay."""
        subscription = self._subscriptions.get(name)
        if subscription is not None:
            await asyncio.shield(subscription)

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        """Publish a message."""
        return read_id(await self._request(Kind.PUBLISH, name, write_publish(keep, data)))

    async def kept(self, name: str, after: Id | None, latest: int) -> Kept:
        """Return what was kept."""
        return read_kept(await self._request(Kind.FETCH, name, write_fetch(after, latest)))

    async def close(self) -> None:
        """Close the socket."""
        self._is_closed = True
        self._disconnect()

    # --- requests -------------------------------------------------------------------------------------

    def _request(self, kind: Kind, name: str, rest: bytes = b"") -> asyncio.Future[bytes]:
        self._number = number = (self._number + 1) % (1 << 32)
        waiting = self._waiting[number] = self._loop.create_future()
        waiting.add_done_callback(
            lambda done: self._waiting.pop(number, None) if done.cancelled() else done.exception()
        )
        self._send(write(kind, number, name.encode(), rest))
        return waiting

    def _send(self, data: bytes) -> None:
        self._unsent += data
        if self._sock is not None:
            if len(self._unsent) == len(data):
                self._flush()
        elif not self._has_begun:
            self._has_begun = True
            self._begin()

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            while self._unsent:
                del self._unsent[: sock.send(self._unsent)]
        except BlockingIOError:
            self._loop.add_writer(sock.fileno(), self._flush)
        except OSError:
            self._lose()
        else:
            self._loop.remove_writer(sock.fileno())

    # --- the connection -------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Connect, and send what waits; if that is not possible now, try again soon."""
        if self._is_closed:
            return
        try:
            sock = self._connect()
        except OSError as error:
            self._unsent.clear()
            self._refuse_waiting(f"the supervisor can't be reached: {error}")
            self._loop.call_later(self._pause, self._reconnect)
            return
        sock.setblocking(False)
        self._sock, self._reader = sock, FrameReader()
        self._loop.add_reader(sock.fileno(), self._receive)
        self._flush()

    def _reconnect(self) -> None:
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        waiting, self._unsent = self._unsent, bytearray()
        for name in self._bus.names:
            self.subscribe(name)
        self._unsent += waiting
        self._begin()

    def _lose(self) -> None:
        """Take note that the relay has cut this worker off."""
        self._disconnect()
        self._refuse_waiting(
            "the supervisor has cut this worker off from the topics; a message may have been published"
        )
        for name in self._bus.names:
            self._bus.miss(name, CUT_OFF)
        self._loop.call_later(self._pause, self._reconnect)

    def _disconnect(self) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
        self._close_socket()
        self._unsent.clear()
        self._frames.clear()

    def _close_socket(self) -> None:
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.close()
            self._sock = None

    def _refuse_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            if not each.done():
                each.set_exception(BusUnavailable(reason))

    # --- receiving ------------------------------------------------------------------------------------

    def _receive(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._frames.extend(self._reader.frames(data))
        self._take()

    def _take(self) -> None:
        """Deliver as many messages as listeners can take in one turn; read no more before the rest has been."""
        frames = self._frames
        for _ in range(min(MAX_BATCH, len(frames))):
            self._handle(frames.popleft())
        if self._sock is None:
            return
        if frames:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.call_soon(self._take)
        else:
            self._loop.add_reader(self._sock.fileno(), self._receive)

    def _handle(self, frame: Frame) -> None:
        kind, number, name, rest = frame
        if kind == Kind.MESSAGE:
            self._bus.deliver(name.decode(), read_message(rest))
            return
        self._pause = FIRST_PAUSE_SECONDS
        waiting = self._waiting.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(rest)

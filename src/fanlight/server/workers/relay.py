"""The relay: it carries the messages of topics between the workers of one supervisor.

In: a socket from each worker that uses a topic (it sends it over its channel, so control messages never wait behind
these). Out: what one worker publishes, in all that subscribe, each topic in one order for all of them; an id for each
message that is kept, and the history, which stays when workers are replaced. Refuses nothing that fits its bounds: a
worker that reads too slowly is cut off, and connects again; no other waits for it. It never decodes a message.

It runs in a thread of its own, started for the first worker that wants it. When the supervisor replaces its own
program, `stop` returns all that is under way.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Self, cast

import msgspec

from fanlight.server.workers.posted_calls import PostedCalls
from fanlight.server.workers.relay_frames import (
    BadFrame,
    Frame,
    FrameReader,
    Kind,
    read_fetch,
    read_publish,
    write,
    write_id,
    write_kept,
    write_message,
)
from fanlight.topics.history import NO_ID, Histories, HistoriesState, Message

READ_BYTES = 64 * 1024  # of one worker, before the others have their turn
MAX_WAITING_BYTES = 16 * 1024 * 1024  # for one worker

log = logging.getLogger("fanlight.server")


class _Peer:
    """The connection of one worker."""

    def __init__(self, sock: socket.socket, pid: int, unread: bytes = b"", unsent: bytes = b"") -> None:
        sock.setblocking(False)
        self.sock, self.pid, self.reader = sock, pid, FrameReader(unread)
        self.names: set[bytes] = set()
        self.waiting: deque[bytes] = deque()
        self.waiting_bytes = len(unsent)
        self.unsent = memoryview(unsent)
        self.is_open = True


class _PeerState(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that another program continues."""

    descriptor: int
    pid: int
    unread: bytes
    unsent: bytes
    names: list[bytes]


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """All of a relay, for another program to continue with."""

    peers: list[_PeerState]
    histories: HistoriesState


class Relay:
    """Carries messages between workers."""

    def __init__(self) -> None:
        """Prepare; it runs from `start` on."""
        self._selector = selectors.DefaultSelector()
        self._posted = PostedCalls()
        self._selector.register(self._posted, selectors.EVENT_READ)
        self._peers: set[_Peer] = set()
        self._subscribers: dict[bytes, dict[_Peer, None]] = {}
        self._histories = Histories()
        self._to_flush: set[_Peer] = set()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    @classmethod
    def resumed(cls, state: bytes, descriptors: Sequence[int]) -> Relay:
        """Return one that continues with what another has left; a state that can't be read is that of another version.

        Then its workers notice that they are cut off, and connect again.
        """
        relay = cls()
        try:
            relay._resume(msgspec.msgpack.decode(state, type=_State))
        except (msgspec.ValidationError, msgspec.DecodeError):
            for each in descriptors:
                os.close(each)
        return relay

    def start(self) -> Self:
        """Run in a thread, until `stop`."""
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="fanlight-relay", daemon=True)
        self._thread.start()
        return self

    def add(self, descriptor: int, pid: int) -> None:
        """Carry the messages of a worker as well; from any thread."""
        self._posted.post(partial(self._begin, _Peer(socket.socket(fileno=descriptor), pid)))

    def stop(self) -> bytes:
        """Stop, and return what is under way, for `resumed`; the sockets stay open. It can be started again."""
        if self._thread is not None:
            self._posted.post(self._end)
            self._thread.join()
        peers = [
            _PeerState(
                descriptor=each.sock.fileno(),
                pid=each.pid,
                unread=each.reader.unread,
                unsent=bytes(each.unsent) + b"".join(each.waiting),
                names=sorted(each.names),
            )
            for each in self._peers
        ]
        return msgspec.msgpack.encode(_State(peers=peers, histories=self._histories.state()))

    def close(self) -> None:
        """Close the sockets; after `stop`."""
        for peer in self._peers:
            peer.sock.close()
        self._selector.close()
        self._posted.close()

    @property
    def descriptors(self) -> list[int]:
        """The sockets of the workers; while it is stopped."""
        return [each.sock.fileno() for each in self._peers]

    # --- in the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopping:
            for key, events in self._selector.select():
                if key.data is None:
                    self._posted.run()
                else:
                    self._on_ready(cast("_Peer", key.data), events)
            for peer in self._to_flush:
                self._flush(peer)
            self._to_flush.clear()

    def _begin(self, peer: _Peer) -> None:
        self._peers.add(peer)
        self._selector.register(peer.sock, selectors.EVENT_READ, peer)

    def _end(self) -> None:
        self._is_stopping = True

    def _resume(self, state: _State) -> None:
        self._histories.restore(state.histories)
        for each in state.peers:
            peer = _Peer(socket.socket(fileno=each.descriptor), each.pid, each.unread, each.unsent)
            peer.sock.set_inheritable(False)
            self._begin(peer)
            for name in each.names:
                self._subscribe(peer, name)
            if each.unsent:
                self._to_flush.add(peer)
                self._selector.modify(peer.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, peer)

    def _on_ready(self, peer: _Peer, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._to_flush.add(peer)
        if not events & selectors.EVENT_READ or not peer.is_open:
            return
        try:
            data = peer.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(peer)
            return
        try:
            for frame in peer.reader.frames(data):
                self._handle(peer, frame)
        except (BadFrame, struct.error) as error:
            self._drop(peer, f"it has sent a frame that is none: {error}")

    def _handle(self, peer: _Peer, frame: Frame) -> None:
        kind, number, name, rest = frame
        if kind == Kind.PUBLISH:
            keep, data = read_publish(rest)
            message = self._histories.add(name, keep, data) if keep else Message(NO_ID, data)
            subscribers = self._subscribers.get(name)
            if subscribers:
                carried = write(Kind.MESSAGE, 0, name, write_message(message))
                for each in tuple(subscribers):
                    self._send(each, carried)
            self._send(peer, write(Kind.DONE, number, b"", write_id(message.id)))
        elif kind == Kind.SUBSCRIBE:
            self._subscribe(peer, name)
            self._send(peer, write(Kind.DONE, number, b"", write_id(NO_ID)))
        elif kind == Kind.UNSUBSCRIBE:
            peer.names.discard(name)
            self._unsubscribe(peer, name)
        elif kind == Kind.FETCH:
            kept = self._histories.kept(name, *read_fetch(rest))
            self._send(peer, write(Kind.KEPT, number, b"", write_kept(kept)))
        else:
            raise BadFrame(f"its kind is {kind}")

    def _subscribe(self, peer: _Peer, name: bytes) -> None:
        peer.names.add(name)
        self._subscribers.setdefault(name, {})[peer] = None

    def _unsubscribe(self, peer: _Peer, name: bytes) -> None:
        subscribers = self._subscribers.get(name, {})
        if peer in subscribers:
            del subscribers[peer]
            if not subscribers:
                del self._subscribers[name]

    def _send(self, peer: _Peer, data: bytes) -> None:
        if not peer.is_open:
            return
        peer.waiting.append(data)
        peer.waiting_bytes += len(data)
        self._to_flush.add(peer)
        if peer.waiting_bytes > MAX_WAITING_BYTES:
            self._flush(peer)
            if peer.waiting_bytes > MAX_WAITING_BYTES:
                self._drop(peer, f"it reads too slowly, and {MAX_WAITING_BYTES // 1024**2} MiB wait for it")

    def _flush(self, peer: _Peer) -> None:
        while peer.is_open and (peer.unsent or peer.waiting):
            if not peer.unsent:
                peer.unsent = memoryview(b"".join(peer.waiting))
                peer.waiting.clear()
            try:
                sent = peer.sock.send(peer.unsent)
            except BlockingIOError:
                self._selector.modify(peer.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, peer)
                return
            except OSError:
                self._close(peer)
                return
            peer.unsent = peer.unsent[sent:]
            peer.waiting_bytes -= sent
        if peer.is_open:
            self._selector.modify(peer.sock, selectors.EVENT_READ, peer)

    def _drop(self, peer: _Peer, reason: str) -> None:
        log.warning("worker %d is cut off from the topics: %s; it connects again", peer.pid, reason)
        self._close(peer)

    def _close(self, peer: _Peer) -> None:
        if not peer.is_open:
            return
        peer.is_open = False
        for name in peer.names:
            self._unsubscribe(peer, name)
        self._peers.discard(peer)
        self._selector.unregister(peer.sock)
        peer.sock.close()
        peer.waiting.clear()
        peer.unsent = memoryview(b"")

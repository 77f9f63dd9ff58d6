"""One client's connection: its socket, its wire, its phase, and what it holds.

A connection is a record with the few acts that need nothing else: receive, send, and change its phase. Only its owner
may touch it, and the owner depends on the phase: see `phases`. Knows nothing of routes, views, other connections or
time: `now` is an argument.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from fanlight.server.connection import client_pace
from fanlight.server.connection.client_pace import CHECKS, ClientPace, unacknowledged
from fanlight.server.connection.content_flow import BodyReader, Streaming
from fanlight.server.connection.file_sender import FileSender
from fanlight.server.connection.phases import (
    HANDSHAKE,
    NEXT,
    STREAM_PAUSED,
    WAITING_FOR_CLIENT,
    WRITING,
    InvalidTransition,
    Phase,
)
from fanlight.server.connection.response_batch import ResponseBatch
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_limits import WireLimits

if TYPE_CHECKING:
    from fanlight.message.content import SpooledContent
    from fanlight.message.handler import Call
    from fanlight.message.request import Request
    from fanlight.server.tls.tls_stream import TlsStream
    from fanlight.settings.limits import Limits

    Stream = socket.socket | TlsStream

RECV_BYTES = 16 * 1024  # PERF: benchmarks/run.py: small, so that a page of pipelined requests is a short stay
CONTENT_RECV_BYTES = 256 * 1024
CHUNKS_RECV_BYTES = 4 * 1024  # SECURITY: tests/server/exchange/test_receiving.py: many tiny chunks take long
SEND_BYTES = 128 * 1024  # sent at a time of a response that waits for its client: others wait too
NOTHING = memoryview(b"")
NO_REQUEST = cast("Request", None)  # of a connection that waits for its first one, or for the next
Rest = memoryview | FileSender
OnClosed = Callable[["Connection"], object]
_LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
HANDSHAKE_SECONDS = 10.0  # for a TLS handshake, or for a PROXY header
SWITCHING_PROTOCOLS = 101
LINGER_SECONDS = 2.0  # for which a refused client may send nothing before its connection is closed
LINGER_TIMES = 10  # as long as that, for a refused client that goes on sending
LINGER_BYTES = 256 * 1024 * 1024  # that a refused client may still send


class ConnectionPolicy(Protocol):
    """The policy of the connection's listener: what TLS and proxies mean for it. See `ListenerPolicy`."""

    passes_hints: bool  # trusted proxies pass interim responses on

    def trusts(self, client: str | None) -> bool:
        """Return whether a peer is a trusted proxy."""

    def handshake(self, connection: Connection) -> int:
        """Continue the handshake; return the events to wait for, 0 when it is complete."""

    def apply_to_request(self, connection: Connection) -> None:
        """Set client, scheme and host on the connection's new request."""


class Connection:
    """A client's socket, and its state between two events."""

    __slots__ = (
        "_go_on",
        "address",
        "batch",
        "body",
        "body_reader",
        "call",
        "client",
        "deadline",
        "extra_headers",
        "fd",
        "is_tls",
        "moved_bytes",
        "on_closed",
        "pace",
        "pending",
        "pending_body",
        "phase",
        "phase_started_at",
        "policy",
        "request",
        "sent_bytes",
        "sock",
        "started",
        "status",
        "stream",
        "unlogged_bytes",
        "wire",
    )

    # PERF: benchmarks/stages.py: `request`, `call`, `status`, `extra_headers` and `started` are set by the exchange and
    # its observer, once for each request: a method of this class would cost a call.
    call: Call
    request: Request
    started: float  # when its head had come, on the performance counter; only set where there is an observer

    def __init__(
        self, sock: Stream, client: str | None, wire: Http1Connection, now: float, on_closed: OnClosed
    ) -> None:
        """Begin in HANDSHAKE; without one, HEAD is entered next. `on_closed` is called with it when it is closed."""
        self.sock, self.fd, self.client, self.wire = sock, sock.fileno(), client, wire
        self.on_closed = on_closed
        self.request = NO_REQUEST
        self.address: str | bytes | None = None  # what it is counted under, where clients of one address are counted
        self.policy: ConnectionPolicy | None = None  # what proxies and TLS mean for its requests
        self.is_tls = False  # from its client to us, or to the proxy in front of us
        self.extra_headers = b""  # header fields of the response in progress besides its own
        self.phase = HANDSHAKE
        self.phase_started_at, self.deadline = now, now + HANDSHAKE_SECONDS
        self.body: SpooledContent | None = None  # the content of the request, while it is kept here
        self.body_reader: BodyReader | None = None  # or what gives it to the view that reads it as a stream
        self.batch: ResponseBatch | None = None  # responses that are sent together, until all of them are logged
        self.pending: Rest = NOTHING  # the part of a response that the client has not taken yet
        self.pending_body: Rest = NOTHING  # what follows: content too big to be copied behind the head, or a file
        self.stream: Streaming | None = None  # what writes the response in progress, piece by piece
        self._go_on: Callable[[bool], object] | None = None  # of a paused stream
        self.moved_bytes = 0  # how much of it has come or gone
        self.sent_bytes = 0  # of responses, since the connection began; without what went out at once
        self.pace: ClientPace | None = None  # of its client, while there is something that it has not taken
        self.status = 0  # of the response in progress, for the access log
        self.unlogged_bytes = 0  # bytes of a response that waits for its client, until they are logged

    def receive_content(self) -> bytes:
        """Receive more content, and little else: tiny chunks must not take long, and what follows can wait."""
        return self.sock.recv(min(max(self.wire.expected_bytes, CHUNKS_RECV_BYTES), CONTENT_RECV_BYTES))

    def send(self, data: bytes | memoryview) -> bool:
        """Send all that the client takes now and keep the rest in `pending`; False if there is a rest.

        What is held back goes first. Raises OSError when the client has disconnected.
        """
        if self.batch is not None:
            data = self.batch.take() + data
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.pending = memoryview(data)
            raise
        self.moved_bytes += sent
        self.sent_bytes += sent
        if sent == len(data):
            return True
        self.pending = memoryview(data)[sent:]  # a view: a big response is never copied for the sake of its rest
        return False

    def set_pending(self, rest: memoryview, more: Rest, unlogged_bytes: int = 0) -> None:
        """Keep what the client has not taken, if anything, and what follows it; all of it is logged when it is sent."""
        self.pending, self.pending_body = (rest, more) if rest else (more, NOTHING)
        self.unlogged_bytes = unlogged_bytes

    def begin_batch(self, now: float) -> ResponseBatch:
        """Begin a batch of responses that are sent together."""
        self.batch = batch = ResponseBatch(now)
        return batch

    def send_batch(self, batch: ResponseBatch) -> None:
        """Send what the client takes now of what is held back. Raises OSError, BlockingIOError if it takes nothing."""
        sent = self.sock.send(bytes(batch.data))
        self.sent_bytes += sent
        batch.remove(sent)

    def end_batch(self) -> ResponseBatch | None:
        """Return the batch, if any, which has been sent."""
        batch, self.batch = self.batch, None
        return batch

    def flush(self) -> bool:
        """Send more of `pending`; True when all is sent. Raises OSError when the client has disconnected."""
        out = self.pending
        if isinstance(out, FileSender):
            sent = out.send(self.sock)
        else:
            sent = self.sock.send(out[:SEND_BYTES])
            self.pending = out = out[sent:]
        self.moved_bytes += sent
        self.sent_bytes += sent
        if not out:
            self.pending, self.pending_body = self.pending_body, NOTHING
        return not self.pending

    def discard(self, now: float) -> bool:
        """Discard what a refused client still sends; False when it has closed, or has sent too much."""
        try:
            size = len(self.sock.recv(CONTENT_RECV_BYTES))
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.moved_bytes += size
        self.deadline = min(now, self.phase_started_at + (LINGER_TIMES - 1) * LINGER_SECONDS) + LINGER_SECONDS
        return size > 0 and self.moved_bytes <= LINGER_BYTES

    def is_too_slow(self, now: float, limits: Limits) -> bool:
        """Check what the client has taken since the last check; True if it is to be disconnected."""
        waiting = unacknowledged(self.sock)
        is_waited_for = self.phase in WAITING_FOR_CLIENT
        if not waiting and not is_waited_for:
            self.pace = None
            return False
        acknowledged = self.sent_bytes - waiting
        if self.pace is None:
            self.pace = ClientPace(acknowledged, now, limits)
            return False
        return self.pace.is_too_slow(acknowledged, now, limits, is_waited_for=is_waited_for)

    def hint(self) -> str:
        """Return a hint for bytes that are no request: they may be content that was not announced."""
        method = self.wire.unannounced
        before = f"; the {method} before it had no Content-Length (RFC 9112 section 6.3)"
        return f"{before}, so what came behind its head was read as a next request" if method else ""

    def take_unlogged(self) -> int:
        """Return how many bytes of the response are still to be logged, which the caller does."""
        size, self.unlogged_bytes = self.unlogged_bytes, 0
        return size

    @property
    def unsent_bytes(self) -> int:
        """How much of its responses is not sent yet."""
        held_back = 0 if self.batch is None else len(self.batch.data)
        return held_back + len(self.pending) + len(self.pending_body)

    def has_sent(self) -> bool:
        """Return whether there is something to receive."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:  # BlockingIOError, mostly
            return False

    def reset(self) -> None:
        """Have closing discard what the client has not taken, which the system would keep for minutes."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)

    def release(self) -> None:
        """Close the content of the request, which may be a file."""
        if self.body is not None:
            self.body.close()
        if self.body_reader is not None:
            self.body_reader.close()
        self.body = self.body_reader = None

    def release_last_request(self) -> bool:
        """Free the last request of an idle connection, and its head unless `hint` needs it; False if it was free."""
        self.request = NO_REQUEST
        return bool(self.wire.unannounced) or self.wire.release_head()

    def replace_call(self, call: Call) -> None:
        """Have another call respond to the request."""
        self.call = call

    def keep_body(self, body: SpooledContent) -> None:
        """Keep the content of the request, which is closed with it."""
        self.body = body

    def read_body_by(self, reader: BodyReader) -> None:
        """Have the content of the request read by its view, as a stream."""
        self.body_reader = reader

    def take_body(self) -> SpooledContent | None:
        """Return the content that is kept here, which is now the caller's to close."""
        body, self.body = self.body, None
        return body

    def begin_stream(self, writer: Streaming) -> None:
        """Have a writer stream the response."""
        self.stream = writer

    def switch_to(self, stream: Streaming) -> None:
        """Have a stream go on with the connection, in another protocol than HTTP (RFC 9110 section 15.2.2)."""
        self.status, self.stream, self.body_reader = SWITCHING_PROTOCOLS, stream, None

    def end_stream(self, size: int) -> None:
        """Go on without the writer, which has sent so many bytes, or left some of them pending."""
        self.stream, self.unlogged_bytes = None, size

    def end(self) -> None:
        """Close the socket, for the client at once, even where a forked child has a copy of the socket."""
        if self.sock.__class__ is socket.socket:  # TLS has an end of its own
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):  # it was reset, or its descriptor closed behind our back
            self.sock.close()

    def detach(self) -> socket.socket:
        """Return the client's socket, and go on without it: the client sees nothing of that."""
        return socket.socket(fileno=self.sock.detach())

    def close_in_child(self) -> None:
        """Close this process's copy of the socket, without notice to the client."""
        with contextlib.suppress(OSError):
            os.close(self.sock.detach())

    def release_all(self) -> None:
        """Release all that the connection holds, when it is closed."""
        self.release()
        if self.stream is not None:
            self.stream.on_disconnect(is_certain=True)
            self.stream = None
        for rest in (self.pending, self.pending_body):
            if isinstance(rest, FileSender):
                rest.close()
        self.pending = self.pending_body = NOTHING

    def enter(self, phase: Phase, now: float, seconds: float = math.inf, moved_bytes: int = 0) -> None:
        """Enter a phase, for so many seconds at most; the only place where a phase changes.

        The phase is set last: a thread that gives a connection back by that touches it no more. Raises
        InvalidTransition for a phase that can't follow the present one.
        """
        if phase not in NEXT[self.phase]:
            raise InvalidTransition(self.phase, phase)
        self.phase_started_at, self.deadline = now, now + seconds
        self.moved_bytes = moved_bytes
        self.phase = phase

    def restart_phase(self, now: float, seconds: float) -> None:
        """Give the present phase so many seconds from now."""
        # PERF: benchmarks/stages.py: for each request on a kept connection, where `enter` has nothing to check
        self.phase_started_at, self.deadline = now, now + seconds

    def move_deadline(self, deadline: float) -> None:
        """Change how long the present phase may take."""
        self.deadline = deadline

    def extend_for_content(self, limits: Limits) -> None:
        """Move the deadline of content by as much as what has arrived earns at the least rate.

        SECURITY: tests/server/exchange/test_timeouts.py: single bytes buy next to no time.
        """
        self.deadline = self.phase_started_at + limits.content_seconds + self.moved_bytes / client_pace.LEAST_RATE

    def wait_for_client(self, now: float, limits: Limits, phase: Phase = WRITING) -> None:
        """Wait for the client to take the rest of its response."""
        self.enter(phase, now, limits.write_seconds / CHECKS)
        self.is_too_slow(now, limits)  # its pace is measured from here

    def pause_stream(self, go_on: Callable[[bool], object], now: float, limits: Limits) -> None:
        """Wait for the client to take what was streamed so far; then `go_on(True)` is called, or False if it leaves."""
        self._go_on = go_on
        self.wait_for_client(now, limits, STREAM_PAUSED)

    def resume_stream(self, *, is_there: bool) -> None:
        """Have a paused stream go on, or end as its client has left; nothing for any other connection."""
        go_on, self._go_on = self._go_on, None
        if go_on is not None:
            go_on(is_there)

    def count_under(self, address: str | bytes | None) -> None:
        """Note under which address the acceptor counts it; None: under none."""
        self.address = address

    def secure(self, stream: TlsStream) -> None:
        """Send and receive through TLS from now on."""
        self.sock, self.is_tls = stream, True

    def record_through(self, sock: Any, wire: Http1Connection) -> None:
        """Send, receive and parse through what records it from now on; `sock` has the interface of a TlsStream."""
        self.sock, self.wire = sock, wire

    def mark_tls(self) -> None:
        """Record that its client uses TLS up to the proxy in front of us."""
        self.is_tls = True

    def set_client(self, client: str) -> None:
        """Set the client's address, as a PROXY header reports it."""
        self.client = client

    def set_policy(self, policy: ConnectionPolicy | None) -> None:
        """Set what is applied to its requests; None for nothing."""
        self.policy = policy


def wire_limits(limits: Limits) -> WireLimits:
    """Return the part of the limits that the wire enforces by itself."""
    return WireLimits(head_bytes=limits.head_bytes, content_bytes=limits.content_bytes)

"""The wire and the socket of a connection, recorded: what they do is what they did before, and a recording is made.

In: a connection that was accepted. Out: each of its exchanges, as it begins and as it ends, for the recorder. The wire
knows which bytes belong to which message, the socket what the client has taken. What is sent and received is the plain
text, also under TLS, because the socket is replaced only when the first bytes of a request have arrived.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from fanlight.devtools.dev_context import is_for_tools
from fanlight.devtools.inspector.recorded_frames import RecordedFrames
from fanlight.devtools.inspector.recording import (
    CUT_OFF,
    DONE,
    FAILED,
    REFUSED,
    TIMED_OUT,
    Arrived,
    ConnectionFacts,
    Recording,
)
from fanlight.errors import ProtocolError
from fanlight.server.tls.tls_stream import TlsStream
from fanlight.wire.http1.http1_connection import Event, Http1Connection
from fanlight.wire.http1.states import ConnectionState
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

if TYPE_CHECKING:
    from fanlight.message.client_cert import ClientCert
    from fanlight.server.connection.connection import Connection
    from fanlight.wire.http1.header_fields import Pair

_BETWEEN_MESSAGES = int(ConnectionState.IDLE)
_receive, _next_event = Http1Connection.receive, Http1Connection.next_event
_send_response, _end_response = Http1Connection.send_response, Http1Connection.end_response


class Recorder(Protocol):
    """What the recordings of a connection are reported to."""

    def begin(self, began: float, connection: ConnectionFacts) -> Recording:
        """Make a recording; the next call that is looked for is for its request."""
        ...

    def begin_request(self, began: float, connection: ConnectionFacts) -> Recording | None:
        """Make a recording of a request whose head is valid; None if it is not recorded."""
        ...

    def finish(self, recording: Recording, outcome: str) -> None:
        """Take a recording that has ended."""


class RecordedWire(Http1Connection):
    """A wire that splits what is received and sent into exchanges."""

    can_batch = False  # the bytes of a send are those of one exchange

    __slots__ = ("_connection", "_facts", "_frames", "_hint", "_is_slow", "_recorder", "_recording", "_unread")

    def __init__(self, connection: Connection, recorder: Recorder, facts: ConnectionFacts) -> None:
        """Take the place of the wire of a connection that has received nothing yet."""
        before = connection.wire
        super().__init__(before._limits)  # noqa: SLF001 - of its own kind
        self._read_line = before._read_line  # noqa: SLF001 - as above
        self._connection, self._recorder, self._facts = connection, recorder, facts
        self._recording: Recording | None = None  # of the exchange in progress
        self._unread: list[Arrived] = []  # what has arrived, and belongs to no exchange yet
        self._frames: RecordedFrames | None = None  # of a WebSocket
        self._hint = b""  # an interim response that may be sent or not
        self._is_slow = False

    # --- receiving --------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Add received bytes."""
        connection = self._connection
        if not isinstance(connection.sock, RecordedSocket):
            self._begin_connection(connection, connection.sock)
        self._unread.append((perf_counter(), data))
        _receive(self, data)

    def _begin_connection(self, connection: Connection, sock: socket.socket | TlsStream) -> None:
        """Record what is sent from now on: any handshake is over."""
        tls = "TLS" if connection.is_tls else ""
        if isinstance(sock, TlsStream):
            tls = sock.description
        self._facts.learn(connection.client or "", tls)
        connection.record_through(RecordedSocket(sock, self), self)

    def next_event(self) -> Event | None:
        """Return the next event, and record what it is made of. Raises ProtocolError."""
        try:
            event = _next_event(self)
        except ProtocolError as error:
            recording = self._recording
            if recording is not None:  # its content is refused, for which the app may have a page
                recording.take_refusal(error)
            raise
        if isinstance(event, RequestHead):
            self._begin_exchange(event)
        elif self._unread:
            self._continue_exchange(event)
        elif event.__class__ is EndOfMessage and self._recording is not None:
            self._recording.end_content(perf_counter())
        return event

    def _begin_exchange(self, head: RequestHead) -> None:
        pieces = self._claim()
        if is_for_tools(head.path):  # the development tools themselves are not recorded
            self._recording = None
            return
        now = perf_counter()
        self._recording = recording = self._recorder.begin_request(pieces[0][0] if pieces else now, self._facts)
        if recording is None:
            return
        recording.take_received(pieces)
        recording.take_head(head, now)

    def _continue_exchange(self, event: Event | None) -> None:
        """Record the bytes of the content, which may be no event yet."""
        if event is None and self.state == _BETWEEN_MESSAGES:
            return  # half a head, which belongs to no exchange yet
        pieces, recording = self._claim(), self._recording
        if recording is None:
            return
        recording.take_received(pieces)
        if isinstance(event, Content):
            recording.take_content(event.data)
        elif event is not None:
            recording.end_content(perf_counter())

    def _claim(self) -> list[Arrived]:
        """Return what has arrived and was read by now; keep the rest for the next message."""
        pieces, left = self._unread, len(self.buffer) - self._position
        if not left:
            self._unread = []
            return pieces
        rest: list[Arrived] = []
        while left > 0 and pieces:
            at, data = pieces.pop()
            if len(data) <= left:
                rest.append((at, data))
            else:
                rest.append((at, data[-left:]))
                pieces.append((at, data[:-left]))
            left -= len(data)
        rest.reverse()
        self._unread = rest
        return pieces

    def limit_content(self, max_bytes: int, hint: str) -> None:
        """Set the content limit for the current request. Raises ContentLimitExceeded if more is announced."""
        try:
            super().limit_content(max_bytes, hint)
        except ProtocolError as error:
            if self._recording is not None:
                self._recording.take_refusal(error)
            raise

    # --- responding -------------------------------------------------------------------------------

    def send_continue(self) -> bytes:
        """Return the interim response that requests the content."""
        data = super().send_continue()
        self._hint = data
        return data

    def send_early_hints(self, links: Sequence[str]) -> bytes:
        """Return an interim response with links."""
        self._hint = data = super().send_early_hints(links)
        return data

    def send_response(self, status: int, fields: Sequence[Pair], content: bytes, standard: bytes) -> bytes:
        """Return a complete response."""
        data = _send_response(self, status, fields, content, standard)
        if self._recording is not None:
            self._recording.owe(len(data), is_all=True)
        return data

    def start_response(self, status: int, fields: Sequence[Pair], length: int | None, standard: bytes) -> bytes:
        """Return the head of a response whose content is sent in pieces."""
        data = super().start_response(status, fields, length, standard)
        if self._recording is not None:
            self._recording.owe(len(data))
        return data

    def send_content(self, data: bytes) -> bytes:
        """Return a piece of content with its framing."""
        framed = super().send_content(data)  # which counts the content, by `count_content`
        if self._recording is not None:
            self._recording.owe(len(framed) - len(data))
        return framed

    def count_content(self, size: int) -> None:
        """Count content that is sent."""
        super().count_content(size)
        if self._recording is not None:
            self._recording.owe(size)
            self._recording.count_content(size)

    def end_response(self, trailers: Sequence[Pair] = ()) -> bytes:
        """Return the bytes that end the content."""
        data = _end_response(self, trailers)
        recording = self._recording
        if recording is not None:
            recording.owe(len(data), is_all=True)
            if recording.is_sent:
                self._finish_exchange(recording)
        return data

    def refuse(self, error: ProtocolError, standard: bytes) -> bytes:
        """Return the response to a refused message."""
        recording = self._recording
        if recording is None:
            began = self._unread[0][0] if self._unread else perf_counter()
            self._recording = recording = self._recorder.begin(began, self._facts)
        recording.take_received(self._unread)
        self._unread = []
        recording.take_refusal(error)
        data = super().refuse(error, standard)
        recording.owe(len(data), is_all=True)
        if recording.is_sent:
            self._finish_exchange(recording)
        return data

    def switch_protocol(self) -> bytes:
        """Return what was received of another protocol, and record its frames from here."""
        received = super().switch_protocol()
        sock = self._connection.sock
        if self._recording is not None and isinstance(sock, RecordedSocket):
            self._recording.switch_protocol()
            self._frames = frames = RecordedFrames(self._recording)
            sock.record_frames(frames)
            frames.receive(received)
        self._unread = []
        return received

    # --- from the socket --------------------------------------------------------------------------

    def on_sent(self, data: bytes | memoryview, sent: int) -> None:
        """Record what the client has taken of some data."""
        recording = self._recording
        if recording is None:
            return
        if data is self._hint:
            recording.owe(sent)
        recording.take_sent(perf_counter(), data, sent, len(data))
        if self._frames is not None:
            self._frames.send(data[:sent])
        if recording.is_sent:
            self._finish_exchange(recording)

    def _finish_exchange(self, recording: Recording) -> None:
        self._recording = None
        if self.must_close:  # nothing else will be read: what is left is the rest of this message, or is ignored
            if not recording.content_at:
                recording.take_received(self._unread)
            self._unread = []
        outcome = DONE
        if recording.refusal is not None:
            outcome = TIMED_OUT if recording.is_late else REFUSED
        self._recorder.finish(recording, outcome)

    def on_slow(self) -> None:
        """Record that the client is disconnected because it takes its response too slowly."""
        self._is_slow = True

    def on_close(self) -> None:
        """Record what the end of the connection has cut off."""
        recording, self._recording = self._recording, None
        if recording is None and any(data.strip(b"\r\n") for _, data in self._unread):
            recording = self._recorder.begin(self._unread[0][0], self._facts)
        if recording is not None:
            recording.take_received(self._unread)
            outcome = TIMED_OUT if self._is_slow else CUT_OFF if recording.error is None else FAILED
            if self._frames is not None and self._frames.is_closed and recording.error is None:
                outcome = DONE
            self._recorder.finish(recording, outcome)
        self._unread = []


class RecordedSocket:
    """A socket, or TLS in its place, that reports what is sent."""

    def __init__(self, inner: socket.socket | TlsStream, wire: RecordedWire) -> None:
        self._inner, self._wire, self._send = inner, wire, inner.send
        self.recv, self.fileno, self.family = inner.recv, inner.fileno, inner.family
        self.getsockopt, self.detach, self.shutdown = inner.getsockopt, inner.detach, inner.shutdown

    def send(self, data: bytes | memoryview) -> int:
        """Send as much as the system takes, and return how much that was. Raises BlockingIOError for nothing."""
        try:
            sent = self._send(data)
        except BlockingIOError:
            self._wire.on_sent(data, 0)
            raise
        self._wire.on_sent(data, sent)
        return sent

    def record_frames(self, frames: RecordedFrames) -> None:
        """Report what is received from now on: the frames of a WebSocket."""
        receive = self._inner.recv

        def recv(size: int, flags: int = 0) -> bytes:
            data = receive(size, flags)
            frames.receive(data)
            return data

        self.recv = recv

    @property
    def client_cert(self) -> ClientCert | None:
        """The verified certificate of the client."""
        return self._inner.client_cert if isinstance(self._inner, TlsStream) else None

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the socket."""
        if option == socket.SO_LINGER:  # the server discards what a slow client has not taken
            self._wire.on_slow()
        self._inner.setsockopt(level, option, value)

    def close(self) -> None:
        """Close the socket, for the client at once, even where a forked child has a copy of it."""
        self._wire.on_close()
        if isinstance(self._inner, socket.socket):
            with contextlib.suppress(OSError):
                self._inner.shutdown(socket.SHUT_RDWR)
        self._inner.close()

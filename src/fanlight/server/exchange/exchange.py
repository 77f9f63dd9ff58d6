"""Events to requests, requests to calls, responses to bytes.

In: a connection that has received something. Out: its requests have their responses, or will have. In which lane a call
runs is decided by `dispatch`. A response is sent by the owner of the connection (the holder of the hub, a pool thread,
a task); what follows (the rest of a response, the next request, the end) is always done by the holder, in
`finish_response`.

A message that raises a ProtocolError is refused: a response is sent, and the connection lingers until the client has
read it. Knows nothing of pollers, of listeners, or of which thread holds the hub.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from fanlight.errors import InvalidResponse, ProtocolError, RequestTimeout
from fanlight.message.file_content import FileContent
from fanlight.message.handler import Handler, encoder_of
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.connection import LINGER_SECONDS, NOTHING, Connection, Rest
from fanlight.server.connection.file_sender import CAN_SEND_FILES
from fanlight.server.connection.phases import (
    CLOSED,
    CONTENT,
    HEAD,
    IDLE,
    LINGERING,
    READING_REQUESTS,
    RUNNING,
    STREAM_PAUSED,
    STREAMING,
    STREAMING_BODY,
    WAITING_FOR_CLIENT,
)
from fanlight.server.exchange.allowed_hosts import AllowedHosts
from fanlight.server.exchange.body_spool import BodySpooler
from fanlight.server.exchange.dispatch import BUSY, Dispatch, Executors, broken
from fanlight.server.exchange.request_body import (
    LATE_CONTENT,
    begin_body,
    end_body,
    let_app_refuse,
)
from fanlight.server.exchange.response_head import JOINED_BYTES, apply_request_context, begin_response
from fanlight.server.exchange.send_buffer_limit import SendBufferLimit
from fanlight.server.exchange.streams import Streams
from fanlight.server.io.poller import WRITE
from fanlight.wire.http1.wire_events import Content, RequestHead

if TYPE_CHECKING:
    from fanlight.server.dispatch.ownership import Ownership, Turn
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.server.exchange.request_observer import RequestObserver
    from fanlight.settings.host_names import HostNames

log = logging.getLogger("fanlight.server")

Result = Response | Awaitable[Response]  # what a call returns by its type; in these lanes, a Response
LATE_HEAD = "the head did not arrive in time; Limits.head_seconds says how long we wait"
LATE_FOR_STOP = "the server is shutting down, and the request was not complete in time"
_SENDABLE = bytes | FileContent if CAN_SEND_FILES else bytes  # what is not streamed


class Exchange:
    """Serves the messages of every connection of one hub."""

    def __init__(  # noqa: PLR0913 - the parts of a hub
        self,
        table: ConnectionTable,
        ownership: Ownership,
        executors: Executors,
        handler: Handler,
        background: BackgroundTasks,
        observer: RequestObserver | None,
        *,
        hosts: HostNames | None = None,
    ) -> None:
        # With neither, a request of a plain connection needs no more than its head.
        self._hosts = None if hosts is None or hosts.is_any else AllowedHosts(hosts, handler)
        self._has_context = observer is not None or self._hosts is not None
        self._table, self._ownership, self._background, self._observer = table, ownership, background, observer
        self._find, self._limits, self._pool = handler.find, table.limits, executors.pool
        self._request_class: type[Request] = getattr(handler, "request_class", Request)
        self._encode, least_bytes = encoder_of(handler)
        self._least_bytes = min(least_bytes, JOINED_BYTES + 1)
        self.served = 0  # requests, since the beginning
        self.send_buffers = SendBufferLimit(table, table.limits.unsent_bytes)
        self._spooler = BodySpooler(table, ownership, executors.pool, self._resume_with_body)
        self._streams = Streams(table, ownership, executors, self.stream_finished)
        self._dispatch = Dispatch(table, ownership, executors, self)

    # --- for the holder of the hub: bytes have arrived ------------------------------------

    def advance(self, connection: Connection, turn: Turn) -> bool:
        """Serve every message that has arrived whole; False once another thread holds the hub."""
        wire = connection.wire
        try:
            while (event := wire.next_event()) is not None:
                if isinstance(event, RequestHead):
                    self.served += 1
                    connection.request = request = self._request_class(event, connection.client, None)
                    connection.call = self._find(request)
                    if connection.policy is not None or self._has_context:
                        self._apply_request_context(connection)
                    if event.block.content_length != 0 and not begin_body(
                        connection, event, self._table, self._ownership
                    ):
                        continue
                elif isinstance(event, Content):
                    if not self._spooler.write(connection, event.data):
                        continue
                    end_body(connection, self._table.now)
                else:
                    end_body(connection, self._table.now)
                if not self._dispatch.start(connection, turn):
                    return False
                if connection.phase not in READING_REQUESTS:
                    return True
                if wire.is_idle:
                    connection.enter(IDLE, self._table.now, self._table.keepalive_seconds)
                    return True
        except ProtocolError as refusal:
            if let_app_refuse(connection, refusal, self._table.now):
                return self._dispatch.start(connection, turn)
            self.refuse(connection, refusal)
            return True
        self._wait_for_more(connection)
        return True

    def _resume_with_body(self, connection: Connection, outcome: ProtocolError | bool) -> bool:  # noqa: FBT001 - as in GoOn
        """Go on when content has been written to the disk; False once another thread holds the hub."""
        turn = self._ownership.turn
        assert turn is not None  # only the holder calls this
        if isinstance(outcome, ProtocolError) and not let_app_refuse(connection, outcome, self._table.now):
            self.refuse(connection, outcome)
            return True
        if outcome:
            if not isinstance(outcome, ProtocolError):
                end_body(connection, self._table.now)
            if not self._dispatch.start(connection, turn):
                return False
            if connection.phase not in READING_REQUESTS:
                return True
        return self.advance(connection, turn)

    def _apply_request_context(self, connection: Connection) -> None:
        """Apply proxy and TLS information to the new request, and notify the observer."""
        connection.extra_headers = b""
        if connection.policy is not None:
            connection.policy.apply_to_request(connection)
        if self._hosts is not None:
            self._hosts.check(connection)
        if self._observer is not None:
            self._observer.on_request(connection)

    def _wait_for_more(self, connection: Connection) -> None:
        phase = connection.phase
        if connection.wire.is_idle:
            connection.enter(IDLE, self._table.now, self._table.keepalive_seconds)
        elif phase is CONTENT:
            connection.extend_for_content(self._limits)
        elif phase is IDLE:
            connection.enter(HEAD, self._table.now, self._limits.head_seconds)

    def respond_from_task(self, connection: Connection, response: Result) -> None:
        """Send the response of a call that ran as a task, at the end of that task."""
        if connection.body_reader is not None:
            # Only the holder may: it may be receiving just now.
            self._ownership.post(self._end_streaming_body, connection, response)
        elif not self._ownership.on_loop_thread():
            self.respond_from_thread(connection, response)
        elif self.respond(connection, response):
            self.finish_response(connection)

    def _end_streaming_body(self, connection: Connection, response: Result) -> None:
        """Send the response of a view that had the content as a stream, whether it has read all of it or not."""
        if connection.phase is CLOSED:
            return
        if connection.body_reader is not None and connection.body_reader.is_client_gone:
            if isinstance(response, Response):
                connection.status = response.status
            self._client_gone(connection)
            return
        if connection.phase is STREAMING_BODY:
            connection.enter(RUNNING, self._table.now)
        connection.release()
        if self.respond(connection, response):
            self.finish_response(connection)

    def respond_from_thread(self, connection: Connection, response: Result) -> None:
        """Send a response from a thread that is not the holder: it owns the connection until it posts it back."""
        if self.respond(connection, response):
            self._ownership.post(self.finish_response, connection)

    def respond(self, connection: Connection, response: Result) -> bool:  # noqa: C901, PLR0912 - every response passes here: no calls
        """Send a response, or as much of it as the client takes now; False if a stream goes on by itself.

        If True, the owner of a RUNNING connection has to have the holder finish it; for the holder's own connections
        that is done here.
        """
        wire, table = connection.wire, self._table
        if table.is_draining:
            wire.close_after_response()
        more: Rest = NOTHING
        try:
            if not isinstance(response, Response):
                log.error("%s returned %s instead of a response", connection.call.name, type(response).__name__)
                response = broken(connection.request)
            if connection.extra_headers or connection.policy is not None:
                apply_request_context(connection, response)
            content = response.content
            is_small = content.__class__ is bytes and 0 < len(content) < self._least_bytes
            if not is_small:
                response = self._encode(response, connection.request, self._pool.is_busy)
            own = response.own_headers
            standard = table.default_headers if own is None or not own.replaced else table.headers_without(own.replaced)
            standard += connection.extra_headers
            if not is_small:
                if not isinstance(content := response.content, _SENDABLE):
                    is_started = self._streams.start(connection, response, standard)
                    return not is_started and self.respond(connection, BUSY)
                is_small = content.__class__ is bytes and len(content) <= JOINED_BYTES
            connection.status = response.status
            if is_small:
                data = wire.send_response(response.status, response.fields(), content, standard)  # type: ignore[arg-type]  # bytes: it is small
            else:
                data, more = begin_response(connection, response, standard)
        except BaseException as error:  # noqa: BLE001 - a response may be of a class of the app, and hold anything
            data = self._unsendable(connection, error)
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.set_pending(NOTHING, more)  # which is released when it is closed
            self._client_gone(connection)
            return True
        if connection.body is not None:
            connection.release()
        if connection.request.cache is not None:
            self._background.schedule(connection)
        if sent != len(data) or more:
            connection.set_pending(memoryview(data)[sent:], more, len(data) + len(more))
        else:
            if self._observer is not None:
                self._observer.on_response(connection, sent)
            if not wire.must_close:
                return True
        if connection.phase is not RUNNING:
            self.finish_response(connection)
        return True

    def _unsendable(self, connection: Connection, error: BaseException) -> bytes:
        # A mistake in the response is logged by its message; an error of the app's own code, with its traceback.
        trace = None if isinstance(error, InvalidResponse | TypeError) else error
        log.error("the response of %s can't be sent: %s", connection.call.name, "" if trace else error, exc_info=trace)
        connection.status = 500
        standard = self._table.default_headers + connection.extra_headers
        response = broken(connection.request)
        assert isinstance(response.content, bytes)
        return connection.wire.send_response(500, response.fields(), response.content, standard)

    def stream_finished(self, connection: Connection, size: int) -> None:
        """Go on after a stream, when its last byte is with the system or pending; only the holder may."""
        if connection.phase is not CLOSED:  # else its client has disconnected meanwhile, which is recorded
            connection.end_stream(size)
            if not connection.pending:
                self._report_sent(connection)
            connection.release()
        self._background.schedule(connection)
        self.finish_response(connection)

    def _report_sent(self, connection: Connection) -> None:
        """Record a response that was not sent at once, now that it has been."""
        size = connection.take_unlogged()
        if size and self._observer is not None:
            self._observer.on_response(connection, size)

    def serve_event(self, connection: Connection, events: int) -> None:
        """Handle a poll event of a connection in a phase in which no request is read, and no handshake."""
        phase = connection.phase
        if phase in WAITING_FOR_CLIENT:
            self.write_more(connection)
        elif phase is STREAMING:
            assert connection.stream is not None
            connection.stream.on_poll_event(events)
        elif phase is STREAMING_BODY:
            assert connection.body_reader is not None
            connection.body_reader.read_more()
        elif phase is LINGERING:
            if not connection.discard(self._table.now):
                self._table.close(connection)
        else:  # it runs elsewhere, and its client sends more or has left: looked at again when it comes back
            self._table.watch(connection, 0)

    # --- for the holder of the hub: a response is sent, or on its way --------------------------

    def finish_response(self, connection: Connection) -> None:
        """Do what follows a response: write its rest, close, or receive on. Only the holder may."""
        table, wire = self._table, connection.wire
        if connection.phase is CLOSED:
            return
        if connection.pending:
            connection.wait_for_client(table.now, self._limits)
            table.watch(connection, WRITE)
            self.send_buffers.add(connection)
        elif wire.must_close:
            if wire.is_request_unread:
                self.linger(connection)
            else:
                table.close(connection)
        else:
            connection.enter(IDLE, table.now, table.keepalive_seconds)
            table.watch(connection)
            if wire.has_buffered:
                self._ownership.post(self.serve_buffered, connection)

    def serve_buffered(self, connection: Connection) -> bool:
        """Serve what had arrived behind the request that now has its response."""
        turn = self._ownership.turn
        return turn is None or connection.phase not in READING_REQUESTS or self.advance(connection, turn)

    def write_more(self, connection: Connection) -> None:
        """Send more of a response, now that its client takes more."""
        try:
            if not connection.flush():
                return
        except BlockingIOError:
            return
        except OSError:
            self._table.close(connection)
            return
        if connection.phase is STREAM_PAUSED:
            connection.enter(STREAMING, self._table.now, 0.0)
            self._table.watch(connection)
            connection.resume_stream(is_there=True)
        else:
            self._report_sent(connection)
            self.finish_response(connection)

    def refuse(self, connection: Connection, refusal: ProtocolError) -> None:
        """Send the reason why a message is refused, and let the client read it before we close."""
        if connection.phase is not CONTENT and (hint := connection.hint()):
            refusal = type(refusal)(f"{refusal}{hint}")
        name = b"" if self._observer is None else self._observer.on_refusal(connection, refusal)
        connection.release()
        try:
            connection.send(connection.wire.refuse(refusal, self._table.default_headers + name))
        except OSError:
            self._table.close(connection)
            return
        if connection.pending:
            self.finish_response(connection)
        else:
            self.linger(connection)

    def refuse_late(self, connection: Connection, now: float) -> None:
        """Refuse a client whose message did not come in time."""
        reader = connection.body_reader
        late = LATE_CONTENT if connection.phase is CONTENT or reader is not None else LATE_HEAD
        missed = RequestTimeout(LATE_FOR_STOP if now >= self._table.refuse_late_at else late)
        if reader is not None:
            reader.fail(missed)
        else:
            self.refuse(connection, missed)

    def linger(self, connection: Connection) -> None:
        """Close our sending side, and receive until the client has closed (RFC 9112 section 9.6)."""
        try:
            connection.sock.shutdown(1)  # SHUT_WR
        except OSError:
            self._table.close(connection)
            return
        connection.enter(LINGERING, self._table.now, LINGER_SECONDS)
        self._table.watch(connection)

    def _client_gone(self, connection: Connection) -> None:
        """Close the connection of a client that disconnected before its response was sent."""
        if self._observer is not None:
            self._observer.on_response(connection, 0)
        connection.release()
        self._background.schedule(connection)
        if connection.phase is RUNNING:
            self._ownership.post(self._table.close, connection)
        else:
            self._table.close(connection)

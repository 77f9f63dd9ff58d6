"""Events to requests, requests to calls, responses to bytes.

In: a connection that has received something. Out: its requests have their responses, or will have. In which lane a call
runs is decided by `dispatch`. A response is sent by the owner of the connection (the holder of the hub, a pool thread,
a task); what follows (the rest of a response, the next request, the end) is always done by the holder, in
`finish_response`.

A message that raises a ProtocolError is refused: `message_refusals`. Knows nothing of pollers, of listeners, or of
which thread holds the hub.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from fanlight.errors import ProtocolError
from fanlight.message.body_policy import WEBSOCKET_KEY
from fanlight.message.file_content import FileContent
from fanlight.message.handler import Handler, Lane, encoder_of
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.connection import NOTHING, SWITCHING_PROTOCOLS, Connection, Rest
from fanlight.server.connection.file_sender import CAN_SEND_FILES
from fanlight.server.connection.phases import (
    CLOSED,
    CONTENT,
    HEAD,
    IDLE,
    READING_REQUESTS,
    RUNNING,
    STREAM_PAUSED,
    STREAMING,
    STREAMING_BODY,
)
from fanlight.server.exchange.allowed_hosts import host_rules
from fanlight.server.exchange.batching import WIRE_CLOSED, Batching
from fanlight.server.exchange.body_spool import BodySpooler
from fanlight.server.exchange.dispatch import BUSY, Dispatch, Executors, broken
from fanlight.server.exchange.message_refusals import Refusals
from fanlight.server.exchange.request_body import begin_body, end_body, let_app_refuse
from fanlight.server.exchange.response_head import JOINED_BYTES, apply_request_context, begin_error, begin_response
from fanlight.server.exchange.send_buffer_limit import SendBufferLimit
from fanlight.server.exchange.streams import Streams
from fanlight.server.io.poller import WRITE
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

if TYPE_CHECKING:
    from fanlight.server.dispatch.ownership import Ownership, Turn
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.server.exchange.request_observer import RequestObserver
    from fanlight.settings.host_names import HostNames

log = logging.getLogger("fanlight.server")

Result = Response | Awaitable[Response]  # what a call returns by its type; in these lanes, a Response
_INLINE = Lane.INLINE  # PERF: benchmarks/stages.py: a name of the module is found faster than a member of an Enum
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
        self._hosts, self._find = host_rules(handler, hosts)
        self._table, self._ownership, self._background, self._observer = table, ownership, background, observer
        # What a request of a plain connection needs besides its head.
        observe = None if observer is None else observer.on_request
        self._prepare = observe if self._hosts is None else self._apply_request_context
        self._limits, self._pool = table.limits, executors.pool
        self._request_class: type[Request] = getattr(handler, "request_class", Request)
        self._encode, least_bytes = encoder_of(handler)
        self._least_bytes = min(least_bytes, JOINED_BYTES + 1)
        self.served = 0  # requests, since the beginning
        self.arrived: deque[Connection] = deque()  # whose calls are to run inline, as soon as others have been read
        self.send_buffers = SendBufferLimit(table, table.limits.unsent_bytes)
        self.batching = batching = Batching(observer)
        self.refusals = Refusals(table, observer, batching, self.finish_response)
        self._spooler = BodySpooler(table, ownership, executors.pool, self._resume_with_body)
        self._streams = Streams(table, ownership, executors, self.stream_finished)
        self.dispatch = Dispatch(table, ownership, executors, self, background)

    # --- for the holder of the hub: bytes have arrived ------------------------------------

    def advance(  # noqa: PLR0911 - each request passes here: no calls
        self, connection: Connection, turn: Turn, arrived: deque[Connection] | None = None
    ) -> bool:
        """Serve every message that has arrived whole; False once another thread holds the hub.

        With `arrived`, a call that would run inline is not begun: its connection is added there, for `run`.
        """
        wire, table = connection.wire, self._table
        try:
            while (event := wire.next_event()) is not None:
                if isinstance(event, RequestHead):
                    connection.request = request = self._request_class(event, connection.client, None)
                    connection.call = self._find(request)
                    if connection.batch is not None and not self._flush_before(connection, event):
                        return True
                    self.served += 1
                    prepare = self._prepare if connection.policy is None else self._apply_request_context
                    if prepare is not None:
                        prepare(connection)
                    if event.content_length != 0 and not begin_body(connection, event, table, self._ownership):
                        continue
                elif not self._take_content(connection, event):
                    continue
                if arrived is not None and connection.call.lane is _INLINE:
                    arrived.append(connection)
                    return True
                if not self.dispatch.start(connection, turn):
                    return False
                if connection.phase not in READING_REQUESTS:
                    return True
                if not wire.buffer:
                    table.wait_for_next(connection)
                    return True
        except ProtocolError as refusal:
            return self._refuse(connection, refusal, turn)
        self._wait_for_more(connection)
        return True

    def run(self, connection: Connection, turn: Turn) -> bool:
        """Run the call of a request that has arrived, and serve what follows it; False as in `advance`."""
        if not self.dispatch.start(connection, turn):
            return False
        if connection.phase in READING_REQUESTS:
            if connection.wire.buffer:
                return self.advance(connection, turn)
            self._table.wait_for_next(connection)
        return True

    def _flush_before(self, connection: Connection, head: RequestHead) -> bool:
        """Send what is held back before what may take long; False if the client has to take it first."""
        if (connection.call.lane is _INLINE and not head.content_length) or self.batching.flush(connection):
            return True
        connection.wire.put_back(head)
        self._wait_for_client(connection)
        return False

    def _take_content(self, connection: Connection, event: Content | EndOfMessage) -> bool:
        """Keep a piece of the content; True when the request is whole."""
        if isinstance(event, Content) and not self._spooler.write(connection, event.data):
            return False
        end_body(connection, self._table.now)
        return True

    def _refuse(self, connection: Connection, refusal: ProtocolError, turn: Turn) -> bool:
        """Refuse a message, or have the app do that; False once another thread holds the hub."""
        if let_app_refuse(connection, refusal, self._table.now):
            return self.dispatch.start(connection, turn)
        self.refusals.refuse(connection, refusal)
        return True

    def _resume_with_body(self, connection: Connection, outcome: ProtocolError | bool) -> bool:  # noqa: FBT001 - as in GoOn
        """Go on when content has been written to the disk; False once another thread holds the hub."""
        turn = self._ownership.turn
        assert turn is not None  # only the holder calls this
        if isinstance(outcome, ProtocolError) and not let_app_refuse(connection, outcome, self._table.now):
            self.refusals.refuse(connection, outcome)
            return True
        if outcome:
            if not isinstance(outcome, ProtocolError):
                end_body(connection, self._table.now)
            return self.run(connection, turn)
        return self.advance(connection, turn)

    def _apply_request_context(self, connection: Connection) -> None:
        """Notify the observer, and apply proxy and TLS information to the new request."""
        connection.extra_headers = b""
        if self._observer is not None:
            self._observer.on_request(connection)
        if connection.policy is not None:
            connection.policy.apply_to_request(connection)
        if self._hosts is not None:
            self._hosts.check(connection)

    def _wait_for_more(self, connection: Connection) -> None:
        phase = connection.phase
        if connection.batch is not None and not self.batching.flush(connection):
            self._wait_for_client(connection)
        elif connection.wire.is_idle:
            connection.enter(IDLE, self._table.now, self._table.keepalive_seconds)
        elif phase is CONTENT:
            connection.extend_for_content(self._limits)
        elif phase is IDLE:
            connection.enter(HEAD, self._table.now, self._limits.head_seconds)

    def respond_from_task(self, connection: Connection, response: Result) -> None:
        """Send the response of a call that ran as a task, at the end of that task, in the loop's thread."""
        turn = self._ownership.turn
        if connection.status == SWITCHING_PROTOCOLS:
            connection.request.cached_value(WEBSOCKET_KEY).end(getattr(response, "status", 500))
            return
        if connection.body_reader is not None:
            # Only the holder may: it may be receiving just now.
            self._ownership.post(self._end_streaming_body, connection, response)
        elif turn is None or not turn.is_on_loop:
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
        """Send a response from a thread that is not the holder: it owns the connection until it gives it back."""
        if connection.status == SWITCHING_PROTOCOLS:
            connection.request.cached_value(WEBSOCKET_KEY).end(getattr(response, "status", 500))
            return
        if not self.respond(connection, response):
            return
        wire = connection.wire
        if connection.phase is not RUNNING or connection.pending or wire.must_close or wire.buffer:
            self._ownership.post(self.finish_response, connection)
        else:
            self._table.give_back(connection)

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
            if response.own_headers is not None and (connection.extra_headers or connection.policy is not None):
                apply_request_context(connection, response)
            content, own = response.content, response.own_headers
            if content.__class__ is bytes and 0 < len(content) < self._least_bytes:
                standard = table.default_headers if own is None else table.headers_beside(own)
                standard += connection.extra_headers
                connection.status = response.status
                data = wire.send_response(response.status, response.fields(), content, standard)
            else:
                begun = self._begin_other(connection, response)
                if begun is None:
                    return False
                data, more = begun
        except BaseException as error:  # noqa: BLE001 - a response may be of a class of the app, and hold anything
            data = begin_error(connection, error, broken(connection.request), table.default_headers)
        size = whole = len(data)
        if wire.buffer and not more and connection.phase is not RUNNING and self.batching.hold(connection, data):
            return True
        if connection.batch is not None:
            data = connection.batch.take() + data
            whole = len(data)
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.set_pending(memoryview(data), more)  # which is released when it is closed
            self._client_gone(connection)
            return True
        if connection.body is not None:
            connection.release()
        if connection.request.cache is not None:
            self._background.schedule(connection)
        if sent != whole or more:
            connection.set_pending(memoryview(data)[sent:], more, size + len(more))
        else:
            if connection.batch is not None:
                self.batching.report(connection)
            if self._observer is not None:
                self._observer.on_response(connection, size)
            if wire.state != WIRE_CLOSED:
                return True
        if connection.phase is not RUNNING:
            self.finish_response(connection)
        return True

    def _begin_other(self, connection: Connection, response: Response) -> tuple[bytes, Rest] | None:
        """Return the first bytes and the rest of a response that may be encoded, big, or a file; None for a stream.

        Raises an error for what can't be sent.
        """
        response = self._encode(response, connection.request, self._pool.is_busy)
        content = response.content
        standard = self._table.headers_beside(response.own_headers) + connection.extra_headers
        if content.__class__ is bytes and len(content) <= JOINED_BYTES:
            connection.status = response.status
            return connection.wire.send_response(response.status, response.fields(), content, standard), NOTHING
        if not isinstance(content, _SENDABLE):
            self.batching.flush(connection)  # else it goes with the first piece
            is_started = self._streams.start(connection, response, standard)
            return None if is_started else self._begin_other(connection, BUSY)
        connection.status = response.status
        return begin_response(connection, response, standard)

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
        """Record what was not sent at once, now that it has been."""
        self.batching.report(connection)
        size = connection.take_unlogged()
        if size and self._observer is not None:
            self._observer.on_response(connection, size)

    # --- for the holder of the hub: a response is sent, or on its way --------------------------

    def _wait_for_client(self, connection: Connection) -> None:
        """Wait until the client takes what was held back; then `finish_response` goes on."""
        assert connection.batch is not None
        connection.set_pending(memoryview(connection.batch.take()), NOTHING)
        self.finish_response(connection)

    def finish_response(self, connection: Connection) -> None:
        """Do what follows a response: write its rest, close, or receive on. Only the holder may."""
        table, wire = self._table, connection.wire
        if connection.phase is CLOSED:
            return
        if connection.pending:
            connection.wait_for_client(table.now, self._limits)
            table.watch(connection, WRITE)
            self.send_buffers.add(connection)
        elif wire.state == WIRE_CLOSED:
            if wire.is_request_unread:
                table.linger(connection)
            else:
                table.close(connection)
        else:
            connection.enter(IDLE, table.now, table.keepalive_seconds)
            table.watch(connection)
            if not wire.is_idle:
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
        self._report_sent(connection)
        if connection.phase is STREAM_PAUSED:
            connection.enter(STREAMING, self._table.now, 0.0)
            self._table.watch(connection)
            connection.resume_stream(is_there=True)
        else:
            self.finish_response(connection)

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

"""The links of calls of other frameworks' apps: a response before the call ends, and word of a client that has left.

In: a connection whose call has such an app. Out: its request has a `CallLink`. A call that goes on after its response
is waited for like a background task. A client that has only closed its sending side (RFC 9112 section 9.6) may still be
reading: it is taken to have left when it gets nothing for PAUSE_SECONDS.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fanlight.message.call_link import LINK_KEY, Address
from fanlight.message.early_hints import HINT_SENDER_KEY
from fanlight.server.connection.content_flow import PAUSE_SECONDS
from fanlight.server.connection.phases import RUNNING
from fanlight.server.exchange.early_hint_sender import can_send_early_hints, send_early_hints
from fanlight.server.io.poller import DISCONNECTED, HALF_CLOSED
from fanlight.wire.websocket.websocket_handshake import asks_for_websocket

if TYPE_CHECKING:
    from fanlight.message.response import Response
    from fanlight.server.connection.connection import Connection
    from fanlight.server.dispatch.ownership import Ownership


MOST_ADDRESSES = 256  # a closed connection may be among them, until its descriptor comes again


class Watcher(Protocol):
    """What watches connections: their table."""

    ownership: Ownership

    def watch(self, connection: Connection, events: int = ..., /) -> None:
        """Watch one for these events."""


class EarlyResponder(Protocol):
    """What sends the response of a call that goes on: the dispatch."""

    def respond_early(self, connection: Connection, response: Response, *, from_thread: bool = False) -> None:
        """Send it, in the loop's thread or in that of the call."""


class CallLinks:
    """The links of one hub."""

    def __init__(self, table: Watcher, dispatch: EarlyResponder) -> None:
        self.table, self.dispatch = table, dispatch
        self.ownership = table.ownership
        self._responses: deque[tuple[Connection, Response]] = deque()  # that are to be sent
        # PERF: benchmarks/guests.py: of those connections that are in use; to ask the system takes as long as a scope
        self._addresses: dict[int, tuple[Connection, Address | None, Address | None]] = {}

    def respond_soon(self, connection: Connection, response: Response) -> None:
        """Send a response when the tasks of this turn of the loop have run."""
        # PERF: benchmarks/guests.py: a large app fills the caches of the processor. What sends responses is fetched
        # once for all of a turn so, and not behind each app: a seventh of a request of FastAPI, a third of a bare one.
        self._responses.append((connection, response))
        if len(self._responses) == 1:
            self.ownership.loop.call_soon(self._send_responses)

    def _send_responses(self) -> None:
        responses = self._responses
        try:
            while responses:
                self.dispatch.respond_early(*responses.popleft())
        finally:
            if responses:
                self.ownership.loop.call_soon(self._send_responses)

    def addresses(self, connection: Connection) -> tuple[Connection, Address | None, Address | None]:
        """Return a connection with the addresses of its server and its client."""
        known = self._addresses.get(connection.fd)
        if known is not None and known[0] is connection:
            return known
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        found = connection, _address(connection, "getsockname"), _address(connection, "getpeername")
        self._addresses[connection.fd] = found
        return found

    def attach(self, connection: Connection) -> bool:
        """Attach a link to the request of a connection; True if the request asks for a WebSocket."""
        request = connection.request
        request.cache_value(LINK_KEY, ServerLink(self, connection))
        return request.head.find("upgrade") is not None and asks_for_websocket(request.head.values)


class ServerLink:
    """The link of one call."""

    __slots__ = ("_connection", "_links", "_request", "loop", "may_respond")

    def __init__(self, links: CallLinks, connection: Connection) -> None:
        self._links = links
        self._connection: Any = connection  # None when the call has ended
        self._request: Any = connection.request
        self.loop = links.ownership.loop
        self.may_respond = connection.call.body_policy.responds_early

    @property
    def is_direct(self) -> bool:
        """See `CallLink`."""
        return self._connection.policy is None

    @property
    def client(self) -> Address | None:
        """See `CallLink`."""
        client = self._connection.request.client
        if client is None:
            return None
        if client != self._connection.client:
            return client, 0  # as a trusted proxy has named it
        address = self._links.addresses(self._connection)[2]
        return client, 0 if address is None else address[1]

    @property
    def server(self) -> Address | None:
        """See `CallLink`."""
        return self._links.addresses(self._connection)[1]

    def respond(self, response: Response) -> None:
        """See `CallLink`."""
        self._links.respond_soon(self._connection, response)

    def respond_from_thread(self, response: Response) -> None:
        """See `CallLink`."""
        self._links.dispatch.respond_early(self._connection, response, from_thread=True)

    def end(self) -> None:
        """See `CallLink`."""
        # PERF: benchmarks/guests.py: the request has this link; a circle would wait for the garbage collector
        self._request = self._connection = None

    def watch_client(self, on_gone: Callable[[], object]) -> None:
        """See `CallLink`."""
        self._links.ownership.post(self._watch_client, on_gone)

    def enable_hints(self) -> None:
        """See `CallLink`."""
        connection, request = self._connection, self._request
        if connection is not None and can_send_early_hints(connection):
            request.cache_value(HINT_SENDER_KEY, partial(send_early_hints, connection, request))

    def _watch_client(self, on_gone: Callable[[], object]) -> None:
        connection = self._connection
        if connection is not None and connection.phase is RUNNING and connection.request is self._request:
            connection.read_body_by(ClientWatch(self._links.table, connection, on_gone))
            self._links.table.watch(connection)
        else:
            self.loop.call_soon_threadsafe(on_gone)


class ClientWatch:
    """In the place of what reads the content, which has come: it notices that the client leaves."""

    __slots__ = ("_connection", "_on_gone", "_table", "is_client_gone")

    def __init__(self, table: Watcher, connection: Connection, on_gone: Callable[[], object]) -> None:
        self._table, self._connection, self._on_gone = table, connection, on_gone
        self.is_client_gone = False

    def on_poll_event(self, events: int) -> None:
        """Find out what has happened: a next request is left alone."""
        table, connection = self._table, self._connection
        loop = table.ownership.loop
        if events & DISCONNECTED:
            loop.call_soon_threadsafe(self._leave)
        elif connection.has_sent():
            table.watch(connection, HALF_CLOSED)
        else:
            loop.call_soon_threadsafe(loop.call_later, PAUSE_SECONDS, self._leave)

    def read_more(self) -> None:
        """Do nothing: the content has come."""

    def fail(self, error: Exception) -> None:
        """Take it as a client that has left."""
        del error
        self.close()

    def close(self) -> None:
        """Have the app know that its client is not waiting any more."""
        self._table.ownership.loop.call_soon_threadsafe(self._on_gone)

    def _leave(self) -> None:
        if self._connection.body_reader is self:
            self.is_client_gone = True
            self._on_gone()


def _address(connection: Connection, ask: str) -> Address | None:
    """Return an address of a connection: `getsockname` or `getpeername`; None if it has none any more."""
    sock: Any = connection.sock
    try:
        if sock.__class__ is socket.socket:
            address: Any = getattr(sock, ask)()
        else:  # what encrypts, or records
            plain = socket.socket(fileno=connection.fd)
            try:
                address = getattr(plain, ask)()
            finally:
                plain.detach()
    except OSError:
        return None
    if isinstance(address, tuple):
        return address[0], address[1]
    return (address, None) if isinstance(address, str) and address else None

"""The test client: requests to an app through the real server, without a port.

In: an app. Out: responses. The client runs the app in a real server in a thread of its own, and connects to it with a
pair of sockets, so a test exercises everything that a browser would: HTTP parsing, the server loop and its lanes. It
keeps cookies and follows redirects like a browser.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import socket
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast, overload
from urllib.parse import urlsplit

import msgspec

from fanlight.compression.codecs import decode_content
from fanlight.message.handler import Handler
from fanlight.message.headers import Headers
from fanlight.message.media_types import charset_of
from fanlight.sessions.session import Session
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing.client_session import open_session
from fanlight.testing.cookie_jar import Cookies, host_of
from fanlight.testing.running import Overrides, ServerThread, overridden
from fanlight.testing.sending import PreparedRequest, next_request, prepare_request
from fanlight.testing.streaming import RawResponse, StreamedResponse
from fanlight.testing.websocket_session import ClientWebSocket, WebSocketRefused, handshake_fields

BASE_URL = "http://testserver"
RESPONSE_SECONDS = 30
MAX_REDIRECTS = 20
SWITCHING_PROTOCOLS = 101
REDIRECTS = (301, 302, 303, 307, 308)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResponse:
    """A response; `raw_content` is the content as it was received, maybe compressed."""

    status: int
    headers: Headers
    raw_content: bytes
    url: str
    early_hints: tuple[str, ...] = ()  # the links of the 103 responses before it

    @property
    def content(self) -> bytes:
        """The content, decompressed. Raises the error of the codec if it is malformed."""
        return decode_content(self.raw_content, self.headers.get("content-encoding"))

    @property
    def text(self) -> str:
        """The content as text, in the charset of its media type (UTF-8 by default)."""
        return self.content.decode(charset_of(self.headers.get("content-type")) or "utf-8")

    def json(self) -> Any:
        """Return the content parsed as JSON."""
        return msgspec.json.decode(self.content)


def _sender(method: str) -> Callable[..., ClientResponse]:
    def send(self: Client, url: str, **options: Any) -> ClientResponse:
        """Send a request with the method of this name."""
        return self.request(method, url, **options)

    return send


class Client:
    """Sends requests to an app, and keeps its cookies; use it in a `with` block, or `close` it.

    `client.get("/search", query={"q": "cats"})`, `client.post("/", form={...})`,
    `client.post("/", json={...})`, `client.post("/", files={"photo": ("a.png", b"...")})`: every method
    takes `headers`, `query`, `content` (bytes, or an iterable of bytes that is sent in chunks), `form`, `files`, `json`
    and `follow_redirects`. `overrides` replaces dependencies: `Client(app, overrides={database: fake})`. With
    `base_url="https://testserver"` requests are made over https, so `Secure` cookies are kept. `client.beside()` is
    another visitor of the same app.
    """

    def __init__(
        self,
        app: Handler,
        *,
        base_url: str = BASE_URL,
        limits: Limits | None = None,
        follow_redirects: bool = False,
        overrides: Overrides | None = None,
    ) -> None:
        """Start the app's lifespan and its server. Raises SetupError for invalid overrides."""
        self._base = urlsplit(base_url)
        if self._base.scheme not in ("http", "https") or not self._base.hostname or self._base.path.strip("/"):
            raise ValueError(f"base_url is {base_url!r}; write a scheme and a host, like https://shop.example")
        self._app = overridden(app, overrides)
        self._running = ServerThread(self._app, Options(bind=(), limits=limits or Limits(), access_log=False))
        self._running.start()
        self._stop = weakref.finalize(self, self._running.stop)
        self._connections: dict[str, _SocketConnection] = {}  # keep-alive, by scheme
        self._follow_redirects = follow_redirects
        self._cookies = Cookies(host_of(self._base))
        self._first: Client | None = None  # of which this is one beside
        self._beside: list[Client] = []

    @property
    def cookies(self) -> Cookies:
        """The stored cookies: a mapping from names to values, which a test can change."""
        return self._cookies

    @overload
    def session(self) -> AbstractContextManager[Session]: ...
    @overload
    def session(self, data: type[T]) -> AbstractContextManager[Session[T]]: ...
    def session(self, data: type[Any] | None = None) -> AbstractContextManager[Session[Any]]:
        """Return the client's session, to read and change it: `with client.session() as session: session["a"] = 1`.

        With a class, it is a session with data: `client.session(Cart)`.
        """
        return open_session(self._app, self._cookies, self._base, data)

    def sign_in(self, user_id: int | str) -> None:
        """Sign a user in, as a view does by `session.sign_in(user_id)`."""
        with self.session() as session:
            session.sign_in(user_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and the app's lifespan, unless another client has started them."""
        for each in (*self._beside, self):
            for scheme in list(each._connections):  # noqa: SLF001 - of the same class
                each._disconnect(scheme)  # noqa: SLF001
        if self._first is None:
            self._stop()

    def beside(self) -> Client:
        """Return another visitor of the same running app, with cookies of its own; it is closed with this one."""
        other = copy.copy(self)
        other._first = self  # noqa: SLF001 - of the same class; and the app runs as long as the first client is there
        other._connections, other._cookies, other._beside = {}, Cookies(host_of(self._base)), []  # noqa: SLF001
        self._beside.append(other)
        return other

    def request(self, method: str, url: str, *, follow_redirects: bool | None = None, **options: Any) -> ClientResponse:
        """Return the response to a request, or to the last one if redirects are followed.

        A redirect to another host is not followed, because it leaves the app under test.
        """
        follows = self._follow_redirects if follow_redirects is None else follow_redirects
        request = prepare_request(self._base, method, url, **options)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(request)
            location = response.headers.get("location")
            if not follows or response.status not in REDIRECTS or location is None:
                return response
            following = next_request(request, response.status, location)
            if following is None:
                return response
            request = following
        raise RuntimeError(f"{MAX_REDIRECTS} redirects in a row, the last to {location}")

    get = _sender("GET")
    head = _sender("HEAD")
    options = _sender("OPTIONS")
    post = _sender("POST")
    put = _sender("PUT")
    patch = _sender("PATCH")
    delete = _sender("DELETE")

    def connect(self, *, is_https: bool | None = None) -> socket.socket:
        """Return one end of a new connection, for a test that sends raw bytes; over https if `base_url` is."""
        ours, theirs = socket.socketpair()
        ours.settimeout(RESPONSE_SECONDS)
        try:
            self._running.adopt(theirs, is_https=self._base.scheme == "https" if is_https is None else is_https)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        return ours

    def send(self, data: bytes) -> bytes:
        """Send raw bytes on a new connection, close it for writing, and return everything that is received."""
        with self.connect() as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            received = bytearray()
            while more := sock.recv(65536):
                received += more
        return bytes(received)

    @contextlib.contextmanager
    def stream(self, method: str, url: str, **options: Any) -> Iterator[StreamedResponse]:
        """Send a request, and read the response as it is sent: `with client.stream("GET", "/events") as response:`.

        It has a connection of its own, which is closed at the end of the block: the client disconnects.
        """
        request = prepare_request(self._base, method, url, **options)
        connection = self._new_connection(request.url.scheme)
        try:
            yield StreamedResponse(self._exchange(connection, request))
        finally:
            connection.close()

    @contextlib.contextmanager
    def websocket(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        query: Any = None,
    ) -> Iterator[ClientWebSocket]:
        """Open a WebSocket: `with client.websocket("/chat/1") as socket:`; it is closed at the end of the block.

        Raises WebSocketRefused, whose `response` is what the app has sent in its place.
        """
        fields = {**handshake_fields(subprotocols), **(headers or {})}
        request = prepare_request(self._base, "GET", url, headers=fields, query=query)
        connection = self._new_connection(request.url.scheme)
        try:
            raw = self._exchange(connection, request)
            if raw.status != SWITCHING_PROTOCOLS:
                raise WebSocketRefused(_whole(raw, request))
            sock = cast("socket.socket", connection.sock)
            sock.setblocking(False)
            received = raw.fp.peek()  # what came with the head, and was buffered
            sock.setblocking(True)
            with ClientWebSocket(sock, received, raw.headers.get("sec-websocket-protocol"), RESPONSE_SECONDS) as opened:
                yield opened
        finally:
            connection.close()
            self._running.server.flush_logs()

    def _send(self, request: PreparedRequest) -> ClientResponse:
        scheme = request.url.scheme
        connection = self._connection(scheme)
        try:
            raw = self._exchange(connection, request)
            response = _whole(raw, request)
        except BaseException:
            self._disconnect(scheme)  # the rest of the response would be read as the next one
            raise
        if raw.will_close:
            self._disconnect(scheme)
        self._running.server.flush_logs()
        return response

    def _exchange(self, connection: _SocketConnection, request: PreparedRequest) -> RawResponse:
        body, fields = request.body, [("host", request.url.netloc)]
        cookie = self._cookies.field(request.url, time.time())
        if cookie and not any(name == "cookie" for name, _ in request.fields):
            fields.append(("cookie", cookie))
        fields += request.fields
        if request.is_chunked:
            fields = [*_without(fields, "transfer-encoding"), ("transfer-encoding", "chunked")]
        elif body is not None or request.method in ("POST", "PUT", "PATCH"):
            length = len(body) if isinstance(body, bytes) else 0
            fields = [*_without(fields, "content-length"), ("content-length", str(length))]
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        # The server may have responded and closed the connection before the whole body was sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(body, encode_chunked=request.is_chunked)
        raw = cast("RawResponse", connection.getresponse())
        self._cookies.keep(raw.headers.get_all("set-cookie", ()), request.url, time.time())
        return raw

    def _connection(self, scheme: str) -> _SocketConnection:
        """Return the keep-alive connection, or a new one if the server has closed it."""
        kept = self._connections.get(scheme)
        if kept is not None and kept.sock is not None and not _is_closed(kept.sock):
            return kept
        self._disconnect(scheme)
        connection = self._connections[scheme] = self._new_connection(scheme)
        return connection

    def _new_connection(self, scheme: str) -> _SocketConnection:
        return _SocketConnection(self._base.hostname or "", self.connect(is_https=scheme == "https"))

    def _disconnect(self, scheme: str) -> None:
        if (connection := self._connections.pop(scheme, None)) is not None:
            connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """A connection over a given socket."""

    response_class = RawResponse
    auto_open = 0  # never reconnects: there is no such host

    def __init__(self, host: str, sock: socket.socket) -> None:
        super().__init__(host)
        self.sock = sock


def _whole(raw: RawResponse, request: PreparedRequest) -> ClientResponse:
    return ClientResponse(
        status=raw.status,
        headers=Headers((name.lower(), value) for name, value in raw.getheaders()),
        raw_content=raw.read(),
        url=request.url.geturl(),
        early_hints=raw.early_hints,
    )


def _is_closed(sock: socket.socket) -> bool:
    """Return whether the server has closed a connection, or sent something without a request."""
    sock.setblocking(False)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(RESPONSE_SECONDS)
    return True


def _without(fields: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    return [field for field in fields if field[0] != name]

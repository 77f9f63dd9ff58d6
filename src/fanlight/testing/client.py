"""A client for tests: the whole corridor from bytes to bytes, without a port.

In: an app. Out: answers. The client runs the app in a real server in a thread of its own and talks
to it through a pair of connected sockets, so what a test sees is what a browser would: the wire,
the hub and its lanes included. It keeps cookies and follows redirects as a browser does.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlsplit

import msgspec

from fanlight.compression.codecs import decode_content
from fanlight.message.handler import Handler
from fanlight.message.headers import Headers
from fanlight.message.media_types import charset_of
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing.cookie_jar import Cookies, host_of
from fanlight.testing.running import Overrides, Running, overridden
from fanlight.testing.sending import PreparedRequest, next_request, prepare_request
from fanlight.testing.streaming import RawResponse, StreamedResponse

BASE_URL = "http://testserver"
RESPONSE_SECONDS = 30
MAX_REDIRECTS = 20
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResponse:
    """What the server sent back; `raw_content` is what came, compressed where that was asked for."""

    status: int
    headers: Headers
    raw_content: bytes
    url: str
    early_hints: tuple[str, ...] = ()  # the links of the 103s that came before it

    @property
    def content(self) -> bytes:
        """The content, decoded as a browser does. Raises what the codec raises where it is broken."""
        return decode_content(self.raw_content, self.headers.get("content-encoding"))

    @property
    def text(self) -> str:
        """The content as text, in the charset its media type names (UTF-8 where it names none)."""
        return self.content.decode(charset_of(self.headers.get("content-type")) or "utf-8")

    def json(self) -> Any:
        """Return the content read as JSON."""
        return msgspec.json.decode(self.content)


class Client:
    """Asks an app, and keeps its cookies; use it in a `with` block, or `close` it.

    `client.get("/search", query={"q": "cats"})`, `client.post("/", form={...})`,
    `client.post("/", json={...})`, `client.post("/", files={"photo": ("a.png", b"...")})`: every method
    takes `headers`, `query`, `content` (bytes, or an iterable of them to be sent in chunks), `form`,
    `files`, `json` and `follow_redirects`. What is compressed, because `headers` ask for it, is decoded.
    `overrides` are functions that stand for dependencies: `Client(app, overrides={database: fake})`.
    By `base_url="https://testserver"` the app is asked as by https: so `Secure` cookies are kept.
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
        """Start the app's lifespan and its server. Raises SetupError for overrides that can't be."""
        self._base = urlsplit(base_url)
        if self._base.scheme not in ("http", "https") or not self._base.hostname or self._base.path.strip("/"):
            raise ValueError(f"base_url is {base_url!r}; write a scheme and a host, like https://shop.example")
        self._running = Running(
            overridden(app, overrides), Options(bind=(), limits=limits or Limits(), access_log=False)
        )
        self._running.start()
        self._stop = weakref.finalize(self, self._running.stop)
        self._connections: dict[str, http.client.HTTPConnection] = {}  # by scheme; kept alive between requests
        self._follow_redirects = follow_redirects
        self._cookies = Cookies(host_of(self._base))

    @property
    def cookies(self) -> Cookies:
        """The cookies that are kept: a mapping from names to values, which a test may change."""
        return self._cookies

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and the app's lifespan."""
        for scheme in list(self._connections):
            self._disconnect(scheme)
        self._stop()

    def get(self, url: str, **options: Any) -> ClientResponse:
        """Ask with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> ClientResponse:
        """Ask with HEAD."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Any) -> ClientResponse:
        """Ask with OPTIONS."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, **options: Any) -> ClientResponse:
        """Ask with POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> ClientResponse:
        """Ask with PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> ClientResponse:
        """Ask with PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> ClientResponse:
        """Ask with DELETE."""
        return self.request("DELETE", url, **options)

    def request(self, method: str, url: str, *, follow_redirects: bool | None = None, **options: Any) -> ClientResponse:
        """Return the answer to one request, or to the last one where redirects are followed.

        A redirect to another host is not followed: the site under test ends there.
        """
        follows = self._follow_redirects if follow_redirects is None else follow_redirects
        asked = prepare_request(self._base, method, url, **options)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(asked)
            location = answer.headers.get("location")
            if not follows or answer.status not in REDIRECTS or location is None:
                return answer
            following = next_request(asked, answer.status, location)
            if following is None:
                return answer
            asked = following
        raise RuntimeError(f"{MAX_REDIRECTS} redirects in a row, the last to {location}")

    def connect(self, *, is_https: bool | None = None) -> socket.socket:
        """Return one end of a new connection, for a test that sends its own bytes; as by https, or as `base_url` is."""
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
        """Send raw bytes on a new connection, say that no more come, and return all that comes back."""
        with self.connect() as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            received = bytearray()
            while more := sock.recv(65536):
                received += more
        return bytes(received)

    @contextlib.contextmanager
    def stream(self, method: str, url: str, **options: Any) -> Iterator[StreamedResponse]:
        """Ask, and read the answer as it is made: `with client.stream("GET", "/events") as answer:`.

        It has a connection of its own, which is closed behind the block: then the client has left.
        """
        asked = prepare_request(self._base, method, url, **options)
        connection = self._new_connection(asked.url.scheme)
        try:
            yield StreamedResponse(self._send_request(connection, asked))
        finally:
            connection.close()

    def _ask(self, asked: PreparedRequest) -> ClientResponse:
        scheme = asked.url.scheme
        connection = self._connection(scheme)
        try:
            reply = self._send_request(connection, asked)
            content = reply.read()
        except BaseException:
            self._disconnect(scheme)  # whatever is left on it would be taken for the next answer
            raise
        if reply.will_close:
            self._disconnect(scheme)
        self._running.server.flush_logs()
        return ClientResponse(
            status=reply.status,
            headers=Headers((name.lower(), value) for name, value in reply.getheaders()),
            raw_content=content,
            url=asked.url.geturl(),
            early_hints=reply.early_hints,
        )

    def _send_request(self, connection: http.client.HTTPConnection, asked: PreparedRequest) -> RawResponse:
        body, fields = asked.body, [("host", asked.url.netloc)]
        cookie = self._cookies.field(asked.url, time.time())
        if cookie and not any(name == "cookie" for name, _ in asked.fields):
            fields.append(("cookie", cookie))
        fields += asked.fields
        if asked.is_chunked:
            fields = [*_without(fields, "transfer-encoding"), ("transfer-encoding", "chunked")]
        elif body is not None or asked.method in ("POST", "PUT", "PATCH"):
            length = len(body) if isinstance(body, bytes) else 0
            fields = [*_without(fields, "content-length"), ("content-length", str(length))]
        connection.putrequest(asked.method, asked.target, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        # A server that has answered already, and takes no more, is no error here.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(body, encode_chunked=asked.is_chunked)
        reply = cast("RawResponse", connection.getresponse())
        self._cookies.keep(reply.headers.get_all("set-cookie", ()), asked.url, time.time())
        return reply

    def _connection(self, scheme: str) -> http.client.HTTPConnection:
        """Return the connection that is kept alive, or a new one where the server has closed it meanwhile."""
        kept = self._connections.get(scheme)
        if kept is not None and kept.sock is not None and not _is_closed(kept.sock):
            return kept
        self._disconnect(scheme)
        connection = self._connections[scheme] = self._new_connection(scheme)
        return connection

    def _new_connection(self, scheme: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._base.hostname or "")
        connection.response_class = RawResponse
        connection.auto_open = 0  # never by itself: there is no such host
        connection.sock = self.connect(is_https=scheme == "https")
        return connection

    def _disconnect(self, scheme: str) -> None:
        if (connection := self._connections.pop(scheme, None)) is not None:
            connection.close()


def _is_closed(sock: socket.socket) -> bool:
    """Say whether the server has closed a connection, or said something on it that nobody asked for."""
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

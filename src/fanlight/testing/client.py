"""A client for tests: the whole corridor from bytes to bytes, without a port.

In: an app. Out: answers. The client runs the app in a real server in a thread of its own and talks
to it through a pair of connected sockets, so what a test sees is what a browser would: the wire,
the hub and its lanes included. `LiveServer` does the same on a real port.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from fanlight.app import Application
from fanlight.message import Handler, Headers
from fanlight.server import Hub, Limits, Options, Server
from fanlight.testing.decoding import decoded
from fanlight.testing.sending import Sent, body_of, cookie_of
from fanlight.testing.streaming import Reply, StreamedAnswer

HOST = "testserver"
START_SECONDS = 30
ANSWER_SECONDS = 30
MOST_REDIRECTS = 20
Overrides = Mapping[Callable[..., Any], Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server sent back; `raw_content` is what came, compressed where that was asked for."""

    status: int
    headers: Headers
    raw_content: bytes
    url: str
    early_hints: tuple[str, ...] = ()  # the links of the 103s that came before it

    @property
    def content(self) -> bytes:
        """The content, decoded as a browser does. Raises what the codec raises where it is broken."""
        return decoded(self.raw_content, self.headers.get("content-encoding"))

    @property
    def text(self) -> str:
        """The content as text, in the charset its media type names (UTF-8 where it names none)."""
        _, _, charset = self.headers.get("content-type", "").partition("charset=")
        return self.content.decode(charset.strip('" ') or "utf-8")

    def json(self) -> Any:
        """Return the content read as JSON."""
        return msgspec.json.decode(self.content)


class Running:
    """A server in a thread of its own, from `start` to `stop`."""

    def __init__(self, handler: Handler, options: Options) -> None:
        """Prepare; `start` starts it."""
        self.server = Server(handler, options)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="fanlight-test-server", daemon=True)

    def start(self) -> list[str]:
        """Serve; return the URLs. Raises what the server raised if it can't start."""
        urls = self.server.open()
        self._thread.start()
        if not self.server.started.wait(START_SECONDS) or self._error is not None:
            raise self._error or TimeoutError(f"the server did not start within {START_SECONDS} s")
        return urls

    def stop(self) -> None:
        """Finish what runs, and end. Raises what ended the server early, if anything did."""
        if not self._thread.is_alive() and self._error is None:
            return
        self.server.stop()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self.server.run()
        except BaseException as error:  # noqa: BLE001 - it is raised in the test's thread
            self._error = error
        finally:
            self.server.started.set()


class Client:
    """Asks an app, and keeps its cookies; use it in a `with` block, or `close` it.

    `client.get("/search", query={"q": "cats"})`, `client.post("/", form={...})`,
    `client.post("/", json={...})`, `client.post("/", files={"photo": ("a.png", b"...")})`: every method
    takes `headers`, `query`, `content` (bytes, or an iterable of them to be sent in chunks), `form`,
    `files` and `json`. What is compressed, because `headers` ask for it, is decoded.
    `overrides` are functions that stand for dependencies: `Client(app, overrides={database: fake})`.
    """

    def __init__(
        self,
        app: Handler,
        *,
        limits: Limits | None = None,
        follow_redirects: bool = False,
        overrides: Overrides | None = None,
    ) -> None:
        """Start the app's lifespan and its server. Raises SetupError for overrides that can't be."""
        self._running = Running(
            _overridden(app, overrides), Options(bind=(), limits=limits or Limits(), access_log=False)
        )
        self._running.start()
        self._stop = weakref.finalize(self, self._running.stop)
        self._connection: http.client.HTTPConnection | None = None
        self._follow_redirects = follow_redirects
        self.cookies: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and the app's lifespan."""
        self._disconnect()
        self._stop()

    def get(self, url: str, **options: Any) -> Answer:
        """Ask with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> Answer:
        """Ask with HEAD."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Any) -> Answer:
        """Ask with OPTIONS."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, **options: Any) -> Answer:
        """Ask with POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Answer:
        """Ask with PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Answer:
        """Ask with PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Answer:
        """Ask with DELETE."""
        return self.request("DELETE", url, **options)

    def request(self, method: str, url: str, *, follow_redirects: bool | None = None, **options: Any) -> Answer:
        """Return the answer to one request, or to the last one where redirects are followed."""
        follows = self._follow_redirects if follow_redirects is None else follow_redirects
        answer = self._ask(method, url, **options)
        for _ in range(MOST_REDIRECTS):
            target = answer.headers.get("location")
            if not follows or answer.status not in (301, 302, 303, 307, 308) or target is None:
                return answer
            parts = urlsplit(urljoin(answer.url, target))
            url = parts._replace(scheme="", netloc="", fragment="").geturl()
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, options = ("HEAD" if method == "HEAD" else "GET"), {}
            answer = self._ask(method, url, **{key: value for key, value in options.items() if key != "query"})
        raise RuntimeError(f"{MOST_REDIRECTS} redirects in a row, the last to {answer.headers['location']}")

    def connect(self) -> socket.socket:
        """Return one end of a new connection, for a test that sends its own bytes."""
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_SECONDS)
        self._running.server.adopt(theirs, "127.0.0.1")
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
    def stream(self, method: str, url: str, **options: Any) -> Iterator[StreamedAnswer]:
        """Ask, and read the answer as it is made: `with client.stream("GET", "/events") as answer:`.

        It has a connection of its own, which is closed behind the block: then the client has left.
        """
        connection = self._new_connection()
        try:
            reply, _ = self._send_request(connection, method, url, **options)
            yield StreamedAnswer(reply)
        finally:
            connection.close()

    def _ask(self, method: str, url: str, **options: Any) -> Answer:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._new_connection()
        reply, target = self._send_request(connection, method, url, **options)
        answer = Answer(
            status=reply.status,
            headers=Headers((name.lower(), value) for name, value in reply.getheaders()),
            raw_content=reply.read(),
            url=f"http://{HOST}{target}",
            early_hints=reply.early_hints,
        )
        if reply.will_close:
            self._disconnect()
        return answer

    def _send_request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        **content: Any,
    ) -> tuple[Reply, str]:
        body, kind = body_of(**content)
        target = f"{url}{'&' if '?' in url else '?'}{urlencode(query, doseq=True)}" if query else url
        fields = {"host": HOST} | ({"content-type": kind} if kind else {})
        if self.cookies:
            fields["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        fields |= {name.lower(): value for name, value in (headers or {}).items()}
        is_chunked = body is not None and not isinstance(body, bytes)
        if is_chunked:
            fields["transfer-encoding"] = "chunked"
        elif body is not None or method in ("POST", "PUT", "PATCH"):
            fields["content-length"] = str(len(body or b""))  # type: ignore[arg-type]  # bytes, by the line above
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name, value)
        _send(connection, body, is_chunked=is_chunked)
        reply = cast("Reply", connection.getresponse())
        self._keep_cookies(reply)
        return reply, target

    def _new_connection(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(HOST)
        connection.response_class = Reply
        connection.sock = self.connect()
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _keep_cookies(self, reply: Reply) -> None:
        for line in reply.headers.get_all("set-cookie", ()):
            name, value = cookie_of(line)
            if value is None:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


class LiveServer:
    """Runs an app on a real port, chosen by the system: `with LiveServer(app) as server: server.url`.

    `options` say all of it, where a test is about TLS or proxies, for example; `overrides` are as with `Client`.
    """

    def __init__(
        self,
        app: Handler,
        *,
        limits: Limits | None = None,
        bind: str = "127.0.0.1:0",
        options: Options | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        """Prepare; the `with` block starts and ends it."""
        app = _overridden(app, overrides)
        self._running = Running(app, options or Options(bind=(bind,), limits=limits or Limits(), access_log=False))
        self.url = ""

    def __enter__(self) -> Self:
        self.url = self._running.start()[0]
        return self

    def __exit__(self, *_: object) -> None:
        self._running.stop()

    @property
    def hub(self) -> Hub:
        """The hub that serves, for a test that counts its connections."""
        return self._running.server.hub

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return urlsplit(self.url).port or 0


def _send(connection: http.client.HTTPConnection, body: Sent | None, *, is_chunked: bool) -> None:
    """Send what was prepared; a server that has answered already, and takes no more, is no error here."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(body, encode_chunked=is_chunked)


def _overridden(app: Handler, overrides: Overrides | None) -> Handler:
    if not overrides:
        return app
    if not isinstance(app, Application):
        raise TypeError(f"overrides are for an App, not for a {type(app).__name__}")
    return app.overridden(overrides)

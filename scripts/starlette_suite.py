"""Run Starlette's own tests against a server of Fanlight, in the place of its test client.

In: a checkout of Starlette. Out: pytest's report, and its exit code. Each `TestClient(app)` of the tests serves its app
as `fanlight run` does, on a port of its own, and sends its requests over sockets; an exception of the app is raised in
the test, as they expect. Not part of `make test`, which fetches nothing: docs/reference/peer-suites.md has the results.

    scripts/starlette_suite.py ~/checkouts/starlette [-k websocket]
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import httpx2
import pytest
import starlette.testclient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from fanlight.errors import AppError
from fanlight.settings.options import Options
from fanlight.site.loading import foreign_site
from fanlight.testing import LiveServer

SECONDS = 30
# Fields that are the server's: tests compare all others.
OWN = frozenset({"connection", "date", "server", "transfer-encoding", "x-request-id"})
OF_HANDSHAKE = frozenset({"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol", "upgrade"})
LEFT_OUT = ("--ignore=tests/test_testclient.py", "-k", "not trio")  # its own client, and another event loop
_RealClient: Any = starlette.testclient.TestClient
_running: list[Served] = []


class Served:
    """An app, and its server, which starts with the first request."""

    def __init__(self, app: Any, root_path: str) -> None:
        self._app, self._root_path = app, root_path
        self._server: LiveServer | None = None
        self._error: BaseException | None = None
        self._calls, self._ended = 0, threading.Condition()
        self._is_https = False
        self.has_lifespan = False
        self.template: Mapping[str, Any] = {}

    async def _call(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            if self.has_lifespan:
                await self._noted(scope, receive, send)
            return

        async def pass_on(message: Any) -> None:
            if message["type"] == "http.response.debug":
                self.template = message["info"]
            else:
                await send(message)

        scope["root_path"] = self._root_path
        if scope["type"] == "http":
            scope["extensions"]["http.response.debug"] = {}
        with self._ended:
            self._calls += 1
        try:
            await self._noted(scope, receive, pass_on)
        finally:
            with self._ended:
                self._calls -= 1
                self._ended.notify_all()

    async def _noted(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            self._error = error
            raise

    def start(self, *, is_https: bool = False) -> int:
        """Return the port."""
        if self._server is not None and is_https is not self._is_https:
            self.stop()
        if self._server is None:

            async def app(scope: Any, receive: Any, send: Any) -> None:
                await self._call(scope, receive, send)

            options = Options(bind=("localhost:0",), access_log=False, tls="dev" if is_https else "")
            self._is_https = is_https
            server = LiveServer(foreign_site(app, Path(tempfile.gettempdir(), "main.py")), options=options)
            with self._own_errors():
                server.__enter__()
            self._server = server
            _running.append(self)
        return self._server.port

    def stop(self) -> None:
        """Stop the server."""
        server, self._server = self._server, None
        if server is not None:
            _running.remove(self)
            with self._own_errors():
                server.__exit__()

    @contextlib.contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Raise what the app has raised in its lifespan, and not the error that the server makes of it."""
        try:
            yield
        except AppError:
            self.raise_error()
            raise

    def wait(self) -> None:
        """Wait until no call is running."""
        with self._ended:
            assert self._ended.wait_for(lambda: not self._calls, SECONDS), "the app has not ended"

    def raise_error(self) -> None:
        """Raise what the app has raised."""
        error, self._error = self._error, None
        if error is not None:
            raise error


class Session:
    """One WebSocket, with the methods of Starlette's session."""

    def __init__(self, served: Served, url: str, headers: list[tuple[str, str]], subprotocols: Any) -> None:
        self._served, self._url, self._headers, self._subprotocols = served, url, headers, subprotocols
        self._connection: Any = None
        self.accepted_subprotocol: str | None = None
        self.extra_headers: list[tuple[bytes, bytes]] = []

    def __enter__(self) -> Self:
        try:
            self._connection = connect(
                self._url,
                sock=socket.create_connection(("127.0.0.1", self._served.start())),
                additional_headers=self._headers,
                subprotocols=self._subprotocols,
                user_agent_header=None,
                max_size=None,
            )
        except InvalidStatus as refused:
            self._served.wait()
            self._served.raise_error()
            response: Any = refused.response
            raise starlette.testclient.WebSocketDenialResponse(
                status_code=response.status_code,
                headers=list(response.headers.raw_items()),
                content=bytes(response.body or b""),
            ) from None
        self.accepted_subprotocol = self._connection.subprotocol
        fields = self._connection.response.headers.raw_items()
        self.extra_headers = [(n.encode(), v.encode()) for n, v in fields if n.lower() not in OWN | OF_HANDSHAKE]
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._connection.close()
        self._served.wait()
        if kind is None:
            self._served.raise_error()

    def send(self, message: Any) -> None:
        """Send an event of ASGI as what it stands for."""
        if message["type"] == "websocket.disconnect":
            self.close(message.get("code", 1000), message.get("reason"))
        else:
            self._connection.send(message["bytes"] if message.get("text") is None else message["text"])

    def send_text(self, text: str) -> None:
        """Send a text."""
        self._connection.send(text)

    def send_bytes(self, data: bytes) -> None:
        """Send bytes."""
        self._connection.send(data)

    def send_json(self, value: Any, mode: str = "text") -> None:
        """Send JSON."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self._connection.send(text if mode == "text" else text.encode())

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close it."""
        self._connection.close(code, reason or "")

    def receive(self) -> dict[str, Any]:
        """Return a message, or the end, as the event that the app has sent."""
        try:
            data = self._connection.recv(timeout=SECONDS)
        except ConnectionClosed as closed:
            self._served.wait()
            self._served.raise_error()
            code, reason = (1006, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)
            return {"type": "websocket.close", "code": code, "reason": reason}
        return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}

    def _received(self, key: str) -> Any:
        message = self.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(code=message["code"], reason=message["reason"])
        return message[key]

    def receive_text(self) -> Any:
        """Return a text."""
        return self._received("text")

    def receive_bytes(self) -> Any:
        """Return bytes."""
        return self._received("bytes")

    def receive_json(self, mode: str = "text") -> Any:
        """Return what was JSON."""
        return json.loads(self._received("text" if mode == "text" else "bytes"))


class Transport(httpx2.BaseTransport):
    """Sends requests to the server of an app, whatever host they name."""

    def __init__(self, served: Served, *, raises: bool) -> None:
        self._served, self._raises = served, raises

    def handle_request(self, request: Any) -> Any:
        """Return the response, when the app has ended."""
        port = self._served.start(is_https=request.url.scheme == "https")
        self._served.template = {}
        url = request.url.copy_with(host="127.0.0.1", port=port)
        timeout = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)}
        sent = httpx2.Request(
            request.method, url, headers=request.headers.raw, stream=request.stream, extensions=timeout
        )
        with httpx2.HTTPTransport(verify=False) as transport:
            try:
                response = transport.handle_request(sent)
                content = b"".join(response.stream)
            except httpx2.TransportError:
                self._end()
                raise
        self._end()
        headers = [(name.lower(), value) for name, value in response.headers.raw if name.decode().lower() not in OWN]
        made: Any = httpx2.Response(
            response.status_code, headers=headers, stream=httpx2.ByteStream(content), request=request
        )
        if self._served.template:
            made.template, made.context = self._served.template["template"], self._served.template["context"]
        return made

    def _end(self) -> None:
        self._served.wait()
        if self._raises:
            self._served.raise_error()


class ServedClient(_RealClient):
    """A TestClient whose app is behind a server."""

    __test__ = False

    def __init__(
        self, app: Any, *args: Any, raise_server_exceptions: bool = True, root_path: str = "", **options: Any
    ) -> None:
        super().__init__(app, *args, raise_server_exceptions=raise_server_exceptions, root_path=root_path, **options)
        self._served = Served(self.app, root_path)
        self._transport = Transport(self._served, raises=raise_server_exceptions)

    def websocket_connect(self, url: str, subprotocols: Any = None, *, auth: Any = None, **options: Any) -> Session:
        """Return a WebSocket, which is opened when it is entered."""
        request = self.build_request("GET", urljoin("ws://testserver", url), **options)
        if auth is not None:
            request = next(httpx2.BasicAuth(*auth).auth_flow(request))
        left_out = ("host", "connection", "upgrade")
        headers = [(name, value) for name, value in request.headers.multi_items() if name not in left_out]
        return Session(self._served, str(request.url), headers, subprotocols)

    def __enter__(self) -> Self:
        self._served.has_lifespan = True
        self._served.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._served.stop()
        if kind is None:
            self._served.raise_error()


# At import, which comes before pytest loads the conftest.py that imports it.
starlette.testclient.TestClient = ServedClient


@pytest.fixture(autouse=True)
def _stopped_servers() -> Iterator[None]:
    """Stop what a test has started."""
    yield
    while _running:
        _running[-1].stop()


def main() -> int:
    """Run pytest in the checkout, with this file as a plugin."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    checkout, *arguments = sys.argv[1:]
    path = os.pathsep.join((str(Path(__file__).parent), "."))
    command = [sys.executable, "-m", "pytest", "-p", Path(__file__).stem, "tests", "-o", "filterwarnings="]
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run([*command, *LEFT_OUT, *arguments], cwd=checkout, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""One site under several servers: each response is that of our own server."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.speed import PATIENCE
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

SITE = Path(__file__).parent / "site"
START_SECONDS = 60
OWN = frozenset({"server", "date", "connection", "transfer-encoding", "x-request-id", "keep-alive", "via"})
COMMANDS = {
    "fanlight": ["fanlight", "run", "hosted_site:app", "--bind", "127.0.0.1:{port}"],
    "uvicorn": ["uvicorn", "hosted_site:app", "--port", "{port}"],
    "hypercorn": ["hypercorn", "hosted_site:app", "--bind", "127.0.0.1:{port}", "--config", "hypercorn.toml"],
    "granian": ["granian", "--interface", "asgi", "hosted_site:app", "--port", "{port}"],
    "gunicorn": ["gunicorn", "hosted_site:wsgi", "--bind", "127.0.0.1:{port}", "-k", "gthread", "--threads", "4"],
    "waitress": ["waitress-serve", "--listen=127.0.0.1:{port}", "hosted_site:wsgi"],
}
OTHERS = [name for name in COMMANDS if name != "fanlight"]
ASGI = [name for name in OTHERS if "hosted_site:app" in COMMANDS[name]]


@dataclass
class Served:
    """A running server."""

    name: str
    url: str

    def ask(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the fields and the content of a response."""
        response = httpx.request(method, f"{self.url}{path}", timeout=60, **options)
        fields = {name: value for name, value in response.headers.items() if name not in OWN}
        port = self.url.rpartition(":")[2]
        return response.status_code, fields, response.content.replace(port.encode(), b"PORT")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the site, whose state is its own."""
    return Path(shutil.copytree(SITE, tmp_path_factory.mktemp("hosted") / "site"))


def serve(name: str, folder: Path) -> Iterator[Served]:
    """Run the site under a server."""
    port = free_port()
    command = [part.format(port=port) for part in COMMANDS[name]]
    program = Path(sys.executable).with_name(command[0])
    secret = {"FANLIGHT_SECRET": secrets.token_hex(32)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), *command[1:]], cwd=folder, env=os.environ | secret, stdout=log, stderr=log
        )
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                assert process.poll() is None, (folder / f"{name}.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
        yield Served(name, url)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[Served]:
    """Return our own server."""
    yield from serve("fanlight", folder)


@pytest.fixture(scope="module", params=OTHERS)
def other(request: pytest.FixtureRequest, folder: Path) -> Iterator[Served]:
    """Return another server."""
    yield from serve(request.param, folder)


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a page": ("GET", "/", {}),
    "what the lifespan has opened": ("GET", "/word", {}),
    "json": ("GET", "/item/4?verbose=1", {}),
    "an invalid number": ("GET", "/item/4?verbose=x", {}),
    "an async view": ("GET", "/wait/5", {}),
    "an unknown path": ("GET", "/nothing", {}),
    "another method": ("DELETE", "/item/4", {}),
    "head": ("HEAD", "/item/4", {}),
    "a failure": ("GET", "/fail", {"headers": {"accept": "application/json"}}),
    "a refusal": ("GET", "/private", {}),
    "a form": ("POST", "/post", {"data": {"a": "1", "b": "ü"}}),
    "an upload": ("POST", "/post", {"files": {"file": ("a.bin", b"x" * 300_000)}}),
    "a stream of content": ("POST", "/count", {"content": b"x" * 1_000_000}),
    "lines": ("GET", "/lines", {}),
    "async lines": ("GET", "/async-lines", {}),
    "events": ("GET", "/events", {}),
    "a file": ("GET", "/static/a.css", {}),
    "a part of a file": ("GET", "/static/a.css", {"headers": {"range": "bytes=0-3"}}),
    "a session": ("GET", "/visits", {"headers": {"cookie": ""}}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_response_is_the_same(name: str, own: Served, other: Served) -> None:
    """Status, fields and content are those of our own server, except for what is the server's own."""
    method, path, options = REQUESTS[name]
    ours, theirs = own.ask(method, path, **options), other.ask(method, path, **options)
    for fields in (ours[1], theirs[1]):
        fields.pop("set-cookie", None)  # which has the time in it
    if name in ("a failure", "an unknown path", "another method", "a refusal", "an invalid number"):
        assert (ours[0], ours[1].keys()) == (theirs[0], theirs[1].keys())  # the page has the number of the request
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    "content", [{"content": b"x" * (17 * 1024 * 1024)}, {"files": {"a": b"x" * (17 * 1024 * 1024)}}]
)
def test_too_much_content_is_refused(content: dict[str, Any], other: Served) -> None:
    """The limit of content is ours under each server."""
    path = "/post" if "files" in content else "/count"
    try:
        assert other.ask("POST", path, **content)[0] == 413
    except httpx.TransportError:  # the server has responded, and closed while the client was still sending
        assert other.ask("GET", "/word")[0] == 200


@pytest.fixture(scope="module", params=ASGI)
def asgi(request: pytest.FixtureRequest, folder: Path) -> Iterator[Served]:
    """Return another server of ASGI."""
    yield from serve(request.param, folder)


def test_websockets_talk(asgi: Served) -> None:
    """Text and bytes come back, and the view's end closes it."""
    with connect(asgi.url.replace("http", "ws") + "/echo") as client:
        for message in ("hi", b"\0\1", "ü" * 5000):
            client.send(message)
            assert client.recv(timeout=30) == message


def test_a_plain_request_is_told_to_upgrade(asgi: Served) -> None:
    """Its response names what to upgrade to, as that of our own server does."""
    response = httpx.get(f"{asgi.url}/echo")
    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"
    assert "upgrade" in response.headers["connection"].lower()


def test_websockets_are_refused(asgi: Served) -> None:
    """A view that raises before it accepts refuses the handshake: 401 where the server can send it, else 403."""
    with pytest.raises(InvalidStatus) as refused:
        connect(asgi.url.replace("http", "ws") + "/echo?least=10").close()
    assert refused.value.response.status_code in (401, 403)


@pytest.mark.parametrize("path", ["/listen", "/accept-late"])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_clients_that_leave_leave_nothing_behind(path: str, way: str, asgi: Served) -> None:
    """Views that wait for a topic are cancelled when their clients have left: no task stays, and no listener."""
    if path == "/accept-late" and asgi.name == "granian":
        pytest.skip("Granian tells no one that a client has left before its handshake is complete")
    before = left_behind(asgi)
    assert before["topics"] == []
    handshake = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    clients = [socket.create_connection(("127.0.0.1", int(asgi.url.rpartition(":")[2]))) for _ in range(10)]
    for client in clients:
        client.sendall(handshake.encode())
    until(lambda: left_behind(asgi)["tasks"].count("AsgiWebSocket._read") == len(clients), asgi)
    until(lambda: left_behind(asgi)["topics"] == ["never"], asgi)
    for client in clients:
        if path == "/listen":
            client.settimeout(PATIENCE)
            assert client.recv(12) == b"HTTP/1.1 101"
        if way == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    until(lambda: left_behind(asgi) == before, asgi)


def test_a_thread_finds_its_websocket_closed(asgi: Served) -> None:
    """A plain view learns at its next call that its client has left, though it never receives."""
    with connect(asgi.url.replace("http", "ws") + "/block"):
        until(lambda: left_behind(asgi)["blocked"] == ["begun"], asgi)
    until(lambda: left_behind(asgi)["blocked"] == ["begun", "closed"], asgi)


def left_behind(served: Served) -> dict[str, Any]:
    """Return what runs and listens in a server."""
    found: dict[str, Any] = httpx.get(f"{served.url}/left-behind", timeout=60).json()
    return found


def until(is_true: Callable[[], bool], served: Served) -> None:
    """Wait until something is so in a server."""
    ends = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < ends, left_behind(served)
        time.sleep(0.05)

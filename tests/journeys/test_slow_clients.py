"""Clients that read little or nothing of the response: real sockets, every kind of response."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.sockets import received_next
from tests.speed import PATIENCE, seconds

from fanlight.app.application import Application
from fanlight.message.file_response import file_response
from fanlight.message.response import Response
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

SIZE = 8_000_000
WRITE_SECONDS = seconds(1.0)  # of which the one that reads on must not miss all
LIMITS = Limits(write_seconds=WRITE_SECONDS, idle_seconds=600)


def stream() -> Response:
    return Response(iter([b"s" * 65536] * 1000))


async def slow_stream() -> AsyncIterator[bytes]:
    while True:
        yield b"t" * 1000
        await asyncio.sleep(0.005)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Application:
    folder = tmp_path_factory.mktemp("site")
    (folder / "file.bin").write_bytes(b"f" * SIZE)
    urls = {
        "/big": lambda: Response(b"b" * SIZE),
        "/at-once": lambda: Response(b"m" * 150_000),  # our own system takes all of it
        "/file": lambda: file_response(folder / "file.bin"),
        "/stream": stream,
        "/slow-stream": slow_stream,
    }
    return Application(urls, folder=folder)


@pytest.fixture(scope="module", params=["tcp", "tls", "unix"])
def server(
    request: pytest.FixtureRequest, site: Application, localhost: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    options = Options(bind=("127.0.0.1:0",), limits=LIMITS, access_log=False)
    if request.param == "unix":
        options = replace(options, bind=(f"unix:{tmp_path_factory.mktemp('s') / 's.sock'}",))
    if request.param == "tls":
        options = replace(options, cert=(localhost.cert,), key=(localhost.key,))
    with LiveServer(site, options=options) as server:
        yield server


def connect(server: LiveServer) -> socket.socket:
    """Connect with a small receive buffer, so that little is buffered before it is read."""
    if server.url.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(server.url.removeprefix("unix:"))
        sock.settimeout(PATIENCE)
        return sock
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", server.port))
    if server.url.startswith("https"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(sock, server_hostname="localhost")
    return sock


def send_request(sock: socket.socket, path: str) -> None:
    sock.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())


def is_empty(server: LiveServer) -> bool:
    return not server.hub.table.connections


def wait_until(is_so: Callable[[], bool], most: float) -> float:
    """Return how long the condition took to hold; fail after `most` seconds."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + most, "the condition did not hold in time"
        time.sleep(0.02)
    return time.monotonic() - began


PATHS = ["/big", "/at-once", "/file", "/stream", "/slow-stream"]
RATES = {
    "http": 16 * 1024,
    "https": 64 * 1024,
    "unix": 512 * 1024,
}  # by what is buffered at once: a buffer, a record, a piece


def test_clients_that_read_nothing_are_cut_off(server: LiveServer) -> None:
    """They are cut off after write_seconds and a few checks; their buffers are freed."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in PATHS]
        for sock, path in zip(clients, PATHS, strict=True):
            send_request(sock, path)
        wait_until(lambda: len(server.hub.table.connections) == len(PATHS), PATIENCE)
        took = wait_until(lambda: is_empty(server), WRITE_SECONDS + seconds(15))
        assert took > WRITE_SECONDS * 0.5
        if not server.url.startswith("unix:"):  # there, what was sent is in the client's own buffer
            assert received(clients[PATHS.index("/at-once")]) < 150_000


def received(sock: socket.socket) -> int:
    """Return the number of bytes received until the end."""
    size = 0
    with contextlib.suppress(OSError):
        while data := sock.recv(65536):
            size += len(data)
    return size


def test_a_client_that_reads_slowly_but_steadily_is_not_cut_off(server: LiveServer) -> None:
    """For three times write_seconds it reads little by little, of every kind of response."""
    rate = RATES[server.url.partition(":")[0]]
    paths = [each for each in PATHS if each != "/at-once"]
    until = time.monotonic() + 3 * WRITE_SECONDS
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in paths]
        for sock, path in zip(clients, paths, strict=True):
            send_request(sock, path)
        while time.monotonic() < until:
            for sock in clients:
                assert sock.recv(rate // 16)
            time.sleep(1 / 16)
        assert len(server.hub.table.connections) == len(paths)
    wait_until(lambda: is_empty(server), PATIENCE)


def test_a_client_that_stops_reading_is_cut_off(server: LiveServer) -> None:
    """What was read before gives no more time: not even hundreds of kilobytes of a file."""
    with connect(server) as sock:
        send_request(sock, "/file")
        size = 0
        while size < 400_000:
            size += len(sock.recv(65536))
        wait_until(lambda: is_empty(server), WRITE_SECONDS + seconds(15))


def test_a_client_that_has_read_its_response_may_idle(server: LiveServer) -> None:
    """An idle keep-alive connection is not mistaken for one that reads nothing."""
    with connect(server) as sock:
        for number in range(2):
            # Nothing is to happen meanwhile, so there is nothing to wait for but the time.
            assert not number or not threading.Event().wait(2 * WRITE_SECONDS)
            send_request(sock, "/at-once")
            data = b""
            while len(data.partition(b"\r\n\r\n")[2]) < 150_000:
                data += received_next(sock)
            assert data.startswith(b"HTTP/1.1 200 ")

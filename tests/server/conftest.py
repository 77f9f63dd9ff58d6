"""A hub in a loop in a thread, reached through socket pairs: what most tests of this room stand on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest
from tests.speed import PATIENCE

from fanlight.server.exchange.request_observer import RequestObserver
from fanlight.server.hub import Hub
from fanlight.server.io.poller import Poller
from fanlight.settings.limits import Limits
from fanlight.testing import FakeCall, FakeHandler

T = TypeVar("T")


class Harness:
    """Runs a hub; `connect` gives a client, `ask` a whole exchange, `inside` a look from the holder."""

    def __init__(
        self,
        handler: FakeHandler,
        limits: Limits,
        poller: Poller | None,
        observer: RequestObserver | None,
        *,
        detects_stalls: bool,
    ) -> None:
        self.handler = handler
        self.ended = threading.Event()
        self._ready: Future[Hub] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(limits, poller, observer, detects_stalls=detects_stalls)),
            daemon=True,
        )
        self._thread.start()
        self.hub = self._ready.result(PATIENCE)

    async def _serve(
        self, limits: Limits, poller: Poller | None, observer: RequestObserver | None, *, detects_stalls: bool
    ) -> None:
        hub = Hub(self.handler, limits, poller=poller, observer=observer, detects_stalls=detects_stalls)
        self._ready.set_result(hub)
        await hub.table.drained.wait()
        hub.close()
        self.ended.set()

    def stop(self) -> None:
        self.hub.post(self.hub.drain)
        self.hub.post(self.hub.table.abort)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the hub did not end"

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        self.hub.post(self.hub.adopt, theirs, "127.0.0.1")
        return ours

    def inside(self, act: Callable[[], T]) -> T:
        """Return what `act` returns when the holder calls it."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(act())
            except Exception as error:  # noqa: BLE001 - raised in the test
                result.set_exception(error)

        self.hub.post(run)
        return result.result(PATIENCE)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Ask the holder again and again until it is so; the asking itself is what lets time pass."""
        deadline = threading.Event()
        timer = threading.Timer(PATIENCE, deadline.set)
        timer.start()
        try:
            while not self.inside(is_so):
                assert not deadline.is_set(), "it did not come about"
        finally:
            timer.cancel()
            timer.join()

    def rescue(self) -> None:
        """Look twice, as the monitor would while a view is stuck."""
        before = self.hub.ownership.rescues
        self.hub.detector.check()
        self.hub.detector.check()
        assert self.hub.ownership.rescues == before + 1


def request(path: str, *, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: test\r\n{fields}\r\n".encode()


def read_response(sock: socket.socket) -> tuple[int, bytes]:
    """Return status and content of one response with a content-length; not a byte of the next one is taken."""
    head, content = b"", b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, f"the connection was closed after {head!r}"
        head += byte
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(content) < length:
        content += sock.recv(length - len(content))
    assert len(content) == length, "more came than was promised"
    return int(head.split(b" ")[1]), content


class Tools:
    """What tests of this room use by name."""

    Harness = Harness
    patience = PATIENCE
    request = staticmethod(request)
    read_response = staticmethod(read_response)

    @staticmethod
    @contextlib.contextmanager
    def client(harness: Any) -> Iterator[socket.socket]:
        with harness.connect() as sock:
            yield sock

    @staticmethod
    def ask(sock: socket.socket, path: str) -> tuple[int, bytes]:
        sock.sendall(request(path))
        return read_response(sock)


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


Serve = Callable[..., Harness]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that runs a hub for a table of calls until the test ends."""
    running: list[Harness] = []

    def start(
        calls: dict[str, FakeCall | Callable[..., object]],
        *,
        limits: Limits | None = None,
        poller: Poller | None = None,
        observer: RequestObserver | None = None,
        detects_stalls: bool = True,
    ) -> Harness:
        handler = FakeHandler(calls)  # type: ignore[arg-type]  # a plain function stands for a call
        harness = Harness(handler, limits or Limits(), poller, observer, detects_stalls=detects_stalls)
        running.append(harness)
        return harness

    yield start
    for harness in running:
        if not harness.ended.is_set():
            harness.stop()

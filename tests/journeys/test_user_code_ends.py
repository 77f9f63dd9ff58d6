"""Where the site's code ends: failing lifespans, disconnected clients, shutdown, and a lack of threads."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import wait_until
from tests.journeys.test_user_code_matrix import EVERY, made
from tests.speed import PATIENCE

from fanlight import Request, lane
from fanlight.app.application import Application
from fanlight.message.events import EventStream
from fanlight.message.with_middleware import middleware
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

Make = Callable[..., LiveServer]


@pytest.fixture
def live(tmp_path: Path) -> Make:
    """Return a function that makes a server for a site."""

    def make(urls: dict[str, Any], limits: Limits | None = None, **settings: Any) -> LiveServer:
        options = Options(bind=("127.0.0.1:0",), limits=limits or Limits(), access_file=str(tmp_path / "access.log"))
        return LiveServer(Application(urls, folder=tmp_path, **settings), options=options)

    return make


def get(server: LiveServer, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@pytest.fixture
def others() -> frozenset[threading.Thread]:
    """Return the threads from before the test; servers of other tests of this process may be among them."""
    return frozenset(threading.enumerate())


def threads(others: frozenset[threading.Thread]) -> set[str]:
    return {each.name for each in set(threading.enumerate()) - others if each.name.startswith("fanlight")}


# --- lifespans ---------------------------------------------------------------------------------------------------


def failing(kind: str, *, is_async: bool, at_start: bool) -> Any:
    def lifespan() -> Iterator[None]:
        if at_start:
            raise made(kind)
        yield
        raise made(kind)

    async def async_lifespan() -> AsyncIterator[None]:
        if at_start:
            raise made(kind)
        yield
        raise made(kind)

    return async_lifespan if is_async else lifespan


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("kind", EVERY)
def test_a_lifespan_that_fails_at_startup_ends_the_server(
    live: Make, others: frozenset[threading.Thread], kind: str, is_async: bool
) -> None:
    """The exception is raised to the caller, and no thread of the server is left."""
    server = live({"/": "Home"}, lifespan=failing(kind, is_async=is_async, at_start=True))
    with pytest.raises(BaseException) as caught, server:  # noqa: PT011 - any kind, see below
        pytest.fail("it has started")
    assert type(made(kind)) in (type(caught.value), type(caught.value.__cause__))
    wait_until(lambda: not threads(others))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("kind", EVERY)
def test_a_lifespan_that_fails_at_shutdown_leaves_nothing(
    live: Make, others: frozenset[threading.Thread], kind: str, is_async: bool
) -> None:
    """Requests are served, the exception is raised to the caller, and no thread of the server is left."""
    server = live({"/": "Home"}, lifespan=failing(kind, is_async=is_async, at_start=False))
    with pytest.raises(BaseException) as caught, server:  # noqa: PT011 - any kind, see below
        assert get(server, "/") == 200
    assert type(made(kind)) in (type(caught.value), type(caught.value.__cause__))
    wait_until(lambda: not threads(others))


# --- cancellation by the server ------------------------------------------------------------------------------------


def test_shutdown_cancels_waiting_views(live: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Views and their middleware run their `finally`, can't catch the cancellation, and nothing is logged."""
    events: list[str] = []
    entered = threading.Event()

    async def cleans() -> AsyncIterator[Any]:
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - it shows what happens
            events.append(type(error).__name__)
            yield "caught"

    async def waits() -> str:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            events.append("view")
        return ""

    server = live({"/": middleware(cleans)(waits)}, Limits(drain_seconds=0.1))
    with server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert entered.wait(PATIENCE)
    assert events == ["view", "CancelledError"]
    assert not [each for each in caplog.records if each.exc_info]


@pytest.mark.parametrize("is_held_up", [False, True])
def test_a_client_that_disconnects_from_a_stream_is_no_failure(
    live: Make, caplog: pytest.LogCaptureFixture, is_held_up: bool
) -> None:
    """The generator is closed where it stands, its middleware ended long before, and nothing is logged."""
    ended: list[str] = []

    async def news() -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 100_000 if is_held_up else "x"
                await asyncio.sleep(0 if is_held_up else 60)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    async def view() -> Any:
        return EventStream(news())

    with live({"/": view}) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1000)
        wait_until(lambda: ended and not server.hub.table.connections)
        assert get(server, "/nowhere") == 404
    assert ended[0] in ("CancelledError", "GeneratorExit")
    assert not [each for each in caplog.records if each.exc_info]


# --- no threads ---------------------------------------------------------------------------------------------------


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make the creation of threads fail while the event is set."""
    is_over = threading.Event()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if is_over.is_set() and thread.name.startswith("fanlight-") and thread.name[9:].isdigit():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return is_over


async def passing() -> AsyncIterator[None]:
    yield


def test_without_threads_what_needs_one_is_503(live: Make, no_threads: threading.Event) -> None:
    """Views that need a thread are a 503, streams are cut off; with threads, all of them are served again."""
    done: list[int] = []

    @lane("thread")
    def view() -> str:
        return "page"

    def stream() -> Iterator[str]:
        yield "piece"

    def works(request: Request) -> str:
        request.after(done.append, 1)
        return "out"

    urls = {"/thread": view, "/behind": middleware(passing)(lambda: "page"), "/stream": stream, "/work": works}
    with live({"/": "Home", **urls}) as server:
        no_threads.set()
        assert get(server, "/work") == 200
        assert [get(server, path) for path in ("/thread", "/behind", "/stream", "/thread")] == [503] * 4
        assert get(server, "/") == 200
        no_threads.clear()
        assert [get(server, path) for path in ("/thread", "/behind", "/stream", "/")] == [200] * 4
        wait_until(lambda: done)
        pool = server.hub.pool
        wait_until(lambda: not pool.running and not pool.waiting and not server.hub.table.connections)
        assert len(pool._resting) == pool._made

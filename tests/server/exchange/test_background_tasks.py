"""Background tasks, which run when the response is sent."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from tests.speed import PATIENCE

from fanlight import App, NotFound, Request, lane
from fanlight.message.response import Response
from fanlight.settings.limits import Limits
from fanlight.testing import Client, LiveServer


class Site:
    """An app whose views request background tasks, and a record of what ran."""

    def __init__(self) -> None:
        """Make the app; nothing is done before `gate` opens."""
        self.done: list[str] = []
        self.gate, self.ready = threading.Event(), threading.Event()
        self.app = App(
            {
                "/sync": self.sync,
                "/thread": self.in_thread,
                "/async": self.task,
                "/stream": self.stream,
                "/error": self.error,
                "/failing": self.failing,
                "/waiting": self.waiting,
            }
        )

    def note(self, word: str, *, last: bool = False) -> None:
        """Do something."""
        self.done.append(word)
        if last:
            self.ready.set()

    async def note_async(self, word: str) -> None:
        """Do something on the loop."""
        await asyncio.sleep(0)
        self.done.append(word)

    def _ask(self, request: Request) -> None:
        request.after(self.note, "first")
        request.after(self.note_async, "second")
        request.after(lambda: self.note_async("third"))
        request.after(self.note, "last", last=True)

    def sync(self, request: Request) -> str:
        self._ask(request)
        return "answer"

    @lane("thread")
    def in_thread(self, request: Request) -> str:
        return self.sync(request)

    async def task(self, request: Request) -> str:
        return self.sync(request)

    def stream(self, request: Request) -> Response:
        def pieces() -> Iterator[str]:
            yield "answer"
            self.done.append("the stream has ended")

        self._ask(request)
        return Response(pieces())

    def error(self, request: Request) -> str:
        self._ask(request)
        raise NotFound

    def failing(self, request: Request) -> str:
        def fail() -> None:
            raise ValueError("it can not be done")

        request.after(fail)
        return self.sync(request)

    def waiting(self, request: Request) -> str:
        request.after(self.gate.wait, PATIENCE)
        request.after(self.note, "last", last=True)
        return "answer"


ALL = ["first", "second", "third", "last"]


@pytest.mark.parametrize("path", ["/sync", "/thread", "/async", "/error"])
def test_all_is_done_in_order(path: str) -> None:
    """From each lane, and whatever the response is, functions of both kinds are called one after the other."""
    site = Site()
    with Client(site.app) as client:
        client.get(path)
        assert site.ready.wait(PATIENCE)
        client.get("/nowhere")
    assert site.done == ALL


def test_the_client_does_not_wait() -> None:
    """The response arrives before the work has begun, and the connection goes on."""
    site = Site()
    with Client(site.app) as client:
        assert client.get("/waiting").text == "answer"
        assert client.get("/nowhere").status == 404
        assert site.done == []
        site.gate.set()
        assert site.ready.wait(PATIENCE)


def test_after_a_stream_it_begins_when_that_has_ended() -> None:
    """The last piece comes before the first work."""
    site = Site()
    with Client(site.app) as client:
        assert client.get("/stream").text == "answer"
    assert site.done == ["the stream has ended", *ALL]


def test_a_failure_is_logged_and_the_next_task_runs(caplog: pytest.LogCaptureFixture) -> None:
    """An exception reaches the log with the name of its route, and no one else."""
    site = Site()
    with caplog.at_level(logging.ERROR, "fanlight.server"), Client(site.app) as client:
        assert client.get("/failing").status == 200
    assert site.done == ALL
    assert "/failing" in caplog.text
    assert "it can not be done" in caplog.text


def test_a_server_that_stops_waits_for_it() -> None:
    """Background tasks are finished before the server ends."""
    site = Site()
    with LiveServer(site.app) as server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /sync HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert site.done == ALL


def test_a_server_that_stops_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """What takes longer than drain_seconds is cancelled, and logged."""
    site = Site()
    with caplog.at_level(logging.WARNING), Client(site.app, limits=Limits(drain_seconds=0.1)) as client:
        assert client.get("/waiting").text == "answer"
    site.gate.set()
    assert "background tasks of 1 requests were not done in time" in caplog.text


def test_it_is_done_for_a_client_that_has_left() -> None:
    """A client that disconnects before its response changes nothing of what runs."""
    site = Site()
    with LiveServer(site.app) as server:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(b"GET /thread HTTP/1.1\r\nhost: a\r\n\r\n")
        until = time.monotonic() + PATIENCE
        while len(site.done) < 5 * len(ALL):
            assert time.monotonic() < until
            time.sleep(0.01)  # it is the server's threads that do it
    assert sorted(site.done) == sorted(ALL * 5)

"""What is seen of each request, through a real hub."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App
from fanlight.message.content import ContentStream
from fanlight.message.file_content import FileContent, Span
from fanlight.message.handler import Lane
from fanlight.message.media_types import TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.exchange.request_observer import RequestObserver
from fanlight.server.hub import Hub
from fanlight.server.recording.access_log import AccessLog
from fanlight.server.recording.counts import Counts
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import FakeCall, FakeHandler, LiveServer


class Watched:
    """A hub whose requests are recorded by a log in a file, and by counts."""

    def __init__(self, file: Path, calls: dict[str, Any], limits: Limits, *, detects_stalls: bool = True) -> None:
        self.file, self.counts, self.log = file, Counts(), AccessLog(str(file), "json")
        self.log.start()
        self._ready: Future[Hub] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(calls, limits, detects_stalls)))
        self._thread.start()
        self.hub = self._ready.result(PATIENCE)

    async def _serve(self, calls: dict[str, Any], limits: Limits, detects_stalls: bool) -> None:
        observer = RequestObserver(self.log, self.counts)
        hub = Hub(FakeHandler(calls), limits, observer=observer, detects_stalls=detects_stalls)
        self._ready.set_result(hub)
        await hub.table.drained.wait()
        hub.close()

    def ask(self, data: bytes, *, ends: bytes = b"") -> bytes:
        """Send bytes as a client, and return what comes up to `ends`, or up to the end of the connection."""
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        self.hub.post(self.hub.adopt, theirs, "192.0.2.1")
        with ours:
            ours.sendall(data)
            got = b""
            while not (ends and got.endswith(ends)) and (more := ours.recv(65536)):
                got += more
        return got

    def lines(self) -> list[dict[str, Any]]:
        """End, and return what the log has."""
        self.hub.post(self.hub.drain)
        self.hub.post(self.hub.table.abort)
        self._thread.join(PATIENCE)
        self.log.stop()
        return [json.loads(line) for line in self.file.read_text().splitlines()]


Watch = Callable[..., Watched]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    made: list[Watched] = []

    def start(calls: dict[str, Any], limits: Limits | None = None) -> Watched:
        made.append(Watched(tmp_path / f"{len(made)}.log", calls, limits or Limits()))
        return made[-1]

    yield start
    for each in made:
        each.lines()


def get(path: str, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: example.org\r\n{fields}\r\n".encode()


@pytest.mark.parametrize("lane", list(Lane))
def test_each_response_is_recorded_once(watch: Watch, lane: Lane) -> None:
    """In every lane: one line, one count, and the response carries the id that the line has."""

    async def later(_: Request) -> Response:
        return Response("hello")

    run: Any = later if lane is Lane.TASK else lambda _: Response("hello")
    watched = watch({"/": FakeCall(run, lane, name="GET / (index)")})
    answer = watched.ask(get("/", "connection: close\r\n"))
    head, _, _ = answer.partition(b"\r\n\r\n")
    (carried,) = [line for line in head.decode().split("\r\n") if line.startswith("x-request-id: ")]
    (line,) = watched.lines()
    assert f"x-request-id: {line['id']}" == carried
    assert (line["method"], line["target"], line["status"], line["bytes"]) == ("GET", "/", 200, len(answer))
    assert (line["client"], line["route"], line["host"]) == ("192.0.2.1", "GET / (index)", "example.org")
    assert 0 <= line["ms"] < 10_000
    snapshot = watched.counts.snapshot()
    assert snapshot["requests"] == [["GET", 200, "/", 1]]
    assert snapshot["bytes"] == len(answer)


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_field_that_the_view_sets_is_not_sent_twice(watch: Watch, *, is_stream: bool) -> None:
    """A view may name the id as it likes; other fields of its own leave ours alone."""

    def view(_: Request) -> Response:
        return Response(iter(["hello"]) if is_stream else "hello", headers={"X-Request-Id": "mine", "x-other": "1"})

    watched = watch({"/": view, "/other": lambda _: Response("hello", headers={"x-other": "1"})})
    assert watched.ask(get("/", "connection: close\r\n")).lower().count(b"x-request-id: mine\r\n") == 1
    assert watched.ask(get("/", "connection: close\r\n")).lower().count(b"x-request-id:") == 1
    assert watched.ask(get("/other", "x-request-id: a\r\nconnection: close\r\n")).count(b"x-request-id: a\r\n") == 1


def test_an_id_is_accepted_and_returned(watch: Watch) -> None:
    """The client's own id comes back, is the view's `request.id`, and stands in the log."""
    watched = watch({"/": lambda request: Response(request.id)})
    answer = watched.ask(get("/", "x-request-id: from-proxy/1\r\nconnection: close\r\n"))
    assert answer.endswith(b"\r\n\r\nfrom-proxy/1")
    assert b"x-request-id: from-proxy/1\r\n" in answer
    assert watched.lines()[0]["id"] == "from-proxy/1"


def test_each_request_of_a_connection_has_its_own_id(watch: Watch) -> None:
    """A client that stays gets another id for every request, one each."""
    watched = watch({"/": lambda request: Response(request.id)})
    watched.ask(get("/") + get("/") + get("/", "connection: close\r\n"))
    ids = [line["id"] for line in watched.lines()]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_that_its_client_leaves_is_seen_with_what_was_sent(watch: Watch, *, is_async: bool) -> None:
    """The end of most streams of events: a line, a count, and no more bytes than were made."""
    has_ended = threading.Event()

    def make() -> Iterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            has_ended.set()

    async def make_later() -> AsyncIterator[str]:
        for piece in make():
            await asyncio.sleep(0)
            yield piece

    watched = watch({"/": FakeCall(lambda _: Response(make_later() if is_async else make()), name="GET / (view)")})
    watched.ask(get("/"), ends=b"x\r\n")
    assert has_ended.wait(PATIENCE)
    (line,) = watched.lines()
    assert (line["route"], line["status"]) == ("GET / (view)", 200)
    assert line["bytes"] > 1000
    assert watched.counts.snapshot()["requests"] == [["GET", 200, "/", 1]]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_that_fails_is_seen(watch: Watch, *, is_async: bool) -> None:
    """What is cut off because its generator raises has its line, too."""

    def make() -> Iterator[str]:
        yield "first"
        raise ValueError

    async def make_later() -> AsyncIterator[str]:
        yield "first"
        raise ValueError

    watched = watch({"/": FakeCall(lambda _: Response(make_later() if is_async else make()), name="GET / (view)")})
    assert b"first" in watched.ask(get("/"))
    (line,) = watched.lines()
    assert line["status"] == 200


def test_a_stream_is_seen_at_its_end(watch: Watch) -> None:
    """A stream is a line with all its bytes when the last of them is out."""
    watched = watch({"/": lambda _: Response(iter([b"a" * 1000, b"b" * 1000]))})
    answer = watched.ask(get("/", "connection: close\r\n"))
    (line,) = watched.lines()
    assert line["bytes"] == len(answer)


@pytest.mark.parametrize(
    ("data", "status", "target"),
    [
        (b"nonsense\r\n\r\n", 400, None),
        (b"GET /a?token=x HTTP/1.1\r\n\r\n", 400, "/a?token=***"),
        (b"get /a\r\nhost: a\r\n\r\n", 400, "/a"),
        (b"GET /a b?token=x HTTP/1.1\r\nhost: a\r\n\r\n", 400, "/a b?token=***"),
        (b"GET /\x1b[2J HTTP/1.1\r\nhost: a\r\n\r\n", 400, "/\x1b[2J"),
        (b"POST /a?token=x HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n", 413, "/a?token=***"),
        (b"POST /a?token=x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, "/a?token=***"),
    ],
)
def test_a_refusal_is_seen(watch: Watch, data: bytes, status: int, target: str | None) -> None:
    """What is refused is a line with the reason, the target, if there is one, and an id that its client has too."""
    watched = watch({"/a": lambda _: Response("x")}, Limits(content_bytes=10))
    answer = watched.ask(data)
    (line,) = watched.lines()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"\r\nx-request-id: {line['id']}\r\n".encode() in answer
    assert (line["status"], line["target"], line["client"]) == (status, target, "192.0.2.1")
    assert line["refused"]
    assert watched.counts.snapshot()["refused"] == {str(status): 1}


def test_content_without_a_length_is_explained(watch: Watch) -> None:
    """A POST without Content-Length has no content: what comes as such is refused, and log and client see why."""
    watched = watch({"/a": lambda _: Response("x")})
    answer = watched.ask(b"POST /a HTTP/1.1\r\nhost: a\r\n\r\npassword=xyzzy&age=36\r\n\r\n")
    first, second = watched.lines()
    assert (first["method"], first["target"], first["status"]) == ("POST", "/a", 200)
    assert second["status"] == 400
    assert "the POST before it had no Content-Length" in second["refused"]
    assert "xyzzy" not in watched.file.read_text()
    assert b"; the POST before it had no Content-Length (RFC 9112 section 6.3), so what came" in answer


def files(path: Path) -> Response:
    """Return a file, to be sent without reading it."""
    return Response(FileContent(FileIO(path), (Span(0, path.stat().st_size),)), media_type=TEXT)


@pytest.mark.parametrize("kind", ["bytes", "file", "stream"])
@pytest.mark.parametrize("leaves", [True, False])
def test_what_a_client_does_not_take_was_not_sent(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, *, leaves: bool
) -> None:
    """A client that reads a little and leaves, or is cut off, has a line with what was sent, and how long that took."""
    size = 30_000_000
    (tmp_path / "big").write_bytes(b"x" * size)
    make = {
        "bytes": lambda _: Response(b"x" * size),
        "file": lambda _: files(tmp_path / "big"),
        "stream": lambda _: Response(iter([b"x" * 100_000] * (size // 100_000)), length=size),
    }[kind]
    monkeypatch.setattr("fanlight.server.connection.client_pace.LEAST_RATE", 10**9)
    watched = watch({"/": make}, Limits(write_seconds=60 if leaves else 1))
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    watched.hub.post(watched.hub.adopt, theirs, "192.0.2.1")
    began = time.monotonic()
    with ours:
        ours.sendall(get("/"))
        assert ours.recv(100).startswith(b"HTTP/1.1 200 ")
        if not leaves:
            wait_until(lambda: not watched.hub.table.connections)
    wait_until(lambda: not watched.hub.table.connections)
    (line,) = watched.lines()  # it is written after the connection has gone from the table
    took = time.monotonic() - began
    assert line["status"] == 200
    assert 0 < line["bytes"] < size / 2
    assert (0.5 if not leaves else 0) * 1000 <= line["ms"] <= took * 1000
    assert watched.counts.snapshot()["bytes"] == line["bytes"]


@pytest.mark.parametrize("kind", ["bytes", "file", "stream"])
def test_what_a_client_takes_slowly_is_seen_when_all_is_sent(watch: Watch, tmp_path: Path, kind: str) -> None:
    """A response that does not fit into a socket is one line, with all of its bytes, when the last is out."""
    size = 3_000_000
    (tmp_path / "big").write_bytes(b"x" * size)
    make = {
        "bytes": lambda _: Response(b"x" * size),
        "file": lambda _: files(tmp_path / "big"),
        "stream": lambda _: Response(iter([b"x" * size]), length=size),
    }[kind]
    watched = watch({"/": make})
    answer = watched.ask(get("/", "connection: close\r\n"))
    (line,) = watched.lines()
    assert line["bytes"] == len(answer) > size


def test_a_client_that_has_left_before_its_response_is_seen(watch: Watch) -> None:
    """It has a line with the status, and nothing that was sent."""
    asked, gone = threading.Event(), threading.Event()

    def view(_: Request) -> Response:
        asked.set()
        assert gone.wait(PATIENCE)
        return Response("hello")

    watched = watch({"/": FakeCall(view, Lane.THREAD)})
    ours, theirs = socket.socketpair()
    watched.hub.post(watched.hub.adopt, theirs, "192.0.2.1")
    ours.sendall(get("/"))
    assert asked.wait(PATIENCE)
    ours.close()
    gone.set()
    wait_until(lambda: not watched.hub.table.connections)
    (line,) = watched.lines()
    assert (line["status"], line["bytes"]) == (200, 0)


def test_a_client_that_leaves_in_the_middle_of_its_content_is_seen(tmp_path: Path) -> None:
    """Where a view reads the content as it comes, the request has a line, with nothing that was sent."""

    async def view(stream: ContentStream) -> str:
        return str(len(await stream.read()))

    log = tmp_path / "log"
    options = Options(bind=("127.0.0.1:0",), access_file=str(log), access_format="json")
    with LiveServer(App({"POST /": view}), options=options) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc")
            wait_until(lambda: bool(server.hub.table.connections))
        wait_until(lambda: not server.hub.table.connections)
    (line,) = [json.loads(each) for each in log.read_text().splitlines()]
    assert (line["method"], line["target"], line["bytes"]) == ("POST", "/", 0)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_log_that_is_gone_ends_no_request(
    watch: Watch, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full requests are served as before."""
    watched = watch({"/": lambda _: Response("x")})

    def full(data: bytes, start: int = 0) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watched.log._writer.sink, "write", full)
    with caplog.at_level(logging.ERROR, "fanlight"):
        for _ in range(10):
            assert b"200 OK" in watched.ask(get("/", "connection: close\r\n"))
    monkeypatch.undo()


def test_a_finished_response_is_logged_while_a_view_blocks(tmp_path: Path) -> None:
    """A response has its line soon, also where the next view of the same turn holds the hub for as long as it likes."""
    may_end = threading.Event()

    def block(_: Request) -> Response:
        assert may_end.wait(PATIENCE)
        return Response("late")

    watched = Watched(tmp_path / "log", {"/": lambda _: Response("x"), "/slow": block}, Limits(), detects_stalls=False)
    pairs = [socket.socketpair() for _ in range(2)]
    for (ours, _), path in zip(pairs, ("/", "/slow"), strict=True):
        ours.sendall(get(path, "connection: close\r\n"))
    for _, theirs in pairs:
        watched.hub.post(watched.hub.adopt, theirs, "192.0.2.1")
    wait_until(lambda: '"target":"/",' in watched.file.read_text())
    assert '"/slow"' not in watched.file.read_text()
    may_end.set()
    for ours, _ in pairs:
        with ours:
            while ours.recv(65536):
                pass
    assert [line["target"] for line in watched.lines()] == ["/", "/slow"]

"""Content that goes to the disk: while it is written, no other client waits."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Request, Upload
from fanlight.message import spool as spool_module
from fanlight.settings.limits import Limits
from fanlight.testing import LiveServer

MIB = 1 << 20


class Disk:
    """A disk that takes nothing before it is let go."""

    def __init__(self, write: Callable[[Any, Any], None]) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()
        self.threads: set[str] = set()
        self._write = write

    def write(self, file: Any, data: Any) -> None:
        self.threads.add(threading.current_thread().name.partition("-")[0])
        self.asked.set()
        assert self.let_go.wait(PATIENCE)
        self._write(file, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(spool_module._write_all)
    monkeypatch.setattr(spool_module, "_write_all", made.write)
    yield made
    made.let_go.set()


def size(request: Request) -> str:
    return str(len(request.content))


def index() -> str:
    return "others"


URLS = {"/": index, "POST /": size}


def post(port: int, content: Any, **fields: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/", content, {"content-type": "application/octet-stream", **fields})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def get(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/")
    response = connection.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        connection.close()


def in_thread(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    return thread, found


@pytest.mark.parametrize("is_chunked", [False, True])
def test_no_client_waits_for_a_slow_disk(disk: Disk, *, is_chunked: bool) -> None:
    """While the disk takes nothing of an upload, others are served; then the upload is whole."""
    content: Any = (b"x" * 1000 for _ in range(3000)) if is_chunked else b"x" * 3_000_000
    with LiveServer(App(URLS)) as server:
        thread, found = in_thread(lambda: post(server.port, content))
        assert disk.asked.wait(PATIENCE)
        assert get(server.port) == (200, "others")
        assert server.hub.ownership.rescues == 0
        disk.let_go.set()
        thread.join(PATIENCE)
    assert found == [(200, "3000000")]
    assert disk.threads == {"fanlight"}


def test_a_client_that_leaves_while_the_disk_is_slow_leaves_nothing_behind(disk: Disk) -> None:
    """The connection ends at once, the file when the thread that writes it has done so."""
    with LiveServer(App(URLS)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.putrequest("POST", "/")
        connection.putheader("content-length", str(3 * MIB))
        connection.endheaders(b"x" * MIB)
        assert disk.asked.wait(PATIENCE)
        connection.close()
        disk.let_go.set()
        assert get(server.port) == (200, "others")
    assert server.hub.table.connections == {}


def test_a_server_that_is_stopped_does_not_close_a_file_under_the_hands_of_a_thread(disk: Disk) -> None:
    """What is cut off at the end of the drain is closed by the thread that writes it."""
    with LiveServer(App(URLS), limits=Limits(drain_seconds=0.1)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.putrequest("POST", "/")
        connection.putheader("content-length", str(3 * MIB))
        connection.endheaders(b"x" * MIB)
        assert disk.asked.wait(PATIENCE)
        hub = server.hub
    assert hub.table.connections == {}
    disk.let_go.set()
    while hub.pool.running:
        pass
    connection.close()


def test_small_content_takes_no_thread(disk: Disk) -> None:
    """What stays in memory is kept in place."""
    with LiveServer(App(URLS)) as server:
        assert post(server.port, b"x" * 1000) == (200, "1000")
        assert server.hub.pool._made == 0
    assert not disk.asked.is_set()


def test_what_is_pipelined_behind_it_is_served_in_order() -> None:
    """A request that has come with the last bytes of big content gets its response after it."""
    with LiveServer(App(URLS)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.connect()
        head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n"
        connection.sock.sendall(head + b"x" * 300_000 + b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        data = b""
        while more := connection.sock.recv(65536):
            data += more
        connection.close()
    assert data.index(b"300000") < data.index(b"others")


def name(photo: Upload, title: str) -> str:
    return f"{title}: {photo.filename}, {photo.size}"


def test_a_big_form_is_read_by_a_thread() -> None:
    """A multipart form that has big files is kept off the hub, and is the same form."""
    body = (
        b'--b\r\ncontent-disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
        + b"p" * 2 * MIB
        + b'\r\n--b\r\ncontent-disposition: form-data; name="title"\r\n\r\nsun\r\n--b--\r\n'
    )
    kind = "multipart/form-data; boundary=b"
    with LiveServer(App({"POST /": name})) as server:
        assert post(server.port, body, **{"content-type": kind}) == (200, f"sun: a.png, {2 * MIB}")
        assert server.hub.pool._made >= 1


def test_without_a_thread_it_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every thread is taken and none may wait, content for the disk is refused; the others are served."""
    entered, let_go = threading.Event(), threading.Event()

    def busy() -> None:
        entered.set()
        let_go.wait(PATIENCE)

    monkeypatch.setattr("fanlight.server.hub.WAITING_CALLS_PER_THREAD", 1)
    with LiveServer(App(URLS), limits=Limits(threads=1)) as server:
        assert server.hub.pool.submit(busy)
        assert entered.wait(PATIENCE)
        assert server.hub.pool.submit(busy)
        try:
            status, text = post(server.port, b"x" * MIB)
            assert (status, "too much to do" in text) == (503, True)
            assert get(server.port) == (200, "others")
        finally:
            let_go.set()

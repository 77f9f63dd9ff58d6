"""The operator URLs, by real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.server.listening.listen import listen
from fanlight.server.operator.admin import AdminThread


class FakeOverview:
    def __init__(self) -> None:
        self.alive = self.ready = True
        self.may_answer = threading.Event()
        self.may_answer.set()

    def is_alive(self) -> bool:
        self.may_answer.wait()
        return self.alive

    def is_ready(self) -> bool:
        return self.ready

    def metrics(self) -> bytes:
        return b"fanlight_x 1\n"

    def status(self) -> dict[str, Any]:
        return {"pid": 1}


class Served:
    """An admin thread on a port and on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.overview = FakeOverview()
        (tcp,), (unix,) = listen("127.0.0.1:0"), listen(f"unix:{folder}/control.sock")
        self._port, self._path = tcp.getsockname()[1], f"{folder}/control.sock"
        self.thread = AdminThread(self.overview, [tcp, unix], ["metrics.example.org"])
        self.thread.start()

    def connect(self, *, by_socket: bool = False) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        if by_socket:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self._path)
        return connection

    def ask(self, path: str, method: str = "GET", *, by_socket: bool = False, host: str = "") -> tuple[int, str]:
        connection = self.connect(by_socket=by_socket)
        try:
            connection.request(method, path, headers={"host": host} if host else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Served]:
    asked = Served(tmp_path)
    yield asked
    asked.overview.may_answer.set()
    asked.thread.stop()


def test_health_and_readiness(admin: Served) -> None:
    """Each is 200 while it is so, and 503 with a reason when it is not."""
    assert admin.ask("/healthz") == admin.ask("/readyz") == (200, "ok\n")
    admin.overview.alive = admin.overview.ready = False
    assert [admin.ask(path)[0] for path in ("/healthz", "/readyz")] == [503, 503]
    assert "about to stop" in admin.ask("/readyz")[1]


def test_metrics_have_their_media_type(admin: Served) -> None:
    """The media type is that of Prometheus' format, and nothing is cached."""
    connection = admin.connect()
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.getheader("cache-control") == "no-store"
    assert answer.read() == b"fanlight_x 1\n"
    connection.close()


def test_status_is_only_for_the_control_socket(admin: Served) -> None:
    """What clients do is shown on the unix socket alone; everything else on both."""
    assert admin.ask("/status")[0] == 404
    status, content = admin.ask("/status", by_socket=True)
    assert (status, json.loads(content)) == (200, {"pid": 1})
    assert admin.ask("/metrics", by_socket=True)[0] == 200


def test_unknown_paths_and_methods_are_refused(admin: Served) -> None:
    """Another path is a 404 that names the paths; another method is a 405."""
    assert admin.ask("/") == (404, "there is /healthz, /metrics, /readyz\n")
    assert admin.ask("/metrics", "POST")[0] == 405
    assert admin.ask("/metrics", "HEAD") == (200, "")


def test_options_gets_the_same_status_as_get(admin: Served) -> None:
    """Load balancers use OPTIONS, HAProxy by default."""
    for path in ("/healthz", "/readyz"):
        assert admin.ask(path, "OPTIONS")[0] == admin.ask(path)[0]


def test_a_slow_response_delays_no_other(admin: Served) -> None:
    """While a status source takes its time, other requests are served."""
    admin.overview.may_answer.clear()
    waiting = admin.connect()
    waiting.request("GET", "/healthz")
    assert admin.ask("/readyz")[0] == 200
    admin.overview.may_answer.set()
    assert waiting.getresponse().status == 200
    waiting.close()


def test_stop_ends_the_thread(tmp_path: Path) -> None:
    """After `stop` its thread is gone, though a client is still connected."""
    asked = Served(tmp_path)
    connection = asked.connect()
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    asked.thread.stop()
    assert not asked.thread._thread.is_alive()
    connection.close()
    with pytest.raises(OSError, match="refused"):
        asked.ask("/healthz")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/other"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9000", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3.4.5", "a.b."],
)
def test_a_public_host_name_is_refused(admin: Served, path: str, host: str) -> None:
    """A page in an operator's browser whose name resolves to this address reads nothing; the response is a hint."""
    status, told = admin.ask(path, host=host)
    assert status == 421
    assert f"--admin-hosts {host.partition(':')[0].rstrip('.')}" in told


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1:9000", "[::1]:9000", "[fd00::1]", "localhost", "LOCALHOST:9000", "localhost.",
        "admin.localhost", "site.default.svc.cluster.local:9000", "host.docker.internal", "metrics.example.org:9000",
        "Metrics.Example.Org", "site:9000",
    ],
)  # fmt: skip
def test_names_of_ones_own_are_taken(admin: Served, host: str) -> None:
    """Addresses, names that no public DNS has, and those that a setting allows."""
    assert admin.ask("/healthz", host=host) == (200, "ok\n")


def test_a_unix_socket_accepts_any_host(admin: Served) -> None:
    """No browser uses it."""
    assert admin.ask("/healthz", by_socket=True, host="evil.example")[0] == 200


def test_a_request_without_a_host_is_served(admin: Served) -> None:
    """HAProxy sends those, in HTTP/1.0; no browser does."""
    connection = admin.connect()
    connection.connect()
    with closing(connection.sock) as sock:
        sock.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in sock.recv(65536)

"""A store in a real Redis: killed and started again under load, slow, full, read-only, over TLS and a unix socket."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Certificates
from tests.redis_server import RedisServer
from tests.speed import PATIENCE, seconds
from tests.stores.calling import Caller

from fanlight.errors import InvalidSetting, StoreUnavailable
from fanlight.settings.store_url import read_store_url
from fanlight.stores import open_store as opening
from fanlight.stores.open_store import check_store, open_store
from fanlight.stores.rate import Rate
from fanlight.stores.redis_connections import MAX_CONNECTING
from fanlight.stores.redis_store import RedisStore

DEADLINE = 1.0


def store_of(url: str) -> RedisStore:
    """Return a store without a guard."""
    parts = read_store_url(url)
    return RedisStore(parts.text, parts.shown)


def refusal(act: Callable[[], Any]) -> StoreUnavailable:
    """Return why a call is refused, which must be within the deadline."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        act()
    assert time.monotonic() - began < seconds(DEADLINE)
    return caught.value


# --- gone, and back ---------------------------------------------------------------------------------


def test_a_server_that_is_killed_under_load_costs_nothing_but_503s(redis_server: RedisServer) -> None:
    """Four processes go on: nothing but StoreUnavailable, within the deadline; then every value and count is back."""
    names, rate = "abcd", Rate(200, 200_000)
    callers = [Caller("use", redis_server.url, rate.count, rate.seconds, name) for name in names]
    for each in callers:
        each.go()
    wait_for_values(redis_server, dict.fromkeys(names, 30))
    redis_server.kill()
    time.sleep(1.2)  # that long it is gone
    redis_server.start()
    wait_for_values(redis_server, {name: count + 30 for name, count in values_of(redis_server, names).items()})
    outcomes = [each.report() for each in callers]
    reports = [report for report, _ in outcomes]
    assert [each.wrong for each in reports] == [[]] * 4
    assert all(each.unavailable for each in reports)
    assert max(each.longest for each in reports) < seconds(DEADLINE)
    store = store_of(redis_server.url)
    kept = {key: value.encode() for each in reports for key, value in each.kept.items()}
    assert {key: store.get(key) for key in kept} == kept
    assert sum(each.allowed for each in reports) <= 200
    assert not store.take("limit:all", rate).is_allowed
    for _, logged in outcomes:
        assert logged.count("can't be used") == 1, logged
        assert logged.count("is back, after") == 1, logged
    store.close()


def values_of(server: RedisServer, names: str) -> dict[str, int]:
    """Return how many values each process has set."""
    with server.client() as client:
        return {name: len(client.keys(f"fanlight:{name}:*")) for name in names}


def wait_for_values(server: RedisServer, counts: dict[str, int]) -> None:
    """Return once each process has set so many values."""
    until = time.monotonic() + PATIENCE
    while any(count < counts[name] for name, count in values_of(server, "".join(counts)).items()):
        assert time.monotonic() < until
        time.sleep(0.02)  # other processes set them: there is no event to wait for


def test_a_server_that_was_started_again_costs_no_call(redis_server: RedisServer) -> None:
    """Connections that the server has closed meanwhile are replaced before they are used; scripts are sent again."""
    store = store_of(redis_server.url)
    rate = Rate(10, 10_000)
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: store.set(f"a {number}", b"1", 100), range(20)))
        assert store.take("count", rate).is_allowed
        redis_server.kill()
        redis_server.start()
        assert store.get("a 19") == b"1"
    assert store.take("count", rate).remaining == 6
    store.close()


def test_a_client_that_was_disconnected_costs_no_call(shared_redis: RedisServer, redis_store: RedisStore) -> None:
    """A connection that the server has closed, for being idle, is replaced."""
    redis_store.set("a", b"1", 100)
    with shared_redis.client() as client:
        for _ in range(5):
            client.client_kill_filter(_type="normal", skipme=True)
            assert redis_store.get("a") == b"1"


def test_nobody_listens(tmp_path: Path) -> None:
    """A port on which nothing listens is a refusal that names it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    error = refusal(lambda: store_of(f"redis://127.0.0.1:{port}").get("a"))
    assert f"127.0.0.1:{port}" in error.reason
    assert "refused" in error.reason
    assert not error.is_about_writing
    assert "redis.sock" in refusal(lambda: store_of(f"unix:{tmp_path}/redis.sock").get("a")).reason
    check_store(f"redis://127.0.0.1:{port}")  # it may come up later


# --- slow -------------------------------------------------------------------------------------------


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that accepts connections, and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


def test_a_server_that_does_not_respond_is_refused_in_time(silent_port: int) -> None:
    """Whether it accepts connections and is silent, or pauses in the middle."""
    error = refusal(lambda: store_of(f"redis://127.0.0.1:{silent_port}").get("a"))
    assert error.reason == "no response within 0.95 s"


def test_a_late_response_is_nobody_elses(shared_redis: RedisServer, redis_store: RedisStore) -> None:
    """After a call that was too slow, no other call gets its response: it would be another user's session."""
    redis_store.set("slow", b"the session of one user", 100)
    redis_store.set("fast", b"the session of another", 100)
    with shared_redis.client() as client:
        for _ in range(3):
            client.client_pause(int(seconds(0.7) * 1000))
            assert refusal(lambda: redis_store.get("slow")).reason.startswith("no response")
            client.client_unpause()
            for _ in range(5):
                assert redis_store.get("fast") == b"the session of another"


class LateServer:
    """Responds to the GETs of all connections only when it is allowed to, each with its key as the value."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._arrived = threading.Semaphore(0)
        self._proceed = threading.Event()
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                client, _ = self._socket.accept()
                self.threads.append(threading.Thread(target=self._serve, args=(client,)))
                self.threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(4096):
                client.sendall(b"-ERR unknown\r\n" * data.count(b"SETINFO"))
                for key in re.findall(rb"fanlight:(\w+)", data):
                    self._arrived.release()
                    assert self._proceed.wait(PATIENCE)
                    client.sendall(b"$%d\r\n%b\r\n" % (len(key), key))

    def respond(self) -> None:
        """Respond, when two commands have arrived; one that is behind another on its connection never does."""
        assert self._arrived.acquire(timeout=PATIENCE)
        self._arrived.acquire(timeout=0.2)
        self._proceed.set()

    def close(self) -> None:
        """End all threads."""
        self._proceed.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self.threads:
            each.join(PATIENCE)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError, SystemExit])
def test_a_response_that_was_not_read_is_nobody_elses(interruption: type[BaseException]) -> None:
    """A call that is interrupted before its response has come does not leave that to the next one."""
    server = LateServer()
    store = store_of(f"redis://127.0.0.1:{server.port}")

    def interrupted(*_: object, **__: object) -> None:
        raise interruption

    connections = store._connections
    connection, spare = connections._connected(), connections._connected()
    real, connection.read_response = connection.read_response, interrupted
    connections._idle.extend([spare, connection])
    try:
        with pytest.raises(interruption):
            store.get("one")
        connection.read_response = real
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(store.get, "two")
            server.respond()
            assert found.result(PATIENCE) == b"two"
        assert store.get("three") == b"three"
    finally:
        store.close()
        server.close()


def test_a_name_server_that_does_not_respond_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking up a name takes no longer than the deadline, and a bounded number of threads, however long it hangs."""
    release, waiting = threading.Event(), []

    def hang(*_: object, **__: object) -> list[Any]:
        waiting.append(1)
        assert release.wait(PATIENCE)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    store = store_of("redis://cache.internal")
    try:
        with ThreadPoolExecutor(2 * MAX_CONNECTING) as pool:
            calls = [pool.submit(refusal, lambda: store.get("a")) for _ in range(2 * MAX_CONNECTING)]
            assert {each.result(PATIENCE).reason for each in calls} == {"no response within 0.95 s"}
        assert len(waiting) == MAX_CONNECTING
    finally:
        release.set()
    monkeypatch.undo()
    until = time.monotonic() + PATIENCE
    while store._connections._connecting:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_server_that_stops_in_the_middle_of_a_response(silent_port: int) -> None:
    """Half a response, and a response in no protocol at all, are refusals; the connection is not kept."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

        def serve() -> None:
            for response in (b"$10\r\nhalf", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$-5\r\n", b""):
                client, _ = sock.accept()
                with client:
                    while b"GET" not in (data := client.recv(4096)):
                        client.sendall(b"-ERR unknown\r\n" * data.count(b"SETINFO"))
                    client.sendall(response)

        thread = threading.Thread(target=serve)
        thread.start()
        store = store_of(f"redis://127.0.0.1:{port}")
        for _ in range(4):
            refusal(lambda: store.get("a"))
            assert not store._connections._idle
        thread.join(PATIENCE)


# --- full, read-only, refused -----------------------------------------------------------------------


def test_a_server_without_memory_is_read(redis_server: RedisServer) -> None:
    """Without memory for more, what writes is refused, and what is there is read and removed."""
    store = store_of(redis_server.url)
    store.set("a", b"1", 100)
    with redis_server.client() as client:
        client.config_set("maxmemory", 1)
        client.config_set("maxmemory-policy", "noeviction")
        for act in (lambda: store.set("b", b"2", 100), lambda: store.take("c", Rate(1, 1))):
            error = refusal(act)
            assert error.is_about_writing, error.reason
        assert store.get("a") == b"1"
        store.delete("a")
        client.config_set("maxmemory", 0)
    store.set("b", b"2", 100)
    store.close()


def test_a_replica_is_read(redis_server: RedisServer, silent_port: int) -> None:
    """A replica refuses what writes, and is read."""
    store = store_of(redis_server.url)
    store.set("a", b"1", 100)
    with redis_server.client() as client:
        client.replicaof("127.0.0.1", silent_port)
        for act in (lambda: store.set("b", b"2", 100), lambda: store.take("c", Rate(1, 1)), lambda: store.delete("a")):
            assert refusal(act).is_about_writing
        assert store.get("a") == b"1"
        client.replicaof("NO", "ONE")
    store.set("b", b"2", 100)
    store.close()


def test_a_key_of_another_kind_is_refused(shared_redis: RedisServer, redis_store: RedisStore) -> None:
    """A list of another program under our key is a refusal, and the connection stays in order."""
    with shared_redis.client() as client:
        client.lpush("fanlight:a", "x")
        for _ in range(3):
            assert "WRONGTYPE" in refusal(lambda: redis_store.get("a")).reason
            assert "WRONGTYPE" in refusal(lambda: redis_store.take("a", Rate(1, 1))).reason
            assert redis_store.get("b") is None
    assert len(redis_store._connections._idle) == 1


def test_keys_of_other_programs_are_left_alone(shared_redis: RedisServer, redis_store: RedisStore) -> None:
    """Ours begin with "fanlight:"; each expires by itself."""
    with shared_redis.client() as client:
        client.set("a", "theirs")
        redis_store.set("a", b"ours", 100)
        redis_store.take("b", Rate(2, 100))
        assert redis_store.get("a") == b"ours"
        assert client.get("a") == b"theirs"
        ours = sorted(client.keys("fanlight:*"))
        assert ours == [b"fanlight:a", b"fanlight:b"]
        assert 90 < client.ttl("fanlight:a") <= 100
        assert 40 < client.ttl("fanlight:b") <= 50


# --- how it is reached ------------------------------------------------------------------------------


def test_a_unix_socket_and_a_database(redis_server: RedisServer) -> None:
    """A store is reached over a unix socket, in the database that the URL names."""
    urls = (f"unix:{redis_server.unix_path}?db=3", f"{redis_server.url[:-1]}3", redis_server.url)
    stores = [open_store(each) for each in urls]
    stores[0].set("a", b"3", 100)
    assert [each.get("a") for each in stores] == [b"3", b"3", None]
    for each in stores:
        assert each.is_shared
        each.close()


def test_tls(tmp_path: Path, certificates: Certificates) -> None:
    """rediss:// verifies the certificate, by the authority that the URL names; another one is a refusal."""
    pair = certificates.make("localhost", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    words = ["--tls-port", str(port), "--tls-cert-file", pair.cert, "--tls-key-file", pair.key, "--tls-ca-cert-file",
             certificates.ca, "--tls-auth-clients", "no"]  # fmt: skip
    server = RedisServer(tmp_path / "tls", words=words)
    try:
        store = store_of(f"rediss://localhost:{port}/?ssl_ca_certs={certificates.ca}")
        store.set("a", b"1", 100)
        assert store.get("a") == b"1"
        store.close()
        assert "certificate verify failed" in refusal(lambda: store_of(f"rediss://localhost:{port}").get("a")).reason
        missing = store_of(f"rediss://localhost:{port}?ssl_ca_certs={tmp_path}/missing.pem")
        assert refusal(lambda: missing.get("a")).reason
        assert refusal(lambda: store_of(f"redis://localhost:{port}").get("a")).reason
    finally:
        server.stop()


def test_the_package_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a URL of Redis is refused, with what to install."""
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    with pytest.raises(InvalidSetting, match=r"pip install 'fanlight\[redis\]'"):
        open_store("redis://localhost")

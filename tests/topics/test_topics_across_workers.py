"""Topics through real processes: four workers, a thousand listeners, and whatever happens to the workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.journeys.conftest import Site
from tests.redis_server import RedisServer
from tests.speed import PATIENCE
from tests.topics.crowd import Crowd, SlowClient, SocketListener, StreamListener, post
from tests.topics.site_of_topics import site

Serve = Callable[..., Site]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves the site of topics with four workers."""
    (tmp_path / "main.py").write_text(site())
    running: list[Site] = []

    def start(*words: str) -> Site:
        command = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--no-access-log", *words]
        running.append(Site(command, tmp_path))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.terminate()
        each.wait_for_exit()


async def publish(port: int, name: str, numbers: range) -> None:
    """Publish numbers, one request each, so that any worker publishes any of them; try again where it fails."""
    until = time.monotonic() + PATIENCE
    for number in numbers:
        while True:
            try:
                response = await post(port, f"/publish/{name}/{number}/1")
            except OSError:
                response = b""
            if b" 200 " in response:
                break
            assert time.monotonic() < until
            await asyncio.sleep(0.05)


def workers_of(pid: int) -> list[int]:
    """Return the child processes of a process."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in listed.stdout.split()]


def test_a_thousand_listeners_of_four_workers_get_every_message_once_and_in_order(serve: Serve) -> None:
    """WebSockets and event streams, of two topics, one of them with a history: each counts its messages."""
    port = int(serve("--workers", "4").port)

    async def test() -> None:
        crowd = Crowd(port, ["plain", "kept"], 1000)
        await crowd.wait_until_ready()
        assert len({each.worker for each in crowd.listeners}) == 4
        await asyncio.gather(*(post(port, f"/publish/{name}/0/40") for name in ("plain", "kept")))
        await asyncio.gather(*(publish(port, name, range(40, 50)) for name in ("plain", "kept")))
        await asyncio.gather(*(post(port, f"/publish-soon/{name}/50/10") for name in ("plain", "kept")))
        await crowd.wait_for(60)
        assert {tuple(each.numbers) for each in crowd.listeners} == {tuple(range(60))}
        await crowd.close()

    asyncio.run(test())


def test_a_worker_that_is_killed_costs_its_listeners_nothing_that_is_kept(serve: Serve) -> None:
    """They connect again with their last id, and have every message once; those of other workers notice nothing."""
    port = int(serve("--workers", "4").port)

    async def test() -> None:
        listeners = [StreamListener(port, "/kept") for _ in range(100)]
        for each in listeners:
            await each.ready.wait()
        publishing = asyncio.ensure_future(publish(port, "kept", range(100)))
        await listeners[0].wait_for(20)
        killed = listeners[0].worker
        os.kill(killed, signal.SIGKILL)
        lost = [each for each in listeners if each.worker == killed]
        for each in lost:
            await each.ended.wait()
        returned = [StreamListener(port, "/kept", each.last_id) for each in lost]
        await publishing
        for each in [*returned, *(each for each in listeners if each.worker != killed)]:
            await each.wait_for_number(99)
        for before, after in zip(lost, returned, strict=True):
            # The request of a message that the killed worker had published, and not confirmed, is sent again.
            assert list(dict.fromkeys(before.numbers + after.numbers)) == list(range(100))
        others = [each.numbers for each in listeners if each.worker != killed]
        assert all(list(dict.fromkeys(each)) == list(range(100)) for each in others)
        for each in [*listeners, *returned]:
            await each.close()

    asyncio.run(test())


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2], ids=["reload", "new supervisor"])
def test_a_reload_keeps_the_history(serve: Serve, number: signal.Signals) -> None:
    """Sockets are closed with 1001, streams end; a client that returns gets what it has missed."""
    running = serve("--workers", "2")
    port = int(running.port)

    async def test() -> None:
        stream, socket = StreamListener(port, "/kept"), SocketListener(port, "/kept")
        await stream.ready.wait()
        await socket.ready.wait()
        await publish(port, "kept", range(1))
        await stream.wait_for(1)
        first = stream.last_id
        await publish(port, "kept", range(1, 3))
        await stream.wait_for(3)
        await socket.wait_for(3)
        running.send_signal(number)
        await asyncio.wait_for(stream.ended.wait(), PATIENCE)
        await asyncio.wait_for(socket.ended.wait(), PATIENCE)
        assert socket.code in (1001, 1012)
        assert socket.numbers == [0, 1, 2]
        await publish(port, "kept", range(3, 6))
        returned = StreamListener(port, "/kept", stream.last_id)
        await returned.wait_for(3)
        assert returned.numbers == [3, 4, 5]
        later = StreamListener(port, "/kept", first)
        await later.wait_for(5)
        assert later.numbers == [1, 2, 3, 4, 5]
        for each in (returned, later):
            await each.close()

    asyncio.run(test())


def test_a_redis_that_restarts_costs_nothing_that_is_kept(serve: Serve, tmp_path: Path) -> None:
    """Two machines with two workers each: listeners stay connected, and get every message once and in order."""
    redis = RedisServer(tmp_path / "redis")
    sites = [serve("--workers", "2", "--bus", redis.url) for _ in range(2)]
    ports = [int(each.port) for each in sites]

    async def test() -> None:
        crowds = [Crowd(port, ["kept"], 50) for port in ports]
        listeners = [each for crowd in crowds for each in crowd.listeners]
        for crowd in crowds:
            await crowd.wait_until_ready()
        await publish(ports[0], "kept", range(20))
        publishing = asyncio.ensure_future(publish(ports[0], "kept", range(20, 60)))
        await asyncio.to_thread(redis.kill)
        response = await post(ports[1], "/publish/other/0/1")
        assert b" 503 " in response
        assert b"retry-after: 1" in response
        await asyncio.to_thread(redis.start)
        await publishing
        for crowd in crowds:
            await crowd.wait_for(60)
        for each in listeners:
            assert list(dict.fromkeys(each.numbers)) == list(range(60))
            assert not each.ended.is_set()
        for crowd in crowds:
            await crowd.close()

    try:
        asyncio.run(test())
    finally:
        redis.stop()


@pytest.mark.parametrize("path", ["/listen/plain", "/stream/plain"], ids=["socket", "stream"])
def test_a_client_that_does_not_read_holds_up_no_other(serve: Serve, path: str) -> None:
    """It is dropped with a reason in the log, and its connection is closed; the others get everything."""
    running = serve("--workers", "2", "--write-seconds", "5")
    port = int(running.port)

    async def test() -> None:
        slow = await SlowClient.connected(port, path)
        crowd = Crowd(port, ["plain"], 20)
        await crowd.wait_until_ready()
        for first in range(0, 400, 20):  # at the pace of the crowd, for which a mebibyte waits at most
            await post(port, f"/publish-large/plain/{first}/20")
            await crowd.wait_for(first + 20)
        assert [each.numbers for each in crowd.listeners] == [list(range(400))] * 20
        await crowd.close()
        await slow.wait_until_closed()

    asyncio.run(test())
    log = running.read_until("is dropped")
    assert "a listener of the topic 'plain' is dropped: too many messages waited for this listener" in log


def test_a_site_without_topics_opens_nothing_of_them(serve: Serve, tmp_path: Path) -> None:
    """No pair of sockets in the workers, no thread in the supervisor."""
    (tmp_path / "main.py").write_text('def index():\n    return ""\n\n\nURLS = {"/": index}\n')
    running = serve("--workers", "2")
    threads = Path(f"/proc/{running.process.pid}/task").iterdir()
    assert not any("relay" in (each / "comm").read_text() for each in threads)

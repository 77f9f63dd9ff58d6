"""Rate limits of real servers under load: several workers, and several machines, count together."""

from __future__ import annotations

import http.client
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import wait_until
from tests.redis_server import RedisServer
from tests.speed import PATIENCE

ALLOWED = 50
MAIN = f"""
import os

from fanlight import rate_limit


@rate_limit("{ALLOWED}/day")
def plain():
    return str(os.getpid())


@rate_limit("{ALLOWED}/day")
async def in_task():
    return str(os.getpid())


URLS = {{"/plain": plain, "/async": in_task, "/free": lambda: str(os.getpid())}}
"""
THREADS, REQUESTS = 8, 25


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a site with two limited views."""
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Return a redis-server of this test's own."""
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()


def ask(port: str, path: str) -> tuple[int, str, str | None]:
    """Return the status, the text and Retry-After of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, response.getheader("retry-after")


def ask_many(ports: list[str], path: str) -> list[tuple[int, str, str | None]]:
    """Return the results of many requests at once, to each server in turn."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda number: ask(ports[number % len(ports)], path), range(THREADS * REQUESTS)))


def is_back(port: str) -> bool:
    return ask(port, "/plain")[0] != 503


def counts(results: list[tuple[int, str, str | None]]) -> Counter[int]:
    return Counter(status for status, _, _ in results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no workers here")
def test_four_workers_count_together_and_after_a_restart(serve: Callable[..., Any], folder: Path) -> None:
    """Of 200 requests to four workers exactly 50 are allowed; a server that starts again goes on counting."""
    options = ("--workers", "4", "--no-access-log", "--state-folder", str(folder / "state"))
    site = serve(folder, *options)
    for path in ("/plain", "/async"):
        results = ask_many([site.port], path)
        assert counts(results) == {200: ALLOWED, 429: THREADS * REQUESTS - ALLOWED}
        assert len({text for status, text, _ in results if status == 200}) > 1, "one worker has served them all"
        assert all(retry is not None for status, _, retry in results if status == 429)
    site.process.terminate()
    site.wait_for_exit()
    again = serve(folder, *options)
    assert counts([ask(again.port, "/plain") for _ in range(4)]) == {429: 4}
    assert ask(again.port, "/free")[0] == 200


def test_two_servers_on_one_redis_count_together(
    serve: Callable[..., Any], folder: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 requests to two servers exactly 50 are allowed. While Redis is gone only limited pages fail."""
    monkeypatch.setenv("FANLIGHT_SECRET", "of-this-test-and-long-enough-9a7b3c5d1e")
    sites = [serve(folder, "--store", redis.url, "--no-access-log") for _ in range(2)]
    ports = [each.port for each in sites]
    for path in ("/plain", "/async"):
        assert counts(ask_many(ports, path)) == {200: ALLOWED, 429: THREADS * REQUESTS - ALLOWED}
    redis.kill()
    for port in ports:
        for path in ("/plain", "/async"):
            status, _, retry = ask(port, path)
            assert (status, retry) == (503, "1")
        assert ask(port, "/free")[0] == 200
    redis.start()
    for port in ports:
        wait_until(partial(is_back, port))
        assert ask(port, "/plain")[0] == 429, "what was counted is forgotten"
        assert ask(port, "/async")[0] == 429

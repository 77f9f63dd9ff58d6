"""Several processes use one store: they count together, and each sees what the others have written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.redis_server import RedisServer
from tests.speed import PATIENCE
from tests.stores.calling import Caller

from fanlight.stores.open_store import open_store


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store that processes share."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/store.sqlite"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


def test_four_processes_count_together(url: str) -> None:
    """Of calls by four processes at once exactly as many are allowed as the rate has, and each other is refused."""
    # One more in a quarter of an hour; so many that none can take all of them before another one is awake.
    callers = [Caller("take", url, 2000, 2_000_000, 1500) for _ in range(4)]
    for each in callers:
        each.go()
    reports = [each.report()[0] for each in callers]
    assert [each.wrong for each in reports] == [[]] * 4
    assert sum(each.unavailable for each in reports) == 0
    assert sum(each.allowed for each in reports) == 2000
    assert all(each.allowed for each in reports)


def test_four_processes_count_together_while_calls_become_available(url: str) -> None:
    """Under load at most `count` calls are allowed, and one more for each interval that has passed."""
    callers = [Caller("take", url, 10, 0.1, 500) for _ in range(4)]
    began = time.monotonic()
    for each in callers:
        each.go()
    reports = [each.report()[0] for each in callers]
    elapsed = time.monotonic() - began
    assert [each.wrong for each in reports] == [[]] * 4
    assert 10 < sum(each.allowed for each in reports) <= 10 + elapsed / 0.01


def test_a_killed_process_breaks_nothing(url: str) -> None:
    """One of three is killed while it writes: the others go on, and what each had written is there."""
    callers = [Caller("use", url, 5, 5000, name) for name in ("a", "b", "victim")]
    for each in callers:
        each.go()
    store = open_store(url)
    until = time.monotonic() + PATIENCE
    while store.get("victim:0:20") is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    victim = callers.pop()
    victim.process.kill()
    victim.process.communicate()
    store.set("after", b"1", 100)
    reports = [each.report()[0] for each in callers]
    assert [each.wrong for each in reports] == [[], []]
    assert sum(each.allowed for each in reports) <= 5
    kept = reports[0].kept | reports[1].kept
    assert {key: store.get(key) for key in kept} == {key: value.encode() for key, value in kept.items()}
    assert store.get("victim:0:20") == b"victim:0:20"
    store.close()


def test_processes_open_a_new_file_at_the_same_time(tmp_path: Path) -> None:
    """Processes that find no file make one together, and none fails."""
    for number in range(3):
        callers = [Caller("use", f"sqlite:{tmp_path}/{number}.sqlite", 6, 6000, name) for name in range(4)]
        for each in callers:
            each.go()
        reports = [each.report()[0] for each in callers]
        assert [(each.wrong, each.unavailable) for each in reports] == [([], 0)] * 4
        assert sum(each.allowed for each in reports) == 6

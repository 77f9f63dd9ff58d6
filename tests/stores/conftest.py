"""A store of each kind, in which nothing is yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.redis_server import RedisServer

from fanlight.settings.store_url import read_store_url
from fanlight.stores.memory_store import MemoryStore
from fanlight.stores.redis_store import RedisStore
from fanlight.stores.sqlite_store import SQLiteStore
from fanlight.stores.store import Store


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a redis-server that no test kills."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_store(shared_redis: RedisServer) -> Iterator[RedisStore]:
    """Return an empty store in Redis."""
    with shared_redis.client() as client:
        client.flushall()
    parts = read_store_url(shared_redis.url)
    store = RedisStore(parts.text, parts.shown)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return an empty store in a file."""
    store = SQLiteStore(tmp_path / "store.sqlite")
    yield store
    store.close()


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return an empty store, of each kind in turn."""
    makers: dict[str, Callable[[], Store]] = {
        "memory": MemoryStore,
        "sqlite": lambda: request.getfixturevalue("sqlite_store"),
        "redis": lambda: request.getfixturevalue("redis_store"),
    }
    return makers[request.param]()

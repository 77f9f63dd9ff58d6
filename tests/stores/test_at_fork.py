"""A child that is forked uses no connection of its parent, and waits for no lock of its threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.redis_server import RedisServer
from tests.speed import PATIENCE

from fanlight.stores.guarded_store import GuardedStore
from fanlight.stores.memory_store import MemoryStore
from fanlight.stores.open_store import open_store
from fanlight.stores.rate import Rate
from fanlight.stores.sqlite_store import SQLiteStore

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def in_child(act: Callable[[], object]) -> int:
    """Return the exit code of a child that does something: 0 if it returns true."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            threading.Timer(PATIENCE, os._exit, [3]).start()
            code = 0 if act() else 2
        except BaseException as error:  # noqa: BLE001 - the child of a test
            print(repr(error), file=sys.stderr)  # noqa: T201
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> GuardedStore:
    """Return a store that is open."""
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path}/store.sqlite"
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url
    store = open_store(url)
    store.set("a", b"1", 1000)
    assert store.get("a") == b"1"
    return store


def test_parent_and_child_use_the_store_at_the_same_time(store: GuardedStore) -> None:
    """Each gets its own responses, and sees what the other has written; both count together."""
    rate = Rate(100, 100_000)

    def use(name: str) -> bool:
        for number in range(200):
            key = f"{name} {number}"
            store.set(key, key.encode(), 1000)
            store.take("count", rate)
            if store.get_many([key, "a"]) != [key.encode(), b"1"]:
                return False
        return True

    parent = threading.Thread(target=use, args=("thread",))
    parent.start()
    codes = [in_child(lambda: use("child")) for _ in range(2)]
    assert use("parent")
    parent.join()
    assert codes == [0, 0]
    assert store.get_many(["child 199", "parent 199", "thread 199"]) == [b"child 199", b"parent 199", b"thread 199"]
    assert not store.take("count", rate).is_allowed
    store.close()


def test_a_child_has_no_copy_of_a_connection(tmp_path: Path) -> None:
    """The file is closed before the process forks, as SQLite demands; parent and child open it again."""
    store = SQLiteStore(tmp_path / "store.sqlite")
    store.set("a", b"1", 1000)
    assert store.get("a") == b"1"
    connections = (store._reading, store._writing)
    assert in_child(lambda: [each._database for each in connections] == [None, None] and store.get("a") == b"1") == 0
    assert store.get("a") == b"1"
    store.close()


def test_a_lock_of_another_thread_is_not_inherited(tmp_path: Path) -> None:
    """A child that is forked while a thread is in the middle of a call, however long that takes, can use the store."""
    store = open_store(f"sqlite:{tmp_path}/store.sqlite")
    store.set("a", b"1", 1000)
    inner = store._store
    entered, proceed = threading.Event(), threading.Event()

    def hold() -> None:
        with inner._writing.opened(), inner._reading.opened(), store._using._lock:  # type: ignore[attr-defined]
            entered.set()
            assert proceed.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(PATIENCE)

    def use() -> bool:
        store._using.succeed()  # takes the guard's lock, which calls take only while the store is gone
        store.set("child", b"2", 1000)
        return store.get_many(["a", "child"]) == [b"1", b"2"]

    code = in_child(use)
    proceed.set()
    thread.join()
    assert code == 0
    assert store.get("child") == b"2"
    store.close()


def test_a_store_in_memory_is_copied() -> None:
    """A child has what was there, and may use it while a thread of its parent held the lock."""
    store = MemoryStore()
    store.set("a", b"1", 1000)
    with store._lock:
        assert in_child(lambda: store.take("b", Rate(1, 10)).is_allowed and store.get("a") == b"1") == 0
    assert store.take("b", Rate(1, 10)).is_allowed

"""A store in a SQLite file: its permissions, its size, and what happens when the file can't be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.speed import seconds
from tests.stores.calling import REPOSITORY

from fanlight.errors import InvalidSetting, StoreUnavailable
from fanlight.stores.open_store import check_store
from fanlight.stores.rate import Rate
from fanlight.stores.sqlite_file import APPLICATION
from fanlight.stores.sqlite_reads import MAX_KEYS
from fanlight.stores.sqlite_store import SQLiteStore

DEADLINE = 1.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def refusal(act: Callable[[], Any]) -> StoreUnavailable:
    """Return why a call is refused, which must be within the deadline."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        act()
    assert time.monotonic() - began < seconds(DEADLINE)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that is not there yet."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def opened(path: Path) -> Iterator[SQLiteStore]:
    """Return a store that has a value, and is open."""
    store = SQLiteStore(path)
    store.set("a", b"1", 1000)
    assert store.get("a") == b"1"
    yield store
    store.close()


SmallDisk = Callable[[str, int], subprocess.CompletedProcess[str]]


@pytest.fixture
def small_disk(tmp_path: Path) -> SmallDisk:
    """Return a function that runs a program beside a disk of 2 MiB, with a file "ballast" of so many bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def run(program: str, ballast: int) -> subprocess.CompletedProcess[str]:
        mount = (
            f'mount -t tmpfs -o size=2m tmpfs "{disk}" && head -c {ballast} /dev/zero > "{disk}/ballast" && exec "$@"'
        )
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        wrapper = ["unshare", "--mount", *as_root, "sh", "-c", mount, "sh"]
        if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
            pytest.skip("this system does not allow mounting a disk")
        command = [*wrapper, sys.executable, "-c", program, str(disk)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    return run


@contextmanager
def held(path: Path, statement: str) -> Iterator[None]:
    """Hold a lock of the file, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)
        yield
        other.execute("ROLLBACK")


# --- the file -----------------------------------------------------------------------------------------


def test_no_other_user_can_read_the_file(tmp_path: Path, path: Path) -> None:
    """The file, its log and its index have mode 0600, whatever the umask is."""
    before = os.umask(0)
    try:
        store = SQLiteStore(path)
        store.set("a", b"1", 10)
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"], 0o600)
    store.close()
    assert [each.name for each in tmp_path.iterdir()] == ["store.sqlite"]


def test_a_file_is_there_after_all_are_closed(path: Path) -> None:
    """Values and counts outlive the process."""
    for _ in range(3):
        store = SQLiteStore(path)
        assert store.take("count", Rate(3, 3000)).is_allowed
        store.set("a", b"1", 1000)
        store.close()
    store = SQLiteStore(path)
    assert store.get("a") == b"1"
    assert not store.take("count", Rate(3, 3000)).is_allowed
    store.close()


def test_what_has_expired_is_swept(path: Path) -> None:
    """The file has never many more rows than live ones, without anything that runs in the background."""
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    most = 0
    for number in range(6000):
        clock.now += 1
        store.set(f"value {number * 7919 % 6000}", b"x" * 100, 100)
        if number % 500 == 0:
            with closing(sqlite3.connect(path)) as other:
                most = max(most, other.execute("SELECT count(*) FROM entries").fetchone()[0])
    store.close()
    assert most < 400


def test_live_rows_are_not_swept(path: Path) -> None:
    """A sweep removes only what has expired, also if it was renewed meanwhile."""
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    for number in range(500):
        store.set(f"short {number}", b"1", 10)
        store.set(f"long {number}", b"1", 10_000)
        store.take(f"count {number}", Rate(2, 10_000))
    clock.now += 100
    store.set("short 1", b"2", 100)
    for _ in range(2000):
        store.set("other", b"", 100)
    assert all(store.get_many([f"long {number}" for number in range(500)]))
    assert store.get("short 1") == b"2"
    assert [store.take(f"count {number}", Rate(2, 10_000)).remaining for number in range(0, 500, 50)] == [0] * 10
    store.close()


def test_a_clock_that_is_set_back_locks_nobody_out(path: Path) -> None:
    """Counts of the future are at most all calls taken; values live on, at most until their time by the new clock."""
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    rate = Rate(2, 10)
    store.set("a", b"1", 1000)
    assert [store.take("count", rate).is_allowed for _ in range(3)] == [True, True, False]
    clock.now -= 1e6
    assert store.get("a") == b"1"
    assert not store.take("count", rate).is_allowed
    clock.now += 5
    store.close()


# --- files that are no stores -----------------------------------------------------------------------


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """A database that has tables of its own is refused, and not changed."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE guests (name)")
        other.commit()
    before = path.read_bytes()
    store = SQLiteStore(path)
    assert (
        refusal(lambda: store.get("a")).reason
        == f"{path} is another program's database; give the store a file of its own"
    )
    assert refusal(lambda: store.set("a", b"", 1)).reason.startswith(f"{path} is another program's")
    assert path.read_bytes() == before
    with pytest.raises(InvalidSetting, match="another program's database"):
        check_store(f"sqlite:{path}")


def test_a_newer_format_is_refused(opened: SQLiteStore, path: Path) -> None:
    """What a newer version has written is not touched by this one."""
    opened.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
    assert "newer version of Fanlight (format 2)" in refusal(lambda: opened.get("a")).reason


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 8000], ids=["text", "head"])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    """It is not replaced, as it may be anything; when it has been moved away, a new one is made."""
    path.write_bytes(content)
    store = SQLiteStore(path)
    error = refusal(lambda: store.get("a"))
    assert error.reason == f"{path} is damaged, or no SQLite file; move it away, and a new one is made"
    assert not error.is_about_writing
    with pytest.raises(InvalidSetting, match=r"the store can't be used: .* is damaged"):
        check_store(f"sqlite:{path}")
    assert path.read_bytes() == content
    path.rename(path.with_name("old"))
    store.set("a", b"1", 10)
    assert store.get("a") == b"1"
    store.close()


def test_a_file_that_is_damaged_while_it_is_open_is_reported(opened: SQLiteStore, path: Path) -> None:
    """Damage is a StoreUnavailable that says what to do; then it works again, without a restart."""
    for number in range(300):
        opened.set(f"value {number}", b"x" * 1000, 100)
    opened.close()
    with path.open("r+b") as file:
        for page in range(1, 40):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    error = refusal(lambda: [opened.get(f"value {number}") for number in range(300)])
    assert "damaged" in error.reason
    path.unlink()
    opened.set("a", b"2", 10)
    assert opened.get("a") == b"2"


def test_a_file_that_is_replaced_is_opened_anew(
    opened: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that have the old file open go on with the new one, so that all count in the same one."""
    monkeypatch.setattr("fanlight.stores.sqlite_connection.LOOK_SECONDS", 0)
    opened.close()
    opened.set("a", b"1", 1000)
    assert opened.get("a") == b"1"
    for each in path.parent.iterdir():
        each.unlink()
    other = SQLiteStore(path)
    other.set("b", b"2", 1000)
    assert opened.get_many(["a", "b"]) == [None, b"2"]
    opened.set("c", b"3", 1000)
    assert other.get("c") == b"3"
    other.close()


@pytest.mark.parametrize("what", ["no folder", "a folder"])
def test_a_path_that_can_not_be_opened_is_refused(tmp_path: Path, what: str) -> None:
    """The reason has the path and its folder; check_store refuses it before the port opens."""
    path = tmp_path / "missing" / "store.sqlite" if what == "no folder" else tmp_path
    store = SQLiteStore(path)
    assert f"{path} can't be opened: {path.parent} must exist" in refusal(lambda: store.get("a")).reason
    with pytest.raises(InvalidSetting, match="can't be opened"):
        check_store(f"sqlite:{path}")


# --- a file that can't be used for a while ------------------------------------------------------------


def test_a_locked_file_is_read_and_not_written(opened: SQLiteStore, path: Path) -> None:
    """While another process writes for too long, what writes is refused within the deadline, and reads go on."""
    with held(path, "BEGIN IMMEDIATE"):
        for act in (lambda: opened.set("b", b"", 1), lambda: opened.take("c", Rate(1, 1)), lambda: opened.delete("a")):
            error = refusal(act)
            assert error.is_about_writing
            assert error.reason == f"{path} was locked for more than 0.4 s"
        assert opened.get("a") == b"1"
        assert opened.get_many(["a"]) == [b"1"]
    opened.set("b", b"2", 10)
    assert opened.get("b") == b"2"


def test_a_file_that_another_program_locks_wholly_is_refused(path: Path) -> None:
    """An exclusive lock, as a backup takes one, is a refusal within the deadline; afterwards all works."""
    store = SQLiteStore(path)
    store.set("a", b"1", 100)
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM entries WHERE key = 'b'")
        assert "locked" in refusal(lambda: store.get("a")).reason
        assert "locked" in refusal(lambda: store.set("a", b"", 1)).reason
    assert store.get("a") == b"1"
    store.close()


def test_a_new_file_that_another_process_reads_is_waited_for(path: Path) -> None:
    """A file that is new, and read by another process for a moment, is opened as soon as that has ended."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"PRAGMA application_id = {APPLICATION}")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        timer = threading.Timer(0.05, other.execute, ["ROLLBACK"])
        timer.start()
        store = SQLiteStore(path)
        store.set("a", b"1", 100)
        timer.join()
    assert store.get("a") == b"1"
    store.close()


def test_a_thread_that_is_slow_stops_the_others_for_half_a_second(opened: SQLiteStore) -> None:
    """A call that waits for the disk lets the others fail within the deadline."""
    with opened._writing.opened():
        error = refusal(lambda: opened.set("a", b"2", 10))
        assert "is slow: another call has taken more than 0.5 s" in error.reason
        assert error.is_about_writing
        assert opened.get("a") == b"1"
    with opened._reading.opened():
        assert not refusal(lambda: opened.get("a")).is_about_writing
    opened.set("a", b"2", 10)


IN_SMALL_DISK = """
import sys
from pathlib import Path
from fanlight.errors import StoreUnavailable
from fanlight.stores.sqlite_store import SQLiteStore
from fanlight.stores.rate import Rate

folder = Path(sys.argv[1])
store = SQLiteStore(folder / "store.sqlite")
store.set("first", b"1", 1000)
store.take("count", Rate(5, 5000))
refused = None
for number in range(2000):
    try:
        store.set(f"value {number}", b"x" * 3000, 1000)
    except StoreUnavailable as error:
        refused = error
        break
assert refused is not None and refused.is_about_writing, refused
assert refused.reason == f"the disk of {folder}/store.sqlite is full", refused.reason
for _ in range(20):
    for act in (lambda: store.set("large", b"x" * 100_000, 10),):
        try:
            act()
        except StoreUnavailable as error:
            assert "is full" in error.reason, error.reason
        else:
            raise AssertionError
    assert store.get("first") == b"1"
    assert store.get(f"value {number // 2}") == b"x" * 3000
(folder / "ballast").unlink()
store.set("after", b"2", 1000)
assert store.take("count", Rate(5, 5000)).remaining == 3
assert store.get_many(["first", "after", f"value {number - 1}"]) == [b"1", b"2", b"x" * 3000]
store.close()
print("done")
"""


def test_a_full_disk_is_read_and_not_written(small_disk: SmallDisk) -> None:
    """Without room what writes is refused, what is there is read; with room again all goes on, and nothing is lost."""
    done = small_disk(IN_SMALL_DISK, 1_000_000)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


ON_READ_ONLY_DISK = """
import subprocess, sys
from pathlib import Path
from fanlight.errors import StoreUnavailable
from fanlight.stores.sqlite_store import SQLiteStore

folder = Path(sys.argv[1])
store = SQLiteStore(folder / "store.sqlite")
store.set("a", b"1", 1000)
store.close()
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
for act in (lambda: store.set("b", b"2", 1000), lambda: store.get("a")):
    try:
        act()
    except StoreUnavailable as error:
        assert "can't be opened" in error.reason, error.reason
    else:
        raise AssertionError
subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
store.set("b", b"2", 1000)
assert store.get_many(["a", "b"]) == [b"1", b"2"]
store.close()
print("done")
"""


def test_a_read_only_disk_is_refused(small_disk: SmallDisk) -> None:
    """A file on a disk that can't be written is a refusal; when it can be written again, all goes on."""
    done = small_disk(ON_READ_ONLY_DISK, 0)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_a_connection_that_has_failed_is_not_used_again(opened: SQLiteStore) -> None:
    """After an error of which SQLite may not recover by itself the file is opened again; a busy file stays open."""
    with pytest.raises(StoreUnavailable, match="not available"), opened._reading.opened():
        raise sqlite3.DatabaseError("disk image is malformed")
    assert opened._reading._database is None
    assert opened.get("a") == b"1"
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with pytest.raises(StoreUnavailable, match="not available"), opened._reading.opened():
        raise busy
    assert opened._reading._database is not None


def test_what_was_read_is_known_until_something_is_written(path: Path, opened: SQLiteStore) -> None:
    """By this store or by another process: what the file has is never older than the last write."""
    assert opened.known_many(["a", "b"]) is None
    assert opened.get_many(["a", "b"]) == [b"1", None]
    assert opened.known_many(["a", "b"]) == opened.get_many(["a", "b"]) == [b"1", None]
    assert opened.known_many(["a", "c"]) is None
    opened.set("b", b"2", 1000)
    assert opened.known_many(["a", "b"]) is None
    assert opened.get_many(["a", "b"]) == [b"1", b"2"]
    program = (
        "import sys, pathlib; from fanlight.stores.sqlite_store import SQLiteStore;"
        "store = SQLiteStore(pathlib.Path(sys.argv[1])); store.delete('a'); store.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert opened.known_many(["a", "b"]) is None
    assert opened.get_many(["a", "b"]) == [None, b"2"]


def test_what_is_known_expires(path: Path) -> None:
    """Without a write, and at the same moment as in the file; the order and repetition of keys does not matter."""
    clock = Clock()
    with closing(SQLiteStore(path, clock=clock)) as store:
        store.set("a", b"1", 10)
        assert store.get_many(["b", "a", "b"]) == [None, b"1", None]
        clock.now += 9.9
        assert store.known_many(["b", "a", "b"]) == [None, b"1", None]
        clock.now += 0.2
        assert store.known_many(["a", "b"]) == store.get_many(["a", "b"]) == [None, None]


def test_nothing_is_known_while_another_thread_reads(opened: SQLiteStore) -> None:
    """An event loop does not wait for the lock of the connection either."""
    assert opened.get_many(["a"]) == [b"1"]
    with opened._reading.opened():
        assert opened.known_many(["a"]) is None
    assert opened.known_many(["a"]) == [b"1"]


def test_nothing_is_known_of_a_file_that_was_replaced(path: Path, opened: SQLiteStore) -> None:
    """A connection that is opened again counts from the start, and what the old one has read is forgotten."""
    assert opened.get_many(["a"]) == [b"1"]
    opened.close()
    path.unlink()
    assert opened.known_many(["a"]) is None
    assert opened.get_many(["a"]) == [None]


def test_what_is_known_is_bounded(opened: SQLiteStore) -> None:
    """A crowd of visitors does not fill the memory."""
    for number in range(MAX_KEYS + 10):
        opened.get_many([f"key {number}"])
    assert len(opened._known._found) <= MAX_KEYS

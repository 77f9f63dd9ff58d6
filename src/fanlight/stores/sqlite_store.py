"""A store in a SQLite file: shared by all processes of one machine.

In: the path of the file, which is made if it is missing (mode 0600), but not its folder. Out: as `Store`. Refuses, as
StoreUnavailable, a file that is no store of Fanlight's, is damaged, or lies on a file system without shared memory.

Each process has one connection, guarded by a lock: the threads of a process then wait for each other and not for
SQLite, whose waiting is by sleeping. Another process may be writing for BUSY_SECONDS. The file is in WAL mode, so
a reader never waits, and in "normal" synchronous mode: what was written survives a killed process, and the last moments
before a power failure may be lost. Times are microseconds since 1970, of the machine's clock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fanlight.errors import StoreUnavailable
from fanlight.stores.at_fork import close_at_fork
from fanlight.stores.rate import SECOND, Rate, Taken, take_at
from fanlight.stores.sqlite_file import open_file, why_unavailable
from fanlight.stores.store import checked_key, checked_keys, checked_seconds, checked_value

LOCK_SECONDS = 0.5  # for other threads of this process; together with BUSY_SECONDS below the deadline
LOOK_SECONDS = 1.0  # between two looks whether the file is still the one that was opened
SWEEP_EVERY = 64  # writes
SWEEP_ROWS = 128  # twice as many as were written meanwhile: a file never has many more rows than live ones

_GET = "SELECT value FROM entries WHERE key = ? AND expires > ?"
_GET_MANY = "SELECT key, value FROM entries WHERE expires > ? AND key IN (%s)"
_PUT = "REPLACE INTO entries (key, expires, value) VALUES (?, ?, ?)"
_DELETE = "DELETE FROM entries WHERE key = ?"
_EXPIRES = "SELECT expires FROM entries WHERE key = ?"
_SLICE = "SELECT key, expires FROM entries WHERE key > ? ORDER BY key LIMIT ?"
_SWEEP = "DELETE FROM entries WHERE key = ? AND expires <= ?"


class SQLiteStore:
    """Values and counts in a file; `clock` returns the seconds since 1970."""

    is_shared = False

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.time) -> None:
        """Make a store; its file is opened when it is first used."""
        self._path, self._clock = Path(path), clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None  # of the file that is open
        self._look_at = 0.0  # when to look again whether it is still that file
        self._writes = 0
        self._hand = ""  # the key behind which the next sweep begins, like the hand of a clock
        close_at_fork(self)

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self._path)!r})"

    def __del__(self) -> None:
        self._close()

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""
        checked_key(key)
        with self._opened() as connection:
            found = connection.execute(_GET, (key, self._now())).fetchone()
        return None if found is None else found[0]

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, as they were at one moment."""
        checked_keys(keys)
        with self._opened() as connection:
            marks = ",".join("?" * len(keys))
            found = dict(connection.execute(_GET_MANY % marks, (self._now(), *keys)).fetchall())
        return [found.get(key) for key in keys]

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long."""
        checked_key(key), checked_value(value), checked_seconds(seconds)
        if seconds <= 0:
            self.delete(key)
            return
        with self._opened(is_writing=True) as connection:
            now = self._now()
            connection.execute(_PUT, (key, now + round(seconds * SECOND), value))
            self._sweep_sometimes(connection, now)

    def delete(self, *keys: str) -> None:
        """Remove values and counts."""
        checked_keys(keys)
        with self._opened(is_writing=True) as connection, _transaction(connection):
            connection.executemany(_DELETE, [(key,) for key in keys])

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call, if the rate allows it."""
        checked_key(key)
        with self._opened(is_writing=True) as connection:
            # What is kept only grows, so a call that is refused by what was read is refused; it takes no lock.
            _, result = take_at(_kept(connection, key), self._now(), rate)
            if not result.is_allowed:
                return result
            with _transaction(connection):
                now = self._now()  # under the lock of the file: no process has a later one and came before
                kept, result = take_at(_kept(connection, key), now, rate)
                if result.is_allowed:
                    connection.execute(_PUT, (key, kept, b""))
            self._sweep_sometimes(connection, now)
        return result

    def close(self) -> None:
        """Close the file."""
        with self._locked():
            self._close()

    # --- the connection ---------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, *, is_writing: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the connection, for this thread alone. Raises StoreUnavailable."""
        with self._locked():
            try:
                yield self._connect()
            except sqlite3.Error as error:
                reason = why_unavailable(error, self._path)
                if reason.must_reopen:
                    self._close()
                raise StoreUnavailable(reason.text, is_about_writing=is_writing and reason.is_about_writing) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._lock
        if not lock.acquire(timeout=LOCK_SECONDS):
            raise StoreUnavailable(f"{self._path} is slow: another call has taken more than {LOCK_SECONDS} s")
        try:
            yield
        finally:
            lock.release()

    def _connect(self) -> sqlite3.Connection:
        """Return the connection to the file; it is opened again if another file has taken its place."""
        now = time.monotonic()
        if self._connection is not None and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            if _identity_of(self._path) != self._identity:
                self._close()
        if self._connection is None:
            self._connection = open_file(self._path)
            self._identity, self._look_at = _identity_of(self._path), now + LOOK_SECONDS
        return self._connection

    def _close(self) -> None:
        connection, self._connection = getattr(self, "_connection", None), None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def before_fork(self) -> bool:
        """Close the file, so that no child has a copy of the connection; return whether that was possible."""
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            return False
        self._close()
        return True

    def after_fork(self, *, is_child: bool, was_closed: bool) -> None:
        """Allow its use again, in the parent or in the child."""
        if is_child:
            self._lock = threading.Lock()
            if not was_closed:
                _abandoned.append(self._connection)  # closing the copy could remove the parent's log
                self._connection = None
        elif was_closed:
            self._lock.release()

    # --- rows ---------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _sweep_sometimes(self, connection: sqlite3.Connection, now: int) -> None:
        """Remove the expired ones among some rows, now and then; the rows are visited in turn."""
        self._writes += 1
        if self._writes % SWEEP_EVERY:
            return
        rows = connection.execute(_SLICE, (self._hand, SWEEP_ROWS)).fetchall()
        self._hand = rows[-1][0] if len(rows) == SWEEP_ROWS else ""
        expired = [(key, now) for key, expires in rows if expires <= now]
        if expired:
            with contextlib.suppress(sqlite3.Error), _transaction(connection):  # what was to be written is
                connection.executemany(_SWEEP, expired)


_abandoned: list[object] = []  # connections of parents that were busy while they forked: kept, so never closed


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back some of its own errors
            connection.execute("ROLLBACK")
        raise


def _kept(connection: sqlite3.Connection, key: str) -> int | None:
    found = connection.execute(_EXPIRES, (key,)).fetchone()
    return None if found is None else found[0]


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

"""One connection to a SQLite store's file, for one thread at a time.

In: the path. Out: `with connection.opened() as database:` the open file, locked for this thread; opened when it is
first used, after a fork, and when another file has taken the place of the one that was open. Refuses, as
StoreUnavailable, with the reason for the log: what SQLite refuses, and a thread that would have to wait for longer than
LOCK_SECONDS.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fanlight.errors import StoreUnavailable
from fanlight.stores.at_fork import close_at_fork
from fanlight.stores.sqlite_file import open_file, why_unavailable

LOCK_SECONDS = 0.5  # for other threads of this process; together with BUSY_SECONDS below the deadline
LOOK_SECONDS = 1.0  # between two looks whether the file is still the one that was opened

_abandoned: list[object] = []  # connections of parents that were busy while they forked: kept, so never closed


class SQLiteConnection:
    """A connection that is opened when it is used; `is_writing` says what its failures are about."""

    def __init__(self, path: Path, *, is_writing: bool) -> None:
        self._path, self._is_writing = path, is_writing
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None  # of the file that is open
        self._look_at = 0.0  # when to look again whether it is still that file
        close_at_fork(self)

    def __del__(self) -> None:
        self._close()

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Yield the open file, for this thread alone. Raises StoreUnavailable, also for what SQLite raises within."""
        with self._locked():
            try:
                yield self._open()
            except sqlite3.Error as error:
                reason = why_unavailable(error, self._path)
                if reason.must_reopen:
                    self._close()
                is_about_writing = self._is_writing and reason.is_about_writing
                raise StoreUnavailable(reason.text, is_about_writing=is_about_writing) from None

    @contextmanager
    def opened_at_once(self) -> Iterator[sqlite3.Connection | None]:
        """Yield the open file if that waits for nothing, else None. What SQLite raises within passes."""
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            yield self._database if time.monotonic() < self._look_at else None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file."""
        with self._locked():
            self._close()

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
                _abandoned.append(self._database)  # closing the copy could remove the parent's log
                self._database = None
        elif was_closed:
            self._lock.release()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._lock
        if not lock.acquire(timeout=LOCK_SECONDS):
            raise StoreUnavailable(
                f"{self._path} is slow: another call has taken more than {LOCK_SECONDS} s",
                is_about_writing=self._is_writing,
            )
        try:
            yield
        finally:
            lock.release()

    def _open(self) -> sqlite3.Connection:
        now = time.monotonic()
        if self._database is not None and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            if _identity_of(self._path) != self._identity:
                self._close()
        if self._database is None:
            self._database = open_file(self._path)
            self._identity, self._look_at = _identity_of(self._path), now + LOOK_SECONDS
        return self._database

    def _close(self) -> None:
        database, self._database = getattr(self, "_database", None), None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Hold the lock of the file, and write all of what is written within, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back some of its own errors
            database.execute("ROLLBACK")
        raise


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

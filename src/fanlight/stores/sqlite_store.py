"""A store in a SQLite file: shared by all processes of one machine.

In: the path of the file, which is made if it is missing (mode 0600), but not its folder. Out: as `Store`. Refuses, as
StoreUnavailable, a file that is no store of Fanlight's, is damaged, or lies on a file system without shared memory.

Each process has two connections, one to read and one to write, each for one thread at a time. The file is in WAL mode,
so a call that reads waits for nothing that another one writes. Threads that write wait for each other by a lock, and
not for SQLite, which waits by sleeping longer and longer: with a connection for each of 8 threads in 4 processes, one
of a hundred writes took 230 ms, so it takes 80. In "normal" synchronous mode what was written survives a killed
process, and the last moments before a power failure may be lost. Times are microseconds since 1970, of the machine's
clock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fanlight.stores.rate import SECOND, Rate, Taken, take_at
from fanlight.stores.sqlite_connection import SQLiteConnection, transaction
from fanlight.stores.sqlite_reads import KnownReads
from fanlight.stores.store import checked_key, checked_keys, checked_seconds, checked_value

SWEEP_EVERY = 64  # writes
SWEEP_ROWS = 128  # twice as many as were written meanwhile: a file has at most about twice the rows that are alive

_GET = "SELECT value FROM entries WHERE key = ? AND expires > ?"
_GET_MANY = "SELECT key, value, expires FROM entries WHERE expires > ? AND key IN ({})"
_PUT = "REPLACE INTO entries (key, expires, value) VALUES (?, ?, ?)"
_SWAP = "UPDATE entries SET value = ?, expires = ? WHERE key = ? AND value = ? AND expires > ?"
_DELETE = "DELETE FROM entries WHERE key = ?"
_EXPIRES = "SELECT expires FROM entries WHERE key = ?"
_SLICE = "SELECT key, expires FROM entries WHERE key > ? ORDER BY key LIMIT ?"
_SWEEP = "DELETE FROM entries WHERE key = ? AND expires <= ?"


class SQLiteStore:
    """Values and counts in a file; `clock` returns the seconds since 1970."""

    is_shared = False

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Make a store; its file is opened when it is first used."""
        self._path, self._clock = path, clock
        self._reading = SQLiteConnection(path, is_writing=False)
        self._writing = SQLiteConnection(path, is_writing=True)
        self._known = KnownReads()
        self._writes = 0
        self._hand = ""  # the key behind which the next sweep begins, like the hand of a clock

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self._path)!r})"

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""
        checked_key(key)
        with self._reading.opened() as database:
            found = database.execute(_GET, (key, self._now())).fetchone()
        return None if found is None else found[0]

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, as they were at one moment."""
        checked_keys(keys)
        with self._reading.opened() as database:
            now = self._now()
            # PERF: benchmarks/sessions.py: each request of a user that is signed in looks up the same few keys
            known = self._known.find(database, keys, now)
            if known is not None:
                return known
            query = _GET_MANY.format(",".join("?" * len(keys)))
            return self._known.keep(keys, database.execute(query, (now, *keys)).fetchall())

    def known_many(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Return the values of several keys if they were read before, and nothing was written since; else None."""
        try:
            with self._reading.opened_at_once() as database:
                return None if database is None else self._known.find(database, keys, self._now())
        except sqlite3.Error:  # the call that waits finds out what it means
            return None

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long."""
        checked_key(key), checked_value(value), checked_seconds(seconds)
        if seconds <= 0:
            self.delete(key)
            return
        with self._writing.opened() as database:
            now = self._now()
            database.execute(_PUT, (key, now + round(seconds * SECOND), value))
            self._sweep_sometimes(database, now)

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        """Keep a value in the place of an old one, if that is still there; return whether it was."""
        checked_key(key), checked_value(value), checked_seconds(seconds)
        with self._writing.opened() as database:
            now = self._now()
            expires = now + round(seconds * SECOND) if seconds > 0 else 0  # swept later
            return database.execute(_SWAP, (value, expires, key, old, now)).rowcount == 1

    def delete(self, *keys: str) -> None:
        """Remove values and counts."""
        checked_keys(keys)
        with self._writing.opened() as database, transaction(database):
            database.executemany(_DELETE, [(key,) for key in keys])

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call, if the rate allows it."""
        checked_key(key)
        # PERF: benchmarks/stores.py: what is kept only grows, so a call that is refused by what is read is refused;
        # a crowd of them does not wait for the lock of the file.
        with self._reading.opened() as database:
            _, result = take_at(_kept(database, key), self._now(), rate)
        if not result.is_allowed:
            return result
        with self._writing.opened() as database:
            with transaction(database):
                now = self._now()  # under the lock of the file: no process has a later one and came before
                kept, result = take_at(_kept(database, key), now, rate)
                if result.is_allowed:
                    database.execute(_PUT, (key, kept, b""))
            self._sweep_sometimes(database, now)
        return result

    def close(self) -> None:
        """Close the file."""
        self._reading.close()
        self._writing.close()

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _sweep_sometimes(self, database: sqlite3.Connection, now: int) -> None:
        """Remove the expired ones among some rows, now and then; the rows are visited in turn."""
        self._writes += 1
        if self._writes % SWEEP_EVERY:
            return
        rows = database.execute(_SLICE, (self._hand, SWEEP_ROWS)).fetchall()
        self._hand = rows[-1][0] if len(rows) == SWEEP_ROWS else ""
        expired = [(key, now) for key, expires in rows if expires <= now]
        if expired:
            with contextlib.suppress(sqlite3.Error), transaction(database):  # what was to be written has been
                database.executemany(_SWEEP, expired)


def _kept(database: sqlite3.Connection, key: str) -> int | None:
    found = database.execute(_EXPIRES, (key,)).fetchone()
    return None if found is None else found[0]

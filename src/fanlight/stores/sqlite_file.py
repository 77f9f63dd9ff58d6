"""Open the file of a SQLite store, and explain why it can't be used.

In: a path. Out: a connection to a file with our table; or of an error of SQLite the reason, for the log. Refuses, as
sqlite3.Error, what is no file of ours: another program's database is not touched.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from msgspec import Struct

from fanlight.errors import StoreUnavailable

BUSY_SECONDS = 0.4  # that another process may be writing
MODE = 0o600
APPLICATION = 0x46414E4C  # "FANL", in the head of the file
FORMAT = 1
MAX_BYTES = 16 << 30
LOG_BYTES = 16 << 20  # what is kept of the write-ahead log when it was longer

_TABLE = """CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY,
    expires INTEGER NOT NULL, -- microseconds since 1970; of a count, when all its calls are available again
    value BLOB NOT NULL
) WITHOUT ROWID"""
_RETRY_SECONDS = 0.01


class Reason(Struct, frozen=True):
    """Why a file can't be used just now."""

    text: str
    is_about_writing: bool = False  # it can be read
    must_reopen: bool = False


_DAMAGED = Reason("{path} is damaged, or no SQLite file; move it away, and a new one is made", must_reopen=True)
_NO_ACCESS = Reason(
    "{path} can't be opened: {folder} must exist, and this user be able to write both", must_reopen=True
)
_REASONS = {
    sqlite3.SQLITE_FULL: Reason("the disk of {path} is full", is_about_writing=True),
    sqlite3.SQLITE_BUSY: Reason(f"{{path}} was locked for more than {BUSY_SECONDS} s", is_about_writing=True),
    sqlite3.SQLITE_READONLY: Reason("{path} is read-only", is_about_writing=True, must_reopen=True),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _NO_ACCESS,
    sqlite3.SQLITE_PERM: _NO_ACCESS,
    sqlite3.SQLITE_IOERR: Reason("the disk of {path} reports an error", must_reopen=True),
}


def open_file(path: Path) -> sqlite3.Connection:
    """Return a connection to a store's file, made if it is missing. Raises sqlite3.Error or StoreUnavailable."""
    _make(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def why_unavailable(error: sqlite3.Error, path: Path) -> Reason:
    """Return why a call has failed."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest is a detail
    found = _REASONS.get(code)
    if found is None:
        return Reason(f"{path}: {error}", must_reopen=True)
    text = found.text.format(path=path, folder=path.parent)
    return Reason(text, is_about_writing=found.is_about_writing, must_reopen=found.must_reopen)


def _make(path: Path) -> None:
    """Make an empty file that is ours alone; its log gets the same permissions from SQLite."""
    # SECURITY: tests/stores/test_sqlite_store.py: no other user can read sessions
    # Only a file that is not there yet: closing a descriptor would release the locks of this process on the file.
    with contextlib.suppress(OSError):  # it is there, or can't be made, as SQLite will find
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), MODE))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN")  # what is read within is of one moment: another process may make the table just now
    application, format_ = (
        connection.execute(f"PRAGMA {each}").fetchone()[0] for each in ("application_id", "user_version")
    )
    is_empty = _is_empty(connection)
    connection.execute("COMMIT")
    if application != APPLICATION and not is_empty:
        raise StoreUnavailable(f"{path} is another program's database; give the store a file of its own")
    if format_ > FORMAT:
        raise StoreUnavailable(f"{path} was made by a newer version of Fanlight (format {format_})")
    if _use_log(connection) != "wal":
        raise StoreUnavailable(
            f"{path} is on a file system without shared memory; put it on a local disk, or use redis://"
        )
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    for each in ("synchronous = NORMAL", f"journal_size_limit = {LOG_BYTES}", f"max_page_count = {MAX_BYTES // size}"):
        connection.execute(f"PRAGMA {each}").fetchall()
    if application != APPLICATION or format_ != FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")


def _is_empty(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return not found


def _use_log(connection: sqlite3.Connection) -> str:
    """Set the mode of the file; return the mode that it has. SQLite does not wait for others that do the same."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            is_busy = (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= until:
                raise
            time.sleep(_RETRY_SECONDS)  # there is no event to wait for
        else:
            return mode

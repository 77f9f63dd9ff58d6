"""The recorded exchanges of a development server, in a SQLite file that all its generations share.

In: exchanges. Out: the newest of them, as rows for a list or whole. An exchange that is added again, because more of it
is known now, takes the place of the one with its id, and counts as new. The oldest make room: there are never more than
`max_exchanges`, and never more than `max_bytes` of them. One store may be used by several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from sqlite3 import connect  # by its name: the recorder of queries replaces `sqlite3.connect`
from typing import Any

from msgspec import Struct, ValidationError, msgpack

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.recording_limits import MAX_EXCHANGES, MAX_STORED_BYTES

BUSY_SECONDS = 2.0  # to wait for another process that writes
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS exchanges (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    began_at REAL NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    status INTEGER NOT NULL,
    seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    route TEXT NOT NULL,
    view TEXT NOT NULL,
    generation INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    size INTEGER NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS sizes ON exchanges (seq, size);
"""
_COLUMNS = (
    "id, began_at, method, target, status, seconds, outcome, route, view, generation, request_bytes, response_bytes"
)
_INSERT = f"INSERT OR REPLACE INTO exchanges ({_COLUMNS}, size, record) VALUES ({', '.join('?' * 14)})"  # noqa: S608 - constants
_NEWEST = f"SELECT seq, {_COLUMNS} FROM exchanges WHERE seq > ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constants
_DROP_BY_COUNT = """
DELETE FROM exchanges WHERE seq <= (SELECT seq FROM exchanges ORDER BY seq DESC LIMIT 1 OFFSET ?)
"""
_DROP_BY_SIZE = """
DELETE FROM exchanges WHERE seq <= (
    SELECT MAX(seq) FROM (SELECT seq, SUM(size) OVER (ORDER BY seq DESC) AS total FROM exchanges) WHERE total > ?
)
"""


class Summary(Struct, frozen=True):
    """A row of the list of exchanges."""

    seq: int  # rises with each change: of two rows with one id, the greater is newer
    id: str
    began_at: float
    method: str
    target: str
    status: int
    seconds: float
    outcome: str
    route: str
    view: str
    generation: int
    request_bytes: int
    response_bytes: int


def _encodable(value: Any) -> Any:
    """Return a copy of a value in which lone surrogates are escaped."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list | tuple):
        return type(value)(_encodable(each) for each in value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, Struct):
        return type(value)(*(_encodable(getattr(value, name)) for name in value.__struct_fields__))
    return value


class Store:
    """The exchanges in one file."""

    def __init__(self, path: Path, *, max_exchanges: int = MAX_EXCHANGES, max_bytes: int = MAX_STORED_BYTES) -> None:
        """Open the file, which is made if it is not there. Raises sqlite3.Error if that can't be done."""
        self._max_exchanges, self._max_bytes = max_exchanges, max_bytes
        self._lock = threading.Lock()
        self._encoder, self._decoder = msgpack.Encoder(), msgpack.Decoder(Exchange)
        self._connection = connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Keep exchanges, in one transaction; one that is kept already is replaced. Raises sqlite3.Error."""
        rows = [self._row(each) for each in exchanges]
        with self._lock:
            execute = self._connection.execute
            execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(_INSERT, rows)
                execute(_DROP_BY_COUNT, (self._max_exchanges,))
                execute(_DROP_BY_SIZE, (self._max_bytes,))
                execute("COMMIT")
            except BaseException:
                execute("ROLLBACK")
                raise

    def _row(self, exchange: Exchange) -> tuple[object, ...]:
        try:
            record = self._encoder.encode(exchange)
        except UnicodeEncodeError:  # a site may log, or raise, text that no encoding has
            exchange = _encodable(exchange)
            record = self._encoder.encode(exchange)
        return (
            exchange.id,
            exchange.began_at,
            exchange.method,
            exchange.target,
            exchange.status,
            exchange.seconds,
            exchange.outcome,
            exchange.route,
            exchange.view,
            exchange.generation,
            exchange.received_bytes,
            exchange.sent_bytes,
            len(record),
            record,
        )

    def summaries(self, after_seq: int = 0, limit: int = 200) -> list[Summary]:
        """Return the newest rows behind `after_seq`, at most `limit`, in the order in which they were added."""
        with self._lock:
            rows = self._connection.execute(_NEWEST, (after_seq, limit)).fetchall()
        return [Summary(*row) for row in reversed(rows)]

    def get(self, exchange_id: str) -> Exchange | None:
        """Return an exchange by its id; None if it is not there (any more)."""
        with self._lock:
            row = self._connection.execute("SELECT record FROM exchanges WHERE id = ?", (exchange_id,)).fetchone()
        try:
            return None if row is None else self._decoder.decode(row[0])
        except ValidationError:  # of another version of Fanlight
            return None

    def clear(self) -> None:
        """Forget all exchanges."""
        with self._lock:
            self._connection.execute("DELETE FROM exchanges")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

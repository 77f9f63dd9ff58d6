"""Queries of `sqlite3`, recorded: connections are made of a subclass while a development worker runs.

In: `sqlite3.connect`, as any code of the site calls it, however it is imported after `install`. Out: connections and
cursors that do what they do, and record each statement, its rows and its time. A class of the site's own, given as
`factory`, is extended, not replaced.
"""

from __future__ import annotations

import functools
import sqlite3
import sqlite3.dbapi2
from collections.abc import Callable, Iterable
from functools import cache
from time import perf_counter
from typing import Any, Self

from fanlight.devtools.inspector.query_record import QueryRecord, begin_query

FACTORY_POSITION = 5  # of `factory` among the arguments of `sqlite3.connect`
_connect = sqlite3.connect


def install() -> None:
    """Record the queries of connections that are made from now on."""
    _replace(_recorded_connect)


def remove() -> None:
    """Make connections as before."""
    _replace(_connect)


def _replace(connect: Any) -> None:
    for module in (sqlite3, sqlite3.dbapi2):
        setattr(module, "connect", connect)  # noqa: B010 - a type checker would refuse the assignment


@functools.wraps(_connect)
def _recorded_connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
    given = list(arguments)
    if len(given) > FACTORY_POSITION:
        given[FACTORY_POSITION] = _recorded_connection(given[FACTORY_POSITION])
    else:
        named["factory"] = _recorded_connection(named.get("factory", sqlite3.Connection))
    connection: sqlite3.Connection = _connect(*given, **named)
    return connection


class RecordedConnection:
    """Mixed into a class of connections."""

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor that records what it executes."""
        return super().cursor(_recorded_cursor(factory or sqlite3.Cursor))  # type: ignore[misc]  # of the class it is mixed into

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Execute a statement with a cursor of its own."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        """Execute a statement for each of several sets of parameters, with a cursor of its own."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, script: str, /) -> Any:
        """Execute several statements with a cursor of its own."""
        return self.cursor().executescript(script)

    def commit(self) -> None:
        """Commit the transaction, if there is one."""
        self._end_transaction("COMMIT", super().commit)  # type: ignore[misc]

    def rollback(self) -> None:
        """Roll the transaction back, if there is one."""
        self._end_transaction("ROLLBACK", super().rollback)  # type: ignore[misc]

    def _end_transaction(self, statement: str, act: Callable[[], object]) -> None:
        record = begin_query(statement) if getattr(self, "in_transaction", False) else None
        _execute(record, act)


class RecordedCursor:
    """Mixed into a class of cursors."""

    _record: QueryRecord | None = None  # of the statement whose rows are fetched
    _is_reported = False  # what uses the cursor records its statements itself

    def report_to(self, record: QueryRecord | None) -> None:
        """Count the rows for a record that something else has made, which records the statement itself."""
        self._record, self._is_reported = record, True

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """Execute a statement."""
        self._run(sql, parameters, lambda: super(RecordedCursor, self).execute(sql, parameters))  # type: ignore[misc]
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Self:
        """Execute a statement for each of several sets of parameters."""
        self._run(sql, None, lambda: super(RecordedCursor, self).executemany(sql, parameters))  # type: ignore[misc]
        return self

    def executescript(self, script: str, /) -> Self:
        """Execute several statements."""
        self._run(script, None, lambda: super(RecordedCursor, self).executescript(script))  # type: ignore[misc]
        return self

    def _run(self, sql: str, parameters: Any, act: Callable[[], object]) -> None:
        if self._is_reported:
            act()
            return
        self._record = record = begin_query(sql, parameters)
        _execute(record, act, self)

    def fetchone(self) -> Any:
        """Return the next row, None if there is none."""
        return self._fetched(super().fetchone, lambda row: row is not None)  # type: ignore[misc]

    def fetchmany(self, *size: int, **named: int) -> list[Any]:
        """Return some of the next rows."""
        fetch = functools.partial(super().fetchmany, *size, **named)  # type: ignore[misc]
        rows: list[Any] = self._fetched(fetch, len)
        return rows

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        rows: list[Any] = self._fetched(super().fetchall, len)  # type: ignore[misc]
        return rows

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        record = self._record
        if record is None:
            return super().__next__()  # type: ignore[misc]
        began = perf_counter()
        try:
            row = super().__next__()  # type: ignore[misc]
        except StopIteration:
            record.count_rows(0, perf_counter() - began)
            raise
        record.count_rows(1, perf_counter() - began, is_last=False)
        return row

    def _fetched(self, fetch: Callable[[], Any], count: Callable[[Any], int]) -> Any:
        if self._record is None:
            return fetch()
        began = perf_counter()
        rows = fetch()
        self._record.count_rows(count(rows), perf_counter() - began)
        return rows


def _execute(record: QueryRecord | None, act: Callable[[], object], cursor: Any = None) -> None:
    try:
        act()
    except BaseException as error:
        if record is not None:
            record.end(error=error)
        raise
    if record is not None:
        record.end(-1 if cursor is None else cursor.rowcount)


@cache
def _recorded_connection(base: Any) -> Any:
    if not isinstance(base, type) or issubclass(base, RecordedConnection):
        return base  # a function, which makes what it wants
    return type(base.__name__, (RecordedConnection, base), {"__module__": base.__module__})


@cache
def _recorded_cursor(base: Any) -> Any:
    if not isinstance(base, type) or issubclass(base, RecordedCursor):
        return base
    return type(base.__name__, (RecordedCursor, base), {"__module__": base.__module__})

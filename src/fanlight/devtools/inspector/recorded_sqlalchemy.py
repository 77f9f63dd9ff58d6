"""Queries of SQLAlchemy, recorded by the events of its engines, with any driver.

In: the package, once the site has imported it: nothing here imports it. Out: a span for each statement that an engine
executes. With `sqlite3` below it, the cursor records nothing by itself: no statement is counted twice.
"""

from __future__ import annotations

import sys
from typing import Any

from fanlight.devtools.inspector.query_record import QueryRecord, begin_query
from fanlight.devtools.inspector.recorded_sqlite import RecordedCursor

_RECORDS = "fanlight_records"  # where the records of a connection's statements are kept, which may be nested


class SqlalchemyRecorder:
    """Listens to the engines, from the first `install` that finds SQLAlchemy imported, to `remove`."""

    def __init__(self) -> None:
        self._event: Any = None
        self._engine: Any = None
        self._listeners = {
            "before_cursor_execute": _before,
            "after_cursor_execute": _after,
            "handle_error": _on_error,
        }

    def install(self) -> None:
        """Listen, if the package has been imported and nothing listens yet."""
        if self._event is not None or "sqlalchemy.engine" not in sys.modules:
            return
        package: Any = sys.modules.get("sqlalchemy")
        event, engine = getattr(package, "event", None), getattr(package, "engine", None)
        base = getattr(engine, "Engine", None)
        if event is None or base is None or not hasattr(event, "listen"):  # it is being imported just now
            return
        self._event, self._engine = event, base
        for name, listener in self._listeners.items():
            event.listen(base, name, listener)

    def remove(self) -> None:
        """Listen no longer."""
        if self._event is not None:
            for name, listener in self._listeners.items():
                self._event.remove(self._engine, name, listener)
            self._event = None


def _before(connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:  # noqa: FBT001 - as SQLAlchemy calls it
    record = begin_query(statement, None if executemany else parameters)
    if isinstance(cursor, RecordedCursor):
        cursor.report_to(record)
    connection.info.setdefault(_RECORDS, []).append(record)


def _after(connection: Any, cursor: Any, _statement: str, _parameters: Any, _context: Any, _executemany: bool) -> None:  # noqa: FBT001 - as above
    record = _taken(connection)
    if record is not None:
        record.end(getattr(cursor, "rowcount", -1))


def _on_error(context: Any) -> None:
    record = _taken(context.connection) if context.connection is not None else None
    if record is not None:
        record.end(error=context.original_exception)


def _taken(connection: Any) -> QueryRecord | None:
    records: list[QueryRecord | None] = connection.info.get(_RECORDS) or [None]
    return records.pop()

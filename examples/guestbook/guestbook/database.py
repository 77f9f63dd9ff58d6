"""One SQL for two databases: SQLite, which comes with Python, or PostgreSQL, by psycopg."""

import re
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from fanlight import State

from .settings import DATABASE_URL, IS_TRIAL

IS_POSTGRESQL = DATABASE_URL.startswith("postgresql:")
ID, TIME, LOCK = "integer primary key autoincrement", "text", "begin immediate"  # where the two differ
if IS_POSTGRESQL:
    ID, TIME, LOCK = "bigint generated always as identity primary key", "timestamptz", "select pg_advisory_xact_lock(1)"


class Connection:
    """Runs SQL with named values: `db.rows(Entry, "select * from entries where account = :id", id=5)`."""

    def __init__(self, connection):
        self._connection = connection

    def run(self, sql, /, **values):
        if IS_POSTGRESQL:
            sql = re.sub(r":(\w+)", r"%(\1)s", sql)  # psycopg's way to name a value
        # PostgreSQL can't store this character, and no text needs it.
        values = {name: each.replace("\0", "") if isinstance(each, str) else each for name, each in values.items()}
        return self._connection.execute(sql, values)

    def rows(self, kind, sql, /, **values):
        """Return what a query finds, each row as a `kind`."""
        return msgspec.convert([dict(row) for row in self.run(sql, **values)], list[kind], strict=False)

    def row(self, kind, sql, /, **values):
        return next(iter(self.rows(kind, sql, **values)), None)


@contextmanager
def opened():
    """Yield a function that connects to the database, which has its tables by then."""
    if IS_POSTGRESQL:
        from psycopg.rows import dict_row  # noqa: PLC0415 - SQLite needs neither
        from psycopg_pool import ConnectionPool  # noqa: PLC0415

        with ConnectionPool(DATABASE_URL, kwargs={"row_factory": dict_row}, max_size=8, timeout=5) as pool:
            make_tables(pool.connection)
            yield pool.connection
    else:
        make_tables(sqlite)
        yield sqlite


@contextmanager
def sqlite():
    with closing(sqlite3.connect(DATABASE_URL.removeprefix("sqlite:"), timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        connection.create_function("lower", 1, str.lower, deterministic=True)  # SQLite's own leaves É as it is
        connection.executescript("pragma foreign_keys = on; pragma journal_mode = wal")  # readers wait for no one
        with connection:
            yield connection


def make_tables(connect):
    with connect() as connection:
        db = Connection(connection)
        db.run(LOCK)  # several workers start at once
        for file in ("schema.sql", "welcome.sql")[: 1 + IS_TRIAL]:
            for statement in Path(__file__).with_name(file).read_text("utf-8").split(";\n"):
                db.run(statement.format(id=ID, time=TIME))


def database(state: State):
    """Yield a connection for a request: it is committed when the view returns, and rolled back when the view raises."""
    with state["connect"]() as connection:
        yield Connection(connection)


Database = Annotated[Connection, database]

"""What the views of waits.py do, the same for every server: wait, read one row of a database, or compute.

Each returns the page that is sent. The databases are named by the environment; see databases.py.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable

import psycopg_pool

SLEEPS = (500, 1000, 2000, 4000)  # microseconds; each has an address of its own
COMPUTING_SECONDS = 0.002
POOL_SIZE = 16  # connections to PostgreSQL, of every server

_of_thread = threading.local()
_pool = psycopg_pool.ConnectionPool(
    os.environ.get("BENCH_POSTGRESQL", ""),
    min_size=POOL_SIZE,
    max_size=POOL_SIZE,
    kwargs={"autocommit": True},
    open="BENCH_POSTGRESQL" in os.environ,
)
if not _pool.closed:
    _pool.wait()  # before the first request: no view is slow because it opens connections


def sleeping(microseconds: int) -> Callable[[], str]:
    """Return a function that waits."""

    def sleep() -> str:
        time.sleep(microseconds / 1e6)
        return "<h1>slept</h1>"

    return sleep


def compute() -> str:
    """Use the processor for two milliseconds, however long others keep this thread from it."""
    end = time.thread_time() + COMPUTING_SECONDS
    while time.thread_time() < end:
        pass
    return "<h1>computed</h1>"


def read_postgresql(number: int) -> str:
    """Read one row by its key, on a connection of the pool."""
    with _pool.connection() as connection:
        row = connection.execute("SELECT name FROM item WHERE id = %s", (number,)).fetchone()
    return f"<h1>{row[0]}</h1>"


def read_sqlite(number: int) -> str:
    """Read one row by its key, on a connection that this thread keeps."""
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = sqlite3.connect(os.environ["BENCH_SQLITE"])
    row = _of_thread.connection.execute("SELECT name FROM item WHERE id = ?", (number,)).fetchone()
    return f"<h1>{row[0]}</h1>"

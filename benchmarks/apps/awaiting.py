"""What the async views of async_waits.py do, the same for every server: sleep, or read one row of PostgreSQL.

Each returns the page that is sent. A server opens the pool on its event loop, before its first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import psycopg_pool

SLEEP_SECONDS = 0.001
POOL_SIZE = 16  # connections to PostgreSQL, of every server

_pool: psycopg_pool.AsyncConnectionPool


@contextlib.asynccontextmanager
async def open_pool() -> AsyncIterator[None]:
    """Have the pool open, with all its connections: no view is slow because it makes one."""
    global _pool  # noqa: PLW0603 - a pool belongs to a loop that runs
    if "BENCH_POSTGRESQL" not in os.environ:
        yield
        return
    _pool = psycopg_pool.AsyncConnectionPool(
        os.environ["BENCH_POSTGRESQL"],
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        kwargs={"autocommit": True},
        open=False,
    )
    async with _pool:
        await _pool.wait()
        yield


async def sleep() -> str:
    """Wait."""
    await asyncio.sleep(SLEEP_SECONDS)
    return "<h1>slept</h1>"


async def read_postgresql(number: int) -> str:
    """Read one row by its key, on a connection of the pool."""
    async with _pool.connection() as connection:
        cursor = await connection.execute("SELECT name FROM item WHERE id = %s", (number,))
        row = await cursor.fetchone()
    return f"<h1>{row[0]}</h1>"

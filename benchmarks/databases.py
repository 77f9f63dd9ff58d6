"""Have a PostgreSQL run, in a folder and on a port of its own, and an SQLite file, both with one table.

In: nothing. Out: the environment that names them to an app, while the `with` block is open; then the server is
stopped and all of it removed. Without PostgreSQL on this machine there is the SQLite file alone. PostgreSQL
is left on the load's core, with what runs it: for the site, it is on another computer.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from machine import program
from serving import free_port

ITEMS = 10_000
START_SECONDS, STOP_SECONDS = 15, 8
TABLE = "CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL)"
_SETTINGS = ("fsync=off", "autovacuum=off", "max_connections=100")  # it is read from, and kept for a few minutes


def name_of(number: int) -> str:
    """Return what an item is called."""
    return f"item {number}"


@contextlib.contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Make both, and yield the environment that an app reads."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-data-") as folder, contextlib.ExitStack() as stack:
        file = Path(folder) / "items.sqlite"
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(TABLE)
            connection.executemany("INSERT INTO item VALUES (?, ?)", _rows())
        environment = {"BENCH_SQLITE": str(file)}
        if (initdb := _initdb()) is not None:
            environment["BENCH_POSTGRESQL"] = stack.enter_context(_postgresql(initdb))
        yield environment


@contextlib.contextmanager
def _postgresql(initdb: Path) -> Iterator[str]:
    """Run a server and yield its address. As it refuses to run as root, it is then someone else's."""
    owner = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    password, port = secrets.token_hex(16), free_port()
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-postgresql-") as folder:
        data, secret, log = (Path(folder) / name for name in ("data", "password", "log"))
        secret.write_text(password)
        if owner:
            shutil.chown(folder, owner["user"])
            shutil.chown(secret, owner["user"])
        options = ["--username=bench", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--no-sync"]
        subprocess.run([initdb, f"--pgdata={data}", *options], check=True, capture_output=True, cwd="/", **owner)
        settings = [*_SETTINGS, "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}"]
        command = [initdb.with_name("postgres"), "-D", data, "-p", str(port), *(f"-c{each}" for each in settings)]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/", **owner)
        try:
            address = f"host=127.0.0.1 port={port} dbname=postgres user=bench password={password}"
            _fill(_connected(address, process, log))
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # stop at once, whoever is connected
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _fill(connection: psycopg.Connection) -> None:
    with connection:
        connection.execute(TABLE)
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO item VALUES (%s, %s)", _rows())


def _connected(address: str, process: subprocess.Popen[bytes], log: Path) -> psycopg.Connection:
    """Return a connection, as soon as there is one. Raises RuntimeError if the server does not start."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return psycopg.connect(address)
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text(errors='replace')[-500:]}")


def _rows() -> Iterator[tuple[int, str]]:
    return ((number, name_of(number)) for number in range(1, ITEMS + 1))


def _initdb() -> Path | None:
    """Return the program that makes a database, in the folder of all PostgreSQL's; Debian has that off the path."""
    with contextlib.suppress(FileNotFoundError):
        return Path(program("initdb")).resolve()
    return max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)

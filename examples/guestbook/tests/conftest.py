"""A book of its own for the tests: `pytest`, or `DATABASE_URL=postgresql://... pytest`, which empties that database."""

import os
import tempfile

import pytest

FOLDER = tempfile.TemporaryDirectory()
os.environ["GUESTBOOK_FOLDER"] = FOLDER.name
os.environ.setdefault("DATABASE_URL", f"sqlite:{FOLDER.name}/test.sqlite")

from guestbook.main import app  # noqa: E402

from fanlight.testing import Client  # noqa: E402
from guestbook import accounts, database, entries  # noqa: E402 - they read the environment


class Book:
    """What the tests need of it beside its pages: a database, guests, entries."""

    def __init__(self, connect):
        self._connect = connect

    def guest(self, name, role="guest"):
        email = f"{name.lower()}@example.org"
        with self._connect() as connection:
            db = database.Connection(connection)
            account = accounts.add(db, email, name, "correct horse battery")
            db.run("update accounts set role = :role where id = :id", id=account.id, role=role)
        return account

    def entry(self, account, text):
        with self._connect() as connection:
            return entries.add(database.Connection(connection), account, text)


@pytest.fixture
def book():
    with database.opened() as connect:
        with connect() as connection:
            connection.execute("delete from entries")
            connection.execute("delete from accounts")
        yield Book(connect)


@pytest.fixture
def client(book):
    with Client(app) as client:
        yield client

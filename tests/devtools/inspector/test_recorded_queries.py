"""What is recorded of SQL, with real databases: each statement once, with its rows, its time and the site's line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.orm import Session
from tests.devtools.inspector.recorded_site import RecordedSite, request, site_of

from fanlight.devtools.inspector import recorded_sqlite
from fanlight.devtools.inspector.exchange_record import Exchange, Span
from fanlight.devtools.inspector.recording_observer import RecordingObserver

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _recorded_sqlite() -> Iterator[None]:
    """Record sqlite3 for a test."""
    recorded_sqlite.install()
    yield
    recorded_sqlite.remove()


def exchange_of(view: Callable[[], Any]) -> Exchange:
    """Return what is recorded of a request to a view."""
    app = site_of({"/": view}).observed(RecordingObserver(HERE))
    with RecordedSite(app, site=app) as site:
        site.exchange(request())
        return site.kept.one()


def queries(view: Callable[[], Any], status: int = 200) -> list[Span]:
    """Return the statements of a view."""
    exchange = exchange_of(view)
    assert exchange.status == status
    return [span for span in exchange.spans if span.kind == "query"]


def texts(spans: list[Span]) -> list[str]:
    """Return the text of each statement."""
    return [span.detail["sql"] for span in spans]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return a database with a table of three lamps."""
    path = str(tmp_path / "lamps.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE lamps (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO lamps (name) VALUES (?)", [("a",), ("b",), ("c",)])
    connection.close()
    return path


# --- sqlite3 -------------------------------------------------------------------------------------------


def test_each_statement_has_its_rows_and_its_line(database: str) -> None:
    """Rows that were fetched, or changed, are counted; the place is the line of the site that executes it."""

    def view() -> str:
        connection = sqlite3.connect(database)
        names = [row[0] for row in connection.execute("SELECT name FROM lamps WHERE id > ?", (1,))]
        connection.execute("UPDATE lamps SET name = 'x'")
        connection.commit()
        connection.close()
        return " ".join(names)

    select, update, commit = queries(view)
    assert texts([select, update, commit]) == [
        "SELECT name FROM lamps WHERE id > ?",
        "UPDATE lamps SET name = 'x'",
        "COMMIT",
    ]
    assert (select.detail["rows"], update.detail["rows"]) == ("2", "3")
    assert select.detail["parameters"] == "(1,)"
    assert select.place.startswith(f"{__file__}:")
    assert 0 < select.begin <= select.end <= update.begin


@pytest.mark.parametrize(
    ("fetch", "rows"),
    [
        (lambda cursor: cursor.fetchall(), "3"),
        (lambda cursor: cursor.fetchone(), "1"),
        (lambda cursor: cursor.fetchmany(2), "2"),
        (lambda cursor: cursor.fetchmany(size=2), "2"),
        (list, "3"),
        (next, "1"),
        (lambda cursor: [cursor.fetchone() for _ in range(5)], "3"),
    ],
    ids=["fetchall", "fetchone", "fetchmany", "fetchmany by name", "iterated", "next", "more than there are"],
)
def test_rows_are_counted_however_they_are_fetched(database: str, fetch: Callable[[Any], Any], rows: str) -> None:
    """What the site fetches is counted, and no more."""

    def view() -> str:
        connection = sqlite3.connect(database)
        fetch(connection.cursor().execute("SELECT * FROM lamps"))
        connection.close()
        return "ok"

    (select,) = queries(view)
    assert select.detail["rows"] == rows


def test_a_statement_that_fails_has_its_error(database: str) -> None:
    """The error passes to the view as it does without the recorder."""

    def view() -> str:
        connection = sqlite3.connect(database)
        try:
            connection.execute("SELECT * FROM lanterns")
        except sqlite3.OperationalError as error:
            return str(error)
        finally:
            connection.close()
        return "no error"

    (select,) = queries(view)
    assert select.error == "OperationalError"


def test_many_sets_of_parameters_are_one_statement(database: str) -> None:
    """`executemany` and `executescript` are one statement each."""

    def view() -> str:
        connection = sqlite3.connect(database)
        connection.executemany("INSERT INTO lamps (name) VALUES (?)", [("x",), ("y",)])
        connection.rollback()
        connection.executescript("SELECT 1; SELECT 2;")
        connection.close()
        return "ok"

    insert, rollback, script = queries(view)
    assert (insert.detail["rows"], "parameters" in insert.detail) == ("2", False)
    assert texts([rollback, script]) == ["ROLLBACK", "SELECT 1; SELECT 2;"]


def test_secrets_among_parameters_are_masked(database: str) -> None:
    """Parameters named like secrets, or of a statement that names one, are not kept."""

    def view() -> str:
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE users (name, password)")
        connection.execute("INSERT INTO users (name, password) VALUES (?, ?)", ("ada", "hunter2-hunter2"))
        connection.execute("SELECT :password, :name", {"password": "hunter2-hunter2", "name": "ada"})
        connection.close()
        return "ok"

    shown = [span.detail.get("parameters", "") for span in queries(view)]
    assert not any("hunter2" in each for each in shown)
    assert "'ada'" in shown[2]


class OwnCursor(sqlite3.Cursor):
    """A cursor of the site's own."""

    def names(self) -> list[str]:
        """Return all names."""
        return [row["name"] for row in self.execute("SELECT name FROM lamps")]


class OwnConnection(sqlite3.Connection):
    """A connection of the site's own."""

    def own_cursor(self) -> OwnCursor:
        """Return a cursor of its own kind."""
        return self.cursor(OwnCursor)


@pytest.mark.filterwarnings("ignore:Passing more than 1 positional argument:DeprecationWarning")  # from 3.13 on
@pytest.mark.parametrize("is_by_position", [False, True])
def test_classes_of_the_site_are_extended(database: str, is_by_position: bool) -> None:
    """A factory of the site's makes its own kind of connection, whose queries are recorded; rows are of its choice."""

    def view() -> str:
        if is_by_position:
            connection = sqlite3.connect(database, 5.0, 0, "DEFERRED", True, OwnConnection)
        else:
            connection = sqlite3.connect(database, factory=OwnConnection)
        assert isinstance(connection, OwnConnection)
        connection.row_factory = sqlite3.Row
        names = connection.own_cursor().names()
        connection.close()
        return "".join(names)

    exchange = exchange_of(view)
    assert exchange.response_content == b"abc"
    assert [span.detail["rows"] for span in exchange.spans if span.kind == "query"] == ["3"]


def test_thousands_of_queries_are_bounded(database: str) -> None:
    """Of a page with thousands of queries the first are kept, and it says that there were more."""

    def view() -> str:
        connection = sqlite3.connect(database)
        for number in range(3000):
            connection.execute("SELECT name FROM lamps WHERE id = ?", (number,)).fetchone()
        connection.close()
        return "ok"

    exchange = exchange_of(view)
    assert exchange.is_cut
    assert len(exchange.spans) <= 500
    assert exchange.response_content == b"ok"


def test_queries_outside_of_a_request_are_not_recorded(database: str) -> None:
    """A thread of the site's own, without a request, queries as ever."""
    connection = sqlite3.connect(database)
    assert len(connection.execute("SELECT * FROM lamps").fetchall()) == 3
    connection.close()
    found: list[int] = []

    def view() -> str:
        def work() -> None:
            own = sqlite3.connect(database)
            found.append(len(own.execute("SELECT * FROM lamps").fetchall()))
            own.close()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return "ok"

    assert queries(view) == []
    assert found == [3]


def test_production_connects_as_ever() -> None:
    """`fanlight run` imports nothing that replaces `sqlite3.connect`."""
    code = "import sqlite3, fanlight.site.app, fanlight.cli.commands, sys; print(sqlite3.connect.__module__,"
    code += " 'fanlight.devtools' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["_sqlite3", "False"]


# --- SQLAlchemy ----------------------------------------------------------------------------------------


@pytest.fixture
def engine(database: str) -> Iterator[sqlalchemy.Engine]:
    """Return an engine of the database."""
    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    yield engine
    engine.dispose()


lamps = sqlalchemy.table("lamps", sqlalchemy.column("id"), sqlalchemy.column("name"))


def of_sqlalchemy(view: Callable[[], Any]) -> list[Span]:
    """Return the statements of a view, without those that the pool sends when it connects."""
    return [span for span in queries(view) if not span.detail["sql"].startswith("PRAGMA")]


def test_a_statement_of_sqlalchemy_is_counted_once(engine: sqlalchemy.Engine) -> None:
    """The engine's event and the driver's cursor are one record, with the rows that the driver fetched."""

    def view() -> str:
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.select(lamps.c.name).where(lamps.c.id > 1)).all()
        return str(len(rows))

    (select,) = of_sqlalchemy(view)
    assert select.detail["sql"].split() == "SELECT lamps.name FROM lamps WHERE lamps.id > ?".split()
    assert (select.detail["rows"], select.detail["parameters"]) == ("2", "(1,)")
    assert select.place.startswith(f"{__file__}:")


def test_a_session_of_sqlalchemy_is_recorded(engine: sqlalchemy.Engine) -> None:
    """Each statement of a session is there, in its order, repeated ones as often as they ran."""

    def view() -> str:
        with Session(engine) as session:
            for number in (1, 2, 3):
                session.execute(sqlalchemy.select(lamps.c.name).where(lamps.c.id == number)).one()
            session.execute(sqlalchemy.insert(lamps), [{"name": "x"}, {"name": "y"}])
            session.commit()
        return "ok"

    spans = of_sqlalchemy(view)
    select = "SELECT lamps.name FROM lamps WHERE lamps.id = ?"
    assert [" ".join(text.split()) for text in texts(spans)] == [
        *[select] * 3,
        "INSERT INTO lamps (name) VALUES (?)",
        "COMMIT",
    ]
    assert spans[3].detail["rows"] == "2"


def test_a_failing_statement_of_sqlalchemy_has_its_error(engine: sqlalchemy.Engine) -> None:
    """The driver's error is with the statement; the engine serves on."""

    def view() -> str:
        with engine.connect() as connection:
            try:
                connection.execute(sqlalchemy.text("SELECT * FROM lanterns"))
            except sqlalchemy.exc.OperationalError:
                return str(len(connection.execute(sqlalchemy.select(lamps.c.name)).all()))
        return "no error"

    failed, select = of_sqlalchemy(view)
    assert (failed.error, select.error, select.detail["rows"]) == ("OperationalError", "", "3")


def test_listeners_are_removed_with_the_recorder(engine: sqlalchemy.Engine) -> None:
    """After the recorder has stopped, nothing listens to the engines."""

    def view() -> str:
        with engine.connect() as connection:
            return str(connection.execute(sqlalchemy.text("SELECT 1")).scalar())

    assert len(of_sqlalchemy(view)) == 1
    assert len(of_sqlalchemy(view)) == 1  # not twice
    with engine.connect() as connection:
        assert "fanlight_records" not in connection.info or not connection.info["fanlight_records"]
        connection.execute(sqlalchemy.text("SELECT 1"))
        assert not connection.info.get("fanlight_records")

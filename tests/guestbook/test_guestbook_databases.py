"""The guestbook's own tests, with each database; and its size."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.guestbook.conftest import EXAMPLE, Serve, serving
from tests.postgresql_server import PostgreSQLServer
from tests.speed import PATIENCE

MOST_LINES = 500


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQLServer]:
    """Return a PostgreSQL, in a folder with a short path, as that of a socket must be."""
    server = PostgreSQLServer(Path(f"/tmp/fanlight-postgresql-{os.getpid()}"))
    yield server
    server.stop()


def run_own_tests(tmp_path: Path, **environ: str) -> None:
    """Run the tests of the example, as its README says it."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # The tests find their package in the folder in which they are run, as `python -m` has it.
    done = subprocess.run(
        words,
        cwd=EXAMPLE,
        env=os.environ | {"HOME": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_pass_with_sqlite(tmp_path: Path) -> None:
    """The tests of the example pass with SQLite."""
    run_own_tests(tmp_path)


def test_its_own_tests_pass_with_postgresql(tmp_path: Path, postgresql: PostgreSQLServer) -> None:
    """The tests of the example pass with PostgreSQL, by one setting."""
    run_own_tests(tmp_path, DATABASE_URL=postgresql.url)


def test_several_workers_share_a_postgresql(tmp_path: Path, postgresql: PostgreSQLServer) -> None:
    """Workers that start at once make the tables once; what one has written, each of them shows and follows."""
    with serving(tmp_path) as serve:
        book = serve("--workers", "3", DATABASE_URL=postgresql.url)
        guest = book.guest("Worker guest")
        with httpx.stream("GET", f"{book.url}/live", timeout=PATIENCE) as news:
            lines = news.iter_lines()
            first = next(line for line in lines if line.startswith("data:"))
            for number in range(6):
                assert guest.sign(f"Written by some worker, no. {number}").status_code == 303
            assert next(line for line in lines if line.startswith("data:")) != first
        for _ in range(6):
            other = book.guest()
            assert "Written by some worker, no. 5" in other.get("/").text


def test_the_first_start_needs_nothing(serve_guestbook: Serve) -> None:
    """Without settings the book has entries with pictures, and everything that its pages name is there."""
    url = serve_guestbook(DATABASE_URL="").url
    page = httpx.get(url)
    assert "10 entries" in page.text
    named = re.findall(r'(?:src|href)="(/(?:static|docs)[^"]*)"', page.text)
    assert len(named) >= 5
    assert {httpx.get(f"{url}{each}").status_code for each in named} == {200}


def test_it_is_small() -> None:
    """The example has less than 500 lines of Python, its tests apart."""
    lines = {file.name: len(file.read_text().splitlines()) for file in (EXAMPLE / "guestbook").glob("*.py")}
    assert sum(lines.values()) < MOST_LINES, lines

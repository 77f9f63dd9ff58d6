"""What the pages for people who come from Flask, FastAPI and Django show does the same in both frameworks."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.docs.conftest import environment
from tests.docs.page_site import Visitor
from tests.docs.side_by_side import FRAMEWORKS, OURS, THEIRS, Row, rows_of, table_of
from tests.speed import PATIENCE

CHILD = Path(__file__).with_name("both_sides.py")
ROWS = [row for framework in FRAMEWORKS for row in rows_of(framework)]
ASKED = [row for row in ROWS if not row.commands]
SERVED = [row for row in ROWS if row.commands]


def write_files(row: Row, side: int, folder: Path) -> Path:
    """Write the files of one side of a row."""
    for name, text in row.files[side].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def jobs_of(row: Row, folder: Path) -> list[dict[str, Any]]:
    """Return what both sides of a row have to do."""
    requests = [exchange.request for exchange in row.exchanges]
    return [
        {
            "framework": framework,
            "folder": str(write_files(row, side, folder / str(side))),
            "requests": requests,
        }
        for side, framework in ((THEIRS, row.framework), (OURS, "fanlight"))
    ]


def run_jobs(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run both_sides.py."""
    variables = environment() | {"PYTHONDONTWRITEBYTECODE": ""}  # what is compiled is kept for the next one
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        input=json.dumps(jobs),
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        timeout=PATIENCE + 5 * len(jobs),
        check=True,
    )
    return list(json.loads(done.stdout))


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a function that has all rows of a page asked, once, and returns the results of both sides by row."""

    @functools.cache
    def ask(framework: str) -> dict[str, list[dict[str, Any]]]:
        rows = [row for row in ASKED if row.framework == framework]
        folder = tmp_path_factory.mktemp(framework)
        results = run_jobs([job for number, row in enumerate(rows) for job in jobs_of(row, folder / str(number))])
        return {row.title: results[2 * number : 2 * number + 2] for number, row in enumerate(rows)}

    return ask


def differences(row: Row, results: list[dict[str, Any]]) -> list[str]:
    """Return what is not as the page has it, on either side, and what differs between the two."""
    found = []
    names = (row.framework, "fanlight")
    for name, result in zip(names, results, strict=True):
        if "failed" in result:
            return [f"{name}: {result['failed']}"]
    for number, exchange in enumerate(row.exchanges):
        replies = [result["replies"][number] for result in results]
        for side, reply in enumerate(replies):
            if wrong := exchange.expected[side].mismatch(reply):
                found.append(f"{exchange.line}\n    {names[side]}: {wrong}")
        types = [dict(reply["headers"]).get("content-type", "").partition(";")[0] for reply in replies]
        compared = exchange.is_alike and exchange.expected[OURS].content and exchange.expected[OURS].status < 400
        if compared and types[THEIRS] != types[OURS]:
            found.append(f"{exchange.line}\n    the media types differ: {types}")
    for side, result in enumerate(results):
        missing = [line for line in row.prints if line not in result["printed"]]
        if missing:
            found.append(f"{names[side]} does not print {missing}, but {result['printed']}")
    return found


@pytest.mark.parametrize("row", ASKED, ids=lambda row: f"{row.framework}: {row.title}")
def test_both_do_the_same(row: Row, ask: Any) -> None:
    """Each row of a page does the same in both frameworks: status, fields and content are as the page has them."""
    assert "\n".join(differences(row, ask(row.framework)[row.title])) == ""


# --- commands ---------------------------------------------------------------------------------------


def free_port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextmanager
def served(command: str, folder: Path) -> Iterator[Visitor]:
    """Run a command that serves port 8000, on another one; yield a client. It ends with all of its processes."""
    assert "8000" in command, f"name the port: {command}"
    port = free_port()
    with (folder / "printed").open("w+") as printed:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command.replace('8000', str(port))}"], cwd=folder, env=environment(),
            stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            until = time.monotonic() + PATIENCE
            while not _is_open(port):
                assert process.poll() is None, (folder / "printed").read_text()
                assert time.monotonic() < until, (folder / "printed").read_text()
                time.sleep(0.02)
            yield Visitor(f"http://localhost:{port}")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), PATIENCE).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("side", [THEIRS, OURS], ids=["theirs", "ours"])
@pytest.mark.parametrize("row", SERVED, ids=lambda row: f"{row.framework}: {row.title}")
def test_both_commands_serve(row: Row, side: int, tmp_path: Path) -> None:
    """Each pair of commands serves the same app, with the same responses."""
    with served(row.commands[side], write_files(row, side, tmp_path)) as visitor:
        for exchange in row.exchanges:
            assert exchange.request["method"] == "GET"
            reply = visitor.get(exchange.request["target"])
            fields = [(name.lower(), value) for name, value in reply.fields.items()]
            wrong = exchange.expected[side].mismatch({"status": reply.status, "headers": fields, "text": reply.text})
            assert wrong == "", exchange.line


# --- the pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_row_of_the_table_is_run(framework: str) -> None:
    """The rows of the table are the sections with code behind it, in the same order."""
    assert list(table_of(framework)) == [row.title for row in rows_of(framework)[1:]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.framework}: {row.title}")
def test_code_of_the_table_is_code_that_is_run(row: Row) -> None:
    """Each piece of code in a cell of the table is in the section of its row, on its side."""
    cells = table_of(row.framework).get(row.title, ([], []))
    for side, codes in enumerate(cells):
        shown = row.shown(side)
        for code in codes:
            pieces = [" ".join(piece.split()) for piece in code.split("...")]
            assert all(piece in shown for piece in pieces), f"{code} is not in {shown}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.framework}: {row.title}")
def test_a_row_has_two_sides_and_is_asked(row: Row) -> None:
    """Each row has code of both frameworks, and requests, or tests that pass."""
    assert all(row.own) or len(row.commands) == 2
    assert row.exchanges or row.prints


def example(ours: str = "'Hello'", asked: str = "GET / -> 200 Hello", prints: str = "") -> Row:
    theirs = "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'Hello'\n"
    row = Row("a", "flask", ({"app.py": theirs}, {"main.py": f"URLS = {{'/': lambda: {ours}}}\n"}))
    row._ask(f"{asked}\n{prints}")
    return row


DIFFERENT = [
    (example(), ""),
    (example(ours="'Good bye'"), r"fanlight: the content is 'Good bye'"),
    (example(ours="('Hello', 201)"), r"fanlight: the status is 201"),
    (example(ours="('Hello', 200, {'content-type': 'text/plain'})"), r"the media types differ"),
    (example(asked="GET / -> 200 x-key:a Hello"), r"flask: x-key is None\n.*\n.*fanlight: x-key is None"),
    (example(asked="GET /a -> 200 Hello"), r"flask: the status is 404.*\n.*\n.*fanlight: the status is 404"),
    (example(prints="prints good"), r"flask does not print \['good'\]"),
    (example(ours="1 / 0"), r"fanlight: the status is 500"),
    (example(ours="'Hello'}}}"), r"(?s)fanlight: Traceback.*SyntaxError"),
]


def test_a_difference_is_found(tmp_path: Path) -> None:
    """A side that responds otherwise, or fails, is reported with what it does; two that do the same are not."""
    results = run_jobs(
        [job for number, (row, _) in enumerate(DIFFERENT) for job in jobs_of(row, tmp_path / str(number))]
    )
    for number, (row, expected) in enumerate(DIFFERENT):
        found = "\n".join(differences(row, results[2 * number : 2 * number + 2]))
        assert re.search(expected, found), expected
        assert bool(found) == bool(expected)

"""Requests that are recorded from a development server, and sent again: `fanlight record`, `fanlight replay`."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.journeys.conftest import Site, wait_until
from tests.speed import PATIENCE

MAIN = """
from datetime import datetime
def home():
    return f"<h1>Hello</h1>\\n<p>It is {datetime.now():%Y-%m-%d %H:%M:%S}"
def save(name: str):
    return f"<p>saved {name}"
URLS = {"/": home, "POST /save": save}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fanlight", *arguments]


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Development servers of other tests are not found by these."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


@pytest.fixture
def developed(folder: Path) -> Iterator[Site]:
    site = Site(command("dev", "--port", "0"), folder)
    yield site
    site.send_signal(signal.SIGINT)
    site.wait_for_exit()


def replay(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("replay", *arguments),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def recorded(folder: Path, developed: Site) -> Path:
    """Record three requests, one of which writes, and one that has a cookie."""
    file = folder / "site.jsonl"
    process = subprocess.Popen(command("record", str(file)), cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "recording" in process.stdout.readline()
    sends: list[Callable[[], httpx.Response]] = [
        lambda: httpx.get(developed.url),
        lambda: httpx.post(f"{developed.url}/save", data={"name": "Ada"}),
        lambda: httpx.get(developed.url, headers={"cookie": "id=geheim"}),
    ]
    for send in sends:
        send()
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE)
    assert "3 exchanges" in rest
    assert "geheim" not in file.read_text()
    return file


def test_unchanged_code_has_no_difference(folder: Path, recorded: Path) -> None:
    """Sent again to the same code, only the time differs, which may; what needs a cookie is not compared."""
    done = replay(folder, str(recorded), "--yes")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 the same, 0 different, 1 not compared")


def test_a_change_is_found(folder: Path, recorded: Path, developed: Site) -> None:
    """After a change of a view its request is reported, with both sides, and the exit code is 1."""
    (folder / "main.py").write_text(MAIN.replace("Hello", "Good bye"))
    wait_until(lambda: "Good bye" in httpx.get(developed.url).text)
    done = replay(folder, str(recorded), "--yes")
    assert "content: <h1>Hello</h1> -> <h1>Good bye</h1>" in done.stdout
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 the same, 1 different, 1 not compared")
    assert replay(folder, str(recorded), "--yes", "--may-differ", "content").returncode == 0


def test_requests_that_write_are_not_sent_unasked(folder: Path, recorded: Path) -> None:
    """Without a terminal, and without --yes, nothing is sent if a request may write."""
    done = replay(folder, str(recorded))
    assert done.returncode == 2
    assert "POST /save" in done.stderr


def test_a_kept_exchange_is_sent_again_by_its_id(folder: Path, developed: Site) -> None:
    """`fanlight replay 1-1` sends the first exchange of the first generation again."""
    httpx.get(developed.url)
    wait_until(lambda: replay(folder, "1-1").returncode == 0)
    assert "same     GET     /" in replay(folder, "001-00001").stdout
    unknown = replay(folder, "9-9")
    assert (unknown.returncode, "has no exchange" in unknown.stderr) == (1, True)


def test_without_a_server_the_site_is_started(folder: Path, recorded: Path, developed: Site) -> None:
    """Where no development server runs, the site is started for it: a check for a build, in one command."""
    developed.send_signal(signal.SIGINT)
    developed.wait_for_exit()
    done = replay(folder, str(recorded), "--yes")
    assert (done.returncode, "the site, started for this" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "can't be read"),
        (["main.py"], "is no recording"),
        (["main.py", "--may-differ", "etag"], "is no recording"),
    ],
)
def test_what_is_no_recording_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    """A wrong file is reported in one line, without a traceback."""
    done = replay(folder, *arguments)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_nothing_is_recorded_without_a_server(folder: Path, serve: Callable[..., Site]) -> None:
    """Without a development server the message says how to start one; a server in production is none."""
    serve(folder)
    done = subprocess.run(
        command("record", "x.jsonl"), cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, "fanlight dev" in done.stderr) == (1, True)

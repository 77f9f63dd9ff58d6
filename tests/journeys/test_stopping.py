"""How a served site ends: what runs is finished, whoever is late is turned away, and the exit code says so."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

REPOSITORY = Path(__file__).parents[2]
SITE = """
import asyncio, os, time

def finish():
    print("the view runs", flush=True)
    while not os.path.exists("gate"):
        time.sleep(0.005)
    return "finished"

async def finish_async():
    return await asyncio.to_thread(finish)

def quick():
    return "quick"

URLS = {"/plain": finish, "/async": finish_async, "/": quick}
"""
Serve = Callable[..., Any]


@pytest.fixture
def site(serve: Serve, tmp_path: Path) -> Any:
    """Give a site with views that run until there is a file `gate`."""
    (tmp_path / "main.py").write_text(SITE)
    return serve(tmp_path)


def ask(port: str, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", int(port)), 60)
    try:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    except OSError:
        client.close()
        raise
    return client


def all_of(client: socket.socket) -> bytes:
    with client:
        received = b""
        while piece := client.recv(65536):
            received += piece
    return received


def wait_until_nobody_is_let_in(port: str) -> None:
    """Return once the port is closed; whoever is let in before that gets his answer."""
    while True:
        try:
            assert b"quick" in all_of(ask(port, "/"))
        except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the port's queue as the port closed
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_what_runs_is_finished(site: Any, tmp_path: Path, path: str, number: signal.Signals) -> None:
    """After a signal a running request gets its whole answer, nobody new is let in, and the exit code is 0."""
    client = ask(site.port, path)
    site.read_until("the view runs")
    site.tell(number)
    site.read_until("shutting down: finishing active requests")
    wait_until_nobody_is_let_in(site.port)
    (tmp_path / "gate").touch()
    answer = all_of(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"finished")
    assert site.end() == 0


def test_an_idle_site_ends_at_once(site: Any) -> None:
    """A site with nobody on it ends with exit code 0, and needs no words for it."""
    with ask(site.port, "/") as client:  # its answer says that the site is up
        assert client.recv(65536)
    site.read_until("GET /")
    site.tell(signal.SIGTERM)
    assert site.end() == 0


def test_an_idle_connection_holds_up_nobody(site: Any) -> None:
    """A client that has its answer, and stays connected, is closed at once."""
    client = ask(site.port, "/")
    assert client.recv(65536).endswith(b"quick")
    site.tell(signal.SIGTERM)
    assert all_of(client) == b""
    assert site.end() == 0


def test_a_second_signal_cuts_off_what_still_runs(site: Any, tmp_path: Path) -> None:
    """Who presses Ctrl+C twice does not wait: the connection is closed without an answer."""
    client = ask(site.port, "/async")
    site.read_until("the view runs")
    site.tell(signal.SIGINT)
    site.read_until("a second signal closes their connections")
    site.tell(signal.SIGINT)
    assert all_of(client) == b""
    (tmp_path / "gate").touch()
    site.end()


def test_a_log_that_nobody_reads_stops_no_one(tmp_path: Path) -> None:
    """When the reader of its output has gone, a site goes on answering, and ends well."""
    (tmp_path / "main.py").write_text(SITE)
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        banner = ""
        while not banner.endswith("Ctrl+C stops it\n\n"):
            banner += process.stdout.readline()
        process.stdout.close()
        port = banner.partition("http://localhost:")[2].split()[0]
        for _ in range(3):
            with ask(port, "/") as client:
                assert client.recv(65536).endswith(b"quick")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_server_does_not_outlive_its_make() -> None:
    """When the `make run` that serves an example is ended, its server ends with it, and the port is free."""
    venv = os.path.relpath(Path(sys.executable).parent, REPOSITORY)
    command = ["make", "--assume-old=.venv/.runs", "run", f"BIN={venv}"]
    make = subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | {"FANLIGHT_PORT": "0"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert make.stdout is not None
        banner = ""
        while not banner.endswith("Ctrl+C stops it\n\n"):
            line = make.stdout.readline()
            assert line, f"it ended without a banner:\n{banner}"
            banner += line
        port = int(banner.partition("http://localhost:")[2].split()[0])
        make.terminate()
        make.communicate(timeout=PATIENCE)  # comes back when no process holds the output any more
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(make.pid, signal.SIGKILL)
        make.communicate()

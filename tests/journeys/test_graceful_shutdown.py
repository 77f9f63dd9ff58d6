"""Graceful shutdown: running requests are finished, new ones are refused, and the exit code says which."""

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
from tests.sockets import read_and_close
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
    """Return a site with views that run until there is a file `gate`."""
    (tmp_path / "main.py").write_text(SITE)
    return serve(tmp_path)


def send_request(port: str, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", int(port)), 60)
    try:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    except OSError:
        client.close()
        raise
    return client


def wait_until_port_is_closed(port: str) -> None:
    """Return once the port is closed; a client that is accepted before gets its response."""
    while True:
        try:
            assert b"quick" in read_and_close(send_request(port, "/"))
        except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the port's queue as the port closed
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("path", ["/plain", "/async"])
def test_running_requests_are_finished(site: Any, tmp_path: Path, path: str, number: signal.Signals) -> None:
    """After a signal a running request gets its whole response, new clients are refused, and the exit code is 0."""
    client = send_request(site.port, path)
    site.read_until("the view runs")
    site.send_signal(number)
    site.read_until("shutting down: finishing active requests")
    wait_until_port_is_closed(site.port)
    (tmp_path / "gate").touch()
    response = read_and_close(client)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in response
    assert response.endswith(b"finished")
    assert site.wait_for_exit() == 0


def test_an_idle_site_stops_at_once(site: Any) -> None:
    """A site without clients stops with exit code 0, and logs nothing about it."""
    with send_request(site.port, "/") as client:  # its response shows that the site is up
        assert client.recv(65536)
    site.read_until("GET /")
    site.send_signal(signal.SIGTERM)
    assert site.wait_for_exit() == 0


def test_an_idle_connection_does_not_delay_shutdown(site: Any) -> None:
    """A connection that is idle after its response is closed at once."""
    client = send_request(site.port, "/")
    assert client.recv(65536).endswith(b"quick")
    site.send_signal(signal.SIGTERM)
    assert read_and_close(client) == b""
    assert site.wait_for_exit() == 0


def test_a_second_signal_cuts_off_running_requests(site: Any, tmp_path: Path) -> None:
    """After a second Ctrl+C the connection is closed without a response."""
    client = send_request(site.port, "/async")
    site.read_until("the view runs")
    site.send_signal(signal.SIGINT)
    site.read_until("a second signal closes their connections")
    site.send_signal(signal.SIGINT)
    assert read_and_close(client) == b""
    (tmp_path / "gate").touch()
    site.wait_for_exit()


def test_a_log_without_a_reader_stops_nothing(tmp_path: Path) -> None:
    """When the reader of its output has gone, a site still responds, and stops with exit code 0."""
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
            with send_request(port, "/") as client:
                assert client.recv(65536).endswith(b"quick")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_server_does_not_outlive_its_make(tmp_path: Path) -> None:
    """When the `make run` that serves an example is ended, its server ends with it, and the port is free."""
    venv = os.path.relpath(Path(sys.executable).parent, REPOSITORY)
    command = ["make", "--assume-old=.venv/.runs", "run", f"BIN={venv}"]
    environ = {"FANLIGHT_PORT": "0", "GUESTBOOK_FOLDER": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    make = subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | environ, start_new_session=True,
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

"""Socket activation and notifications by systemd's protocol."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

ACTIVATE = shutil.which("systemd-socket-activate")
FANLIGHT = [sys.executable, "-m", "fanlight", "run", "--no-access-log", "--control", ""]
# Become the server with a listening socket as descriptor 3, as systemd does.
HAND_OVER = """
import os, socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
if sock.fileno() != 3:
    os.dup2(sock.fileno(), 3, inheritable=True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("import os\ndef pid():\n    return str(os.getpid())\n\nURLS = {'/': pid}\n")
    return tmp_path


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Yield the socket of a service manager, which receives notifications."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE)
        yield sock


def fetch(address: tuple[str, int]) -> str:
    with socket.create_connection(address, PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = read_all(client)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n"), received
    return received.rpartition(b"\r\n")[2].decode()


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return out


def wait_for_message(manager: socket.socket, message: bytes) -> None:
    """Wait until the manager has received a message."""
    while manager.recv(4096) != message:
        pass


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_inherited_socket_is_served(site: Path, manager: socket.socket, workers: str) -> None:
    """With LISTEN_FDS the site is served there, with and without workers; READY, then STOPPING, are sent."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        process = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, str(opened.fileno()), *FANLIGHT, "--workers", workers],
            cwd=site,
            env=os.environ | {"NOTIFY_SOCKET": str(site / "notify")},
            pass_fds=[opened.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_for_message(manager, b"READY=1")
            port = opened.getsockname()[1]
            assert (fetch(opened.getsockname()) == str(process.pid)) is (workers == "0")
            banner = stop(process)
            wait_for_message(manager, b"STOPPING=1")
        finally:
            process.kill()
            process.communicate()
    assert f"http://127.0.0.1:{port}" in banner


@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_watchdog_is_notified(site: Path, manager: socket.socket, workers: str) -> None:
    """With WATCHDOG_USEC, WATCHDOG=1 is sent often enough."""
    process = subprocess.Popen(
        [*FANLIGHT, "--workers", workers, "--port", "0"],
        cwd=site,
        env=os.environ | {"NOTIFY_SOCKET": str(site / "notify"), "WATCHDOG_USEC": "1000000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_message(manager, b"READY=1")
        manager.settimeout(1.0)
        for _ in range(4):
            wait_for_message(manager, b"WATCHDOG=1")
        stop(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is for Linux")
def test_sockets_of_systemd_socket_activate_are_served(site: Path) -> None:
    """Started on the first connection, as by a .socket unit, the site responds to that one and the next."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    assert ACTIVATE, "scripts/install-system-packages installs it"
    environ = [f"--setenv={name}" for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ]
    process = subprocess.Popen(
        [ACTIVATE, f"--listen={address[0]}:{address[1]}", *environ, *FANLIGHT],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "Listening on" in process.stderr.readline()
        assert fetch(address) == str(process.pid)
        assert fetch(address) == str(process.pid)
        stop(process)
    finally:
        process.kill()
        process.communicate()

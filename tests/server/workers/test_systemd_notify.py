"""The datagrams that a service manager receives."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight.server.workers.systemd_notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Yield the socket of a service manager, and its name in NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@fanlight-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1))
        sock.settimeout(PATIENCE)
        yield sock, name


def test_each_change_is_a_datagram(manager: tuple[socket.socket, str]) -> None:
    """Ready, reloading and stopping are sent in systemd's format, to a path or an abstract socket."""
    heard, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    assert heard.recv(999) == b"READY=1"
    notifier.reloading()
    first, second = heard.recv(999).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.removeprefix(b"MONOTONIC_USEC=").isdigit()
    notifier.stopping()
    assert heard.recv(999) == b"STOPPING=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_watchdog_waits_for_the_process_it_names(environ: dict[str, str], seconds: float) -> None:
    """WATCHDOG_USEC counts for the process of WATCHDOG_PID, or for any if none is named."""
    assert Notifier({"NOTIFY_SOCKET": "/nowhere", **environ}).watchdog_seconds == seconds


def test_resets_in_quick_succession_are_one(manager: tuple[socket.socket, str]) -> None:
    """The manager is not flooded, however busy the loop is; without a watchdog nothing is sent."""
    heard, name = manager
    for environ in ({}, {"WATCHDOG_USEC": "60000000"}):
        notifier = Notifier({"NOTIFY_SOCKET": name, **environ})
        for _ in range(100):
            notifier.alive()
    assert heard.recv(999) == b"WATCHDOG=1"
    heard.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.recv(999)


@pytest.mark.parametrize("name", ["", "/nowhere/at/all", "relative", "vsock:2:1234", "/" + "x" * 200, "@"])
def test_a_missing_manager_is_no_error(name: str) -> None:
    """Without a manager, or with one that can't be reached, nothing happens and nothing is raised."""
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"})
    for say in (notifier.ready, notifier.reloading, notifier.alive, notifier.stopping):
        say()


def test_a_responsive_hub_resets_the_watchdog(manager: tuple[socket.socket, str]) -> None:
    """While a server is watched its hub resets the watchdog; at the end the manager is notified of the stop."""
    received, name = manager
    with Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"}).watching(lambda callback: callback()):
        assert [received.recv(999), received.recv(999)] == [b"WATCHDOG=1"] * 2
    last = received.recv(999)
    while last == b"WATCHDOG=1":
        last = received.recv(999)
    assert last == b"STOPPING=1"


def test_a_stuck_hub_does_not_reset_the_watchdog(manager: tuple[socket.socket, str]) -> None:
    """A hub that runs no callbacks sends nothing until the end."""
    received, name = manager
    posted = threading.Semaphore(0)
    with Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"}).watching(lambda _: posted.release()):
        for _ in range(3):
            assert posted.acquire(timeout=PATIENCE)
    assert received.recv(999) == b"STOPPING=1"

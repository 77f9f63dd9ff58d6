"""What we say to a service manager, as it hears it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
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
    """Ready, reloading and stopping are said in systemd's words, on a path or an abstract socket."""
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


def test_signs_of_life_in_quick_succession_are_one(manager: tuple[socket.socket, str]) -> None:
    """However often a loop turns, the manager is not flooded; and without a watchdog it hears nothing."""
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
def test_nobody_who_listens_is_no_mistake(name: str) -> None:
    """Without a manager, or with one that can't be reached, nothing happens and nothing is raised."""
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"})
    for say in (notifier.ready, notifier.reloading, notifier.alive, notifier.stopping):
        say()


class Turning:
    """A server whose hub turns, or does not."""

    def __init__(self, *, is_stuck: bool) -> None:
        self.started = threading.Event()
        self.started.set()
        self.hub = self
        self.asked = threading.Semaphore(0)
        self.is_stuck = is_stuck

    def post(self, act: Callable[[], None], /) -> None:
        self.asked.release()
        if not self.is_stuck:
            act()


def test_a_server_that_turns_shows_it(manager: tuple[socket.socket, str]) -> None:
    """While a server is watched its hub says that it is alive; at the end, that it stops."""
    heard, name = manager
    with Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"}).watching(Turning(is_stuck=False)):
        assert [heard.recv(999), heard.recv(999)] == [b"WATCHDOG=1"] * 2
    said = heard.recv(999)
    while said == b"WATCHDOG=1":
        said = heard.recv(999)
    assert said == b"STOPPING=1"


def test_a_server_that_is_stuck_shows_nothing(manager: tuple[socket.socket, str]) -> None:
    """A hub that does not turn is asked, and the manager hears no sign of life."""
    heard, name = manager
    server = Turning(is_stuck=True)
    with Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"}).watching(server):
        for _ in range(3):
            assert server.asked.acquire(timeout=PATIENCE)
    assert heard.recv(999) == b"STOPPING=1"

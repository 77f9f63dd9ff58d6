"""No file descriptors left: kept connections are served, new ones wait, and nothing is lost."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.shown_exceptions import shows_exception
from tests.speed import PATIENCE

Serve = Callable[..., Any]
FEW = ["prlimit", "--nofile=40:40"]


@pytest.fixture
def crowd() -> Iterator[Callable[[int, int], None]]:
    """Return a function that connects idle clients to a port until the test ends."""
    with ExitStack() as stack:

        def connect(port: int, count: int) -> None:
            for _ in range(count):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))

        yield connect


@pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["one process", "a worker"])
def test_a_process_without_descriptors_survives(
    serve: Serve, crowd: Callable[[int, int], None], words: tuple[str, ...]
) -> None:
    """With all descriptors taken, a kept connection is served; a new one waits, and gets its response in time."""
    site = serve("--no-access-log", "--idle-seconds", "2", "--head-seconds", "2", *words, wrapper=FEW)
    kept = site.connect()
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    crowd(site.port, 100)
    site.wait_for_log("new connections wait in the system's queue")
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    kept.close()
    responses: list[tuple[int, bytes]] = []
    late = threading.Thread(target=lambda: responses.append(site.request()))
    late.start()
    late.join(PATIENCE)
    assert responses == [(200, b"hello")]
    assert not shows_exception(site.log.read_text())
    assert site.stop() == 0


def test_content_without_a_descriptor_for_its_file_is_507(serve: Serve, crowd: Callable[[int, int], None]) -> None:
    """An upload that needs a file when there is no descriptor for one gets a 507."""
    site = serve("--no-access-log", wrapper=FEW)
    kept = site.connect()
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    crowd(site.port, 100)
    site.wait_for_log("new connections wait in the system's queue")
    kept.request("POST", "/take", b"a" * 2_000_000)
    assert kept.getresponse().status == 507
    kept.close()
    site.wait_for_log("content can't be kept on disk")
    assert site.stop() == 0


def test_an_exception_is_logged_without_a_descriptor(serve: Serve, crowd: Callable[[int, int], None]) -> None:
    """When no file can be opened, and so no line of source can be read, an exception is logged with its place."""
    site = serve("--no-access-log", wrapper=FEW)
    kept = site.connect()
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    crowd(site.port, 100)
    site.wait_for_log("new connections wait in the system's queue")
    kept.request("GET", "/broken")
    assert kept.getresponse().status == 500
    log = site.wait_for_log("of fanlight")
    assert "    ZeroDivisionError: division by zero\n      main.py:10 in broken\n" in log
    kept.close()

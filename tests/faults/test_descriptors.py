"""File descriptors used up: who is in is served, who comes waits his turn, and nothing is lost."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.speed import PATIENCE

Serve = Callable[..., Any]
FEW = ["prlimit", "--nofile=40:40"]


@pytest.fixture
def crowd() -> Iterator[Callable[[int, int], None]]:
    """Give a function that connects so many clients to a port, who say nothing, and stay until the end."""
    with ExitStack() as stack:

        def connect(port: int, count: int) -> None:
            for _ in range(count):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))

        yield connect


@pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["one process", "a worker"])
def test_a_process_without_descriptors_survives(
    serve: Serve, crowd: Callable[[int, int], None], words: tuple[str, ...]
) -> None:
    """With every descriptor taken, a kept connection is served, a new one waits, and gets its answer in time."""
    site = serve("--no-access-log", "--idle-seconds", "2", "--head-seconds", "2", *words, wrapper=FEW)
    kept = site.connect()
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    crowd(site.port, 100)
    site.wait_for("new connections wait in the system's queue")
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    kept.close()
    answers: list[tuple[int, bytes]] = []
    late = threading.Thread(target=lambda: answers.append(site.ask()))
    late.start()
    late.join(PATIENCE)
    assert answers == [(200, b"hello")]
    assert "Traceback" not in site.log.read_text()
    assert site.end() == 0


def test_content_without_a_descriptor_for_its_file(serve: Serve, crowd: Callable[[int, int], None]) -> None:
    """An upload that needs a file when there is no descriptor for one is answered 507."""
    site = serve("--no-access-log", wrapper=FEW)
    kept = site.connect()
    kept.request("GET", "/")
    assert kept.getresponse().read() == b"hello"
    crowd(site.port, 100)
    site.wait_for("new connections wait in the system's queue")
    kept.request("POST", "/take", b"a" * 2_000_000)
    assert kept.getresponse().status == 507
    kept.close()
    site.wait_for("content can't be kept on disk")
    assert site.end() == 0

"""Kept connections are shared among the workers, also where there are few, as behind a proxy."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import create_connection, socket
from typing import Any

import pytest
from tests.speed import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker accepts what it is woken for")
Connect = Callable[[], socket]
# However busy this machine is, the other worker has the time to accept.
PATIENT = """
import os

from fanlight.server.listening import acceptor

acceptor.STEP_BACK_SECONDS = {seconds}
URLS = {{"/": lambda: str(os.getpid())}}
"""


@pytest.fixture
def connect(serve: Callable[..., Any], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Serve with two workers; give a function that connects."""
    (tmp_path / "main.py").write_text(PATIENT.format(seconds=getattr(request, "param", PATIENCE)))
    site = serve(tmp_path, "--workers", "2", "--no-access-log")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(create_connection(("127.0.0.1", int(site.port)), PATIENCE))


def worker_of(connection: socket) -> int:
    """Return the process that responds on a connection, which stays open."""
    connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    return int(connection.recv(65536).rpartition(b"\r\n\r\n")[2])


def test_connections_are_shared_equally(connect: Connect) -> None:
    """Of 8, 16 and 64 connections no worker has more than 60 %, whether they come at once or one by one."""
    workers: list[int] = []
    for total in (8, 16, 32, 64):
        connections = [connect() for _ in range(total // 2 - len(workers) // 2)]
        workers += map(worker_of, connections)
        workers += [worker_of(connect()) for _ in range(total - len(workers))]
        assert max(Counter(workers).values()) <= 0.6 * total, Counter(workers)


@pytest.mark.parametrize("connect", [0.001], indirect=True)
def test_a_worker_that_is_stuck_keeps_no_client_waiting(connect: Connect) -> None:
    """A worker that does not run has the fewest connections, and the others are served all the same."""
    running, stuck = worker_of(connect()), worker_of(connect())
    while running == stuck:
        stuck = worker_of(connect())
    os.kill(stuck, signal.SIGSTOP)
    try:
        assert {worker_of(connect()) for _ in range(8)} == {running}
    finally:
        os.kill(stuck, signal.SIGCONT)

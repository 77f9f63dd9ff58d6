"""Other frameworks' apps, each served by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sockets import read_all, received_next

from fanlight.site.loading import foreign_site
from fanlight.testing import Client

Serve = Callable[[Any], Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves an app, as `fanlight run` does, and returns a client of it."""
    clients = []

    def start(app: Any) -> Client:
        clients.append(Client(foreign_site(app, tmp_path / "main.py")))
        return clients[-1]

    yield start
    for each in clients:
        each.close()


def received_in_turns(client: Client, may_go: threading.Event) -> bytes:
    """Return the whole response of an app that waits for `may_go` behind "one", which arrives before that is set."""
    with client.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        received = b""
        while b"one" not in received:
            received += received_next(sock)
        may_go.set()
        return received + read_all(sock)

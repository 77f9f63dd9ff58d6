"""User code may close the descriptor of a connection; the system gives its number to the next one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from tests.speed import PATIENCE

from fanlight.message.request import Request
from fanlight.message.response import Response

Serve = Callable[..., Any]


def page(_: Request) -> Response:
    return Response(b"a page")


def test_the_next_connection_with_the_number_is_served(serve: Serve, tools: Any) -> None:
    """It is watched, although the server knew the number, and is not closed in the place of the one before."""
    harness = serve({"/": page})
    connections = harness.hub.table.connections
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    harness.inside(lambda: harness.hub.listen(listener))
    with socket.create_connection(listener.getsockname(), PATIENCE) as before:
        assert tools.ask(before, "/") == (200, b"a page")
        ((fd, stale),) = connections.items()
        harness.inside(lambda: os.close(fd))
        assert before.recv(1) == b""
    with socket.create_connection(listener.getsockname(), PATIENCE) as after:
        assert tools.ask(after, "/") == (200, b"a page")
        ((reused, connection),) = connections.items()
        assert reused == fd
        assert connection is not stale
        assert tools.ask(after, "/") == (200, b"a page")

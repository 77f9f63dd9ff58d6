"""Content as a stream while the hub is in other hands."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from fanlight.message.body_policy import BodyMode, BodyPolicy
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.operator.snapshot import IN_FLIGHT
from fanlight.testing import FakeCall

Serve = Callable[..., Any]
HEAD = b"POST /up HTTP/1.1\r\nhost: test\r\ncontent-length: 600000\r\n\r\n"


def streamed() -> FakeCall:
    async def view(request: Request) -> Response:
        return Response(str(len(await request.content_stream.read())).encode())

    return FakeCall(view, Lane.TASK, body_policy=BodyPolicy(body_mode=BodyMode.STREAM))


def test_a_rescue_thread_reads_for_a_view(serve: Serve, tools: Any) -> None:
    """While the loop's thread is stuck another thread receives what the view waits for; nothing is lost."""
    entered, let_go = threading.Event(), threading.Event()

    def stuck(_: Request) -> Response:
        entered.set()
        assert let_go.wait(tools.patience)
        return Response(b"stuck")

    harness = serve({"/stuck": stuck, "/up": streamed(), "/": lambda _: Response(b"quick")}, detects_stalls=False)
    with harness.connect() as first, harness.connect() as second, harness.connect() as third:
        first.sendall(HEAD + b"a" * 1000)
        harness.wait_until(
            lambda: any(each.phase.name == "STREAMING_BODY" for each in harness.hub.table.connections.values())
        )
        second.sendall(tools.request("/stuck"))
        assert entered.wait(tools.patience)
        harness.rescue()
        first.sendall(b"a" * 200_000)
        assert tools.ask(third, "/") == (200, b"quick")
        let_go.set()
        first.sendall(b"a" * 399_000)
        assert tools.read_response(first) == (200, b"600000")
        assert tools.read_response(second) == (200, b"stuck")
        first.sendall(HEAD.replace(b"600000", b"3") + b"abc")
        assert tools.read_response(first) == (200, b"3")


def test_the_status_shows_what_is_in_flight(serve: Serve) -> None:
    """A view that waits for its content is a request in flight."""
    harness = serve({"/up": streamed()})
    with harness.connect() as sock:
        sock.sendall(HEAD)
        harness.wait_until(
            lambda: any(each.phase.name == "STREAMING_BODY" for each in harness.hub.table.connections.values())
        )
        assert all(each.phase in IN_FLIGHT for each in harness.hub.table.connections.values())
        sock.shutdown(socket.SHUT_WR)
        harness.wait_until(lambda: not harness.hub.table.connections)

"""The clients of accepted connections: their names, their limits, and how vanished ones are detected."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Request
from fanlight.server.listening.acceptor import PROBE_AFTER_SECONDS, PROBE_SECONDS, PROBES, address_of
from fanlight.settings.addresses import unmapped
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

Serve = Callable[..., LiveServer]


def view(request: Request) -> dict[str, Any]:
    return {"client": request.client}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a function that serves on a socket for both families, as systemd hands one over."""
    with ExitStack() as stack:

        def begin(**options: Any) -> LiveServer:
            listener = stack.enter_context(socket.socket(socket.AF_INET6))
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::", 0))
            listener.listen()
            chosen: dict[str, Any] = {"bind": (f"fd:{listener.detach()}",), "access_log": False} | options
            return stack.enter_context(LiveServer(App({"/": view}), options=Options(**chosen)))

        yield begin


def ask(port: int, client: str, opening: bytes = b"") -> Any:
    """Return the client as a view sees it, None if the connection is refused."""
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE, (client, 0))) as sock:
        sock.sendall(opening + b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    return json.loads(received.partition(b"\r\n\r\n")[2])["client"]


def test_a_socket_for_both_families_names_clients_of_ipv4_as_such(serve: Serve) -> None:
    """`request.client` is 127.0.0.5, and not ::ffff:127.0.0.5."""
    assert ask(serve().port, "127.0.0.5") == "127.0.0.5"


def test_on_a_socket_for_both_families_each_client_is_counted_alone(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """An address with its share of connections takes nothing from another; the hint is logged once."""
    server = serve(limits=Limits(connections_per_address=2))
    with ExitStack() as stack, caplog.at_level(logging.WARNING, "fanlight.server"):
        for _ in range(2):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.9", 0)))
        for number in range(10, 16):
            assert ask(server.port, f"127.0.0.{number}") == f"127.0.0.{number}"
        for _ in range(3):
            with pytest.raises((ConnectionError, ValueError)):
                ask(server.port, "127.0.0.9")
    (said,) = [each.getMessage() for each in caplog.records if "the limit for one address" in each.getMessage()]
    assert said.startswith("127.0.0.9 has 2 connections")
    assert "--trusted-proxies 127.0.0.9" in said
    assert "--connections-per-address" in said


@pytest.mark.parametrize("client", ["::ffff:203.0.113.1", "::ffff:cb00:7101", "::FFFF:203.0.113.1"])
def test_ipv4_clients_of_a_proxy_have_ipv4_addresses(serve: Serve, client: str) -> None:
    """In a PROXY header of version 1 with TCP6, they are 203.0.113.1 too."""
    server = serve(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    assert ask(server.port, "127.0.0.1", f"PROXY TCP6 {client} ::1 1 2\r\n".encode()) == "203.0.113.1"


def test_a_trusted_network_may_be_written_as_one_of_ipv6(serve: Serve) -> None:
    """::ffff:127.0.0.0/104 is 127.0.0.0/8."""
    server = serve(trusted_proxies=("::ffff:127.0.0.0/104",))
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 192.0.2.1\r\n\r\n")
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert received.endswith(b'{"client":"192.0.2.1"}')


@pytest.mark.parametrize(
    ("client", "named"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::1", "::1"),
    ],
)
def test_only_mapped_addresses_are_unmapped(client: str, named: str) -> None:
    """All others stay as they are."""
    assert unmapped(client) == named


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", False),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_what_is_counted_as_one(first: str, second: str, *, is_one: bool) -> None:
    """A network of IPv6 is one site; a translated address of IPv4 is one client."""
    assert (address_of(first) == address_of(second)) is is_one


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="this system says it otherwise")
def test_silent_clients_are_probed(serve: Serve) -> None:
    """Each connection has TCP keep-alive on, so a stream without a heartbeat does not wait for a vanished client."""
    server = serve()
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(65536)
        (connection,) = server.hub.table.connections.values()
        of = connection.sock.getsockopt
        assert of(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        found = [of(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{each}")) for each in ("IDLE", "INTVL", "CNT")]
    assert found == [PROBE_AFTER_SECONDS, PROBE_SECONDS, PROBES]

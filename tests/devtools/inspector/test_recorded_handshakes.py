"""What is recorded behind TLS and behind a proxy: the plain text, the true client, and handshakes that fail."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Certificates, Pair
from tests.devtools.inspector.recorded_site import (
    RecordedSite,
    bytes_received,
    bytes_sent,
    read_all,
    request,
    site_of,
)
from tests.speed import PATIENCE

from fanlight import Request, Static
from fanlight.settings.limits import Limits

LINES = b"a line\n" * 5000


def home(request: Request) -> str:
    certificate = request.client_cert
    return f"{request.scheme} {request.client} {certificate is not None}"


def site(**options: Any) -> RecordedSite:
    """Return a site on a listener with these options."""
    return RecordedSite(site_of({"/": home}, Path(__file__).parent), **options)


def trusting(certificates: Certificates) -> ssl.SSLContext:
    """Return the context of a client that trusts the test authority."""
    return ssl.create_default_context(cafile=certificates.ca)


def over_tls(site: RecordedSite, context: ssl.SSLContext, data: bytes) -> bytes:
    """Send bytes over TLS; return all that comes back."""
    with site.client() as sock, context.wrap_socket(sock, server_hostname="localhost") as secured:
        secured.sendall(data)
        return read_all(secured)


def test_the_plain_text_under_tls_is_recorded(certificates: Certificates, localhost: Pair) -> None:
    """What was sent and received is recorded as it was before encryption; the connection has its version and cipher."""
    with site(cert=(localhost.cert,), key=(localhost.key,)) as running:
        received = over_tls(running, trusting(certificates), request())
        one = running.kept.one()
    assert (bytes_received(one), bytes_sent(one)) == (request(), received)
    assert one.response_content.startswith(b"https 127.0.0.1")
    assert one.connection.tls.startswith("TLSv1.3, TLS_")
    assert one.connection.age > 0


def test_a_file_under_tls_is_recorded(certificates: Certificates, localhost: Pair, tmp_path: Path) -> None:
    """A file that is sent encrypted is recorded as plain text."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "lines.txt").write_bytes(LINES)
    app = site_of({"/files": Static("files")}, tmp_path)
    with RecordedSite(app, cert=(localhost.cert,), key=(localhost.key,)) as running:
        received = over_tls(running, trusting(certificates), request("/files/lines.txt"))
        one = running.kept.one()
    assert (one.outcome, bytes_sent(one)) == ("done", received)
    assert one.response_content == LINES


def test_the_certificate_of_a_client_is_still_seen(certificates: Certificates, localhost: Pair) -> None:
    """The request has the certificate that its client has sent."""
    own = certificates.make("client", title="client")
    context = trusting(certificates)
    context.load_cert_chain(own.cert, own.key)
    options = {"client_ca": certificates.ca, "client_cert": "required"}
    with site(cert=(localhost.cert,), key=(localhost.key,), **options) as running:
        received = over_tls(running, context, request())
        running.kept.one()
    assert received.endswith(b"https 127.0.0.1 True")


def test_plain_http_on_a_port_for_https_is_recorded(localhost: Pair) -> None:
    """A client that does not use TLS has a failed exchange, with what it has sent and why that fails."""
    with site(cert=(localhost.cert,), key=(localhost.key,)) as running:
        received = running.exchange(request("/secret"))
        one = running.kept.one()
    assert received.startswith(b"HTTP/1.1 400")
    assert (one.outcome, one.method, one.target, one.status) == ("failed", "GET", "/secret", 0)
    assert bytes_received(one) == request("/secret")
    assert "plain HTTP on an HTTPS port" in one.note


def test_a_client_that_does_not_trust_us_is_recorded(localhost: Pair) -> None:
    """A handshake that the client ends, as it does not trust the certificate, is a failed exchange."""
    with site(cert=(localhost.cert,), key=(localhost.key,)) as running:
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError):
            over_tls(running, context, request())
        one = running.kept.one()
    assert one.outcome == "failed"
    assert bytes_received(one)[:1] == b"\x16"
    assert "does not trust" in one.note


def test_a_client_that_only_connects_is_no_exchange(certificates: Certificates, localhost: Pair) -> None:
    """A health check that opens a connection and closes it leaves nothing behind."""
    with site(cert=(localhost.cert,), key=(localhost.key,)) as running:
        with running.client():
            pass
        over_tls(running, trusting(certificates), request())
        running.kept.ended(1)


def test_a_handshake_that_does_not_end_is_timed_out(localhost: Pair) -> None:
    """A client that begins a handshake and goes on no further, until the server closes it, is an exchange."""
    app = site_of({"/": home}, Path(__file__).parent)
    running = RecordedSite(app, Limits(drain_seconds=0.1), cert=(localhost.cert,), key=(localhost.key,))
    with contextlib.ExitStack() as stack:
        with running:
            sock = stack.enter_context(running.client())
            sock.sendall(b"\x16\x03\x01\x02\x00")
            deadline = time.monotonic() + PATIENCE
            while not any(each._seen for each in list(running.recorder._handshakes)):
                turn = threading.Event()
                running.server.post(turn.set)  # the hub has served what had come by then
                assert turn.wait(PATIENCE)
                assert time.monotonic() < deadline
        one = running.kept.one()
    assert (one.outcome, bytes_received(one)) == ("timed out", b"\x16\x03\x01\x02\x00")
    assert "handshake" in one.note


def test_a_proxy_header_is_no_part_of_a_request() -> None:
    """Behind the PROXY protocol the client is the true one, and the bytes are those of the request."""
    with site(proxy_protocol=True, trusted_proxies=("127.0.0.1",)) as running:
        running.exchange(b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n" + request())
        one = running.kept.one()
    assert bytes_received(one) == request()
    assert (one.connection.client, one.response_content[:14]) == ("192.0.2.7", b"http 192.0.2.7")


def test_tls_behind_a_proxy_header_is_recorded(certificates: Certificates, localhost: Pair) -> None:
    """With the PROXY protocol and TLS, the plain text is recorded, of the true client."""
    with site(
        cert=(localhost.cert,), key=(localhost.key,), proxy_protocol=True, trusted_proxies=("127.0.0.1",)
    ) as running:
        with running.client() as sock:
            sock.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n")
            with trusting(certificates).wrap_socket(sock, server_hostname="localhost") as secured:
                secured.sendall(request())
                received = read_all(secured)
        one = running.kept.one()
    assert (bytes_received(one), bytes_sent(one)) == (request(), received)
    assert (one.connection.client, one.connection.tls[:7]) == ("192.0.2.7", "TLSv1.3")


def test_a_missing_proxy_header_is_recorded() -> None:
    """A request without the header that the listener requires is a failed exchange."""
    with site(proxy_protocol=True, trusted_proxies=("127.0.0.1",)) as running:
        running.exchange(request())
        one = running.kept.one()
    assert (one.outcome, bytes_received(one)) == ("failed", request())
    assert "PROXY" in one.note


def test_a_slow_proxy_header_is_still_read() -> None:
    """A header that arrives in pieces is read as without the recorder."""
    with site(proxy_protocol=True, trusted_proxies=("127.0.0.1",)) as running:
        with running.client() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n":
                sock.sendall(bytes([byte]))
            sock.sendall(request())
            read_all(sock)
        one = running.kept.one()
    assert (one.outcome, one.connection.client) == ("done", "192.0.2.7")

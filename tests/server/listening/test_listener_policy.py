"""What a listener lets in, and what its requests know of the way they came: through real sockets."""

import json
import logging
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Request, Response, lane
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

PREFACE = b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n"


def who(request: Request) -> dict[str, Any]:
    return {"client": request.client, "scheme": request.scheme, "host": request.host, "url": request.url}


def big() -> bytes:
    return b"x" * 3_000_000


def take(request: Request) -> str:
    return str(len(request.content))


APP = App({"/who": who, "/big": big, "POST /take": take})
Start = Callable[..., LiveServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that serves with more options."""
    with ExitStack() as stack:

        def begin(**options: Any) -> LiveServer:
            chosen: dict[str, Any] = {"bind": ("127.0.0.1:0",), "access_log": False} | options
            return stack.enter_context(LiveServer(APP, options=Options(**chosen)))

        yield begin


def request_bytes(path: str = "/who", **fields: str) -> bytes:
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{named}\r\n".encode()


def all_of(sock: socket.socket) -> bytes:
    received = bytearray()
    while piece := sock.recv(65536):
        received += piece
    return bytes(received)


def ask(server: LiveServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(data)
        return all_of(sock)


def known(answer: bytes) -> Any:
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    return json.loads(content)


# --- fields of proxies ----------------------------------------------------------------------------


def test_fields_of_a_trusted_proxy_apply(start: Start) -> None:
    """Client, scheme and host are those it reports, and so is the URL."""
    server = start(trusted_proxies=("127.0.0.1",))
    answer = known(
        ask(server, request_bytes(x_forwarded_for="192.0.2.1", x_forwarded_proto="https", x_forwarded_host="a.example"))
    )
    assert answer == {
        "client": "192.0.2.1", "scheme": "https", "host": "a.example", "url": "https://a.example/who",
    }  # fmt: skip


def test_each_request_of_a_proxys_connection_stands_alone(start: Start) -> None:
    """A proxy sends several clients' requests over one connection; nothing of one applies to the next."""
    server = start(trusted_proxies=("127.0.0.1",))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        first = request_bytes(x_forwarded_for="192.0.2.1", x_forwarded_host="a").replace(b"Connection: close\r\n", b"")
        sock.sendall(first + request_bytes())
        answers = all_of(sock)
    assert b'"client":"192.0.2.1"' in answers
    assert answers.endswith(b'{"client":"127.0.0.1","scheme":"http","host":"localhost","url":"http://localhost/who"}')


def test_fields_of_untrusted_clients_are_ignored_with_one_warning(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that forges another address is logged, with what to do if it is a proxy."""
    server = start()
    with caplog.at_level(logging.WARNING, "fanlight.server"):
        for _ in range(3):
            answer = known(ask(server, request_bytes(x_forwarded_for="192.0.2.1", x_forwarded_proto="https")))
            assert (answer["client"], answer["scheme"]) == ("127.0.0.1", "http")
    (said,) = [each.getMessage() for each in caplog.records]
    assert "--trusted-proxies 127.0.0.1" in said


def test_fields_of_the_other_kind_are_ignored_with_one_warning(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A proxy that passes on a client's Forwarded, while it sets X-Forwarded-For itself, changes nothing."""
    server = start(trusted_proxies=("127.0.0.1",))
    with caplog.at_level(logging.WARNING, "fanlight.server"):
        for _ in range(2):
            assert known(ask(server, request_bytes(forwarded="for=6.6.6.6")))["client"] == "127.0.0.1"
    (said,) = [each.getMessage() for each in caplog.records]
    assert "--proxy-fields forwarded" in said


def test_forwarded_is_read_where_it_is_wanted(start: Start) -> None:
    """With --proxy-fields forwarded it is Forwarded that counts, and X-Forwarded-For does not."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_fields="forwarded")
    answer = known(ask(server, request_bytes(forwarded="for=192.0.2.1;proto=https;host=a", x_forwarded_for="6.6.6.6")))
    assert answer["url"] == "https://a/who"
    assert answer["client"] == "192.0.2.1"


def test_the_port_of_a_proxy_is_read_where_it_is_wanted(start: Start) -> None:
    """X-Forwarded-Port, which most proxies pass on from their client, counts only with x-forwarded-with-port."""
    fields = {"x_forwarded_host": "a.example", "x_forwarded_port": "8443"}
    for chosen, host in {"x-forwarded": "a.example", "x-forwarded-with-port": "a.example:8443"}.items():
        server = start(trusted_proxies=("127.0.0.1",), proxy_fields=chosen)
        assert known(ask(server, request_bytes(**fields)))["host"] == host


def test_a_unix_socket_is_trusted(start: Start, tmp_path: Path) -> None:
    """A peer that can open the socket's file is a proxy on this machine."""
    start(bind=(f"unix:{tmp_path}/s",))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(f"{tmp_path}/s")
        sock.sendall(request_bytes(x_forwarded_for="192.0.2.1"))
        assert known(all_of(sock))["client"] == "192.0.2.1"


# --- the PROXY protocol -----------------------------------------------------------------------------


def test_a_proxy_header_names_the_client(start: Start) -> None:
    """In one piece with the request, or a byte at a time."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    assert known(ask(server, PREFACE + request_bytes()))["client"] == "192.0.2.1"
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE + request_bytes():
            sock.send(bytes([byte]))
        assert known(all_of(sock))["client"] == "192.0.2.1"


def test_half_a_proxy_header_costs_no_processor_time(start: Start) -> None:
    """What has come of it stays with the system, and must not wake us until there is more."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(PREFACE[:20])
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(1)  # what is measured is that nothing happens
        spent = time.process_time() - before
        sock.sendall(PREFACE[20:] + request_bytes())
        assert known(all_of(sock))["client"] == "192.0.2.1"
    assert spent < 0.3


def test_behind_a_proxy_header_fields_are_the_clients_own(start: Start) -> None:
    """Such a proxy passes bytes on: its client has sent the fields, and is not trusted."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    answer = known(ask(server, PREFACE + request_bytes(x_forwarded_for="6.6.6.6", x_forwarded_proto="https")))
    assert (answer["client"], answer["scheme"]) == ("192.0.2.1", "http")


def test_two_proxies_in_a_row_are_believed_each_in_its_way(start: Start) -> None:
    """A trusted one that writes fields, behind one that writes a PROXY header."""
    server = start(trusted_proxies=("127.0.0.1", "192.0.2.1"), proxy_protocol=True)
    answer = known(ask(server, PREFACE + request_bytes(x_forwarded_for="198.51.100.9")))
    assert answer["client"] == "198.51.100.9"


@pytest.mark.parametrize("data", [request_bytes(), b"PROXY nonsense\r\n" + request_bytes(), b"\r\n\r\n\x00\r\nQUOT\n"])
def test_a_connection_without_a_proxy_header_is_refused(
    start: Start, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    """It is closed without a response, and logged."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    with caplog.at_level(logging.WARNING, "fanlight.server"), suppress(ConnectionResetError):
        assert ask(server, data) == b""  # or a reset: it was closed with bytes unread
    assert " refused: " in caplog.text


def test_a_proxy_header_of_a_stranger_is_refused(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Only trusted addresses may name clients."""
    server = start(trusted_proxies=("10.0.0.1",), proxy_protocol=True)
    with caplog.at_level(logging.WARNING, "fanlight.server"), suppress(ConnectionResetError):
        assert ask(server, PREFACE + request_bytes()) == b""
    assert "not a trusted proxy" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is not an address of the machine")
def test_a_stranger_is_refused_also_after_the_warning_of_forged_fields(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that begins with a handshake has its policy, whatever was logged before."""
    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    with caplog.at_level(logging.WARNING, "fanlight.server"), suppress(ConnectionResetError):
        ask(server, PREFACE + request_bytes(x_forwarded_for="6.6.6.6"))
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.2", 0)) as sock:
            sock.sendall(PREFACE + request_bytes())
            assert all_of(sock) == b""
    assert "not a trusted proxy" in caplog.text
    assert known(ask(server, PREFACE + request_bytes()))["client"] == "192.0.2.1"


def test_clients_behind_a_proxy_header_are_counted(start: Start) -> None:
    """The cap for one address is for the client that the proxy names, and not for the proxy."""
    from fanlight import Limits

    server = start(trusted_proxies=("127.0.0.1",), proxy_protocol=True, limits=Limits(connections_per_address=1))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as held:
        held.sendall(PREFACE + request_bytes().replace(b"Connection: close\r\n", b""))
        assert b"192.0.2.1" in held.recv(65536)
        with suppress(ConnectionResetError):
            assert ask(server, PREFACE + request_bytes()) == b""
        assert known(ask(server, PREFACE.replace(b"2.1 ", b"2.2 ") + request_bytes()))["client"] == "192.0.2.2"


# --- TLS -------------------------------------------------------------------------------------------


@pytest.fixture
def pair(certificates: Any) -> Any:
    """Give a certificate for localhost."""
    return certificates.make("localhost", "127.0.0.1")


@pytest.fixture
def context(certificates: Any) -> ssl.SSLContext:
    """Give a client's context that believes the tests' authority."""
    return ssl.create_default_context(cafile=certificates.ca)


@contextmanager
def connected(server: LiveServer, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Give a connection to a server over TLS."""
    with (
        socket.create_connection(("127.0.0.1", server.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        yield sock


def ask_securely(server: LiveServer, context: ssl.SSLContext, data: bytes, before: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as plain:
        if before:
            plain.sendall(before)
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(data)
            return all_of(sock)


def test_https_is_served(start: Start, pair: Any, context: ssl.SSLContext) -> None:
    """The scheme of a request is https; the response has no HSTS unless that is configured."""
    server = start(cert=(pair.cert,), key=(pair.key,))
    answer = ask_securely(server, context, request_bytes())
    assert known(answer)["url"] == "https://localhost/who"
    assert b"strict-transport-security" not in answer
    assert server.url.startswith("https://")


def test_big_responses_and_big_contents_pass_through_tls(start: Start, pair: Any, context: ssl.SSLContext) -> None:
    """Three megabytes, each way."""
    server = start(cert=(pair.cert,), key=(pair.key,))
    assert ask_securely(server, context, request_bytes("/big")).endswith(b"x" * 3_000_000)
    head = b"POST /take HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n"
    assert ask_securely(server, context, head + b"y" * 3_000_000).endswith(b"3000000")


def test_hsts_is_sent_when_configured(start: Start, pair: Any, context: ssl.SSLContext) -> None:
    """Each response over https carries it."""
    server = start(cert=(pair.cert,), key=(pair.key,), hsts_seconds=600)
    assert b"\r\nstrict-transport-security: max-age=600\r\n" in ask_securely(server, context, request_bytes())


def test_hsts_is_not_sent_over_http(start: Start, pair: Any, context: ssl.SSLContext) -> None:
    """A client of http, as a trusted proxy reports it, gets none, though the proxy itself uses https to us."""
    server = start(cert=(pair.cert,), key=(pair.key,), hsts_seconds=600, trusted_proxies=("127.0.0.1",))
    answer = ask_securely(server, context, request_bytes(x_forwarded_proto="http"))
    assert known(answer)["scheme"] == "http"
    assert b"strict-transport-security" not in answer


def test_plain_http_at_the_https_port_gets_400(start: Start, pair: Any) -> None:
    """The response explains that the port uses HTTPS."""
    server = start(cert=(pair.cert,), key=(pair.key,))
    answer = ask(server, request_bytes())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"https" in answer


def test_a_plain_port_sends_clients_to_https(start: Start, pair: Any) -> None:
    """308, to the same host, path and query, at the port of https; and no HSTS, as the way was not secure."""
    server = start(cert=(pair.cert,), key=(pair.key,), redirect_from=("127.0.0.1:0",), hsts_seconds=600)
    redirecting = server._running.server._listeners.listeners[-1].sock.getsockname()[1]
    with socket.create_connection(("127.0.0.1", redirecting), PATIENCE) as sock:
        sock.sendall(request_bytes("/who?x=1"))
        answer = all_of(sock)
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert f"\r\nlocation: https://localhost:{server.port}/who?x=1\r\n".encode() in answer
    assert b"strict-transport" not in answer


@pytest.mark.parametrize(
    ("target", "host", "status", "location"),
    [
        ("/a\\b", "localhost", 308, "https://localhost:{port}/a%5Cb"),
        ("/\\evil.example", "localhost", 308, "https://localhost:{port}/%5Cevil.example"),
        ("//evil.example", "localhost", 308, "https://localhost:{port}//evil.example"),
        ("/", "[::1]:80", 308, "https://[::1]:{port}/"),
        ("/", "a%2eb", 400, ""),
    ],
)
def test_a_plain_port_redirects_to_the_same_host(
    start: Start, pair: Any, target: str, host: str, status: int, location: str
) -> None:
    """Whatever the path, the host is that of the request, and an invalid one is a 400."""
    server = start(cert=(pair.cert,), key=(pair.key,), redirect_from=("127.0.0.1:0",))
    redirecting = server._running.server._listeners.listeners[-1].sock.getsockname()[1]
    with socket.create_connection(("127.0.0.1", redirecting), PATIENCE) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        answer = all_of(sock)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert location.format(port=server.port).encode() in answer


def test_a_proxy_header_stands_before_tls(start: Start, pair: Any, context: ssl.SSLContext) -> None:
    """In plain bytes, before the handshake."""
    server = start(cert=(pair.cert,), key=(pair.key,), trusted_proxies=("127.0.0.1",), proxy_protocol=True)
    answer = known(ask_securely(server, context, request_bytes(), before=PREFACE))
    assert (answer["client"], answer["scheme"]) == ("192.0.2.1", "https")


def test_a_client_certificate_is_in_the_request(certificates: Any, pair: Any, context: ssl.SSLContext) -> None:
    """`request.client_cert` is the verified certificate; where one is required, a client without one is refused."""

    def subject(request: Request) -> str:
        return str(request.client_cert.subject) if request.client_cert is not None else "nobody"

    options = Options(
        bind=("127.0.0.1:0",), access_log=False, cert=(pair.cert,), key=(pair.key,),
        client_ca=certificates.ca, client_cert="required",
    )  # fmt: skip
    with LiveServer(App({"/": subject}), options=options) as server:
        for _ in range(20):
            with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):  # the alert is there to be read, always
                ask_securely(server, context, request_bytes("/") + bytes(100_000))
        client = certificates.make("alice.example", title="alice")
        context.load_cert_chain(client.cert, client.key)
        assert b"alice" in ask_securely(server, context, request_bytes("/"))


def test_all_requests_of_a_connection_are_secure(
    certificates: Any, pair: Any, context: ssl.SSLContext, tmp_path: Path
) -> None:
    """Each has the scheme, the client's certificate, HSTS and its id, and none believes a stranger's fields."""

    def facts(request: Request) -> Response:
        assert request.client_cert is not None
        response = Response(f"{request.scheme} {request.client} {'alice' in str(request.client_cert.subject)}")
        response.set_cookie("seen", "yes")
        return response

    options = Options(
        bind=("127.0.0.1:0",), access_file=str(tmp_path / "log"), cert=(pair.cert,), key=(pair.key,),
        client_ca=certificates.ca, client_cert="required", hsts_seconds=600,
    )  # fmt: skip
    client = certificates.make("alice.example", title="alice")
    context.load_cert_chain(client.cert, client.key)
    with LiveServer(App({"/": facts}), options=options) as server, connected(server, context) as sock:
        for _ in range(3):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
            head, _, content = sock.recv(65536).partition(b"\r\n\r\n")
            assert content == b"https 127.0.0.1 True"
            assert head.count(b"strict-transport-security: max-age=600") == 1
            assert head.count(b"\r\nx-request-id: ") == 1
            assert b"; Secure" in head


def test_pipelined_requests_get_one_record(pair: Any, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen that come together are responded to together, encrypted at once and sent at once."""
    monkeypatch.setattr("fanlight.server.connection.response_batch.BATCH_SECONDS", PATIENCE)  # on a busy machine
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(pair.cert,), key=(pair.key,))
    page = lane("inline")(lambda: "page")  # another one may be measured, by itself
    with LiveServer(App({"/": page}), options=options) as server, connected(server, context) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16)
        assert sock.recv(65536).count(b"HTTP/1.1 200 ") == 16  # it returns one record at most


def test_an_unfinished_handshake_times_out(start: Start, pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After HANDSHAKE_SECONDS the connection is closed."""
    monkeypatch.setattr("fanlight.server.connection.connection.HANDSHAKE_SECONDS", 0.1)
    server = start(cert=(pair.cert,), key=(pair.key,))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(b"\x16\x03\x01")
        assert sock.recv(1) == b""

"""An app with several hosts on a real port: every way in which a client or a proxy can name a host."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.speed import PATIENCE

from fanlight import App, Hosts, Request, WebSocket, redirect
from fanlight.settings.options import Options
from fanlight.testing.running import LiveServer


def front(request: Request) -> str:
    return f"front {request.url_for('home', user='bob')}"


def home(user: str, request: Request) -> str:
    return f"home of {user} {request.url_for('home')} {request.url_for('front')}"


def address() -> str:
    return "an address"


async def greet(socket: WebSocket) -> None:
    await socket.send("hello")


URLS = Hosts(
    {
        "example.org": {"/": front, "/greet": greet},
        "www.example.org": redirect("https://example.org"),
        "{user}.example.org": {"/": home, "/greet": greet},
        "[2001:db8::7]": {"/": address},
        "192.0.2.7": {"/": address},
        "xn--bcher-kva.example": {"/": address},
    }
)
PROXY = "x-forwarded-host: ann.example.org\r\n"
HANDSHAKE = (
    "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def serve(**options: object) -> LiveServer:
    given = Options(bind=("127.0.0.1:0",), access_log=False, **options)  # type: ignore[arg-type]  # settings of a test
    return LiveServer(App(URLS), options=given)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of the app."""
    with serve() as server:
        yield port_of(server)


@pytest.fixture(scope="module")
def trusting_port() -> Iterator[int]:
    """Return the port of the app, which trusts the proxy at this machine, and is served for some of its hosts."""
    with serve(trusted_proxies=("127.0.0.1",), hosts=("example.org", "*.example.org")) as server:
        yield port_of(server)


def port_of(server: LiveServer) -> int:
    return int(server.url.rstrip("/").rpartition(":")[2])


def ask(port: int, host: str | None, target: str = "/", *, fields: str = "", version: str = "1.1") -> tuple[int, str]:
    """Return the status and the last line of the response to a request with this Host field, None: without one."""
    named = "" if host is None else f"host: {host}\r\n"
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(f"GET {target} HTTP/{version}\r\n{named}{fields}\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := client.recv(65536):
            received += data
    head, _, text = received.decode("latin-1").partition("\r\n\r\n")
    return int(head.split(" ")[1]), text


FRONT = "front http://bob.example.org/"
ANN = "home of ann / http://example.org/"
LABEL = "a" * 63


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("example.org", FRONT),
        ("EXAMPLE.Org", FRONT),
        ("example.org.", FRONT),  # RFC 3986 section 3.2.2: the same name, absolute in DNS
        ("example.org:", FRONT),  # the port may be empty (RFC 3986 section 3.2.3)
        ("Example.ORG.:8443", "front http://bob.example.org:8443/"),
        ("  example.org  ", FRONT),
        ("ann.example.org", ANN),
        ("ANN.Example.Org.", ANN),
        (f"{LABEL}.example.org", f"home of {LABEL} / http://example.org/"),
        ("xn--bcher-kva.example.org", "home of xn--bcher-kva / http://example.org/"),
        ("XN--bcher-KVA.example", "an address"),
        ("[2001:db8::7]", "an address"),
        ("[2001:DB8:0:0:0::7]:8080", "an address"),
        ("192.0.2.7", "an address"),
    ],
)
def test_a_host_has_several_spellings(port: int, host: str, text: str) -> None:
    """In upper case, with a dot or a port, or as another text of the same address; URLs have the usual one."""
    assert ask(port, host) == (200, text)


@pytest.mark.parametrize(
    "host",
    [
        "example.org..",
        ".example.org",
        "ann..example.org",
        "a.b.example.org",  # a parameter is one label
        "-a.example.org",
        "a-.example.org",
        "a_b.example.org",
        f"{LABEL}a.example.org",  # over 63 characters (RFC 1035 section 2.3.4)
        "example.org.evil.test",
        "3221225991",  # 192.0.2.7 as one number, which is a name
        "localhost",
        "127.0.0.1",
    ],
)
def test_what_is_none_of_them_is_misdirected(port: int, host: str) -> None:
    """No pattern takes a host that it does not describe."""
    assert ask(port, host)[0] == 421


@pytest.mark.parametrize(
    "host",
    [
        "",
        "bücher.example",  # browsers send xn--
        "2001:db8::7",
        "[2001:db8::7",
        "example.org:99999",
        "example.org:x",
        "ann@example.org",
        "example.org/x",
        "example.org?x",
        "example.org#x",
        "%65xample.org",
        "example.org, ann.example.org",
        f"{'a.' * 150}example.org",
        "x" * 300,
    ],
)
def test_what_is_no_host_is_malformed(port: int, host: str) -> None:
    """A 400 (RFC 9110 section 7.2), before anything of the app."""
    assert ask(port, host)[0] == 400


def test_a_host_that_is_missing(port: int) -> None:
    """HTTP/1.1 requires it; HTTP/1.0 does not, and then no host is named."""
    assert ask(port, None)[0] == 400
    assert ask(port, None, version="1.0")[0] == 421
    assert ask(port, "ann.example.org", version="1.0") == (200, ANN)
    assert ask(port, "example.org", fields="host: ann.example.org\r\n")[0] == 400


def test_an_absolute_target_has_the_host(port: int) -> None:
    """In the place of the field (RFC 9112 section 3.2.2)."""
    assert ask(port, "example.org", "http://ANN.example.org/") == (200, ANN)
    assert ask(port, "evil.test", "http://ann.example.org:81/") == (200, "home of ann / http://example.org:81/")
    assert ask(port, "example.org", "http://evil.test/")[0] == 421
    assert ask(port, "example.org", "http://example.org@evil.test/")[0] == 400
    assert ask(port, None, "http://ann.example.org/", version="1.0") == (200, ANN)


def test_a_proxy_that_is_not_trusted_names_no_host(port: int) -> None:
    """Its field is ignored."""
    assert ask(port, "example.org", fields=PROXY) == (200, FRONT)
    assert ask(port, "evil.test", fields=PROXY)[0] == 421


def test_a_trusted_proxy_names_the_host(trusting_port: int) -> None:
    """The last one of a list, which the proxy itself has added; one that is none of them is misdirected."""
    assert ask(trusting_port, "proxy.internal", fields=PROXY) == (200, ANN)
    listed = "x-forwarded-host: evil.test, ANN.example.org:444\r\nx-forwarded-proto: https\r\n"
    assert ask(trusting_port, "example.org", fields=listed) == (200, "home of ann / https://example.org:444/")
    assert ask(trusting_port, "example.org", fields="x-forwarded-host: evil.test\r\n")[0] == 421
    assert ask(trusting_port, "example.org") == (200, FRONT)


def test_a_host_is_in_both_if_there_are_names_in_the_settings(trusting_port: int) -> None:
    """One of `Hosts` that `--hosts` does not name is misdirected, and one that only `--hosts` names as well."""
    assert ask(trusting_port, "192.0.2.7")[0] == 421
    assert ask(trusting_port, "a.b.example.org")[0] == 421
    assert ask(trusting_port, "ann.example.org") == (200, ANN)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("example.org", "", 101),
        ("ann.example.org", "http://ann.example.org", 101),
        ("ANN.example.org:8000", "http://ann.example.org:8000", 101),
        ("example.org", "http://ann.example.org", 403),  # two hosts are two sites
        ("ann.example.org.", "http://ann.example.org", 403),  # with the dot it is another origin for browsers
        ("evil.test", "http://evil.test", 421),
        ("www.example.org", "", 303),
    ],
)
def test_a_handshake_is_for_one_host(port: int, host: str, origin: str, status: int) -> None:
    """Of a page of that host."""
    fields = HANDSHAKE + (f"origin: {origin}\r\n" if origin else "")
    assert ask(port, host, "/greet", fields=fields)[0] == status

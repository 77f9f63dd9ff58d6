"""A request for a foreign host gets 421, whoever names it, and before any code of the site runs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanlight.app.application import Application
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.exchange.allowed_hosts import MAX_LOGGED
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

Serve = Callable[..., Any]
events: list[str] = []


def _options(*hosts: str, **more: Any) -> Options:
    return Options(bind=("127.0.0.1:0",), access_log=False, hosts=hosts, **more)


def home(request: Request) -> str:
    events.append(request.host)
    return request.origin


@pytest.fixture
def site(serve: Serve) -> Any:
    def step(request: Request) -> Any:
        events.append("middleware")
        yield

    events.clear()
    urls = {"/": home, "POST /": home}
    return serve(urls, middleware=[step], options=_options("site.example", "*.shop.example", "[::1]"))


@pytest.mark.parametrize("host", ["site.example", "site.example:8000", "SITE.example.", "a.shop.example", "[::1]:80"])
def test_its_own_hosts_are_served(site: Any, host: str) -> None:
    """With any port, in any case."""
    assert site.send("GET", "/", host=host).text == f"http://{host}"


@pytest.mark.parametrize(
    "host", ["evil.example", "site.example.evil.example", "localhost", "127.0.0.1", "shop.example"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_foreign_host_is_refused(site: Any, method: str, host: str) -> None:
    """Also localhost, unless it is named; no middleware runs, and unknown addresses and methods get the same."""
    response = site.send(method, "/", "Accept: text/html", host=host, content=b"x" if method == "POST" else b"")
    assert response.status == 421
    assert "This site is not served at the host in this address." in response.text
    assert host not in response.text
    assert events == []
    assert site.send(method, "/nowhere", host=host).status == 421


def test_a_program_gets_problem_details(site: Any) -> None:
    """As for any error."""
    response = site.send("GET", "/", "Accept: application/json", host="evil.example")
    assert (response.status, response.get("content-type")) == (421, "application/problem+json")
    assert msgspec.json.decode(response.content)["status"] == 421


def test_the_site_may_have_a_page_for_it(serve: Serve) -> None:
    """Of its own, by its `errors`."""
    site = serve({"/": "home"}, errors={421: "Another door"}, options=_options("site.example"))
    response = site.send("GET", "/", "Accept: text/html", host="evil.example")
    assert (response.status, "Another door" in response.text) == (421, True)


def test_the_host_of_an_absolute_target_counts(site: Any) -> None:
    """It overrides Host (RFC 9112 section 3.2.2)."""
    assert site.send("GET", "http://evil.example/", host="site.example").status == 421
    assert site.send("GET", "http://site.example/", host="evil.example").text == "http://site.example"


def test_large_content_for_a_foreign_host_is_not_asked_for(site: Any) -> None:
    """The client waits for 100 (Continue), and gets 421."""
    response = site.send("POST", "/", "Expect: 100-continue", host="evil.example", content=b"x" * 9)
    assert response.status == 421


def test_the_host_that_a_trusted_proxy_forwards_counts(serve: Serve) -> None:
    """And only that of a trusted one."""
    trusted = _options("site.example", trusted_proxies=("127.0.0.1",))
    site = serve({"/": home}, options=trusted)
    assert site.send("GET", "/", "X-Forwarded-Host: site.example", host="127.0.0.1:8000").status == 200
    assert site.send("GET", "/", "X-Forwarded-Host: evil.example", host="site.example").status == 421
    site = serve({"/": home}, options=_options("site.example"))
    assert site.send("GET", "/", "X-Forwarded-Host: evil.example", host="site.example").status == 200
    assert site.send("GET", "/", "X-Forwarded-Host: site.example", host="evil.example").status == 421


def test_a_redirect_to_https_leads_to_no_foreign_host(serve: Serve, localhost: Any) -> None:
    """The plain port reflects the host, and only one of the site's."""
    options = Options(
        bind=("127.0.0.1:0",),
        redirect_from=("127.0.0.1:0",),
        cert=(localhost.cert,),
        key=(localhost.key,),
        access_log=False,
        hosts=("site.example",),
    )
    app = Application({"/": "home"}, folder=Path(__file__).parent)
    with LiveServer(app, options=options) as server:
        port = _plain_port(server)
        assert _head(port, "site.example").startswith("HTTP/1.1 308")
        assert "https://site.example" in _head(port, "site.example")
        foreign = _head(port, "evil.example")
        assert foreign.startswith("HTTP/1.1 421")
        assert "evil.example" not in foreign


def _plain_port(server: LiveServer) -> int:
    *_, (sock, _) = server._running.server._listeners.with_policies()
    return int(sock.getsockname()[1])


def _head(port: int, host: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return sock.recv(65536).decode()


def test_another_handler_gets_a_line_of_text() -> None:
    """One that has no page of its own for it."""

    class Handler:
        def find(self, request: Request, /) -> Call:
            request.params = {}
            return Call(lambda _: Response("home"), "home")

        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            pass

    with LiveServer(Handler(), options=_options("site.example")) as server:
        assert _head(server.port, "site.example").startswith("HTTP/1.1 200")
        assert _head(server.port, "evil.example").startswith("HTTP/1.1 421")


def test_foreign_hosts_are_logged_a_few_times(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A scanner must not fill the log, nor write into it."""
    for number in range(2 * MAX_LOGGED):
        site.send("GET", "/", host=f"{number}.evil.example")
        site.send("GET", "/", host="0.evil.example")
    lines = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(lines) == MAX_LOGGED
    assert lines[0] == "a request for the host '0.evil.example' was refused, which is none of --hosts (logged once)"


@pytest.mark.parametrize("hosts", [(), ("*",), ("site.example", "*")])
def test_any_host_is_served_without_the_setting(serve: Serve, hosts: tuple[str, ...]) -> None:
    """Or with a star; then nothing is checked."""
    site = serve({"/": home}, options=_options(*hosts))
    assert site.send("GET", "/", host="anything.example").status == 200
    assert site.server.hub.exchange._hosts is None

"""The proxies of the page about deployment, each run with its configuration from the page.

Only ports, the path of the certificate, and what belongs to a whole server around it differ.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.typing import Origin

Fetch = Callable[..., Any]
Config = Callable[..., str]
FreePort = Callable[[], int]
Start = Callable[..., Any]
VISITOR = ("--interface", "127.0.0.3")  # not an address that is trusted
TRUSTED = ("--trusted-proxies", "127.0.0.1,::1")
FIELDS = (
    "x-forwarded-for: 6.6.6.6",
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-proto: http",
    "x-forwarded-host: evil.example",
    "x-forwarded-port: 666",
    "x-forwarded-server: evil.example",
    "forwarded: for=6.6.6.6;proto=http;host=evil.example",
    "x-real-ip: 6.6.6.6",
    "x_forwarded_for: 6.6.6.6",
)
FORGED = tuple(word for field in FIELDS for word in ("-H", field))
BROWSER = ("-H", "sec-fetch-mode: navigate", "-H", "sec-fetch-dest: document")


def nginx(config: Config, folder: Path, certificate: Path, ports: dict[str, int]) -> list[str]:
    site = config(
        "/etc/nginx/conf.d/site.conf",
        {
            "/etc/letsencrypt/live/example.org": str(certificate),
            "127.0.0.1:8000": f"127.0.0.1:{ports['site']}",
            "listen 443": f"listen 127.0.0.1:{ports['https']}",
            "listen 80;": f"listen 127.0.0.1:{ports['http']};",
        },
    )
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
    )
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(config: Config, folder: Path, _certificate: Path, ports: dict[str, int]) -> list[str]:
    site = config(
        "/etc/caddy/Caddyfile",
        {
            "example.org {": f"https://example.org:{ports['https']} {{\n    bind 127.0.0.1",
            "127.0.0.1:8000": f"127.0.0.1:{ports['site']}",
        },
    )
    # A self-signed certificate, as no authority can be reached here.
    options = f"admin off\nlocal_certs\nskip_install_trust\nhttp_port {ports['http']}\nauto_https disable_redirects"
    (folder / "Caddyfile").write_text(f"{{\n{options}\nstorage file_system {folder}/caddy\n}}\n{site}")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def haproxy(config: Config, folder: Path, certificate: Path, ports: dict[str, int]) -> list[str]:
    both = folder / "example.org.pem"
    both.write_text((certificate / "fullchain.pem").read_text() + (certificate / "privkey.pem").read_text())
    site = config(
        "/etc/haproxy/haproxy.cfg, at the end",
        {
            "/etc/haproxy/example.org.pem": str(both),
            "bind :80": f"bind 127.0.0.1:{ports['http']}",
            "bind :443": f"bind 127.0.0.1:{ports['https']}",
            "127.0.0.1:8000": f"127.0.0.1:{ports['site']}",
            "check port 9000": f"check port {ports['admin']}",
        },
    )
    return _haproxy(folder, site)


def haproxy_in_tcp_mode(config: Config, folder: Path, _certificate: Path, ports: dict[str, int]) -> list[str]:
    site = config(
        "/etc/haproxy/haproxy.cfg, at the end, with TLS left to the site",
        {
            "bind :443": f"bind 127.0.0.1:{ports['https']}",
            "127.0.0.1:8000": f"127.0.0.1:{ports['site']}",
            "check port 9000": f"check port {ports['admin']}",
        },
    )
    return _haproxy(folder, site)


def _haproxy(folder: Path, site: str) -> list[str]:
    defaults = "defaults\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n"
    (folder / "haproxy.cfg").write_text(f"global\n    log stdout format raw daemon\n{defaults}{site}")
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


class ProxiedSite:
    """A site, and the proxies that can be put in front of it."""

    def __init__(self, start: Start, config: Config, folder: Path, ports: dict[str, int]) -> None:
        self.start, self.config, self.folder, self.ports = start, config, folder, ports
        self.served: Any = None

    def serve(self, serve: Start, *words: str) -> None:
        """Serve the site as on the page."""
        bind = ("--bind", f"localhost:{self.ports['site']}", "--admin", f"localhost:{self.ports['admin']}")
        self.served = serve(self.ports["site"], *bind, "--workers", "1", *TRUSTED, *words)

    def put(self, proxy: Callable[..., list[str]], certificate: Path) -> None:
        """Start a proxy in front of the site."""
        running = self.start(proxy(self.config, self.folder, certificate, self.ports), self.ports["https"])
        running.wait_for_handshake(self.ports["https"], "example.org")


@pytest.fixture
def behind(start: Start, config: Config, tmp_path: Path, free_port: FreePort) -> ProxiedSite:
    """Return a site and a proxy to be started, with a free port for each that the page names."""
    return ProxiedSite(start, config, tmp_path, {name: free_port() for name in ("site", "admin", "http", "https")})


@pytest.mark.parametrize("proxy", [nginx, caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_a_view_sees_the_visitor_and_not_the_proxy(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch
) -> None:
    """Behind each proxy, client, scheme, host and URL are those of the visitor, whatever fields it sends."""
    behind.serve(serve)
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    url = f"https://example.org:{port}/some/where?a=b"
    for words in ((), FORGED, *(("-H", field) for field in FIELDS)):
        seen = fetch(url, port, *VISITOR, *words)
        assert isinstance(seen, dict), seen
        assert (seen["client"], seen["scheme"]) == ("127.0.0.3", "https")
        assert (seen["host"], seen["url"]) == (f"example.org:{port}", url)
    assert fetch(f"https://example.org:{port}/taken", port, "--data-binary", "a" * 100_000) == {"size": 100_000}
    log = behind.served.log.read_text()
    assert "127.0.0.3" in log
    assert "not trusted" not in log


@pytest.mark.parametrize("read", ["x-forwarded", "x-forwarded-with-port", "forwarded"])
@pytest.mark.parametrize("proxy", [nginx, caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_a_client_can_forge_no_forwarded_field(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch, read: str
) -> None:
    """Even if the site reads other fields than the proxy writes, none of them is the client's."""
    behind.serve(serve, "--proxy-fields", read)
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    seen = fetch(f"https://example.org:{port}/some/where", port, *VISITOR, *FORGED)
    assert seen["client"] in ("127.0.0.3", "127.0.0.1")
    assert "evil" not in seen["url"]
    assert "666" not in seen["url"].replace(f":{port}", "")


@pytest.mark.parametrize("proxy", [nginx, caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_a_request_for_another_host_is_refused(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch
) -> None:
    """A request with a Host other than the site's reaches no view."""
    behind.serve(serve)
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    content = fetch(f"https://example.org:{port}/", port, *VISITOR, "-H", "host: evil.example")
    assert not isinstance(content, dict)
    assert "evil" not in behind.served.log.read_text()


@pytest.mark.parametrize("proxy", [nginx, caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_a_websocket_passes(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path
) -> None:
    """Behind each proxy, from a page of the site, and not from one of another site."""
    behind.serve(serve)
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    uri = f"wss://example.org:{port}/echo"

    async def talk(origin: str) -> list[str | bytes]:
        async with websockets.connect(uri, host="127.0.0.1", port=port, ssl=context, origin=Origin(origin)) as client:
            await client.send("x" * 1000)
            await client.send(b"bytes")
            return [await client.recv(), await client.recv()]

    assert asyncio.run(talk(f"https://example.org:{port}")) == ["x" * 1000, b"bytes"]
    with pytest.raises(websockets.InvalidStatus, match="403"):
        asyncio.run(talk("https://evil.example"))


@pytest.mark.parametrize("proxy", [nginx, caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_a_page_with_early_hints_arrives_behind_a_proxy(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch
) -> None:
    """By default no hints are sent to a proxy: some take them for the response, and a browser waits in vain."""
    behind.serve(serve)
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    content = fetch(f"https://example.org:{port}/hinted", port, *VISITOR, *BROWSER, "-i")
    assert "<h1>the page</h1>" in content
    assert " 103" not in content


@pytest.mark.parametrize("proxy", [caddy, haproxy], ids=lambda proxy: proxy.__name__)
def test_early_hints_pass_through_a_proxy_if_enabled(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch
) -> None:
    """With --proxy-early-hints the client gets the hints, then the page."""
    behind.serve(serve, "--proxy-early-hints")
    behind.put(proxy, certificate)
    port = behind.ports["https"]
    content = fetch(f"https://example.org:{port}/hinted", port, *VISITOR, *BROWSER, "-i", "--http1.1")
    assert "103 Early Hints" in content
    assert content.index("</app.css>; rel=preload; as=style") < content.index("<h1>the page</h1>")


@pytest.mark.parametrize("proxy", [nginx, haproxy], ids=lambda proxy: proxy.__name__)
def test_plain_http_is_redirected_to_https(
    behind: ProxiedSite, serve: Start, proxy: Callable[..., list[str]], certificate: Path, fetch: Fetch
) -> None:
    """The page's proxies redirect http to https."""
    behind.serve(serve)
    behind.put(proxy, certificate)
    port = behind.ports["http"]
    options = ("-o", "/dev/null", "-w", '{"status": %{http_code}, "to": "%header{location}"}')
    response = fetch(f"http://example.org:{port}/a?b", port, *options)
    assert response["status"] in (301, 302)
    assert response["to"].startswith("https://example.org")
    assert response["to"].endswith("/a?b")


def test_a_tcp_proxy_passes_the_client_by_the_proxy_protocol(
    behind: ProxiedSite, serve: Start, certificate: Path, fetch: Fetch
) -> None:
    """With TLS terminated by the site, the client is that of the PROXY protocol, and the certificate is the site's."""
    cert, key = str(certificate / "fullchain.pem"), str(certificate / "privkey.pem")
    behind.serve(serve, "--proxy-protocol", "--cert", cert, "--key", key)
    behind.put(haproxy_in_tcp_mode, certificate)
    port = behind.ports["https"]
    url = f"https://example.org:{port}/some/where"
    seen = fetch(url, port, *VISITOR)
    assert isinstance(seen, dict), seen
    assert (seen["client"], seen["scheme"], seen["url"]) == ("127.0.0.3", "https", url)

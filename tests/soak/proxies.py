"""Proxies between a client and a site, each with the smallest configuration that forwards requests.

`Proxy.make` takes a folder, the port to listen on and the site's port, and returns a command. All proxies keep their
connections to the site open and reuse them for requests of other clients: that is where request smuggling does harm.
Debian has packages of them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 20.0
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
Make = Callable[[Path, int, int], Sequence[str]]


@dataclass(frozen=True)
class Proxy:
    """A kind of proxy, and how it is run."""

    name: str
    program: str
    package: str
    make: Make
    version: tuple[str, ...] = ("-v",)

    @property
    def is_installed(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.program, path=_SBIN) is not None

    def version_text(self) -> str:
        """Return the version that its program prints."""
        done = subprocess.run([self._path, *self.version], capture_output=True, text=True, check=False)
        printed = (done.stdout + done.stderr).replace("/", " ").replace("-", " ").replace("v", " ").split()
        return next((each.rstrip(",)") for each in printed if each[:1].isdecimal() and "." in each), "?")

    @property
    def _path(self) -> str:
        return shutil.which(self.program, path=_SBIN) or self.program

    @contextlib.contextmanager
    def running(self, folder: Path, site: int) -> Iterator[int]:
        """Run it in front of the site; yield its port. Raises TimeoutError if it does not start."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # some of them drop root once they listen
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port: int = sock.getsockname()[1]
        words = self.make(folder, port, site)
        with (folder / "said.txt").open("wb") as out:
            process = subprocess.Popen(
                [self._path, *words],
                cwd=folder,
                stdout=out,
                stderr=out,
                env=os.environ | {"XDG_DATA_HOME": str(folder)},
            )
        try:
            self._wait(process, port, folder)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            if process.poll() is not None or time.monotonic() > until:
                raise TimeoutError(f"{self.name} does not start:\n{(folder / 'printed.txt').read_text()[-1000:]}")
            time.sleep(0.05)


def _nginx(folder: Path, port: int, site: int, *, more: str = "") -> Sequence[str]:
    kept = "".join(
        f"{each}_temp_path {folder}/{each}; " for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; client_max_body_size 64m; {kept}\n"
        f"upstream site {{ server 127.0.0.1:{site}; keepalive 8; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://site; proxy_http_version 1.1;"
        f' proxy_set_header Connection ""; proxy_set_header Host $http_host; {more} }} }} }}\n'
    )
    return "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")


def _nginx_unbuffered(folder: Path, port: int, site: int) -> Sequence[str]:
    return _nginx(folder, port, site, more="proxy_request_buffering off;")


def _haproxy(folder: Path, port: int, site: int) -> Sequence[str]:
    (folder / "haproxy.cfg").write_text(
        "global\n    log stdout format raw daemon\n"
        "defaults\n    mode http\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n"
        f"    http-reuse always\nlisten all\n    bind 127.0.0.1:{port}\n    server site 127.0.0.1:{site}\n"
    )
    return "-db", "-f", str(folder / "haproxy.cfg")


def _caddy(folder: Path, port: int, site: int) -> Sequence[str]:
    (folder / "Caddyfile").write_text(
        f"{{\n    admin off\n    auto_https off\n    storage file_system {folder}/kept\n}}\n"
        f"http://:{port} {{\n    bind 127.0.0.1\n    reverse_proxy 127.0.0.1:{site}\n}}\n"
    )
    return "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"


def _varnish(folder: Path, port: int, site: int) -> Sequence[str]:
    (folder / "site.vcl").write_text(
        f'vcl 4.1;\nbackend default {{ .host = "127.0.0.1"; .port = "{site}"; }}\nsub vcl_recv {{ return (pass); }}\n'
    )
    at = ("-a", f"127.0.0.1:{port}", "-f", str(folder / "site.vcl"), "-n", str(folder / "work"))
    return "-j", "none", "-F", *at, "-s", "malloc,16m", "-p", "timeout_idle=5"


def _apache(folder: Path, port: int, site: int) -> Sequence[str]:
    modules = {"mpm_event": "mpm_event", "authz_core": "authz_core", "proxy": "proxy", "proxy_http": "proxy_http"}
    loads = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{file}.so\n" for name, file in modules.items()
    )
    (folder / "apache.conf").write_text(
        f"ServerRoot {folder}\nServerName example.org\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\n{loads}"
        f"Listen 127.0.0.1:{port}\nErrorLog {folder}/errors.txt\nTimeout 5\nKeepAliveTimeout 5\n"
        f"{'User www-data' if os.geteuid() == 0 else ''}\nProxyPreserveHost On\nAllowEncodedSlashes NoDecode\n"
        f"ProxyPass / http://127.0.0.1:{site}/ nocanon\n"
    )
    return "-d", str(folder), "-f", str(folder / "apache.conf"), "-DFOREGROUND"


def _squid(folder: Path, port: int, site: int) -> Sequence[str]:
    (folder / "squid.conf").write_text(
        f"http_port 127.0.0.1:{port} accel vhost defaultsite=example.org\n"
        f"cache_peer 127.0.0.1 parent {site} 0 no-query no-digest originserver\n"
        "never_direct allow all\ncache deny all\n"
        f"http_access allow all\npid_filename {folder}/pid\ncache_log {folder}/errors.txt\naccess_log none\n"
        f"cache_store_log none\ncoredump_dir {folder}\nshutdown_lifetime 1 seconds\nnetdb_filename none\n"
        "request_timeout 5 seconds\nclient_idle_pconn_timeout 5 seconds\npinger_enable off\n"
    )
    return "-N", "-f", str(folder / "squid.conf")


PROXIES = (
    Proxy("nginx", "nginx", "nginx", _nginx),
    Proxy("nginx, unbuffered", "nginx", "nginx", _nginx_unbuffered),
    Proxy("HAProxy", "haproxy", "haproxy", _haproxy),
    Proxy("Caddy", "caddy", "caddy", _caddy, ("version",)),
    Proxy("Varnish", "varnishd", "varnish", _varnish, ("-V",)),
    Proxy("Apache", "apache2", "apache2", _apache),
    Proxy("Squid", "squid", "squid", _squid),
)

"""Requests per second over TLS, on kept connections and with a handshake for each: as `throughput`, over https.

In: settings. Out: a table a shape, and results/tls.json. All servers have the same certificate (ECDSA P-256), and
wrk speaks TLS 1.3 with each of them. wrk resumes no sessions, so a client of our own does.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import asking
from load import BROWSER, CLOSING, TINY, Load
from machine import program
from peers import CERT, KEY, TLS_FOLDER, TLS_PEERS
from sampling import Sample, quietest, watched
from serving import CannotRunError
from tasks import Task, compare
from throughput import small_page

if TYPE_CHECKING:
    from serving import Serving

    from settings import Settings

SPOKEN = "TLSv1.3", "TLS_AES_256_GCM_SHA384"
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE  # the certificate is of our own making


def main(settings: Settings) -> None:
    """Measure, print and save."""
    make_certificate()
    tasks = [replace(small_page(shape), check=_check) for shape in (TINY, BROWSER, CLOSING)]
    tasks.append(Task(name="a resumed handshake for each request", check=_check, sample=_resuming))
    compare(settings, TLS_PEERS, tasks, "tls", TLS_PEERS[:2])


def make_certificate() -> None:
    """Make the certificate that all servers have."""
    TLS_FOLDER.mkdir(mode=0o700, exist_ok=True)
    what = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(KEY), "-out", str(CERT)]
    subprocess.run([program("openssl"), "req", "-x509", *what, *files], check=True, capture_output=True)


def _resuming(server: Serving, settings: Settings) -> Sample:
    """Connect again and again with the session of the connection before; the client is slower than most servers."""

    def make_load() -> Load:
        session, times, began = _ask(server, None)[0], [], time.perf_counter()
        while time.perf_counter() - began < settings.seconds:
            started = time.perf_counter()
            session, is_resumed = _ask(server, session)
            if not is_resumed:
                raise CannotRunError("it does not resume sessions")
            times.append((time.perf_counter() - started) * 1e3)
        seconds = time.perf_counter() - began
        p50, p99 = sorted(times)[len(times) // 2], sorted(times)[len(times) * 99 // 100]
        return Load(
            requests=len(times), seconds=seconds, bytes_each=0, p50_ms=p50, p99_ms=p99, worst_ms=max(times), errors={}
        )

    return quietest(lambda: watched(server, make_load), settings.tries)


def _ask(server: Serving, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
    """Make a connection and a request; return the session of it, and whether that was resumed."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    with plain, CONTEXT.wrap_socket(plain, session=session) as connection:
        connection.sendall(asking.head("closing.txt", f"{server.peer.path}/42"))
        asking.receive(connection)  # the tickets of TLS 1.3 come with it
        return connection.session, bool(connection.session_reused)


def _check(server: Serving) -> None:
    """Refuse a server whose responses are wrong, or that speaks another TLS than the others."""
    asking.check(server.peer, server.port)
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
        CONTEXT.wrap_socket(plain) as connection,
    ):
        spoken = connection.version(), (connection.cipher() or ("no cipher",))[0]
    if spoken != SPOKEN:
        raise CannotRunError(f"it speaks {' with '.join(map(str, spoken))}")

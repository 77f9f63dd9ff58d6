"""Who is measured: one entry a server, with how it is started and what a reader should know of it.

Each is started the way its own documentation recommends for production: one worker process, no access
log, its fastest event loop and parser. Each answers GET /user/{id} with a small page that holds the id.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from machine import program

Command = Callable[[int, Path], list[str]]
APPS = Path(__file__).parent / "apps"
STATIC_FOLDER = Path(tempfile.gettempdir()) / f"fanlight-bench-static-{os.getuid()}"  # static.py writes its files


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One server with one app."""

    name: str
    command: Command  # of the port and a folder for its files
    note: str  # how it is set up
    path: str = "/user"  # the id stands behind it
    slow_path: str = "/slow"
    scheme: str = "http"
    answers_id: bool = True  # False: the same page for every id
    environment: dict[str, str] = field(default_factory=dict)


def _nginx(port: int, folder: Path, conf: str = "nginx.conf") -> list[str]:
    text = (APPS / conf).read_text().replace("PORT", str(port)).replace("FOLDER", str(STATIC_FOLDER))
    (folder / "nginx.conf").write_text(text)
    return [program("nginx"), "-p", str(folder), "-c", "nginx.conf"]


def _fanlight(*options: str) -> Command:
    return lambda port, _: [program("fanlight"), "run", "fanlight_app.py", "--port", str(port), *options]


def _of_fanlight(app: str) -> Command:
    return lambda port, _: [program("fanlight"), "run", app, "--port", str(port), "--no-access-log"]


def _uvicorn(app: str, *options: str) -> Command:
    fixed = shlex.split("--host 127.0.0.1 --loop uvloop --http httptools --no-access-log --log-level warning")
    return lambda port, _: [program("uvicorn"), app, "--port", str(port), *fixed, *options]


def _granian(app: str, interface: str, *options: str) -> Command:
    fixed = shlex.split("--host 127.0.0.1 --workers 1 --loop uvloop --no-ws --log-level warning")
    return lambda port, _: [program("granian"), app, "--interface", interface, "--port", str(port), *fixed, *options]


def _gunicorn(app: str, *options: str) -> Command:
    fixed = shlex.split("--workers 1 --keep-alive 65 --log-level warning")
    return lambda port, _: [program("gunicorn"), app, "--bind", f"127.0.0.1:{port}", *fixed, *options]


def _gthread(app: str, threads: int = 4) -> Command:
    return _gunicorn(app, "--worker-class", "gthread", "--threads", str(threads))


def _script(name: str) -> Command:
    return lambda port, _: [sys.executable, name, str(port)]


def _sanic(port: int, _: Path) -> list[str]:
    fixed = shlex.split("--host 127.0.0.1 --single-process --no-access-logs --no-motd")
    return [program("sanic"), "sanic_app:app", "--port", str(port), *fixed]


NGINX = Peer(
    name="nginx return 200", command=_nginx, note="no application: its page is in its settings", answers_id=False
)
FANLIGHT = Peer(name="Fanlight", command=_fanlight("--no-access-log"), note="a sync view")
FANLIGHT_LOGGING = Peer(name="Fanlight, access log", command=_fanlight(), note="a sync view; the log goes to a file")
STARLETTE_SYNC = Peer(
    name="Starlette sync, uvicorn", command=_uvicorn("starlette_app:app"), note="uvloop, httptools; its thread pool"
)
FLASK = Peer(
    name="Flask, gunicorn gthread",
    command=_gthread("flask_app:app"),
    note="4 threads, as gunicorn recommends; 1 thread is slower, 8 gain nothing",
)
FLASK_WIDE = Peer(
    name="Flask, gunicorn gthread 64",
    command=_gthread("flask_app:app", threads=64),
    note="64 threads: more than there are connections",
)

PEERS = (
    NGINX,
    FANLIGHT,
    Peer(name="Fanlight async", command=_fanlight("--no-access-log"), note="an async view", path="/async"),
    FANLIGHT_LOGGING,
    Peer(name="socketify", command=_script("socketify_app.py"), note="a C++ server (uWebSockets) with its own router"),
    Peer(name="Granian RSGI raw", command=_granian("rsgi_raw:app", "rsgi"), note="a Rust server; no framework"),
    Peer(
        name="Starlette async, Granian",
        command=_granian("starlette_app:app", "asgi"),
        note="a Rust server, ASGI",
        path="/async",
    ),
    Peer(name="uvicorn raw", command=_uvicorn("asgi_raw:app"), note="uvloop, httptools; no framework"),
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("starlette_app:app"),
        note="uvloop, httptools",
        path="/async",
    ),
    STARLETTE_SYNC,
    Peer(name="FastAPI async, uvicorn", command=_uvicorn("fastapi_app:app"), note="uvloop, httptools", path="/async"),
    Peer(name="FastAPI sync, uvicorn", command=_uvicorn("fastapi_app:app"), note="uvloop, httptools; its thread pool"),
    FLASK,
    Peer(
        name="Flask, gunicorn gevent",
        command=_gunicorn("flask_app:app", "--worker-class", "gevent"),
        note="more requests than gthread, but a few connections starve: see its p99",
    ),
    Peer(name="aiohttp", command=_script("aiohttp_app.py"), note="uvloop; its own server"),
    Peer(name="Sanic", command=_sanic, note="uvloop, httptools; its own server"),
)

# Over TLS, all with one certificate (tls.py makes it): TLS 1.3, AES-256-GCM, ECDSA P-256.
TLS_FOLDER = Path(tempfile.gettempdir()) / f"fanlight-bench-tls-{os.getuid()}"
CERT, KEY = TLS_FOLDER / "cert.pem", TLS_FOLDER / "key.pem"


def _nginx_tls(port: int, folder: Path) -> list[str]:
    command = _nginx(port, folder)
    conf = folder / "nginx.conf"
    secured = f"listen 127.0.0.1:{port} ssl;\n        ssl_certificate {CERT};\n        ssl_certificate_key {KEY};"
    conf.write_text(conf.read_text().replace(f"listen 127.0.0.1:{port};", secured))
    return command


TLS_PEERS = (
    Peer(name=NGINX.name, command=_nginx_tls, note=NGINX.note, answers_id=False, scheme="https"),
    Peer(
        name="Fanlight",
        command=_fanlight("--no-access-log", "--cert", str(CERT), "--key", str(KEY)),
        note="a sync view",
        scheme="https",
    ),
    Peer(
        name="uvicorn raw",
        command=_uvicorn("asgi_raw:app", "--ssl-certfile", str(CERT), "--ssl-keyfile", str(KEY)),
        note="uvloop, httptools; no framework",
        scheme="https",
    ),
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("starlette_app:app", "--ssl-certfile", str(CERT), "--ssl-keyfile", str(KEY)),
        note="uvloop, httptools",
        path="/async",
        scheme="https",
    ),
    Peer(
        name="Granian RSGI raw",
        command=_granian("rsgi_raw:app", "rsgi", "--ssl-certificate", str(CERT), "--ssl-keyfile", str(KEY)),
        note="a Rust server; no framework",
        scheme="https",
    ),
)

# Beside a view that blocks: the servers that run sync views.
BLOCKING_PEERS = (FANLIGHT, STARLETTE_SYNC, FLASK, FLASK_WIDE)

# Where sync views wait a little: each answers /user, /postgresql and /sqlite, /compute, and /sleep/{microseconds}.
_BY_UVICORN = "uvicorn: uvloop, httptools; its thread pool"
_BY_GTHREAD = "gunicorn gthread, 64 threads: one for each connection that waits"
WAITING_PEERS = (
    Peer(name="Fanlight", command=_of_fanlight("waits_fanlight.py"), note="no view says that it waits", path=""),
    Peer(name="Starlette", command=_uvicorn("waits_starlette:app"), note=_BY_UVICORN, path=""),
    Peer(name="FastAPI", command=_uvicorn("waits_fastapi:app"), note=_BY_UVICORN, path=""),
    Peer(name="Flask", command=_gthread("waits_flask:app", threads=64), note=_BY_GTHREAD, path=""),
    Peer(name="Django", command=_gthread("waits_django:app", threads=64), note=f"{_BY_GTHREAD}; cursors", path=""),
)

# Where a view's arguments are the work: each answers /json, /form and /depends below its path.
BINDING_PEERS = (
    Peer(name="Fanlight", command=_of_fanlight("binding_fanlight.py"), note="sync views", path=""),
    Peer(name="Fanlight async", command=_of_fanlight("binding_fanlight.py"), note="async views", path="/async"),
    Peer(
        name="Litestar async, uvicorn",
        command=_uvicorn("binding_litestar:app"),
        note="msgspec; uvloop, httptools",
        path="",
    ),
    Peer(
        name="FastAPI async, uvicorn",
        command=_uvicorn("binding_fastapi:app"),
        note="pydantic; uvloop, httptools",
        path="",
    ),
)

# A posted form: each answers /form below its path. The last two have nothing that converts it: their views do.
FORM_PEERS = (
    *BINDING_PEERS,
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("forms_starlette:app"),
        note="python-multipart, by hand; uvloop, httptools",
        path="",
    ),
    Peer(name="Flask, gunicorn gthread", command=_gthread("forms_flask:app"), note="by hand; 4 threads", path=""),
)

# A Jinja page: each answers /list/{number} below its path.
# Where a page has a session: each answers /begin and /page below its path.
SESSION_PEERS = (
    Peer(name="Fanlight", command=_of_fanlight("sessions_fanlight.py"), note="a sync view", path=""),
    Peer(name="Fanlight async", command=_of_fanlight("sessions_fanlight.py"), note="an async view", path="/async"),
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("sessions_starlette:app"),
        note="SessionMiddleware; uvloop, httptools",
        path="",
    ),
    Peer(name="Flask, gunicorn gthread", command=_gthread("sessions_flask:app"), note="4 threads", path=""),
    Peer(
        name="Django, gunicorn gthread",
        command=_gthread("sessions_django:app"),
        note="SessionMiddleware, signed cookies; 4 threads",
        path="",
    ),
)

PAGE_PEERS = (
    Peer(name="Fanlight", command=_of_fanlight("pages_fanlight.py"), note="a sync view", path=""),
    Peer(name="Fanlight async", command=_of_fanlight("pages_fanlight.py"), note="an async view", path="/async"),
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("pages_starlette:app"),
        note="uvloop, httptools",
        path="/async",
    ),
    Peer(
        name="Starlette sync, uvicorn",
        command=_uvicorn("pages_starlette:app"),
        note="uvloop, httptools; its thread pool",
        path="",
    ),
    Peer(name="Flask, gunicorn gthread", command=_gthread("pages_flask:app"), note="4 threads", path=""),
)

# A folder of files: each gives STATIC_FOLDER below its path.
_IN_STATIC_FOLDER = {"BENCH_STATIC": str(STATIC_FOLDER)}
STATIC_PEERS = (
    Peer(
        name="Fanlight",
        command=_of_fanlight("static_fanlight.py"),
        note="by Static, or by a view that returns a Path where there is no Static",
        path="/static",
        environment=_IN_STATIC_FOLDER,
    ),
    Peer(
        name="nginx",
        command=lambda port, folder: _nginx(port, folder, "nginx_static.conf"),
        note="one worker; sendfile, tcp_nopush",
        path="/static",
    ),
    Peer(
        name="Starlette, uvicorn",
        command=_uvicorn("static_starlette:app"),
        note="StaticFiles; uvloop, httptools",
        path="/static",
        environment=_IN_STATIC_FOLDER,
    ),
    Peer(
        name="Granian",
        command=_granian("rsgi_raw:app", "rsgi", "--static-path-mount", str(STATIC_FOLDER)),
        note="a Rust server; its own files, no Python",
        path="/static",
    ),
)

# A posted file: each answers /received, /digest and /kept.
UPLOAD_PEERS = (
    Peer(name="Fanlight", command=_of_fanlight("uploads_fanlight.py"), note="save_to", path=""),
    Peer(
        name="FastAPI, uvicorn",
        command=_uvicorn("uploads_fastapi:app"),
        note="python-multipart; uvloop, httptools; copyfileobj in its thread pool",
        path="",
    ),
    Peer(name="Flask, gunicorn gthread", command=_gthread("uploads_flask:app"), note="4 threads; save", path=""),
)

# With 10,000 connections that idle longer than uvicorn, and for fresh ones Fanlight, would let them.
IDLING_PEERS = (
    Peer(
        name="Fanlight",
        command=_fanlight("--no-access-log", "--head-seconds", "300", "--idle-seconds", "300"),
        note="a sync view; its waits for a head and between requests raised to 300 s",
    ),
    Peer(
        name="Starlette async, uvicorn",
        command=_uvicorn("starlette_app:app", "--timeout-keep-alive", "300"),
        note="uvloop, httptools; its keep-alive raised to 300 s",
        path="/async",
    ),
    NGINX,
)

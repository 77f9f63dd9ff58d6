"""Who is measured: one entry a server, with how it is started and what a reader should know of it.

Each is started the way its own documentation recommends for production: one worker process, no access
log, its fastest event loop and parser. Each answers GET /user/{id} with a small page that holds the id.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from machine import program

from fanlight.wire.http1.head_reader import PACKAGE, READER

# In the environment of Fanlight without its compiled reader; empty where that is not installed.
PURE = {"FANLIGHT_SPEED": "off"} if READER == PACKAGE else {}
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
    output: str = "file"  # what it writes to: a file, a pipe or a socket


# --- how each is started -------------------------------------------------------------------------


def nginx(port: int, folder: Path, conf: str = "nginx.conf", replaced: Mapping[str, str] | None = None) -> list[str]:
    """Write a configuration of apps/ into the folder, some of its words replaced, and return the command."""
    text = (APPS / conf).read_text()
    for word, by in ({"PORT": str(port), "FOLDER": str(STATIC_FOLDER)} | dict(replaced or {})).items():
        text = text.replace(word, by)
    (folder / "nginx.conf").write_text(text)
    return [program("nginx"), "-p", str(folder), "-c", "nginx.conf"]


def with_words(peer: Peer, *words: str) -> Peer:
    """Return a server with more words on its command line."""
    return replace(peer, command=lambda port, folder: [*peer.command(port, folder), *words])


def fanlight(
    app: str, *options: str, name: str = "Fanlight", note: str = "a sync view", path: str = "", log: bool = False
) -> Peer:
    """Return Fanlight with an app of apps/, in pure Python; without its access log, unless it is asked for."""
    words = ["run", f"{app}.py", *options, *([] if log else ["--no-access-log"])]
    return Peer(
        name=name,
        note=note,
        path=path,
        command=lambda port, _: [sys.executable, "-m", "fanlight", *words, "--port", str(port)],  # of any revision
        environment=PURE,
    )


def compiled(peer: Peer) -> tuple[Peer, ...]:
    """Return Fanlight with the compiled reader of heads; nothing where that is not installed."""
    name, comma, rest = peer.name.partition(",")
    environment = {each: value for each, value in peer.environment.items() if each not in PURE}
    return (replace(peer, name=f"{name}[speed]{comma}{rest}", environment=environment),) if PURE else ()


def uvicorn(
    name: str, app: str, note: str = "", path: str = "", options: Sequence[str] = (), *, loop: str = "uvloop"
) -> Peer:
    """Return an ASGI app on uvicorn, with httptools, by default on uvloop."""
    fixed = shlex.split(f"--host 127.0.0.1 --loop {loop} --http httptools --no-access-log --log-level warning")
    return Peer(
        name=name,
        note="; ".join(filter(None, (note, f"{loop}, httptools"))),
        path=path,
        command=lambda port, _: [program("uvicorn"), f"{app}:app", "--port", str(port), *fixed, *options],
    )


def granian(name: str, app: str, interface: str, note: str, path: str = "", options: Sequence[str] = ()) -> Peer:
    """Return an app on Granian, with one worker."""
    fixed = shlex.split("--host 127.0.0.1 --workers 1 --loop uvloop --no-ws --log-level warning --interface")
    return Peer(
        name=name,
        note=note,
        path=path,
        command=lambda port, _: [program("granian"), f"{app}:app", *fixed, interface, "--port", str(port), *options],
    )


def gunicorn(
    name: str, app: str, note: str, path: str = "", options: str = "--worker-class gthread --threads 4"
) -> Peer:
    """Return a WSGI app on gunicorn, with one worker: by default of 4 threads, as its documentation suggests."""
    fixed = shlex.split(f"--workers 1 --keep-alive 65 --log-level warning {options}")
    return Peer(
        name=name,
        note=note,
        path=path,
        command=lambda port, _: [program("gunicorn"), f"{app}:app", "--bind", f"127.0.0.1:{port}", *fixed],
    )


def waitress(name: str, app: str) -> Peer:
    """Return a WSGI app on waitress, with its 4 threads."""
    return Peer(
        name=name,
        note="4 threads",
        path="",
        command=lambda port, _: [program("waitress-serve"), f"--listen=127.0.0.1:{port}", f"{app}:app"],
    )


def script(name: str, file: str, note: str, path: str = "/user") -> Peer:
    """Return a server that is a program of apps/ of its own."""
    return Peer(name=name, note=note, path=path, command=lambda port, _: [sys.executable, f"{file}.py", str(port)])


def sanic(app: str) -> Peer:
    """Return an app on Sanic, in one process."""
    fixed = shlex.split("--host 127.0.0.1 --single-process --no-access-logs --no-motd")
    return Peer(
        name="Sanic",
        note="uvloop, httptools; its own server",
        command=lambda port, _: [program("sanic"), f"{app}:app", "--port", str(port), *fixed],
    )


# --- one route with one parameter ----------------------------------------------------------------

_IN_THREADS = "its thread pool"
NGINX = Peer(
    name="nginx", command=nginx, note="`return 200`: no application, its page is in its settings", answers_id=False
)
FANLIGHT = fanlight("fanlight_app", path="/user")
FANLIGHT_LOGGING = fanlight(
    "fanlight_app", path="/user", name="Fanlight, access log", log=True, note="a sync view; the log goes to a file"
)
FANLIGHT_ASYNC = fanlight("fanlight_app", path="/async", name="Fanlight async", note="an async view")
SOCKETIFY = script("socketify", "socketify_app", "a C++ server (uWebSockets) with its own router")
GRANIAN = granian("Granian RSGI raw", "rsgi_raw", "rsgi", "a Rust server; no framework", "/user")
UVICORN = uvicorn("uvicorn raw", "asgi_raw", "no framework", "/user")
STARLETTE = uvicorn("Starlette async, uvicorn", "starlette_app", path="/async")
STARLETTE_SYNC = uvicorn("Starlette sync, uvicorn", "starlette_app", _IN_THREADS, "/user")
FLASK = gunicorn(
    "Flask, gunicorn gthread", "flask_app", "4 threads, as gunicorn recommends; 1 is slower, 8 gain nothing", "/user"
)
FLASK_WIDE = gunicorn(
    "Flask, gunicorn gthread 64",
    "flask_app",
    "64 threads: more than there are connections",
    "/user",
    "--worker-class gthread --threads 64",
)
AIOHTTP = script("aiohttp", "aiohttp_app", "uvloop; its own server")
SANIC = sanic("sanic_app")

PEERS = (
    NGINX,
    FANLIGHT,
    FANLIGHT_LOGGING,
    *compiled(FANLIGHT),
    *compiled(FANLIGHT_LOGGING),
    FANLIGHT_ASYNC,
    SOCKETIFY,
    GRANIAN,
    granian("Starlette async, Granian", "starlette_app", "asgi", "a Rust server, ASGI", "/async"),
    UVICORN,
    STARLETTE,
    STARLETTE_SYNC,
    uvicorn("FastAPI async, uvicorn", "fastapi_app", path="/async"),
    uvicorn("FastAPI sync, uvicorn", "fastapi_app", _IN_THREADS, "/user"),
    uvicorn("Litestar async, uvicorn", "litestar_app", path="/async"),
    FLASK,
    gunicorn(
        "Flask, gunicorn gevent",
        "flask_app",
        "more requests than gthread, but a few connections starve: see its p99",
        "/user",
        "--worker-class gevent",
    ),
    AIOHTTP,
    SANIC,
)
# What a client sends without waiting for responses: the servers that have no framework, or one of their own.
PIPELINING_PEERS = (NGINX, FANLIGHT, FANLIGHT_LOGGING, SOCKETIFY, GRANIAN, UVICORN, AIOHTTP)
# Beside a view that blocks: the servers that run sync views.
BLOCKING_PEERS = (FANLIGHT, STARLETTE_SYNC, FLASK, FLASK_WIDE)

# --- TLS: all have one certificate (tls.py makes it): TLS 1.3, AES-256-GCM, ECDSA P-256 ----------

TLS_FOLDER = Path(tempfile.gettempdir()) / f"fanlight-bench-tls-{os.getuid()}"
CERT, KEY = TLS_FOLDER / "cert.pem", TLS_FOLDER / "key.pem"


def _nginx_tls(port: int, folder: Path) -> list[str]:
    command = nginx(port, folder)
    conf = folder / "nginx.conf"
    secured = f"listen 127.0.0.1:{port} ssl; ssl_certificate {CERT}; ssl_certificate_key {KEY};"
    # Before 1.23.4 its default ends with TLS 1.2, where a resumed handshake has no key exchange.
    protocols = "ssl_protocols TLSv1.2 TLSv1.3;"
    conf.write_text(conf.read_text().replace(f"listen 127.0.0.1:{port};", f"{secured} {protocols}"))
    return command


_UVICORN_TLS = ("--ssl-certfile", str(CERT), "--ssl-keyfile", str(KEY))
_FANLIGHT_TLS = fanlight("fanlight_app", "--cert", str(CERT), "--key", str(KEY), path="/user")
TLS_PEERS = tuple(
    replace(each, scheme="https")
    for each in (
        replace(NGINX, command=_nginx_tls),
        _FANLIGHT_TLS,
        *compiled(_FANLIGHT_TLS),
        uvicorn("uvicorn raw", "asgi_raw", "no framework", "/user", _UVICORN_TLS),
        uvicorn("Starlette async, uvicorn", "starlette_app", path="/async", options=_UVICORN_TLS),
        granian(
            "Granian RSGI raw",
            "rsgi_raw",
            "rsgi",
            "a Rust server; no framework",
            "/user",
            ("--ssl-certificate", str(CERT), "--ssl-keyfile", str(KEY)),
        ),
    )
)

# --- sync views that wait: each answers /user, /postgresql and /sqlite, /compute, and /sleep/{us} ----

_GTHREAD_64 = "--worker-class gthread --threads 64"
_BY_GTHREAD = "gunicorn gthread, 64 threads: one for each connection that waits"
WAITING_PEERS = (
    fanlight("waits_fanlight", note="no view says that it waits"),
    uvicorn("Starlette", "waits_starlette", f"uvicorn; {_IN_THREADS}"),
    uvicorn("FastAPI", "waits_fastapi", f"uvicorn; {_IN_THREADS}"),
    gunicorn("Flask", "waits_flask", _BY_GTHREAD, options=_GTHREAD_64),
    gunicorn("Django", "waits_django", f"{_BY_GTHREAD}; cursors", options=_GTHREAD_64),
)

# --- async views that wait: each answers /sleep and /postgresql/{number} ---------------------------

_MANY = ("--connections-per-address", "0")  # a thousand from one address is its limit, and wrk has only one
AWAITING_PEERS = (
    fanlight("async_waits_fanlight", *_MANY, note="asyncio's own loop; no limit for one address"),
    fanlight("async_waits_fanlight", *_MANY, "--uvloop", name="Fanlight, uvloop", note="no limit for one address"),
    uvicorn("Starlette, uvicorn", "async_waits_starlette"),
    uvicorn("Starlette, uvicorn on asyncio", "async_waits_starlette", loop="asyncio"),
    replace(script("aiohttp", "async_waits_aiohttp", "uvloop; its own server"), path=""),
    replace(sanic("async_waits_sanic"), path=""),
)

# --- views with work to do -----------------------------------------------------------------------


def _both(app: str) -> tuple[Peer, Peer]:
    """Return Fanlight with sync views, and with the same ones async."""
    return fanlight(app), fanlight(app, name="Fanlight async", note="an async view", path="/async")


# Arguments are the work: each answers /json, /form and /depends below its path.
BINDING_PEERS = (
    *_both("binding_fanlight"),
    uvicorn("Litestar async, uvicorn", "binding_litestar", "msgspec"),
    uvicorn("FastAPI async, uvicorn", "binding_fastapi", "pydantic"),
)
# Apps of other frameworks, on Fanlight and on their usual servers: each answers /page and /json.
GUEST_PEERS = (
    fanlight("guests_fastapi", name="FastAPI, Fanlight", note="asyncio; a mounted app costs the same"),
    fanlight("guests_fastapi", "--uvloop", name="FastAPI, Fanlight --uvloop", note="uvloop"),
    uvicorn("FastAPI, uvicorn", "guests_fastapi"),
    granian("FastAPI, Granian", "guests_fastapi", "asgi", "uvloop"),
    fanlight("guests_flask", name="Flask, Fanlight", note="64 threads, its default"),
    gunicorn("Flask, gunicorn gthread", "guests_flask", "4 threads"),
    waitress("Flask, waitress", "guests_flask"),
    fanlight("guests_django", name="Django, Fanlight", note="64 threads, its default"),
    gunicorn("Django, gunicorn gthread", "guests_django", "4 threads"),
)
# A posted form: each answers /form below its path. The last two have nothing that converts it: their views do.
FORM_PEERS = (
    *BINDING_PEERS,
    uvicorn("Starlette async, uvicorn", "forms_starlette", "python-multipart, by hand"),
    gunicorn("Flask, gunicorn gthread", "forms_flask", "by hand; 4 threads"),
)
# A page with a session: each answers /begin and /page below its path.
SESSION_PEERS = (
    *_both("sessions_fanlight"),
    uvicorn("Starlette async, uvicorn", "sessions_starlette", "SessionMiddleware"),
    gunicorn("Flask, gunicorn gthread", "sessions_flask", "4 threads"),
    gunicorn("Django, gunicorn gthread", "sessions_django", "SessionMiddleware, signed cookies; 4 threads"),
)
# A Jinja page: each answers /list/{number} below its path.
PAGE_PEERS = (
    *_both("pages_fanlight"),
    uvicorn("Starlette async, uvicorn", "pages_starlette", path="/async"),
    uvicorn("Starlette sync, uvicorn", "pages_starlette", _IN_THREADS),
    gunicorn("Flask, gunicorn gthread", "pages_flask", "4 threads"),
)
# A posted file: each answers /received, /digest and /kept.
UPLOAD_PEERS = (
    fanlight("uploads_fanlight", note="save_to"),
    uvicorn("FastAPI, uvicorn", "uploads_fastapi", f"python-multipart; copyfileobj in {_IN_THREADS}"),
    gunicorn("Flask, gunicorn gthread", "uploads_flask", "4 threads; save"),
)

# --- a folder of files: each gives STATIC_FOLDER below its path ----------------------------------

_IN_STATIC_FOLDER = {"BENCH_STATIC": str(STATIC_FOLDER)}
_FANLIGHT_STATIC = replace(
    fanlight("static_fanlight", note="by Static, or by a view that returns a Path where there is no Static"),
    path="/static",
    environment=PURE | _IN_STATIC_FOLDER,
)
STATIC_PEERS = (
    _FANLIGHT_STATIC,
    *compiled(_FANLIGHT_STATIC),
    Peer(
        name="nginx",
        command=lambda port, folder: nginx(port, folder, "nginx_static.conf"),
        note="one worker; sendfile, tcp_nopush",
        path="/static",
    ),
    replace(
        uvicorn("Starlette, uvicorn", "static_starlette", "StaticFiles"), path="/static", environment=_IN_STATIC_FOLDER
    ),
    granian(
        "Granian",
        "rsgi_raw",
        "rsgi",
        "a Rust server; its own files, no Python",
        "/static",
        ("--static-path-mount", str(STATIC_FOLDER)),
    ),
)

# --- 10,000 connections that idle longer than uvicorn, and for fresh ones Fanlight, would let them ----

IDLING_PEERS = (
    fanlight(
        "fanlight_app",
        *("--head-seconds", "300", "--idle-seconds", "300", "--connections", "11000"),
        path="/user",
        note="a sync view; its limit of connections and its waits for a head and between requests raised",
    ),
    uvicorn(
        "Starlette async, uvicorn",
        "starlette_app",
        "its keep-alive raised to 300 s",
        "/async",
        ("--timeout-keep-alive", "300"),
    ),
    NGINX,
    replace(NGINX, name="nginx, TLS", command=_nginx_tls, scheme="https"),
    replace(
        fanlight(
            "fanlight_app",
            *(
                "--head-seconds",
                "300",
                "--idle-seconds",
                "300",
                "--connections",
                "11000",
                "--cert",
                str(CERT),
                "--key",
                str(KEY),
            ),
            path="/user",
            name="Fanlight, TLS",
            note="the same over TLS 1.3",
        ),
        scheme="https",
    ),
)

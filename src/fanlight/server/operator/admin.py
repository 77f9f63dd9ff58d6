"""The operator URLs: /metrics, /healthz, /readyz and, on the control socket only, /status.

In: the status of a server, and listening sockets of their own. Out: responses, from a small hub in a thread of its own,
so that they are sent also while the site's hub is stuck or full. There is no authentication: the address belongs on
loopback or in a closed network. /status shows what clients do, so it is served only on the control socket, which is a
file with permissions. Refuses a Host that others could own: a page in an operator's browser could have its own name
resolve to this address, and read the responses.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from fanlight.errors import ServerError
from fanlight.message.handler import Call, Lane
from fanlight.message.media_types import JSON, TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.hub import Hub
from fanlight.server.operator.prometheus import MEDIA_TYPE
from fanlight.settings.limits import Limits

START_SECONDS = STOP_SECONDS = 5.0
LIMITS = Limits(
    connections=100, connections_per_address=100, content_bytes=1024, threads=4, idle_seconds=30, drain_seconds=1
)
PUBLIC = ("/healthz", "/metrics", "/readyz")
METHODS = "GET, HEAD, OPTIONS"  # load balancers use OPTIONS (HAProxy, by default): it gets the same response as GET
PRIVATE = (".localhost", ".internal", ".svc", ".cluster.local")  # of machines, containers and clusters


class StatusSource(Protocol):
    """The status of a server; called in a thread of the admin hub's pool, so it may take a while."""

    def is_alive(self) -> bool:
        """Return whether the server responds; one that does not should be restarted."""

    def is_ready(self) -> bool:
        """Return whether the server accepts requests."""

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' format."""

    def status(self) -> dict[str, Any]:
        """Return what the server is doing, fit for JSON."""


def _calls(source: StatusSource) -> dict[str, Call]:
    """Return the call of each path; it runs in a thread, as the status of several workers waits for their replies."""
    responses: dict[str, Callable[[], Response]] = {
        "/healthz": lambda: _health("" if source.is_alive() else "not responding: a worker, or the hub, hangs"),
        "/metrics": lambda: Response(source.metrics(), media_type=MEDIA_TYPE),
        "/readyz": lambda: _health("" if source.is_ready() else "starting, or about to stop, or no worker is ready"),
        "/status": lambda: Response(json.dumps(source.status()).encode(), media_type=JSON),
    }
    return {
        path: Call(_read_only(respond), path, lane=Lane.THREAD, is_pinned=True) for path, respond in responses.items()
    }


def _read_only(respond: Callable[[], Response]) -> Callable[[Request], Response]:
    def run(request: Request) -> Response:
        if request.method not in METHODS.split(", "):
            return Response(f"{METHODS}\n", 405, headers={"allow": METHODS}, media_type=TEXT)
        response = respond()
        response.headers["cache-control"] = "no-store"
        return response

    return run


def _health(reason: str) -> Response:
    return Response(f"{reason}\n", 503, media_type=TEXT) if reason else Response("ok\n", media_type=TEXT)


def _missing(_: Request) -> Response:
    return Response(f"there is {', '.join(PUBLIC)}\n", 404, media_type=TEXT)


def _misdirected(request: Request) -> Response:
    """Return the response to a request whose host is not known here (RFC 9110 section 15.5.20)."""
    name = _name_of(request.host)
    text = f"use the IP address, or allow the name {name}: --admin-hosts {name}\n"
    return Response(text, 421, media_type=TEXT)


def _name_of(host: str) -> str:
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return name.rstrip(".").lower()


def is_private(name: str) -> bool:
    """Return whether no stranger can own a host's name: it is an address, or no public DNS has it."""
    if "." not in name or name.endswith(PRIVATE):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class AdminHandler:
    """The handler of the operator URLs; the control socket, whose clients have no address, has /status and any host."""

    def __init__(self, source: StatusSource, hosts: Collection[str] = ()) -> None:
        self._hosts = frozenset(map(_name_of, hosts))
        self._control = _calls(source)
        self._public = {path: self._control[path] for path in PUBLIC}
        self._missing = Call(_missing, "not found", is_pinned=True)
        self._misdirected = Call(_misdirected, "unknown host", is_pinned=True)

    def find(self, request: Request, /) -> Call:
        """Return the call for a request."""
        calls = self._control if request.client is None else self._public
        name = _name_of(request.host)
        if request.client is not None and name not in self._hosts and not is_private(name):
            return self._misdirected
        return calls.get(request.head.path, self._missing)

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


class AdminThread:
    """Serves the operator URLs from a thread of its own, between `start` and `stop`."""

    def __init__(self, source: StatusSource, listeners: Sequence[socket.socket], hosts: Collection[str] = ()) -> None:
        """Prepare; the listeners are closed by `stop`."""
        self._handler, self._listeners = AdminHandler(source, hosts), listeners
        self._hub: Hub | None = None
        self._is_started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fanlight-admin", daemon=True)

    def start(self) -> None:
        """Begin to serve. Raises ServerError if the thread does not start."""
        self._thread.start()
        if not self._is_started.wait(START_SECONDS) or self._hub is None:
            raise ServerError("the thread that serves /metrics and /status does not start")

    def stop(self) -> None:
        """Finish the active requests and end; after STOP_SECONDS the thread is left to end with the process."""
        if self._hub is not None:
            self._hub.post(self._hub.drain)
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        # On Windows the default loop can't watch a socket that is not its own; this one can everywhere.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner, contextlib.suppress(OSError):
            runner.run(self._serve())
        self._is_started.set()

    async def _serve(self) -> None:
        hub = Hub(self._handler, LIMITS, detects_stalls=False)
        for listener in self._listeners:
            hub.listen(listener)
        self._hub = hub
        self._is_started.set()
        try:
            await hub.table.drained.wait()
        finally:
            hub.close()

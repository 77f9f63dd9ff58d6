"""The operator URLs: /metrics, /healthz, /readyz and, on the control socket only, /status.

In: options and the status of a server. Out: responses on the admin address and the control socket while the `with`
block of `OperatorService` is open, from a small hub in a thread of its own, so that they are sent also while the site's
hub is stuck or full. Refuses an admin address that is not available. There is no authentication: the address belongs on
loopback or in a closed network. /status shows what clients do, so it is served only on the control socket, which is a
file with permissions. Refuses a Host that others could own: a page in an operator's browser could have its own name
resolve to this address, and read the responses.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol, Self

from fanlight.errors import AddressUnavailable, InvalidSetting, ServerError
from fanlight.message.handler import Call, Lane
from fanlight.message.media_types import JSON, TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.hub import Hub
from fanlight.server.listening.listen import listen, remove_file
from fanlight.server.operator.prometheus import MEDIA_TYPE, gauges_of, render_prometheus
from fanlight.server.operator.runtime_folder import control_path
from fanlight.server.operator.snapshot import ProcessSnapshot, snapshot
from fanlight.server.recording.counts import merge
from fanlight.server.server import Server
from fanlight.settings.addresses import UNIX_PREFIX, host_and_port, kind_of, path_of
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options

CONTROL_MODE = 0o600
ALIVE_SECONDS = 2.0  # within which a hub must respond
AUTO = "auto"
START_SECONDS = STOP_SECONDS = 5.0
LIMITS = Limits(
    connections=100, connections_per_address=100, content_bytes=1024, threads=4, idle_seconds=30, drain_seconds=1
)
PUBLIC = ("/healthz", "/metrics", "/readyz")
METHODS = "GET, HEAD, OPTIONS"  # load balancers use OPTIONS (HAProxy, by default): it gets the same response as GET
PRIVATE = (".localhost", ".internal", ".svc", ".cluster.local")  # of machines, containers and clusters

log = logging.getLogger("fanlight.server")


class StatusSource(Protocol):
    """The status of a server; called in a thread of the admin hub's pool, so it may take a while."""

    def is_alive(self) -> bool:
        """Return whether the server responds; one that does not should be restarted."""

    def is_ready(self) -> bool:
        """Return whether the server accepts requests."""

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' format."""

    def status(self) -> ProcessSnapshot:
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


class OperatorService:
    """Serves operators, between `with` and its end."""

    def __init__(self, options: Options, source: StatusSource, admin_sockets: Sequence[socket.socket] = ()) -> None:
        """Prepare to serve by the options, or on admin sockets that are open already."""
        self._options, self._source = options, source
        self.admin_sockets = list(admin_sockets)
        self._control: Path | None = None
        self._thread: AdminThread | None = None

    def __enter__(self) -> Self:
        """Open the sockets and begin to serve. Raises AddressUnavailable or InvalidSetting."""
        if self._options.admin and not self.admin_sockets:
            self.admin_sockets = listen(self._options.admin, mode=self._options.socket_mode)
        listeners = [*self.admin_sockets, *self._control_sockets()]
        if listeners:
            self._thread = AdminThread(self._source, listeners, self._hosts())
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove_files()
        if self._thread is not None:
            self._thread.stop()

    def remove_files(self) -> None:
        """Remove the files of unix sockets if they are ours."""
        if self._control is not None:
            remove_file(str(self._control))
        if self._options.admin.startswith(UNIX_PREFIX):
            remove_file(path_of(self._options.admin))

    def _hosts(self) -> tuple[str, ...]:
        """Return the host names that requests to the admin address may have: its own, and those of the setting."""
        admin = self._options.admin
        own = (host_and_port(admin)[0],) if admin and kind_of(admin) == "tcp" else ()
        return (*own, *self._options.admin_hosts)

    def _control_sockets(self) -> list[socket.socket]:
        wanted = self._options.control
        if not wanted or not hasattr(socket, "AF_UNIX"):
            return []
        try:
            path = control_path(os.getpid()) if wanted == AUTO else Path(wanted)
            found = listen(f"{UNIX_PREFIX}{path}", mode=CONTROL_MODE)
        except (AddressUnavailable, InvalidSetting) as error:
            if wanted != AUTO:
                raise
            log.info("`fanlight status` will not find this server: %s", error)
            return []
        self._control = path
        return found


class ServerStatus:
    """Reports on a process that serves alone."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def is_alive(self) -> bool:
        """Return whether the hub responds: only the thread that owns it can show that."""
        if not self._server.started.is_set():
            return True
        has_responded = threading.Event()
        self._server.post(has_responded.set)
        return has_responded.wait(ALIVE_SECONDS)

    def is_ready(self) -> bool:
        """Return whether the server accepts requests."""
        return self._server.is_ready

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' format."""
        server = self._server
        states = [snapshot(server.hub)] if server.started.is_set() else []
        counts = server.counts()
        counted = merge([counts] if counts is not None else [])
        return render_prometheus(counted, {**gauges_of(states), "log_lines_lost": server.log_lines_lost})

    def status(self) -> ProcessSnapshot:
        """Return what the server is doing."""
        server = self._server
        if not server.started.is_set():
            return {"pid": os.getpid(), "is_ready": False, "workers": []}
        return {"is_ready": server.is_ready, **snapshot(server.hub)}

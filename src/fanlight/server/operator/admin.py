"""What an operator's tools may ask: /metrics, /healthz, /readyz, and, on the control socket, /status.

In: an overview of the server, and listening sockets of their own. Out: answers, from a small hub in a
thread of its own, so that they come also while the site's hub is stuck or full. Whoever can reach the
address may ask, so it belongs on loopback or in a closed network; /status, which tells what clients do,
is only for those who can open the control socket, which is a file with permissions. Refuses a Host that others
could own: a page in an operator's browser can have its own name lead here, and would read the answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from fanlight.errors import ServerError
from fanlight.message.handler import Call, Lane
from fanlight.message.media_types import JSON, TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.hub import Hub
from fanlight.server.operator.prometheus import MEDIA_TYPE
from fanlight.server.operator.snapshot import State
from fanlight.settings.limits import Limits

START_SECONDS = STOP_SECONDS = 5.0
LIMITS = Limits(
    connections=100,
    connections_per_address=100,
    content_bytes=1024,
    threads=4,
    idle_seconds=30,
    drain_seconds=1,
)
FOR_ALL = ("/healthz", "/metrics", "/readyz")
METHODS = ("GET", "HEAD", "OPTIONS")  # by OPTIONS balancers ask (HAProxy, by default): it is answered as GET is
PRIVATE = (".localhost", ".internal", ".svc", ".cluster.local")  # of machines, containers and clusters


class Overview(Protocol):
    """A server, as its operator sees it; asked from a thread of the admin's pool, so an answer may take a while."""

    def is_alive(self) -> bool:
        """Say whether it still turns, so that it need not be ended."""
        ...

    def is_ready(self) -> bool:
        """Say whether it wants requests now."""
        ...

    def metrics(self) -> bytes:
        """Return what was counted, as Prometheus reads it."""
        ...

    def status(self) -> State:
        """Return what it does just now, fit for JSON."""
        ...


def _call_of(path: str, respond: Callable[[], Response]) -> Call:
    """Return the call for one path. It runs in a thread: an overview of several workers waits for their responses."""

    def run(request: Request) -> Response:
        if request.method not in METHODS:
            allowed = ", ".join(METHODS)
            return Response(f"{allowed}\n", 405, headers={"allow": allowed}, media_type=TEXT)
        response = respond()
        response.headers["cache-control"] = "no-store"
        return response

    return Call(run, path, lane=Lane.THREAD, is_pinned=True)


def _calls_of(overview: Overview) -> dict[str, Call]:
    """Return the call for each path that this port serves."""
    responders: dict[str, Callable[[], Response]] = {
        "/healthz": lambda: _yes() if overview.is_alive() else _no("it does not turn: a worker, or the hub, hangs"),
        "/readyz": lambda: (
            _yes() if overview.is_ready() else _no("it starts, or it is about to stop, or no worker is ready")
        ),
        "/metrics": lambda: Response(overview.metrics(), media_type=MEDIA_TYPE),
        "/status": lambda: Response(json.dumps(overview.status()).encode(), media_type=JSON),
    }
    return {path: _call_of(path, respond) for path, respond in responders.items()}


def _yes() -> Response:
    return Response("ok\n", media_type=TEXT)


def _no(why: str) -> Response:
    return Response(f"{why}\n", 503, media_type=TEXT)


def _unknown(_: Request) -> Response:
    return Response(f"there is {', '.join(FOR_ALL)}\n", 404, media_type=TEXT)


def _misdirected(request: Request) -> Response:
    """Refuse a request for a host that is not known here (RFC 9110 section 15.5.20)."""
    name = _name_of(request.host)
    return Response(f"ask by the IP address, or allow the name {name}: --admin-hosts {name}\n", 421, media_type=TEXT)


def _name_of(host: str) -> str:
    """Return a host's name or address, without its port."""
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return name.rstrip(".").lower()


def is_private(name: str) -> bool:
    """Say whether a host's name can't be had by anybody: it is an address, or no public DNS has it."""
    if "." not in name or name.endswith(PRIVATE):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Admin:
    """The handler: who comes by the control socket, which has no address, may ask for /status too, and by any host."""

    def __init__(self, overview: Overview, hosts: Collection[str] = ()) -> None:
        """Answer from an overview; by these hosts, too."""
        self._hosts = frozenset(map(_name_of, hosts))
        self._calls = _calls_of(overview)
        self._unknown = Call(_unknown, "no such path", is_pinned=True)
        self._misdirected = Call(_misdirected, "a host that is not known", is_pinned=True)

    def find(self, request: Request, /) -> Call:
        """Return the call for a request."""
        request.params = {}
        path, name = request.head.path, _name_of(request.host)
        if request.client is not None and name not in self._hosts and not is_private(name):
            return self._misdirected
        if path == "/status" and request.client is not None:
            return self._unknown
        return self._calls.get(path, self._unknown)

    async def start(self) -> None:
        """Do nothing: it is there at once."""

    async def stop(self) -> None:
        """Do nothing."""


class AdminThread:
    """Answers on its listeners from a thread of its own, between `start` and `stop`."""

    def __init__(self, overview: Overview, listeners: Sequence[socket.socket], hosts: Collection[str] = ()) -> None:
        """Prepare; the listeners are closed by `stop`."""
        self._admin, self._listeners = Admin(overview, hosts), listeners
        self._hub: Hub | None = None
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fanlight-admin", daemon=True)

    def start(self) -> None:
        """Begin to answer. Raises ServerError when it can't."""
        self._thread.start()
        if not self._has_begun.wait(START_SECONDS) or self._hub is None:
            raise ServerError("the thread that answers /metrics and /status does not start")

    def stop(self) -> None:
        """Answer what has been asked, and end; later than STOP_SECONDS it is left to end with the process."""
        if self._hub is not None:
            self._hub.post(self._hub.drain)
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        # On Windows the default loop can't watch a socket that is not its own; this one can everywhere.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner, contextlib.suppress(OSError):
            runner.run(self._serve())
        self._has_begun.set()

    async def _serve(self) -> None:
        hub = Hub(self._admin, LIMITS, has_monitor=False)
        for listener in self._listeners:
            hub.listen(listener)
        self._hub = hub
        self._has_begun.set()
        try:
            await hub.finished.wait()
        finally:
            hub.close()

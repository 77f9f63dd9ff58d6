"""A recorded site on a real port, and clients that speak to it in bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.speed import PATIENCE

from fanlight.app.application import Application
from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.recorder import Recorder
from fanlight.devtools.inspector.site_routes import SiteRoutes
from fanlight.message.handler import Handler
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.testing.running import ServerThread


class KeptExchanges:
    """Stands in for the store: keeps what is added, and lets a test wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.by_id: dict[str, Exchange] = {}
        self.versions: list[Exchange] = []  # all that were added, in their order

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Keep exchanges; one with a known id replaces it."""
        with self._changed:
            for each in exchanges:
                self.versions.append(each)
                self.by_id[each.id] = each
            self._changed.notify_all()

    def wait_for(self, is_so: Callable[[list[Exchange]], bool]) -> list[Exchange]:
        """Return the exchanges, in the order in which they began, once it is so."""
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self.all()), PATIENCE), self.all()
            return self.all()

    def ended(self, count: int = 1) -> list[Exchange]:
        """Return so many exchanges, all of which have ended."""
        return self.wait_for(lambda all_: len(all_) == count and all(each.outcome != "open" for each in all_))

    def one(self) -> Exchange:
        """Return the one exchange, which has ended."""
        (exchange,) = self.ended()
        return exchange

    def all(self) -> list[Exchange]:
        """Return the newest version of each exchange, in the order in which they began."""
        return [self.by_id[each] for each in sorted(self.by_id)]


class RecordedSite:
    """Serves an app on a real port, recorded."""

    def __init__(
        self,
        app: Handler,
        limits: Limits | None = None,
        store: Any = None,
        site: Application | None = None,
        **options: Any,
    ) -> None:
        self.kept = KeptExchanges()
        self.recorder = Recorder(store or self.kept, generation=1)
        routes = None if site is None else SiteRoutes(site.table, site.folder)
        options = {"bind": ("127.0.0.1:0",), "access_log": False, **options}
        self._thread = ServerThread(
            self.recorder.recorded(app, routes), Options(limits=limits or Limits(), **options), self.recorder.watch
        )
        self.server = self._thread.server
        self.recorder.explain_lanes(lambda: self.server.hub.lanes.slow_routes())  # noqa: PLW0108 - there is no hub yet

    def __enter__(self) -> Self:
        self.recorder.start()
        self.url = self._thread.start()[0]
        self.port = int(self.url.rsplit(":", 1)[1].rstrip("/"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.stop()
        self.recorder.stop()

    @contextlib.contextmanager
    def client(self) -> Iterator[socket.socket]:
        """Yield a connected socket."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            yield sock

    def exchange(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own; return all that comes until the server closes it."""
        with self.client() as sock:
            sock.sendall(data)
            return read_all(sock)


def recorded(urls: Mapping[str, object], folder: Path | None = None, **settings: Any) -> RecordedSite:
    """Return a recorded site of a table of URLs."""
    limits = settings.pop("limits", None)
    options = {name: settings.pop(name) for name in ("certificate", "access_log") if name in settings}
    return RecordedSite(site_of(urls, folder, **settings), limits, **options)


def site_of(urls: Mapping[str, object], folder: Path | None = None, **settings: Any) -> Application:
    """Return the app of a table of URLS."""
    return Application(urls, folder=folder or Path(__file__).parent, **settings)


def request(target: str = "/", *fields: str, method: str = "GET", close: bool = True, content: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "host: test", *fields, *(["connection: close"] if close else [])]
    return "\r\n".join([*lines, "", ""]).encode() + content


def read_all(sock: socket.socket) -> bytes:
    """Return all that a socket receives until its end."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            received += data
    return received


def bytes_received(exchange: Exchange) -> bytes:
    """Return the request as it arrived."""
    return b"".join([piece.data for piece in exchange.received])


def bytes_sent(exchange: Exchange) -> bytes:
    """Return the response as it left."""
    return b"".join([piece.data for piece in exchange.sent])

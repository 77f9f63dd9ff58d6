"""Run a server in a thread: on a real port for a browser, or without a port for the test client.

In: an app and options. Out: a server that runs from `start` to `stop`; an exception that ends it is raised in the test.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from fanlight.message.handler import Handler
from fanlight.server.connection.connection import Connection
from fanlight.server.hub import Hub
from fanlight.server.server import Server
from fanlight.services import Services
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options

START_SECONDS = 30
Overrides = Mapping[Callable[..., Any], Callable[..., Any]]


class ServerThread:
    """A server in a thread, from `start` to `stop`."""

    def __init__(self, handler: Handler, options: Options, watch: Callable[[Connection], object] | None = None) -> None:
        """Prepare; `watch` is called with each new connection."""
        self.server = Server(handler, options, watch=watch)
        self._services: Services | None = getattr(handler, "services", None)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="fanlight-test-server", daemon=True)

    def start(self) -> list[str]:
        """Start the server; return its URLs. Raises the exception of the server if it can't start."""
        if self._services is not None:
            self._services.begin_test()  # so that the tests of a file do not use up each other's rate limits
        urls = self.server.open()
        self._thread.start()
        if not self.server.started.wait(START_SECONDS) or self._error is not None:
            raise self._error or TimeoutError(f"the server did not start within {START_SECONDS} s")
        return urls

    def stop(self) -> None:
        """Shut down gracefully. Raises the exception that ended the server early, if there was one."""
        services, self._services = self._services, None
        if services is not None:
            services.end_test()
        if not self._thread.is_alive() and self._error is None:
            return
        self.server.stop()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def adopt(self, sock: socket.socket, *, is_https: bool) -> None:
        """Serve a connected socket. Raises the exception that ended the server, RuntimeError after `stop`."""
        if not self._thread.is_alive():
            raise self._error or RuntimeError("the client is closed; make another, or use it inside its `with` block")
        self.server.adopt(sock, "127.0.0.1", is_https=is_https)

    def _run(self) -> None:
        try:
            self.server.run()
        except BaseException as error:  # noqa: BLE001 - it is raised in the test's thread
            self._error = error
        finally:
            self.server.started.set()


class LiveServer:
    """Runs an app on a real port, chosen by the system: `with LiveServer(app) as server: server.url`.

    `options` are all options of the server, for example for TLS; `overrides` are as for `Client`.
    """

    def __init__(
        self,
        app: Handler,
        *,
        limits: Limits | None = None,
        bind: str = "127.0.0.1:0",
        options: Options | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        app = overridden(app, overrides)
        self._running = ServerThread(app, options or Options(bind=(bind,), limits=limits or Limits(), access_log=False))
        self.url = ""

    def __enter__(self) -> Self:
        self.url = self._running.start()[0]
        return self

    def __exit__(self, *_: object) -> None:
        self._running.stop()

    @property
    def hub(self) -> Hub:
        """The hub of the server, for a test that counts its connections."""
        return self._running.server.hub

    @property
    def port(self) -> int:
        """The port."""
        return urlsplit(self.url).port or 0


def overridden(app: Handler, overrides: Overrides | None) -> Handler:
    """Return an app with replaced dependencies. Raises SetupError for invalid ones, TypeError for another handler."""
    if not overrides:
        return app
    replace: Callable[[Overrides], Handler] | None = getattr(app, "overridden", None)
    if replace is None:
        raise TypeError(f"overrides need an App, not a {type(app).__name__}")
    return replace(overrides)

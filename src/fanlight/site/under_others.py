"""An app under another server: its settings, its services, and its two interfaces.

In: an app, and the environment of the process. Out: an ASGI and a WSGI application. Settings that concern sockets,
workers and logs are the other server's, and without effect. Refuses, as InvalidSetting, what is invalid.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fanlight.hosted.asgi import AsgiApp
from fanlight.hosted.hosted_app import HostedApp
from fanlight.hosted.wsgi import WsgiApp
from fanlight.message.handler import Handler
from fanlight.settings.env_file import apply_env_file
from fanlight.settings.sources import RUN_DEFAULTS, from_environment, options_from
from fanlight.site.preparation import Prepared, prepare


class Hostable(Handler, Prepared, Protocol):
    """An app, as far as it is served by others."""


class UnderOthers:
    """The two interfaces of an app; it is prepared with the first request, so after a server's fork."""

    def __init__(self, app: Hostable) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._asgi: AsgiApp | None = None
        self._wsgi: WsgiApp | None = None

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve as an ASGI application."""
        if self._asgi is None:
            self._prepare()
        assert self._asgi is not None
        await self._asgi(scope, receive, send)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        if self._wsgi is None:
            self._prepare()
        assert self._wsgi is not None
        return self._wsgi(environ, start_response)

    def _prepare(self) -> None:
        with self._lock:
            if self._asgi is not None:
                return
            options = options_from(from_environment(os.environ), {}, RUN_DEFAULTS)
            apply_env_file(options.env_file, os.environ)
            prepare(self.app, options, os.environ)
            hosted = HostedApp(self.app, options)
            self._wsgi = WsgiApp(hosted)
            self._asgi = AsgiApp(hosted)

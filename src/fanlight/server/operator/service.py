"""The admin address and the control socket of a process, open for as long as it serves.

In: options and the status of a server. Out: both are served while the `with` block is open. Refuses an admin address
that is not available. A default control socket that can't be created is only logged: the site is served all the same.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.listening.listen import listen
from fanlight.server.listening.socket_files import remove_file
from fanlight.server.operator.admin import AdminThread, StatusSource
from fanlight.server.operator.prometheus import gauges_of, render_prometheus
from fanlight.server.operator.runtime_folder import control_path
from fanlight.server.operator.snapshot import ProcessSnapshot, snapshot
from fanlight.server.recording.counts import merge
from fanlight.server.server import Server
from fanlight.settings.addresses import UNIX_PREFIX, host_and_port, kind_of, path_of
from fanlight.settings.options import Options

CONTROL_MODE = 0o600
ALIVE_SECONDS = 2.0  # within which a hub must respond
AUTO = "auto"

log = logging.getLogger("fanlight.server")


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

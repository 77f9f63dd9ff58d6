"""The admin address and the control socket of a process, from before it serves until after.

In: options and an overview. Out: both answer while the `with` block is open. Refuses an admin address
that can't be had. A control socket that can't be made where nobody asked for one in particular is
only told of: the site is served all the same.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.listening.listen import listen
from fanlight.server.listening.socket_files import remove_file
from fanlight.server.operator.admin import AdminThread, Overview
from fanlight.server.operator.prometheus import gauges_of, render_prometheus
from fanlight.server.operator.runtime_folder import control_path
from fanlight.server.operator.snapshot import State, snapshot
from fanlight.server.recording.counts import merge
from fanlight.settings.addresses import UNIX_PREFIX, host_and_port, kind_of, path_of

if TYPE_CHECKING:
    from fanlight.server.server import Server
    from fanlight.settings.options import Options

CONTROL_MODE = 0o600
ALIVE_SECONDS = 2.0  # in which a hub must have turned once
AUTO = "auto"

log = logging.getLogger("fanlight.server")


class Service:
    """Answers an operator's tools."""

    def __init__(self, options: Options, overview: Overview, *, admin: list[socket.socket] | None = None) -> None:
        """Prepare to answer by the options, and on admin sockets that are open already."""
        self._options, self._overview = options, overview
        self.admin = admin or []
        self._control: Path | None = None
        self._thread: AdminThread | None = None

    def __enter__(self) -> Self:
        """Open what is to be opened, and begin to answer. Raises AddressUnavailable or InvalidSetting."""
        if self._options.admin and not self.admin:
            self.admin = listen(self._options.admin, mode=self._options.socket_mode)
        listeners = [*self.admin, *self._control_sockets()]
        if listeners:
            self._thread = AdminThread(self._overview, listeners, self._names())
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer no more."""
        self.remove_files()
        if self._thread is not None:
            self._thread.stop()

    def remove_files(self) -> None:
        """Remove the files of unix sockets, if they are ours."""
        if self._control is not None:
            remove_file(str(self._control))
        if self._options.admin.startswith(UNIX_PREFIX):
            remove_file(path_of(self._options.admin))

    def _names(self) -> tuple[str, ...]:
        """Return the names by which the admin address may be asked: its own, and the setting's."""
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


class ServerOverview:
    """What there is to be known of one process that serves."""

    def __init__(self, server: Server) -> None:
        """Look at a server."""
        self._server = server

    def is_alive(self) -> bool:
        """Say whether its hub turns: only the hub's holder can show it."""
        if not self._server.started.is_set():
            return True
        turned = threading.Event()
        self._server.hub.post(turned.set)
        return turned.wait(ALIVE_SECONDS)

    def is_ready(self) -> bool:
        """Say whether it wants requests."""
        return self._server.is_ready

    def metrics(self) -> bytes:
        """Return what was counted, for Prometheus."""
        server = self._server
        states = [snapshot(server.hub)] if server.started.is_set() else []
        counted = [server.counts.snapshot()] if server.counts is not None else []
        return render_prometheus(merge(counted), {**gauges_of(states), "log_lines_lost": server.log_lines_lost})

    def status(self) -> State:
        """Return what it does just now."""
        server = self._server
        if not server.started.is_set():
            return {"pid": os.getpid(), "is_ready": False, "workers": []}
        return {"is_ready": server.is_ready, **snapshot(server.hub)}

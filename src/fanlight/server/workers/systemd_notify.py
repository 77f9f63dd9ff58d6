"""Tell the service manager how we are: systemd's notification protocol (sd_notify, sd_watchdog_enabled).

In: the environment, with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Out: a datagram for each
change. Refuses nothing and never raises: who is not started by a service manager says nothing, and a
manager that does not listen is no reason not to serve.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

_MICROSECONDS = 1_000_000


class _Poster(Protocol):
    """What has a thing done by whoever holds it: the hub."""

    def post(self, act: Callable[[], None], /) -> None:
        """Have `act` done soon."""


class _Serves(Protocol):
    """A server, as far as a watchdog knows one."""

    started: threading.Event

    @property
    def hub(self) -> _Poster:
        """Its hub, once it has started."""


class Notifier:
    """Speaks to the service manager, if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Find out whether somebody listens, and how often he wants to hear that we are alive."""
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""
        self.watchdog_seconds = _watchdog_seconds(environ) if self._address else 0.0  # 0: nobody watches
        self._alive_at = float("-inf")

    def ready(self) -> None:
        """Say that requests are taken, at first and after `reloading`."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that new code is being loaded; `ready` ends that."""
        if hasattr(time, "CLOCK_MONOTONIC"):
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Say that we are on our way out."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """Say that we are alive, if that is watched; calls in quick succession are one."""
        now = time.monotonic()
        if self.watchdog_seconds and now - self._alive_at >= self.watchdog_seconds / 8:
            self._alive_at = now
            self._tell("WATCHDOG=1")

    @contextlib.contextmanager
    def watching(self, server: _Serves) -> Iterator[None]:
        """Show, while this is open, that a server's hub turns: only its holder can say so. Then, that it stops."""
        if not self._address:
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not over.wait(self.watchdog_seconds / 3):
                if server.started.is_set():
                    server.hub.post(self.alive)

        if self.watchdog_seconds:
            threading.Thread(target=watch, name="fanlight-watchdog", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            self.stopping()

    def _tell(self, message: str) -> None:
        family = getattr(socket, "AF_UNIX", None)
        if not self._address or family is None:
            return
        # The socket is opened anew: it must outlive neither a fork nor an exec, and is needed a few times a minute.
        with contextlib.suppress(OSError, ValueError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(message.encode(errors="replace"), self._address)


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """Return within which time we must be heard, 0 if nobody waits for this process."""
    for_whom, microseconds = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
    if for_whom and for_whom != str(os.getpid()):
        return 0.0
    return int(microseconds) / _MICROSECONDS if re.fullmatch(r"[0-9]{1,18}", microseconds) else 0.0

"""systemd's notification protocol: sd_notify and the service watchdog (sd_watchdog_enabled).

In: the environment, with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Out: a datagram for each change. Never raises:
without a service manager nothing is sent, and one that does not read must not keep the server from serving.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

_MICROSECONDS = 1_000_000


class Notifier:
    """Notifies the service manager, if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read from the environment where to send notifications, and the watchdog's interval."""
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""
        self.watchdog_seconds = _watchdog_seconds(environ) if self._address else 0.0  # 0: no watchdog
        self._alive_at = float("-inf")

    def ready(self) -> None:
        """Notify that requests are served, at first and after `reloading`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Notify that new code is being loaded; `ready` ends that."""
        if hasattr(time, "CLOCK_MONOTONIC"):
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Notify that the server is shutting down."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Reset the watchdog, if there is one; calls in quick succession send one datagram."""
        now = time.monotonic()
        if self.watchdog_seconds and now - self._alive_at >= self.watchdog_seconds / 8:
            self._alive_at = now
            self._send("WATCHDOG=1")

    @contextlib.contextmanager
    def watching(self, post: Callable[[Callable[[], object]], object]) -> Iterator[None]:
        """Reset the watchdog by `post` while this is open; then notify that the server is stopping.

        `post` has the thread that owns the hub call something: only that can show that the hub responds.
        """
        if not self._address:
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not over.wait(self.watchdog_seconds / 3):
                post(self.alive)

        if self.watchdog_seconds:
            threading.Thread(target=watch, name="fanlight-watchdog", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            self.stopping()

    def _send(self, message: str) -> None:
        family = getattr(socket, "AF_UNIX", None)
        if not self._address or family is None:
            return
        # A socket for each datagram: it must not survive a fork or an exec, and is needed a few times a minute.
        with contextlib.suppress(OSError, ValueError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(message.encode(errors="replace"), self._address)


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """Return the watchdog's timeout, 0 if there is none for this process."""
    watched, microseconds = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
    if watched and watched != str(os.getpid()):
        return 0.0
    return int(microseconds) / _MICROSECONDS if re.fullmatch(r"[0-9]{1,18}", microseconds) else 0.0

"""One server process: open the port, serve until told to stop, drain, leave.

In: a handler and options. Out: an exit when all that was accepted is answered. Refuses to start on
an address that can't be had. The hub does the serving; this file only begins and ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from fanlight.errors import InvalidSetting
from fanlight.server.hub import Hub
from fanlight.server.listen import UNIX_PREFIX, listen, url_of
from fanlight.server.logs import AccessLog, log_to_stderr
from fanlight.server.options import Options

if TYPE_CHECKING:
    from fanlight.message import Handler

# PERF: benchmarks/lanes.py: while a view computes in a thread, the hub waits so long for the interpreter after each
# system call; Python's own 5 ms would halve what fast views get.
SWITCH_SECONDS = 0.0005
ABANDONED_EXIT_CODE = 70  # EX_SOFTWARE: a view never returned, so what it would have answered is lost

log = logging.getLogger("fanlight.server")


class Server:
    """Serves a handler on the addresses of its options."""

    def __init__(self, handler: Handler, options: Options | None = None) -> None:
        """Prepare; nothing is opened before `open` or `run`."""
        self._handler, self._options = handler, options or Options()
        self._listeners: list[socket.socket] = []
        self._hub: Hub | None = None
        self._is_told_to_stop = False
        self._signals = 0
        self._announce: Callable[[list[str]], None] | None = None
        self.started = threading.Event()

    def open(self) -> list[str]:
        """Bind and listen; return the URLs. Clients may connect now; they are served by `run`.

        Raises AddressUnavailable, which says who has the address, or InvalidSetting.
        """
        try:
            for bind in self._options.bind:
                self._listeners.extend(listen(bind))
        except BaseException:
            self._close_listeners()
            raise
        return [url_of(sock) for sock in self._listeners]

    def run(self, announce: Callable[[list[str]], None] | None = None) -> None:
        """Serve until `stop`, SIGINT or SIGTERM, then finish what runs and return.

        `announce` is given the URLs when the app has started and the first request can be served. A
        second signal cuts off what still runs, a third ends the process on the spot.
        """
        self._announce = announce
        loop_factory = self._loop_factory()
        if not self._listeners:
            self.open()
        log_to_stderr()
        try:
            with self._signals_handled(), asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(self._serve())
        finally:
            self._close_listeners()

    def stop(self) -> None:
        """Have `run` finish what runs and return; from any thread."""
        self._is_told_to_stop = True
        hub = self._hub
        if hub is not None:
            hub.post(hub.drain)

    def adopt(self, sock: socket.socket, client: str | None = None) -> None:
        """Serve a connected socket as if it had been accepted; from any thread, while `run` runs."""
        self.hub.post(self.hub.adopt, sock, client)

    @property
    def hub(self) -> Hub:
        """What serves, once `started` is set."""
        if self._hub is None:
            raise InvalidSetting("the server does not run yet; wait for `started`")
        return self._hub

    async def serve(self) -> None:
        """Serve in a loop that runs already, without signals; returns after `stop`."""
        await self._serve()

    async def _serve(self) -> None:
        access_log = AccessLog(sys.stdout) if self._options.access_log else None
        await self._handler.start()
        hub = Hub(self._handler, self._options.limits, access_log=access_log)
        hub.on_abandoned = self._leave_stuck
        for listener in self._listeners:
            hub.listen(listener)
        if access_log is not None:
            access_log.start()
        # What exists by now stays: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._hub = hub
        if self._is_told_to_stop:
            hub.drain()
        if self._announce is not None:
            self._announce([url_of(sock) for sock in self._listeners])
        self.started.set()
        try:
            await hub.finished.wait()
        finally:
            hub.close()
            await self._handler.stop()
            gc.unfreeze()
            sys.setswitchinterval(switch_seconds)
            if access_log is not None:
                access_log.stop()

    def _loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        if self._options.uvloop:
            try:
                import uvloop  # noqa: PLC0415 - an extra
            except ImportError:
                raise InvalidSetting("uvloop is not installed: pip install 'fanlight[uvloop]'") from None
            factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
            return factory
        # On Windows the default loop can't watch a socket that is not its own; this one can everywhere.
        return asyncio.SelectorEventLoop

    @contextlib.contextmanager
    def _signals_handled(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM; only the main thread may say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self._on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # A Python handler runs even while the loop is stuck in a view; it only posts.
        self._signals += 1
        hub = self._hub
        if self._signals == 1:
            if hub is not None and hub.connections:
                # os.write: a signal may come in the middle of another write to stderr, which is no place to begin one.
                os.write(2, b"\nstopping: what runs is finished first; once more cuts it off\n")
            self.stop()
        elif self._signals == 2 and hub is not None:
            hub.post(hub.abandon)
        else:
            os._exit(128 + number)

    def _leave_stuck(self) -> None:
        """End the process: its loop's thread is in a view that did not return while we drained."""
        log.critical("a view still holds the main thread after drain_seconds; leaving without it")
        logging.shutdown()
        if threading.current_thread() is not threading.main_thread() and self._signals:
            os._exit(ABANDONED_EXIT_CODE)

    def _close_listeners(self) -> None:
        for sock in self._listeners:
            with contextlib.suppress(OSError):
                sock.close()
        for bind in self._options.bind:
            if self._listeners and bind.startswith(UNIX_PREFIX):
                Path(bind.removeprefix(UNIX_PREFIX)).unlink(missing_ok=True)
        self._listeners.clear()

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
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, cast

from fanlight.errors import InvalidSetting
from fanlight.server.edge.entrance import EndedTls
from fanlight.server.edge.gate import Gate
from fanlight.server.hub import Hub
from fanlight.server.options import Options
from fanlight.server.signals import Signals
from fanlight.server.watch.counts import Counts
from fanlight.server.watch.logs import AccessLog
from fanlight.server.watch.messages import MessageLog
from fanlight.server.watch.own_loggers import enable_own_loggers
from fanlight.server.watch.traces import traced
from fanlight.server.watch.witness import Witness

if TYPE_CHECKING:
    from fanlight.message import Handler
    from fanlight.server.watch.formats import Format

# PERF: benchmarks/lanes.py: while a view computes in a thread, the hub waits so long for the interpreter after each
# system call; Python's own 5 ms would halve what fast views get.
SWITCH_SECONDS = 0.0005
ABANDONED_EXIT_CODE = 70  # EX_SOFTWARE: a view never returned, so what it would have answered is lost
STOPS = (signal.SIGINT, signal.SIGTERM)
REOPENS = getattr(signal, "SIGUSR1", None)

log = logging.getLogger("fanlight.server")


class Server:
    """Serves a handler on the addresses of its options."""

    def __init__(
        self, handler: Handler, options: Options | None = None, *, gate: Gate | None = None, is_worker: bool = False
    ) -> None:
        """Prepare; nothing is opened before `open` or `run`. A worker is given its gate, and shares it with others.

        Raises InvalidSetting, for example for a certificate that can't be read.
        """
        self._handler, self.options = handler, options or Options()
        self._gate = gate or Gate(self.options)
        self._is_worker = is_worker
        self._hub: Hub | None = None
        self._is_told_to_stop = False
        self._stops = 0
        self._announce: Callable[[list[str]], None] | None = None
        self._signals = Signals(STOPS if REOPENS is None else (*STOPS, REOPENS), self._on_signal)
        self._messages = MessageLog(self.options.log_file, has_process_id=is_worker)
        self._access_log: AccessLog | None = None
        self.counts = Counts() if self.options.admin else None
        self.is_ready = False  # to take requests; no longer, as soon as it is told to stop
        self.started = threading.Event()

    def open(self) -> list[str]:
        """Bind and listen; return the URLs. Clients may connect now; they are served by `run`.

        Raises AddressUnavailable, which says who has the address, or InvalidSetting.
        """
        self._gate.open()
        return self._gate.urls()

    def run(self, announce: Callable[[list[str]], None] | None = None) -> None:
        """Serve until `stop`, SIGINT or SIGTERM, then finish what runs and return.

        `announce` is given the URLs when the app has started and the first request can be served. A
        second signal cuts off what still runs, a third ends the process on the spot.
        """
        self._announce = announce
        loop_factory = self._loop_factory()
        if not self._gate.listeners:
            self.open()
        try:
            with self._messages, self._signals.heard(), asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(self._serve())
        finally:
            self._gate.close()
            if not self._is_worker:
                self._gate.remove_files()

    def stop(self) -> None:
        """Have `run` finish what runs and return; from any thread."""
        self._is_told_to_stop = True
        self.is_ready = False
        hub = self._hub
        if hub is not None:
            hub.post(hub.drain)

    def abandon(self) -> None:
        """Cut off what still runs; from any thread."""
        hub = self._hub
        if hub is not None:
            hub.post(hub.abandon)

    def reopen_logs(self) -> None:
        """Open log files anew, after somebody has moved them away; from any thread."""
        self._messages.reopen()
        if self._access_log is not None:
            self._access_log.reopen()

    def flush_logs(self) -> None:
        """Wait until what was logged so far has been handled by the site's logging: for tests that read it."""
        self._messages.flush()

    def adopt(self, sock: socket.socket, client: str | None = None, *, is_https: bool = False) -> None:
        """Serve a connected socket as if it had been accepted; from any thread, while `run` runs.

        `is_https`: what comes is plain, and its requests are https all the same, as if TLS ended before it.
        """
        self.hub.post(self.hub.adopt, sock, client, EndedTls() if is_https else None)

    @property
    def hub(self) -> Hub:
        """What serves, once `started` is set."""
        if self._hub is None:
            raise InvalidSetting("the server does not run yet; wait for `started`")
        return self._hub

    @property
    def log_lines_lost(self) -> int:
        """How many lines of the access log nobody took."""
        return self._access_log.lost if self._access_log is not None else 0

    async def serve(self) -> None:
        """Serve in a loop that runs already, without signals; returns after `stop`."""
        await self._serve()

    async def _serve(self) -> None:
        await self._handler.start()
        enable_own_loggers()  # the lifespan may have set up logging
        try:
            async with self._hub_running() as hub:
                self._hub = hub
                if self._is_told_to_stop:
                    hub.drain()
                else:
                    self.is_ready = True
                if self._announce is not None:
                    self._announce(self._gate.urls())
                self.started.set()
                await hub.finished.wait()
                await hub.afterwards.finish(hub.drain_left)
        finally:
            try:
                await self._handler.stop()
            finally:
                if self._access_log is not None:
                    self._access_log.stop()

    @contextlib.asynccontextmanager
    async def _hub_running(self) -> AsyncIterator[Hub]:
        hub = Hub(traced(self._handler), self.options.limits, witness=self._make_witness(), is_shared=self._is_worker)
        hub.on_abandoned = self._leave_stuck
        if self.counts is not None:
            self.counts.connections = lambda: hub.acceptor.accepted
        for sock, entrance in self._gate.entrances():
            hub.listen(sock, entrance)
        # uvloop has the interpreter's place for signals, and does not share it.
        heard = contextlib.nullcontext() if self.options.uvloop else self._signals.heard_by(hub.inbox)
        try:
            with _long_lived(), heard:
                yield hub
        finally:
            hub.close()

    def _make_witness(self) -> Witness | None:
        options = self.options
        if options.access_log:
            self._access_log = AccessLog(options.access_file, cast("Format", options.access_format))
            self._access_log.start()
        if self._access_log is None and self.counts is None:
            return None
        return Witness(self._access_log, self.counts)

    def _loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        if self.options.uvloop:
            try:
                import uvloop  # noqa: PLC0415 - an extra
            except ImportError:
                raise InvalidSetting("uvloop is not installed: pip install 'fanlight[uvloop]'") from None
            factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
            return factory
        # On Windows the default loop can't watch a socket that is not its own; this one can everywhere.
        return asyncio.SelectorEventLoop

    # --- signals ----------------------------------------------------------------------------------

    def _on_signal(self, number: int) -> None:
        """Do what a signal asks for; by the holder of the hub, or by a handler before there is one."""
        if number == REOPENS:
            self.reopen_logs()
            return
        self._stops += 1
        hub = self._hub
        if self._stops == 1:
            if hub is not None and hub.connections:
                # os.write: a signal may come in the middle of another write to stderr, which is no place to begin one.
                os.write(2, b"\nstopping: what runs is finished first; once more cuts it off\n")
            self._stop_soon()
        elif self._stops == 2 and hub is not None:
            self.stop()
            self.abandon()
        else:
            os._exit(128 + number)

    def _stop_soon(self) -> None:
        """Stop, after a while in which only readiness has changed, so that a balancer sends nobody any more."""
        hub, seconds = self._hub, self.options.limits.unready_seconds
        if hub is None or not seconds:
            self.stop()
            return
        self.is_ready = False
        hub.loop.call_soon_threadsafe(hub.loop.call_later, seconds, self.stop)

    def _leave_stuck(self) -> None:
        """End the process: its loop's thread is in a view that did not return while we drained."""
        log.critical("a view still holds the main thread after drain_seconds; leaving without it")
        self._messages.flush()
        if threading.current_thread() is not threading.main_thread() and (self._stops or self._is_worker):
            os._exit(ABANDONED_EXIT_CODE)


@contextlib.contextmanager
def _long_lived() -> Iterator[None]:
    """Set the interpreter up for a process that serves."""
    # What exists by now stays: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switch_seconds)

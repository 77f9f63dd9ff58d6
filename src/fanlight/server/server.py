"""One server process: open the listeners, serve, drain, close.

In: a handler and options. Out: `run` returns when every accepted request has been responded to. Refuses to start on an
address that is not available. Requests are served by the hub; this file starts and stops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from fanlight.errors import InvalidSetting
from fanlight.message.handler import Handler, default_fields_of
from fanlight.message.site_bus import SiteBus
from fanlight.server.connection.connection import Connection
from fanlight.server.exchange.request_observer import RequestObserver
from fanlight.server.hub import Hub
from fanlight.server.io.forks import stop_loop_in_child
from fanlight.server.listening.listener_policy import TerminatedTlsPolicy
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.recording.access_log import STOP_SECONDS, AccessLog, LineFormat
from fanlight.server.recording.counts import Counts, CountsSnapshot
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.recording.formats import Format
from fanlight.server.recording.own_loggers import enable_own_loggers
from fanlight.server.shutdown import ShutdownController
from fanlight.server.site_topics import begin_bus
from fanlight.settings.host_names import HostNames
from fanlight.settings.options import Options
from fanlight.wire.http1.response_writer import write_line

# PERF: benchmarks/lanes.py: while a view computes in a thread, the hub waits this long for the interpreter after each
# system call; Python's default of 5 ms would halve the throughput of fast views.
SWITCH_SECONDS = 0.0005
# PERF: benchmarks/async_waits.py: a thousand requests that wait hold more objects than Python's first threshold, and
# would be walked again and again. This is Python's own from 3.13 on; what the site has set stays.
YOUNG_OBJECTS, PYTHON_THRESHOLDS = 2000, (700, 10, 10)
REINSTALL_SECONDS = 1.0  # between two checks whether the site has replaced our signal handlers
FORCED_LOG_SECONDS = 0.5  # for the access log when the process is ended by force

log = logging.getLogger("fanlight.server")


class Server:
    """Serves a handler on the addresses of its options."""

    def __init__(  # noqa: PLR0913 - each is a part of a server, and given by its name
        self,
        handler: Handler,
        options: Options | None = None,
        *,
        listeners: ListenerSet | None = None,
        is_worker: bool = False,
        shutdown: ShutdownController | None = None,
        watch: Callable[[Connection], object] | None = None,
        log_lines: LineFormat | None = None,
        message_format: logging.Formatter | None = None,
        relay: Callable[[Any], Any] | None = None,
    ) -> None:
        """Prepare; nothing is opened before `open` or `run`. A worker is given the listeners it shares with others.

        `shutdown` is given where this server's signals end the process; `watch` is called with each new connection;
        `log_lines` formats the access log in the place of the format of the options, `message_format` the error log;
        `relay` links the bus of a worker to that of its supervisor.
        Raises InvalidSetting, for example for a certificate that can't be read, and InvalidResponse for default fields
        of the handler that can't be sent.
        """
        for each in default_fields_of(handler):
            write_line(each)
        self._handler, self.options = handler, options or Options()
        self._listeners = listeners or ListenerSet(self.options)
        self._is_worker, self._watch, self._log_lines = is_worker, watch, log_lines
        self._relay = relay
        self._bus: SiteBus | None = None
        self._hub: Hub | None = None
        self._must_stop = False
        self._shutdown = shutdown or ShutdownController(self.options.limits)
        folder = getattr(handler, "folder", Path()) if self.options.traceback == "site" else None
        self._error_log = ErrorLog(
            self.options.log_file, has_process_id=is_worker, folder=folder, formatter=message_format
        )
        self._access_log: AccessLog | None = None
        self._counts = Counts() if self.options.admin else None
        self.has_cut_off = False  # something that was not done within drain_seconds
        self._is_replaced = False  # when it is to stop: other processes serve in its place
        self.is_ready = False  # for requests; no longer as soon as it is to stop
        self.started = threading.Event()

    def open(self) -> list[str]:
        """Bind and listen; return the URLs. Otherwise `run` does this when the app has started.

        Raises AddressUnavailable, which names the program that has the address, or InvalidSetting.
        """
        self._listeners.open()
        return self._listeners.urls()

    def run(self, announce: Callable[[list[str]], object] | None = None) -> None:
        """Serve until `stop` or the shutdown of the process, then finish active requests and return.

        `announce` is called with the URLs when the app has started and the first request can be served.
        """
        self._shutdown.on("begin", self._be_unready)
        self._shutdown.on("drain", self.stop)
        self._shutdown.on("exit", partial(self._stop_access_log, FORCED_LOG_SECONDS), self._listeners.remove_files)
        loop_factory = self._loop_factory()
        if not self._listeners.is_open:
            self._listeners.check()  # an address that is in use is reported before the lifespan begins
        try:
            with self._error_log, asyncio.Runner(loop_factory=loop_factory) as runner:
                self._shutdown.on("late", self._error_log.write_last)
                runner.run(self.serve(announce))
        finally:
            self._listeners.remove_files()
            self._listeners.close()

    def stop(self) -> None:
        """Have `run` finish active requests and return; from any thread."""
        self._must_stop = True
        self.is_ready = False
        hub = self._hub
        if hub is not None:
            hub.post(self._drain, hub)

    def mark_replaced(self) -> None:
        """Note that other processes serve in its place, when it is to stop: clients may connect again at once."""
        self._is_replaced = True

    def reopen_logs(self) -> None:
        """Reopen the log files, after rotation for example; from any thread."""
        self._error_log.reopen()
        if self._access_log is not None:
            self._access_log.reopen()

    def flush_logs(self) -> None:
        """Wait until what was logged so far has been handled by the site's logging: for tests that read it."""
        self._error_log.flush()

    def adopt(self, sock: socket.socket, client: str | None = None, *, is_https: bool = False) -> None:
        """Serve a connected socket as if it had been accepted; from any thread, while `run` runs.

        With `is_https` its requests are https although it carries plain text, as if TLS was terminated before it.
        """
        self.hub.post(self.hub.adopt, sock, client, TerminatedTlsPolicy() if is_https else None)

    @property
    def hub(self) -> Hub:
        """The hub, once `started` is set."""
        if self._hub is None:
            raise InvalidSetting("the server does not run yet; wait for `started`")
        return self._hub

    def post(self, callback: Callable[[], object]) -> None:
        """Have the thread that owns the hub call something, if the server has started; from any thread."""
        if self.started.is_set():
            self.hub.post(callback)

    def counts(self) -> CountsSnapshot | None:
        """Return what was counted so far, None without an admin address."""
        if self._counts is None:
            return None
        return self._counts.snapshot(self._hub.acceptor.accepted if self._hub is not None else 0)

    @property
    def log_lines_lost(self) -> int:
        """Lines of the access log that could not be written."""
        return self._access_log.lost if self._access_log is not None else 0

    async def serve(self, announce: Callable[[list[str]], object] | None = None) -> None:
        """Serve in the running loop, without signals; returns after `stop`."""
        stop_loop_in_child(asyncio.get_running_loop())
        self._bus = begin_bus(self.options.bus, self._relay)
        try:
            await self._serve(announce)
        finally:
            await self._bus.close()

    async def _serve(self, announce: Callable[[list[str]], object] | None) -> None:
        if not await self._start_app():
            return
        enable_own_loggers()  # the lifespan may have set up logging
        try:
            if not self._listeners.is_open:
                self._listeners.open()  # not before: a client that connects finds a site that can serve
            async with self._running_hub() as hub:
                self._hub = hub
                if self._must_stop:
                    self._drain(hub)
                else:
                    self.is_ready = True
                    if announce is not None:
                        announce(self._listeners.urls())
                self.started.set()
                self._keep_signals()
                await hub.table.drained.wait()
                await hub.background.finish(hub.table.drain_seconds_left)
                self.has_cut_off = hub.table.has_cut_off or hub.background.has_cut_off
        finally:
            try:
                await self._handler.stop()
            finally:
                self._stop_access_log()

    async def _start_app(self) -> bool:
        """Start the app; False if the process is to end instead, and then what has started is stopped again."""
        task, shutdown = asyncio.current_task(), self._shutdown
        try:
            with shutdown.interruptible(task):
                await self._handler.start()
        except BaseException as error:
            if not shutdown.is_begun:
                raise
            while task is not None and task.uncancel():
                pass
            if not isinstance(error, asyncio.CancelledError):
                log.warning("the start was interrupted by a shutdown, and raised %r", error)
        else:
            if not self._must_stop:
                return True
        await self._handler.stop()
        return False

    def _drain(self, hub: Hub) -> None:
        """Finish active requests; called by the thread that owns the hub."""
        if hub.table.is_draining:
            return
        self._listeners.remove_files()
        hub.drain(is_replaced=self._is_replaced)
        if self._bus is not None:
            self._bus.end_listening()
        if hub.table.connections and not self._is_worker:  # the supervisor logs this for all its workers
            log.info("shutting down: finishing active requests; a second signal closes their connections")

    def _be_unready(self) -> None:
        self.is_ready = False

    def _keep_signals(self) -> None:
        """Keep our signal handlers, whatever the site installs; on the loop, at regular intervals."""
        for name in self._shutdown.reinstall():
            log.warning(
                "the site installed a handler for %s in place of the server's, which has been restored;"
                " put code that runs at shutdown behind the lifespan's `yield`",
                name,
            )
        if self._shutdown.is_installed:
            asyncio.get_running_loop().call_later(REINSTALL_SECONDS, self._keep_signals)

    def _stop_access_log(self, seconds: float = STOP_SECONDS) -> None:
        if self._access_log is not None:
            self._access_log.stop(seconds)

    @contextlib.asynccontextmanager
    async def _running_hub(self) -> AsyncIterator[Hub]:
        hub = Hub(
            self._handler,
            self.options.limits,
            observer=self._make_observer(),
            is_shared=self._is_worker,
            watch=self._watch,
            hosts=HostNames(self.options.hosts) if self.options.hosts else None,
        )
        for sock, policy in self._listeners.with_policies():
            hub.listen(sock, policy)
        if self._listeners.share is not None:
            hub.acceptor.join(self._listeners.share)
        try:
            with _tuned_interpreter():
                yield hub
        finally:
            self._listeners.remove_files()
            hub.close()

    def _make_observer(self) -> RequestObserver | None:
        options = self.options
        if options.access_log:
            form = cast("Format", options.access_format)
            self._access_log = AccessLog(options.access_file, form, self._log_lines)
            self._access_log.start()
        if self._access_log is None and self._counts is None:
            return None
        return RequestObserver(self._access_log, self._counts)

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


@contextlib.contextmanager
def _tuned_interpreter() -> Iterator[None]:
    # What exists by now stays: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    thresholds, switch_seconds = gc.get_threshold(), sys.getswitchinterval()
    if thresholds == PYTHON_THRESHOLDS:
        gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        sys.setswitchinterval(switch_seconds)

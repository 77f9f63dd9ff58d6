"""One server process: open the port, serve until told to stop, drain, leave.

In: a handler and options. Out: an exit when all that was accepted is answered. Refuses to start on
an address that can't be had. The hub does the serving; this file only begins and ends it.
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
from typing import TYPE_CHECKING, cast

from fanlight.errors import InvalidSetting
from fanlight.server.connection.request_observer import RequestObserver
from fanlight.server.hub import Hub
from fanlight.server.io.forks import stop_loop_in_child
from fanlight.server.listening.listener_policy import TerminatedTlsPolicy
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.recording.access_log import STOP_SECONDS, AccessLog
from fanlight.server.recording.counts import Counts
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.recording.own_loggers import enable_own_loggers
from fanlight.server.shutdown import ShutdownController
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.message.handler import Handler
    from fanlight.server.recording.formats import Format

# PERF: benchmarks/lanes.py: while a view computes in a thread, the hub waits so long for the interpreter after each
# system call; Python's own 5 ms would halve what fast views get.
SWITCH_SECONDS = 0.0005
LOOK_SECONDS = 1.0  # between two looks whether the site has put signal handlers into the place of ours
LAST_LOG_SECONDS = 0.5  # for the access log, where the process is ended

log = logging.getLogger("fanlight.server")


class Server:
    """Serves a handler on the addresses of its options."""

    def __init__(
        self,
        handler: Handler,
        options: Options | None = None,
        *,
        gate: ListenerSet | None = None,
        is_worker: bool = False,
        leaving: ShutdownController | None = None,
    ) -> None:
        """Prepare; nothing is opened before `open` or `run`. A worker is given its gate, and shares it with others.

        `leaving` says when the process is to end, where that is the server's affair; by default it is not.
        Raises InvalidSetting, for example for a certificate that can't be read.
        """
        self._handler, self.options = handler, options or Options()
        self._gate = gate or ListenerSet(self.options)
        self._is_worker = is_worker
        self._hub: Hub | None = None
        self._is_told_to_stop = False
        self._announce: Callable[[list[str]], None] | None = None
        self._leaving = leaving or ShutdownController(self.options.limits)
        self._messages = ErrorLog(self.options.log_file, has_process_id=is_worker)
        self._access_log: AccessLog | None = None
        self.counts = Counts() if self.options.admin else None
        self.has_cut_off = False  # something that was not done within drain_seconds
        self.is_ready = False  # to take requests; no longer, as soon as it is told to stop
        self.started = threading.Event()

    def open(self) -> list[str]:
        """Bind and listen; return the URLs. Clients may connect now; without this, when the app has started in `run`.

        Raises AddressUnavailable, which says who has the address, or InvalidSetting.
        """
        self._gate.open()
        return self._gate.urls()

    def run(self, announce: Callable[[list[str]], None] | None = None) -> None:
        """Serve until `stop`, or until the process is to end, then finish what runs and return.

        `announce` is given the URLs when the app has started and the first request can be served.
        """
        self._announce = announce
        leaving = self._leaving
        leaving.on_begin.append(self._be_unready)
        leaving.on_drain = self.stop
        leaving.last_acts += [partial(self._stop_access_log, LAST_LOG_SECONDS), self._remove_files]
        loop_factory = self._loop_factory()
        if not self._gate.listeners:
            self._gate.check()  # what is taken is told before the lifespan begins
        try:
            with self._messages, asyncio.Runner(loop_factory=loop_factory) as runner:
                leaving.say = self._messages.last_word
                runner.run(self._serve())
        finally:
            self._remove_files()
            self._gate.close()
            self._gate.take(())

    def stop(self) -> None:
        """Have `run` finish what runs and return; from any thread."""
        self._is_told_to_stop = True
        self.is_ready = False
        hub = self._hub
        if hub is not None:
            hub.post(self._drain, hub)

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
        self.hub.post(self.hub.adopt, sock, client, TerminatedTlsPolicy() if is_https else None)

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
        stop_loop_in_child(asyncio.get_running_loop())
        if not await self._has_started():
            return
        enable_own_loggers()  # the lifespan may have set up logging
        try:
            if not self._gate.listeners:
                self._gate.open()  # not before: a client that connects finds a site that can serve
            async with self._hub_running() as hub:
                self._hub = hub
                if self._is_told_to_stop:
                    self._drain(hub)
                else:
                    self.is_ready = True
                    if self._announce is not None:
                        self._announce(self._gate.urls())
                self.started.set()
                self._look()
                await hub.finished.wait()
                await hub.background.finish(hub.drain_left)
                self.has_cut_off = hub.has_cut_off or hub.background.has_cut_off
        finally:
            try:
                await self._handler.stop()
            finally:
                self._stop_access_log()

    async def _has_started(self) -> bool:
        """Start the app; False if the process is to end instead: what has started is stopped again then."""
        task, leaving = asyncio.current_task(), self._leaving
        try:
            with leaving.interruptible(task):
                await self._handler.start()
        except BaseException as error:
            if not leaving.is_begun:
                raise
            while task is not None and task.uncancel():
                pass
            if not isinstance(error, asyncio.CancelledError):
                log.warning("the start, which was stopped, raised %r", error)
        else:
            if not self._is_told_to_stop:
                return True
        await self._handler.stop()
        return False

    def _drain(self, hub: Hub) -> None:
        """Finish what runs; by the holder of the hub."""
        if hub.is_draining:
            return
        self._remove_files()
        hub.drain()
        if hub.connections and not self._is_worker:  # a parent speaks for all its workers
            log.info("stopping: what runs is finished first; once more cuts it off")

    def _be_unready(self) -> None:
        self.is_ready = False

    def _look(self) -> None:
        """Have the signals stay ours, whatever the site installs; on the loop, now and then."""
        leaving = self._leaving
        leaving.look()
        for name in sorted(leaving.displaced):
            log.warning(
                "the site has put a handler for %s into the place of the server's, which is put back:"
                " what is to be done at the end stands behind the lifespan's yield",
                name,
            )
        leaving.displaced.clear()
        if leaving.is_listening:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _stop_access_log(self, seconds: float = STOP_SECONDS) -> None:
        if self._access_log is not None:
            self._access_log.stop(seconds)

    def _remove_files(self) -> None:
        if not self._is_worker:
            self._gate.remove_files()

    @contextlib.asynccontextmanager
    async def _hub_running(self) -> AsyncIterator[Hub]:
        hub = Hub(self._handler, self.options.limits, observer=self._make_observer(), is_shared=self._is_worker)
        if self.counts is not None:
            self.counts.connections = lambda: hub.acceptor.accepted
        for sock, policy in self._gate.with_policies():
            hub.listen(sock, policy)
        try:
            with _long_lived():
                yield hub
        finally:
            self._remove_files()
            hub.close()

    def _make_observer(self) -> RequestObserver | None:
        options = self.options
        if options.access_log:
            self._access_log = AccessLog(options.access_file, cast("Format", options.access_format))
            self._access_log.start()
        if self._access_log is None and self.counts is None:
            return None
        return RequestObserver(self._access_log, self.counts)

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

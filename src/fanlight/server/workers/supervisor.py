"""The supervisor: it opens the listeners, starts the workers, watches them, and replaces them.

In: options and signals. Out: an exit code when everything has shut down. The supervisor serves no requests and runs no
site code. It is one loop: wait for a message, a signal or a deadline, then act.

    SIGTERM, SIGINT   readiness turns 503, then all workers finish active requests; a second signal ends them at once
    SIGHUP            new workers load new code, then the old ones stop one by one; sent because the terminal was
                      closed, it means the same as SIGTERM
    SIGUSR1           log files are reopened
    SIGUSR2           the supervisor itself loads new code (see `handover`), then the same as SIGHUP

Which workers to start and stop is decided in `worker_policy`.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fanlight.server.io.terminal import Terminal
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.listening.worker_loads import WorkerLoads
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.shutdown import LATE_EXIT_CODE, STOP_SIGNALS, ShutdownController
from fanlight.server.workers.handover import Handover, PreflightCheck
from fanlight.server.workers.pid_file import PidFile
from fanlight.server.workers.posted_calls import PostedCalls
from fanlight.server.workers.shared_listeners import send_listeners
from fanlight.server.workers.status_query import REPLY_SECONDS, StatusQuery
from fanlight.server.workers.systemd_notify import Notifier
from fanlight.server.workers.worker_policy import WORKER_GRACE_SECONDS, WorkerPolicy
from fanlight.server.workers.worker_process import Spawner, identity_of, own_command
from fanlight.server.workers.worker_state import Worker
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.server.workers.relay import Relay

SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)  # beside those that stop the process
GRACE_SECONDS = WORKER_GRACE_SECONDS + 3.0  # beyond drain_seconds, before this process is ended too
BUSY_SECONDS = 0.25  # the longest wait while something is under way
FAILED_EXIT_CODE = 1

log = logging.getLogger("fanlight.server")

Announce = Callable[[list[str], dict[str, Any]], None]


class Supervisor:
    """Keeps as many workers running as its options want."""

    def __init__(
        self,
        options: Options,
        announce: Announce,
        shutdown: ShutdownController,
        terminal: Terminal,
        handover: Handover | None,
    ) -> None:
        """Check the settings; `announce` is called with the URLs and the facts that a worker reports of the site.

        With a handover it continues with what the previous program of this process had. Raises InvalidSetting.
        """
        self._shutdown, self._terminal = shutdown, terminal
        self._options, self._announce = options, announce
        self._command, identity = own_command(), identity_of(options.user)
        self._listeners, self._loads = ListenerSet(options, owner=identity), WorkerLoads(options.workers)
        self._spawner = Spawner(self._command, identity)
        self.policy = WorkerPolicy(self._spawner.start, options.workers, options.limits)
        self.started_at = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._posted = PostedCalls()
        self._queries: list[StatusQuery] = []  # whose replies have not all arrived
        self._notifier = Notifier(os.environ)
        self._is_stopping = False
        self._close_at: float | None = None
        self._preflight: PreflightCheck | None = None
        self._facts: dict[str, Any] = {}
        self._is_announced = self._is_reloading = self.is_ready = handover is not None
        self._error_log = ErrorLog(options.log_file, has_process_id=True)
        self._relay: Relay | None = None
        if handover is not None:
            if handover.relay:
                from fanlight.server.workers.relay import Relay  # noqa: PLC0415 - for a site with topics

                self._relay = Relay.resumed(handover.relay, handover.relay_descriptors).start()
            self._listeners.adopt(handover.listeners)
            self.policy.resume(handover.workers, handover.generation, handover.past, handover.restarts)
            self.policy.reload()

    def run(self, admin_sockets: list[socket.socket]) -> int:
        """Supervise until the shutdown; return the exit code. Raises AddressUnavailable.

        `admin_sockets` are passed on when this process replaces its program.
        """
        shutdown = self._shutdown
        self._selector.register(self._posted, selectors.EVENT_READ, self._posted.run)
        with self._error_log, PidFile(self._options.pid_file) as file:
            shutdown.on("exit", self.policy.kill, self._listeners.remove_files, file.remove)
            shutdown.on("late", self._error_log.write_last)
            self._handle_signals()
            if not self._listeners.is_open:
                self._listeners.check()
            try:
                while self.policy.workers or not (self.policy.is_closing or self.policy.has_failed):
                    self._run_once(admin_sockets)
            finally:
                self.policy.kill()
                self._listeners.remove_files()
                self._listeners.close()
                self._loads.close()
        if shutdown.exit_code or self.policy.has_cut_off:
            return shutdown.exit_code or LATE_EXIT_CODE
        return FAILED_EXIT_CODE if self.policy.has_failed else 0

    def query_status(self) -> StatusQuery:
        """Query all workers and return the replies; from any other thread. It is not `done` if the loop hangs."""
        query = StatusQuery()

        def begin() -> None:
            query.begin(self.policy.workers)
            self._queries.append(query)

        self._posted.post(begin)
        query.done.wait(REPLY_SECONDS + 1)
        return query

    # --- the loop -------------------------------------------------------------------------------------

    def _run_once(self, admin_sockets: list[socket.socket]) -> None:
        policy = self.policy
        for key, _ in self._selector.select(self._longest_wait()):
            key.data()
        now = time.monotonic()
        self._reap(now)
        if policy.has_failed and not policy.is_closing:
            policy.close(now)
        if self._close_at is not None and now >= self._close_at and not policy.is_closing:
            self._close(now)
        policy.reconcile(now)
        for worker in policy.workers:
            if worker.channel.is_open and worker.channel.fileno() not in self._selector.get_map():
                read_messages = partial(self._receive_from, worker)
                self._selector.register(worker.channel.fileno(), selectors.EVENT_READ, read_messages)
        self._queries = [each for each in self._queries if not each.finish_if_due(now)]
        self._finish_preflight(admin_sockets)
        self._notifier.alive()
        self._notify_ready()

    def _longest_wait(self) -> float:
        policy = self.policy
        is_quiet = policy.is_complete and not self._is_stopping and not self._queries and self._preflight is None
        if not is_quiet:
            return BUSY_SECONDS
        watchdog = self._notifier.watchdog_seconds
        return min(policy.seconds_between_pings, watchdog / 2 if watchdog else policy.seconds_between_pings)

    def _notify_ready(self) -> None:
        """Announce the server when its first workers are ready, and the end of a reload to the service manager."""
        policy = self.policy
        if self._facts and not self._is_announced and len(policy.ready) >= policy.wanted:
            self._is_announced = self.is_ready = True
            self._announce(self._listeners.urls(), self._facts)
            self._notifier.ready()
        elif self._is_reloading and not policy.is_reloading and not self._is_stopping:
            self._is_reloading = False
            self._notifier.ready()

    def _reap(self, now: float) -> None:
        for worker in list(self.policy.workers):
            code = worker.process.poll()
            if code is None:
                continue
            while worker.channel.is_open and self._receive_from(worker):
                pass  # its last messages
            self._unwatch_channel(worker)
            worker.channel.close()
            self._loads.give_back(worker.place)
            self.policy.on_exit(worker, code, now)
            for other in self.policy.ready:
                other.channel.send("ping")  # the kernel may have woken the exited worker for a client that still waits

    def _unwatch_channel(self, worker: Worker) -> None:
        if worker.channel.fileno() in self._selector.get_map():
            self._selector.unregister(worker.channel.fileno())

    def _receive_from(self, worker: Worker) -> bool:
        """Handle a worker's messages; False if there were none."""
        messages = worker.channel.received()
        if not worker.channel.is_open:
            self._unwatch_channel(worker)
        for message, descriptors in messages:
            self._handle_message(worker, message, descriptors)
        return bool(messages)

    def _handle_message(self, worker: Worker, message: dict[str, Any], descriptors: list[int]) -> None:
        what = message.pop("what")
        now = time.monotonic()
        if what == "loaded":
            self._facts = message
        elif what == "started":
            self._send_sockets(worker)
        elif what == "ready":
            self.policy.on_ready(worker, now)
        elif what == "pong":
            self.policy.on_pong(worker, message["served"], message.get("counts"), now)
        elif what == "leaving":
            self.policy.on_leaving(worker, now)
        elif what == "reply":
            for query in self._queries:
                query.take_reply(worker, message)
        elif what == "topics":
            self._relay_for(worker, descriptors)

    def _relay_for(self, worker: Worker, descriptors: list[int]) -> None:
        """Carry the messages of a worker's topics; the relay begins with the first worker that has any."""
        if self._relay is None:
            from fanlight.server.workers.relay import Relay  # noqa: PLC0415 - for a site with topics

            self._relay = Relay().start()
        for each in descriptors:
            self._relay.add(each, worker.pid)

    def _send_sockets(self, worker: Worker) -> None:
        """Send a worker the listening sockets; they are opened when the site has started in the first worker."""
        if not self._listeners.is_open:
            self._listeners.open()
        worker.take_place(self._loads.take_place())
        send_listeners(worker.channel, self._listeners.listeners, self._loads, worker.place)

    # --- signals --------------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        shutdown, post = self._shutdown, self._posted.post
        shutdown.on("begin", lambda: post(self._stop))
        shutdown.on("force", lambda: post(self._force))
        shutdown.on(signal.SIGHUP, self._on_hangup)
        shutdown.on(signal.SIGUSR1, lambda: post(self._reopen_logs))
        shutdown.on(signal.SIGUSR2, lambda: post(self._start_preflight))
        shutdown.on(signal.SIGCHLD, self._posted.wake)
        if shutdown.is_begun:
            post(self._stop)

    def _on_hangup(self) -> None:
        """Reload, or shut down if the terminal was closed; in the signal thread."""
        if not self._terminal.has_hung_up():
            self._posted.post(self._reload)
        elif not self._terminal.is_outlived:
            self._shutdown.begin()

    def _reload(self) -> None:
        if not self._is_stopping:
            self._is_reloading = True
            self._notifier.reloading()
            self.policy.reload()

    def _reopen_logs(self) -> None:
        self._error_log.reopen()
        for worker in self.policy.workers:
            worker.channel.send("reopen")

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping, self.is_ready = True, False
            if self._preflight is not None:
                self._preflight.cancel()
                self._preflight = None
            self._notifier.stopping()
            self._close_at = time.monotonic() + self._options.limits.unready_seconds

    def _force(self) -> None:
        now = time.monotonic()
        self._close(now)
        self.policy.abandon(now)

    def _close(self, now: float) -> None:
        if not self.policy.is_closing:
            log.info("shutting down: finishing active requests; a second signal closes their connections")
        self.policy.close(now)
        self._listeners.remove_files()
        self._listeners.close()

    # --- new code for the supervisor itself -----------------------------------------------------------

    def _start_preflight(self) -> None:
        if not self._is_stopping and self._preflight is None:
            log.info("checking the new code before the supervisor loads it")
            try:
                self._preflight = PreflightCheck(self._command, self._spawner.folder)
            except OSError as error:
                log.error("the new code can't be checked: %s; the old code goes on serving", error)  # noqa: TRY400 - the reason is in the message

    def _finish_preflight(self, admin_sockets: list[socket.socket]) -> None:
        preflight = self._preflight
        if preflight is None or preflight.is_running:
            return
        self._preflight = None
        if preflight.has_passed:
            policy, relay = self.policy, self._relay
            handover = Handover(
                listeners=self._listeners.listeners,
                workers=policy.workers,
                generation=policy.generation,
                past=policy.past,
                restarts=policy.restarts,
                admin_sockets=admin_sockets,
                relay=b"" if relay is None else relay.stop(),
                relay_descriptors=[] if relay is None else relay.descriptors,
            )
            try:
                if self._spawner.folder is not None:
                    os.chdir(self._spawner.folder)  # a link may name another folder by now
                handover.exec(self._command, (*STOP_SIGNALS, *SIGNALS))
            except OSError as error:
                log.error("the supervisor can't load the new code: %s", error)  # noqa: TRY400 - the reason is in the message
                if relay is not None:
                    relay.start()
        log.error("the new code does not start; the old code goes on serving")

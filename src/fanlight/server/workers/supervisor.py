"""The parent of several workers: it opens the port, starts them, watches them, and replaces them.

In: options, and signals. Out: an exit code when all is over. The parent serves no request and runs
nothing of the user's. It is one loop: wait for a message, a signal or the time; do what follows.

    SIGTERM, SIGINT   readiness turns 503, then everybody finishes what runs; again: at once
    SIGHUP            new workers load the code anew, then the old ones leave, one by one; from a terminal that was
                      closed: as SIGTERM
    SIGUSR1           log files are opened anew
    SIGUSR2           this process takes up new code itself (see `handover`), then as with SIGHUP

What is decided about workers is decided in `roster`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from fanlight.server.io.terminal import Terminal
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.shutdown import LATE_EXIT_CODE, STOPS, ShutdownController
from fanlight.server.workers.handover import Handover, PreflightCheck
from fanlight.server.workers.pid_file import pid_file
from fanlight.server.workers.status_query import StatusQuery
from fanlight.server.workers.systemd_notify import Notifier
from fanlight.server.workers.worker_policy import GRACE_SECONDS as WORKERS_GRACE_SECONDS
from fanlight.server.workers.worker_policy import WorkerPolicy
from fanlight.server.workers.worker_process import Spawner, Worker, WorkerState, identity_of, own_command
from fanlight.settings.options import Options

OTHERS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)
GRACE_SECONDS = WORKERS_GRACE_SECONDS + 3.0  # beyond drain_seconds, before this process is ended too
BUSY_SECONDS, QUIET_SECONDS = 0.25, 5.0  # how long to wait at most while something is under way, and while not
FAILED_EXIT_CODE = 1

log = logging.getLogger("fanlight.server")

Announce = Callable[[list[str], dict[str, Any]], None]


class Supervisor:
    """Keeps as many workers as its options want."""

    def __init__(self, options: Options, announce: Announce, leaving: ShutdownController, terminal: Terminal) -> None:
        """Check what can be checked; `announce` is given the URLs and what a worker knows of the site.

        Raises InvalidSetting.
        """
        self._leaving, self._terminal = leaving, terminal
        self._options, self._announce = options, announce
        self._command, identity = own_command(), identity_of(options.user)
        self._gate = ListenerSet(options, owner=identity)
        self._spawner = Spawner(self._command, identity)
        self.policy = WorkerPolicy(self._spawner.start, options.workers, options.limits)
        self.began = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._posted: deque[Callable[[], object]] = deque()  # by other threads
        self._open: list[StatusQuery] = []  # answers are on their way
        self._notifier = Notifier(os.environ)
        self._is_stopping = False
        self._close_at: float | None = None
        self._preflight: PreflightCheck | None = None
        self._facts: dict[str, Any] = {}
        self._is_announced = self._is_reloading = False  # to the service manager
        self.is_ready = False
        self._messages = ErrorLog(options.log_file, has_process_id=True)
        self.admin: list[socket.socket] = []  # where operators' tools ask; they go along when we become new code

    def take_over(self, handover: Handover) -> None:
        """Go on with the sockets and the workers of what this process was before."""
        self._gate.take(handover.listeners)
        self.admin = handover.admin
        self.policy.generation = handover.generation
        self.policy.past = handover.past
        self.policy.restarts.update(handover.restarts)
        self.policy.was_ready = True
        for worker in handover.workers:
            self._watch_channel(worker)
        self.policy.reload()
        self._is_announced = self._is_reloading = self.is_ready = True

    def run(self) -> int:
        """Supervise until the process is to end; return the exit code. Raises AddressUnavailable."""
        leaving = self._leaving
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._drain_wakeups)
        with self._messages, pid_file(self._options.pid_file) as file:
            leaving.say = self._messages.last_word
            leaving.last_acts += [
                self.policy.kill,
                self._gate.remove_files,
                *([file.remove] if file is not None else []),
            ]
            self._install_signals()
            if not self._gate.listeners:
                self._gate.check()
            try:
                while self.policy.workers or not (self.policy.is_closing or self.policy.has_failed):
                    self._run_once()
            finally:
                self.policy.kill()
                self._gate.remove_files()
                self._gate.close()
        if leaving.exit_code or self.policy.has_cut_off:
            return leaving.exit_code or LATE_EXIT_CODE
        return FAILED_EXIT_CODE if self.policy.has_failed else 0

    def ask(self, inquiry: StatusQuery) -> None:
        """Have every worker asked; from any thread."""
        self._post(lambda: self._start_query(inquiry))

    def _post(self, act: Callable[[], object]) -> None:
        """Have something done by the loop; from any thread."""
        self._posted.append(act)
        with contextlib.suppress(OSError):
            self._wake_in.send(b"\x00")

    # --- the loop ---------------------------------------------------------------------------------

    def _run_once(self) -> None:
        policy = self.policy
        is_quiet = policy.is_complete and not self._is_stopping and not self._open and self._preflight is None
        longest = policy.seconds_between_pings if is_quiet else BUSY_SECONDS
        if is_quiet and (watchdog := self._notifier.watchdog_seconds):
            longest = min(longest, watchdog / 2)
        for key, _ in self._selector.select(longest):
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
                self._watch_channel(worker)
        self._finish_queries(now)
        self._finish_preflight()
        self._notifier.alive()
        if self._facts and not self._is_announced and len(policy.ready) >= policy.wanted:
            self._is_announced = self.is_ready = True
            self._announce(self._gate.urls(), self._facts)
            self._notifier.ready()
        elif self._is_reloading and not policy.is_reloading and not self._is_stopping:
            self._is_reloading = False
            self._notifier.ready()

    def _watch_channel(self, worker: Worker) -> None:
        """Begin to listen to a worker."""
        if worker not in self.policy.workers:
            self.policy.workers.append(worker)
        self._selector.register(worker.channel.fileno(), selectors.EVENT_READ, lambda: self._receive_from(worker))

    def _reap(self, now: float) -> None:
        """Wait for those who have ended."""
        for worker in list(self.policy.workers):
            code = worker.process.poll()
            if code is None:
                continue
            while worker.channel.is_open and self._receive_from(worker):
                pass  # its last words
            self._hang_up(worker)
            worker.channel.close()
            self.policy.on_exit(worker, code, now)
            for inquiry in self._open:
                inquiry.forget_worker(worker.pid)
            for other in self.policy.ready:
                other.channel.send("ping")  # a client may wait whom the system had called it for

    def _hang_up(self, worker: Worker) -> None:
        if worker.channel.fileno() in self._selector.get_map():
            self._selector.unregister(worker.channel.fileno())

    def _receive_from(self, worker: Worker) -> bool:
        """Take a worker's messages; False if there were none."""
        messages = worker.channel.received()
        if not worker.channel.is_open:
            self._hang_up(worker)
        for message, _ in messages:
            self._handle_message(worker, message)
        return bool(messages)

    def _handle_message(self, worker: Worker, message: dict[str, Any]) -> None:
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
            for inquiry in self._open:
                inquiry.take(worker.pid, message)

    def _send_sockets(self, worker: Worker) -> None:
        """Hand a worker the listening sockets; they are opened when the site has started in the first one."""
        if not self._gate.listeners:
            self._gate.open()
        listeners = self._gate.listeners
        kinds = [{"bind": each.bind, "is_redirect": each.is_redirect} for each in listeners]
        worker.channel.send("serve", [each.sock.fileno() for each in listeners], listeners=kinds)

    # --- signals ----------------------------------------------------------------------------------

    def _install_signals(self) -> None:
        leaving, post = self._leaving, self._post
        leaving.others = {
            signal.SIGHUP: self._on_sighup,
            signal.SIGUSR1: lambda: post(self._reopen_logs),
            signal.SIGUSR2: lambda: post(self._start_preflight),
            signal.SIGCHLD: lambda: post(_nothing),
        }
        leaving.on_begin.append(lambda: post(self._stop))
        leaving.on_cut_off.append(lambda: post(self._cut_off))
        if leaving.is_begun:
            post(self._stop)

    def _drain_wakeups(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_out.recv(4096)
        while self._posted:
            self._posted.popleft()()

    def _on_sighup(self) -> None:
        """Load the code anew, or end because the terminal was closed; not in the loop's thread."""
        if not self._terminal.has_hung_up():
            self._post(self._reload)
        elif not self._terminal.is_outlived:
            self._leaving.begin()

    def _reload(self) -> None:
        if not self._is_stopping:
            self._is_reloading = True
            self._notifier.reloading()
            self.policy.reload()

    def _reopen_logs(self) -> None:
        self._messages.reopen()
        for worker in self.policy.workers:
            worker.channel.send("reopen")

    def _start_preflight(self) -> None:
        if not self._is_stopping and self._preflight is None:
            log.info("trying new code for this process itself")
            try:
                self._preflight = PreflightCheck(self._command, self._spawner.folder)
            except OSError as error:
                log.error("the new code can't be tried: %s; the old one goes on serving", error)  # noqa: TRY400 - the reason says it all

    def _start_query(self, inquiry: StatusQuery) -> None:
        inquiry.begin(self.policy.workers)
        self._open.append(inquiry)

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping, self.is_ready = True, False
            if self._preflight is not None:
                self._preflight.end()
                self._preflight = None
            self._notifier.stopping()
            self._close_at = time.monotonic() + self._options.limits.unready_seconds

    def _cut_off(self) -> None:
        now = time.monotonic()
        self._close(now)
        self.policy.abandon(now)

    def _close(self, now: float) -> None:
        """Let nobody in any more, and have everybody finish."""
        if not self.policy.is_closing:
            log.info("stopping: what runs is finished first; once more cuts it off")
        for worker in self.policy.workers:
            if worker.state is WorkerState.ABORTING:
                worker.signal(signal.SIGKILL)
        self.policy.close(now)
        self._gate.remove_files()
        self._gate.close()

    def _finish_preflight(self) -> None:
        """When the trial of new code is over: take it up, or stay with the old."""
        trial = self._preflight
        if trial is None or trial.is_running:
            return
        self._preflight = None
        if trial.has_passed:
            handover = Handover(self._gate.listeners, self.policy)
            handover.admin = self.admin
            try:
                if self._spawner.folder is not None:
                    os.chdir(self._spawner.folder)  # a link may name another folder by now
                handover.exec(self._command, (*STOPS, *OTHERS))
            except OSError as error:
                log.error("this process can't take up new code: %s", error)  # noqa: TRY400 - the reason says it all
        log.error("the new code does not start; the old one goes on serving")

    def _finish_queries(self, now: float) -> None:
        for inquiry in list(self._open):
            if inquiry.is_over(now):
                self._open.remove(inquiry)
                inquiry.done.set()


def _nothing() -> None:
    """Do nothing: the bell has rung."""

"""The parent process of `fanlight dev`: it opens the port, watches the site's files, and replaces the worker.

In: the argument of the command, options. Out: an exit code when it is stopped. It runs no code of the site, and serves
no requests. It is one loop: wait for a message, a change, a signal or a deadline, then act. Of workers there are

    the spare      has imported the framework, and waits
    the candidate  loads new code; a change of the code stops it, and the spare takes its place
    the current    serves, until a candidate is ready
    the others     finish active requests, and exit
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import shutil
import signal
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from fanlight.devtools.reload.assignment import Assignment, worker_command
from fanlight.devtools.reload.site_watcher import SiteWatcher
from fanlight.devtools.running_servers import announce_server
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.shutdown import ShutdownController
from fanlight.server.workers.shared_listeners import send_listeners
from fanlight.server.workers.worker_process import Spawner
from fanlight.server.workers.worker_state import READY, STOPPING, Worker
from fanlight.settings.options import Options

SIGNALS = (signal.SIGCHLD,)  # beside those that stop the process
BUSY_SECONDS = 0.25  # the longest wait
QUIT_SECONDS = 2.0  # for a worker's lifespan to end when the server is stopped
CANDIDATE_SECONDS = 1.0  # for a candidate that is stopped

log = logging.getLogger("fanlight.server")

Announce = Callable[[list[str], dict[str, Any]], None]


class DevSupervisor:
    """Serves one site for development."""

    def __init__(
        self, site: str, folder: Path, options: Options, announce: Announce, shutdown: ShutdownController
    ) -> None:
        """Prepare to serve a site in `folder`; `announce` is called with the URLs and the facts of the site."""
        self._site, self._options, self._announce, self._shutdown = site, options, announce, shutdown
        self._listeners = ListenerSet(options)
        self._spawner = Spawner(worker_command())
        self._watcher = SiteWatcher(folder, lambda paths: self._post(partial(self._on_change, paths)))
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._posted: deque[Callable[[], object]] = deque()  # by other threads
        self._folder = Path()
        self._announcement: Path | None = None  # a file by which other commands find this server
        self._generation = 0
        self._workers: list[Worker] = []
        self._spare: Worker | None = None
        self._candidate: Worker | None = None
        self._current: Worker | None = None
        self._is_stopping = self._is_announced = False

    def run(self) -> int:
        """Serve until stopped; return the exit code. Raises AddressUnavailable."""
        self._listeners.open()
        self._folder = Path(tempfile.mkdtemp(prefix="fanlight-dev-"))
        self._announcement = announce_server(self._listeners.urls()[0], self._site, self._folder)
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._drain_wakeups)
        self._shutdown.on("begin", lambda: self._post(self._stop))
        self._shutdown.on("exit", self._remove)
        self._shutdown.on(signal.SIGCHLD, self._wake)
        try:
            with ErrorLog(self._options.log_file):
                self._watcher.start()
                if self._shutdown.is_begun:
                    self._stop()
                else:
                    self._load()
                while self._workers:
                    self._run_once()
        finally:
            self._watcher.stop()
            self._remove()
        return 0

    # --- the loop -------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        for key, _ in self._selector.select(BUSY_SECONDS):
            key.data()
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.process.poll() is not None:
                self._on_exit(worker)
            else:
                worker.kill_if_late(now)

    def _post(self, callback: Callable[[], object]) -> None:
        """Have the loop call something; from any thread."""
        self._posted.append(callback)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_in.send(b"\x00")

    def _drain_wakeups(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_out.recv(4096)
        while self._posted:
            self._posted.popleft()()

    # --- workers --------------------------------------------------------------------------------------

    def _start_worker(self) -> Worker:
        worker = self._spawner.start(0)
        self._workers.append(worker)
        self._selector.register(worker.channel.fileno(), selectors.EVENT_READ, partial(self._receive_from, worker))
        return worker

    def _load(self) -> None:
        """Have a worker load the code as it is now; one that loads older code is stopped."""
        if self._candidate is not None:
            self._end(self._candidate, CANDIDATE_SECONDS)
        worker, self._spare = self._spare or self._start_worker(), None
        self._candidate = worker
        self._generation += 1
        work = Assignment(
            site=self._site,
            options=self._options,
            folder=str(self._folder),
            generation=self._generation,
            stands_in=self._current is None,
        )
        worker.channel.send("load", **to_builtins(work))

    def _end(self, worker: Worker, seconds: float) -> None:
        """End a worker that serves nothing."""
        worker.channel.send("quit")
        worker.set_leaving(time.monotonic() + seconds)

    def _receive_from(self, worker: Worker) -> bool:
        messages = worker.channel.received()
        if not worker.channel.is_open:
            self._selector.unregister(worker.channel.fileno())
        for message, _ in messages:
            self._handle_message(worker, message)
        return bool(messages)

    def _handle_message(self, worker: Worker, message: dict[str, Any]) -> None:
        what = message.pop("what")
        if what == "started":
            send_listeners(worker.channel, self._listeners.listeners)
        elif what == "loaded" and not self._is_announced:
            self._is_announced = True
            self._announce(self._listeners.urls(), message)
        elif what == "failed":
            self._on_failed(worker, message["problem"])
        elif what == "ready":
            self._on_ready(worker)

    def _on_failed(self, worker: Worker, problem: dict[str, Any]) -> None:
        if worker is not self._candidate:
            return
        log.error("%s\n%s", problem["text"], "the old code goes on serving" if self._current else "")
        if self._current is not None:
            self._candidate = None
            self._current.channel.send("problem", problem=problem)

    def _on_ready(self, worker: Worker) -> None:
        worker.set_ready(time.monotonic())
        if worker is not self._candidate:
            return
        before, self._current, self._candidate = self._current, worker, None
        if before is not None:
            log.info("the new code serves")
            before.stop(time.monotonic() + self._options.limits.drain_seconds + QUIT_SECONDS)
        if self._spare is None:
            self._spare = self._start_worker()

    def _on_exit(self, worker: Worker) -> None:
        while worker.channel.is_open and self._receive_from(worker):
            pass  # its last messages
        if worker.channel.is_open:
            self._selector.unregister(worker.channel.fileno())
        worker.channel.close()
        self._workers.remove(worker)
        is_unexpected = worker.state is not STOPPING and not self._is_stopping
        if worker is self._spare:
            self._spare = None
        if worker is self._candidate:
            self._candidate = None
        if worker is self._current:
            self._current = None
            if is_unexpected and worker.state is READY:
                log.error("the worker has exited with code %s; starting another", worker.process.poll())
                self._load()

    # --- changes and the end --------------------------------------------------------------------------

    def _on_change(self, paths: list[Path]) -> None:
        if not self._is_stopping:
            log.info("%s changed", ", ".join(each.name for each in paths))
            self._load()

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            for worker in self._workers:
                self._end(worker, QUIT_SECONDS)
            self._listeners.remove_files()
            self._listeners.close()

    def _remove(self) -> None:
        for worker in self._workers:
            worker.send_signal(signal.SIGKILL)
        self._listeners.remove_files()
        self._listeners.close()
        if self._announcement is not None:
            self._announcement.unlink(missing_ok=True)
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)

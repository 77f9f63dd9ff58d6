"""The parent process of `fanlight dev`: it opens the port, watches the site's files, and replaces the worker.

In: the argument of the command, options. Out: an exit code when it is stopped. It runs no code of the site, and serves
no requests. It is one loop: wait for a message, a change, a key, a signal or a deadline, then act. Of workers there are

    the spare      has imported the framework, and waits
    the candidate  loads new code; where that is changed again, it is stopped, and the spare takes its place
    the current    serves, until a candidate is ready; a problem, where no code of the site has served yet
    the others     finish active requests, and exit
"""

from __future__ import annotations

import logging
import math
import selectors
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from fanlight.devtools.dev_context import PREFIX
from fanlight.devtools.reload import keys
from fanlight.devtools.reload.assignment import Assignment, worker_command
from fanlight.devtools.reload.dev_banner import address_of, described_site
from fanlight.devtools.reload.key_commands import KeyCommands, open_browser
from fanlight.devtools.reload.loading_timer import LoadingTimer
from fanlight.devtools.reload.problem import Problem, exit_problem, waiting_problem
from fanlight.devtools.reload.reload_schedule import ReloadSchedule
from fanlight.devtools.reload.site_files import Kind, Places
from fanlight.devtools.reload.site_watcher import Change, SiteWatcher
from fanlight.devtools.reload.switch_over import SwitchOver
from fanlight.devtools.running_servers import announce_server
from fanlight.devtools.terminal.message_lines import message_format_for
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.shutdown import ShutdownController
from fanlight.server.workers.posted_calls import PostedCalls
from fanlight.server.workers.shared_listeners import send_listeners
from fanlight.server.workers.worker_process import Spawner
from fanlight.server.workers.worker_state import Worker
from fanlight.settings.options import Options
from fanlight.tracebacks.owners import shown_path

SIGNALS = (signal.SIGCHLD, signal.SIGHUP, *keys.SIGNALS)  # beside those that stop the process
IDLE_SECONDS = 1.0  # the longest wait
QUIT_SECONDS = 2.0  # for a worker's lifespan to end when the server is stopped
REPLACED_SECONDS = 1.0  # for a candidate to end when newer code is there
SHORT_LIFE_SECONDS = 2.0  # a worker that has served for less is not started again before a change

log = logging.getLogger("fanlight.server")

Announce = Callable[[str], None]


class DevSupervisor:
    """Serves one site for development."""

    def __init__(
        self, site: str, places: Places, options: Options, shutdown: ShutdownController, announce: Announce
    ) -> None:
        """Prepare to serve a site; `announce` is called with its URL when the port is open."""
        self._site, self._options, self._shutdown, self._announce = site, options, shutdown, announce
        self._places = places
        self._listeners = ListenerSet(options)
        self._switch = SwitchOver(self._listeners)
        self._spawner = Spawner(worker_command())
        self._watcher = SiteWatcher(places, lambda changes: self._posted.post(partial(self._on_changes, changes)))
        self._schedule = ReloadSchedule()
        self._selector = selectors.DefaultSelector()
        self._posted = PostedCalls()
        self._keys = KeyCommands(
            keys.Keys(),
            self._selector,
            {
                "r": self._load,
                "o": lambda: open_browser(self.url),
                "i": lambda: open_browser(f"{self.url}{PREFIX}/"),
                "q": shutdown.begin,
            },
        )
        self._folder = Path()
        self._announcement: Path | None = None  # a file by which other commands find this server
        self._generation = 0
        self._workers: list[Worker] = []
        self._spare: Worker | None = None
        self._candidate: Worker | None = None
        self._current: Worker | None = None
        self._stands_in = False  # the current serves a problem, not the site
        self._has_problem = False  # newer code does not serve
        self._reports: dict[int, dict[str, Any]] = {}  # what each worker has reported of the site, by generation
        self._timer = LoadingTimer()  # of the candidate
        self._is_stopping = self._has_served = False
        self._has_ended_one = False  # a candidate, for newer code

    def run(self) -> int:
        """Serve until stopped; return the exit code. Raises AddressUnavailable."""
        self._listeners.open()
        self._folder = Path(tempfile.mkdtemp(prefix="fanlight-dev-"))
        self._announcement = announce_server(self._listeners.urls()[0], self._site, self._folder)
        self._announce(self.url)
        self._selector.register(self._posted, selectors.EVENT_READ, self._posted.run)
        self._handle_signals()
        try:
            with ErrorLog(self._options.log_file, formatter=message_format_for(self._options)):
                if self._shutdown.is_begun:
                    return 0
                self._spare = self._start_worker()
                self._watcher.begin()
                self._load()
                self._keys.begin()
                while self._workers:
                    self._run_once()
        finally:
            self._watcher.stop()
            self._remove()
        return 0

    @property
    def url(self) -> str:
        """The address of the site."""
        return address_of(self._listeners.urls(), self._options.bind)

    def _handle_signals(self) -> None:
        shutdown, post = self._shutdown, self._posted.post
        shutdown.on("begin", lambda: post(self._stop))
        shutdown.on("exit", self._remove)
        shutdown.on(signal.SIGCHLD, self._posted.wake)
        shutdown.on(signal.SIGHUP, shutdown.begin)
        for number, act in zip(keys.SIGNALS, (self._keys.suspend, self._keys.begin), strict=False):
            shutdown.on(number, partial(post, act))

    # --- the loop -------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        for key, _ in self._selector.select(self._longest_wait()):
            key.data()
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.process.poll() is not None:
                self._on_exit(worker)
            else:
                worker.kill_if_late(now)
        self._switch.check(now)
        if not self._is_stopping:
            self._look_at_candidate(now)
            if self._may_load and self._schedule.take(now):
                self._load()

    def _longest_wait(self) -> float:
        now = time.monotonic()
        due = [
            self._schedule.due_at if self._may_load else math.inf,
            self._switch.due_at,
            *(each.exit_deadline for each in self._workers if each.exit_deadline),
        ]
        if self._candidate is not None:
            due.append(self._timer.due_at)
        return max(0.0, min(IDLE_SECONDS, min(due) - now + 0.01))

    # --- workers --------------------------------------------------------------------------------------

    def _start_worker(self) -> Worker:
        with keys.without_suspension():
            worker = self._spawner.start(0)
        self._workers.append(worker)
        self._selector.register(worker.channel.fileno(), selectors.EVENT_READ, partial(self._receive_from, worker))
        return worker

    def _take_worker(self, problem: Problem | None = None) -> Worker:
        """Give the spare something to serve, and return it."""
        worker, self._spare = self._spare or self._start_worker(), None
        self._generation += 1
        worker.begin(self._generation, time.monotonic())
        work = Assignment(
            site=self._site,
            root=self._places.root,
            env_file=self._places.env_file,
            options=self._options,
            folder=str(self._folder),
            generation=self._generation,
            problem=problem,
        )
        worker.channel.send("load", **to_builtins(work))
        return worker

    @property
    def _may_load(self) -> bool:
        """Whether newer code may be loaded now: of two candidates in a row one comes to its end, unless it hangs."""
        is_spared = self._candidate is not None and self._has_ended_one and not self._timer.is_reported
        return not is_spared and not self._switch.is_under_way

    def _load(self) -> None:
        """Have a worker load the code as it is now; one that loads older code is stopped."""
        self._has_ended_one = self._candidate is not None
        if self._candidate is not None:
            self._end(self._candidate, REPLACED_SECONDS)
        self._candidate, self._timer = self._take_worker(), LoadingTimer()

    def _end(self, worker: Worker, seconds: float) -> None:
        """End a worker whose responses no client waits for."""
        worker.set_leaving(time.monotonic() + seconds)
        if worker.generation not in self._reports:
            worker.send_signal(signal.SIGTERM)  # interrupts code that is being loaded
        worker.channel.send("quit")

    def _receive_from(self, worker: Worker) -> bool:
        messages = worker.channel.received()
        if not worker.channel.is_open:
            self._selector.unregister(worker.channel.fileno())
        for message, descriptors in messages:
            self._handle_message(worker, message, descriptors)
        return bool(messages)

    def _handle_message(self, worker: Worker, message: dict[str, Any], descriptors: Sequence[int]) -> None:
        what = message.pop("what")
        if what == "loading" and worker is self._candidate:
            self._timer.begin(time.monotonic())
        elif what == "loaded":
            self._reports[worker.generation] = message
        elif what == "started":
            self._on_started(worker)
        elif what == "stopped":
            self._switch.on_stopped(worker)
        elif what == "ready":
            self._on_ready(worker)
        elif what == "failed" and worker is self._candidate:
            self._drop_candidate(convert(message["problem"], Problem))
        elif what == "rebuilt" and worker is self._current:
            self._on_rebuilt(message["problem"])
        elif what == "position" and worker is self._candidate:
            self._on_position(message["place"])
        elif what == "idle":
            self._switch.take(descriptors)
            if self._current is not None:
                self._switch.pass_on(self._current)

    def _on_started(self, worker: Worker) -> None:
        if worker is self._candidate:
            now = time.monotonic()
            old, self._current = self._current, None
            self._switch.begin(old, worker, now, now + self._options.limits.drain_seconds + QUIT_SECONDS)
        elif worker is self._current:  # it stands in for the site
            send_listeners(worker.channel, self._listeners.listeners)

    def _on_ready(self, worker: Worker) -> None:
        worker.set_ready(time.monotonic())
        if worker is not self._candidate:
            return
        is_first = self._stands_in or not self._has_served
        self._current, self._candidate = worker, None
        self._stands_in, self._has_problem, self._has_served = False, False, True
        self._switch.end()
        self._switch.pass_on(worker)
        report = self._reports[worker.generation]
        self._places = convert(report["places"], Places)
        self._watcher.move(self._places)
        if is_first:
            log.info("%s", described_site(report["facts"], self._places, self._watcher.counts()))
        else:
            log.info("reloaded")
        self._refill()

    def _refill(self) -> None:
        if self._spare is None and not self._is_stopping:
            self._spare = self._start_worker()

    def _on_exit(self, worker: Worker) -> None:
        while worker.channel.is_open and self._receive_from(worker):
            pass  # its last messages
        if worker.channel.is_open:
            self._selector.unregister(worker.channel.fileno())
        worker.channel.close()
        self._workers.remove(worker)
        self._reports.pop(worker.generation, None)
        self._switch.on_stopped(worker)
        code = worker.process.poll() or 0
        if worker is self._spare:
            self._spare = None
        elif worker is self._candidate:
            self._drop_candidate(exit_problem(code, "while it loaded the site"))
        elif worker is self._current:
            self._current, was_problem = None, self._stands_in
            self._stands_in = False
            if self._is_stopping or was_problem:
                return
            problem = exit_problem(code, "while it served")
            if time.monotonic() - worker.last_pong > SHORT_LIFE_SECONDS:
                log.error("%s; starting another", problem.title)
                self._load()
            else:
                self._report(problem)
        elif self._current is not None:
            self._current.channel.send("accept")

    # --- problems -------------------------------------------------------------------------------------

    def _drop_candidate(self, problem: Problem) -> None:
        self._candidate = None
        self._switch.end()
        self._report(problem)

    def _report(self, problem: Problem) -> None:
        """Show a problem on the terminal and in the browser, by the worker that serves."""
        if self._is_stopping:
            return
        self._has_problem = True
        is_serving = self._current is not None and not self._stands_in
        consequence = "the code from before the change goes on serving" if is_serving else "the browser shows this"
        log.error("%s\n%s", problem.printed, consequence)
        if self._current is not None:
            self._current.channel.send("problem", problem=problem.facts())
        else:
            self._current, self._stands_in = self._take_worker(problem), True
        self._refill()

    def _on_rebuilt(self, facts: dict[str, Any] | None) -> None:
        if facts is None:
            if self._has_problem:
                log.info("the templates are in order again")
            self._has_problem = False
            return
        self._has_problem = True
        problem = convert(facts, Problem)
        log.error("%s\nthe templates from before the change go on serving", problem.printed)

    def _look_at_candidate(self, now: float) -> None:
        """Find out where a candidate is that takes long."""
        if self._candidate is not None and not self._switch.is_under_way:
            if self._timer.must_ask(now):
                self._candidate.channel.send("where")
            elif self._timer.must_report(now):
                self._on_position("")

    def _on_position(self, place: str) -> None:
        if self._candidate is not None and not self._switch.is_under_way and self._timer.report():
            is_loaded = self._candidate.generation in self._reports
            self._report(waiting_problem(place, Path(self._places.root), is_loaded=is_loaded))

    # --- changes and the end --------------------------------------------------------------------------

    def _on_changes(self, changes: list[Change]) -> None:
        if self._is_stopping:
            return
        names = [shown_path(str(each.path), self._places.root) for each in changes]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        log.info("%s%s changed", ", ".join(names[:3]), more)
        kinds = {each.kind for each in changes}
        needs_code = bool(kinds & {Kind.CODE, Kind.SETTINGS})
        if needs_code or self._current is None or self._stands_in or self._candidate is not None:
            self._schedule.on_change(time.monotonic())
        elif kinds == {Kind.STYLE} and all(each.is_there and each.was_there for each in changes):
            self._current.channel.send("styles")
        else:
            self._current.channel.send("rebuild")

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            for worker in self._workers:
                self._end(worker, QUIT_SECONDS)
            self._listeners.remove_files()
            self._listeners.close()

    def _remove(self) -> None:
        self._keys.end()
        for worker in self._workers:
            worker.send_signal(signal.SIGKILL)
        self._listeners.remove_files()
        self._listeners.close()
        if self._announcement is not None:
            self._announcement.unlink(missing_ok=True)
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)

"""A worker of `fanlight dev`: wait, load the site when it is time, serve it, and report to the parent.

In: a function that loads a site, and the channel. Out: a return when the worker is stopped, or the parent is gone. A
worker is started ahead of time: it imports the framework, then waits for `load`, so that a reload takes no longer than
the site's own code.

    from the parent                         from the worker
    load (an `Assignment`)                  loaded (facts), started, ready
    serve (with the sockets)                failed (problem); a worker that stands in serves the problem then
    problem (of newer code)
    drain, quit
"""

from __future__ import annotations

import faulthandler
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import convert

from fanlight.app.application import Application
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_site import DevSite, observed_site, stand_in
from fanlight.devtools.reload.assignment import Assignment
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.reload.problem import Problem
from fanlight.devtools.reload.problem_site import ProblemSite
from fanlight.devtools.terminal.message_lines import message_format_for
from fanlight.devtools.terminal.request_lines import lines_for
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController
from fanlight.server.workers.channel import Channel, Message
from fanlight.server.workers.shared_listeners import SharedListenerSet, received_listeners
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options

FAILED_EXIT_CODE = 1
IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

LoadSite = Callable[[str], tuple[Application, dict[str, Any]]]  # the app, and the facts that the banner shows
log = logging.getLogger("fanlight.server")


def run_dev_worker(load_site: LoadSite, channel: Channel) -> int:
    """Wait for an assignment, and serve it until stopped; return the exit code."""
    faulthandler.enable()
    shutdown = ShutdownController(Limits())
    shutdown.install(IGNORED_SIGNALS)
    return DevWorker(load_site, channel, shutdown).run()


class DevWorker:
    """One generation of the site."""

    def __init__(self, load_site: LoadSite, channel: Channel, shutdown: ShutdownController) -> None:
        self._load_site, self._channel, self._shutdown = load_site, channel, shutdown
        self._assignment: Assignment | None = None
        self._is_assigned = threading.Event()  # or is to stop
        self._listeners: SharedListenerSet | None = None
        self._server: Server | None = None
        self._events: BrowserEvents | None = None
        self._stand_in: ProblemSite | None = None

    def run(self) -> int:
        """Wait for `load`, then serve."""
        threading.Thread(target=self._receive, name="fanlight-control", daemon=True).start()
        self._is_assigned.wait()
        work = self._assignment
        if work is None or self._shutdown.is_begun:
            return 0
        context = DevContext(folder=Path(work.folder), generation=work.generation)
        self._events = events = BrowserEvents(context.generation)
        try:
            with self._shutdown.interruptible():
                loaded = observed_site(*self._load_site(work.site), context, events)
            return self._serve(loaded, work.options)
        except Exception as error:  # noqa: BLE001 - code of the site, which may raise anything
            if self._shutdown.is_begun:
                return 0
            problem = Problem.of(error)
        self._channel.send("failed", problem=problem.facts())
        if not work.stands_in:
            return FAILED_EXIT_CODE
        self._stand_in = ProblemSite(problem)
        return self._serve(stand_in(self._stand_in, context, events), work.options)

    def _serve(self, site: DevSite, options: Options) -> int:
        self._channel.send("loaded", **site.facts)
        server = self._server = Server(
            site.handler,
            options,
            listeners=self._listeners,
            is_worker=True,
            shutdown=self._shutdown,
            watch=site.recorder.watch,
            log_lines=lines_for(options),
            message_format=message_format_for(options),
        )
        with site.recorder:
            server.run(lambda _urls: self._channel.send("ready"))
        return LATE_EXIT_CODE if server.has_cut_off else 0

    # --- in the thread of the channel -----------------------------------------------------------------

    def _receive(self) -> None:
        channel = self._channel
        while channel.is_open:
            for message, descriptors in channel.received():
                self._handle_message(message, descriptors)
        self._stop()

    def _handle_message(self, message: Message, descriptors: Sequence[int]) -> None:
        what = message.pop("what")
        if what == "load":
            self._assignment = work = convert(message, Assignment)
            self._listeners = SharedListenerSet(work.options, self._channel)
            self._is_assigned.set()
        elif what == "serve" and self._listeners is not None:
            self._listeners.deliver(received_listeners(message, descriptors))
        elif what == "problem":
            self._show_problem(message["problem"])
        elif what == "drain":
            self._stop()
        elif what == "quit":
            self._stop()
            if self._server is not None and self._server.started.is_set():
                self._server.post(self._server.hub.table.close_all)

    def _show_problem(self, facts: Any) -> None:
        if self._stand_in is not None and facts is not None:
            self._stand_in.show(Problem.received(facts))
        if self._events is not None:
            self._events.publish("problem", facts, is_state=True)

    def _stop(self) -> None:
        self._shutdown.begin(at_once=True)
        self._is_assigned.set()
        if self._listeners is not None:
            self._listeners.deliver()

"""A worker of `fanlight dev`: wait, load the site when it is time, serve it, and report to the parent.

In: a function that loads a site, and the channel. Out: a return when the worker is stopped, or the parent is gone. A
worker is started ahead of time: it imports the framework, then waits for `load`, so that a reload takes no longer than
the site's own code.

    from the parent                             from the worker
    load (an `Assignment`)                      loading, loaded (facts, places), started, ready; or failed (problem)
    serve (with the listening sockets)
    adopt (with the sockets of clients)
    accept: clients may be waiting
    rebuild: templates or files have changed    rebuilt (problem, or null)
    styles: style sheets have changed
    problem (of newer code, or null)
    where: it takes long                        position (place)
    drain: newer code is to serve               stopped: it accepts no more; idle (with the sockets of clients)
    quit
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

from fanlight.app.application import Application
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_site import DevSite, observed_site, stand_in
from fanlight.devtools.inspector import recorded_sqlite
from fanlight.devtools.reload import fresh_imports
from fanlight.devtools.reload.assignment import Assignment
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.reload.connection_transfer import MOST_AT_ONCE, adopt_idle, take_idle
from fanlight.devtools.reload.problem import Problem
from fanlight.devtools.reload.problem_site import ProblemSite
from fanlight.devtools.reload.site_report import places_of
from fanlight.devtools.reload.thread_positions import site_position
from fanlight.devtools.terminal.message_lines import message_format_for
from fanlight.devtools.terminal.request_lines import lines_for
from fanlight.devtools.terminal.whole_lines import write_whole_lines
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController, ShutdownRequested
from fanlight.server.workers.channel import Channel, Message
from fanlight.server.workers.shared_listeners import SharedListenerSet, received_listeners
from fanlight.settings.env_file import apply_env_file
from fanlight.settings.limits import Limits
from fanlight.site.finding import typed_folder
from fanlight.site.preparation import prepare

FAILED_EXIT_CODE = 1
GIVE_SECONDS = 0.05
START_SECONDS = 5.0  # from `ready` to the first request that is served
IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

LoadSite = Callable[[str], tuple[Application, dict[str, Any]]]  # the app, and the facts that the banner shows
log = logging.getLogger("fanlight.server")


def run_dev_worker(load_site: LoadSite, channel: Channel) -> int:
    """Wait for an assignment, and serve it until stopped; return the exit code."""
    faulthandler.enable()
    write_whole_lines()
    shutdown = ShutdownController(Limits())
    shutdown.install(IGNORED_SIGNALS)
    return DevWorker(load_site, channel, shutdown).run()


class DevWorker:
    """One generation of the site."""

    def __init__(self, load_site: LoadSite, channel: Channel, shutdown: ShutdownController) -> None:
        self._load_site, self._channel, self._shutdown = load_site, channel, shutdown
        self._main_thread = threading.get_ident()
        self._work: Assignment | None = None
        self._is_assigned = threading.Event()  # or is to stop
        self._listeners: SharedListenerSet | None = None
        self._server: Server | None = None
        self._site: DevSite | None = None
        self._events: BrowserEvents | None = None
        self._stand_in: ProblemSite | None = None

    def run(self) -> int:
        """Wait for `load`, then serve."""
        threading.Thread(target=self._receive, name="fanlight-control", daemon=True).start()
        gc.collect()
        gc.freeze()  # what exists by now stays, and need not be walked when the site has been loaded
        self._is_assigned.wait()
        work = self._work
        if work is None or self._shutdown.is_begun:
            return 0
        context = DevContext(folder=Path(work.folder), generation=work.generation)
        self._events = events = BrowserEvents(context)
        if work.problem is not None:
            self._stand_in = ProblemSite(work.problem)
            return self._serve(stand_in(self._stand_in, context, events), work)
        self._channel.send("loading")
        try:
            return self._load_and_serve(work, context, events)
        except (Exception, ShutdownRequested) as error:  # noqa: BLE001 - code of the site, which may raise anything
            if self._shutdown.is_begun:
                return 0
            self._channel.send("failed", problem=Problem.of(error, Path(work.root)).facts())
            return FAILED_EXIT_CODE

    def _load_and_serve(self, work: Assignment, context: DevContext, events: BrowserEvents) -> int:
        fresh_imports.install()
        recorded_sqlite.install()  # before the site takes `connect` by its name
        # A file that was named has to be there; the one beside the site is only looked for.
        must_exist = bool(work.options.env_file)
        values = apply_env_file(work.env_file, os.environ, must_exist=must_exist)
        with self._shutdown.interruptible():
            folder = typed_folder(work.site)
            app, facts = self._load_site(work.site)
            prepare(app, work.options, os.environ, typed_folder=folder, is_development=True)
            site = observed_site(app, facts, context, events)
        places = places_of(app, work.root, work.env_file)
        self._channel.send("loaded", facts={**facts, "values": values}, places=to_builtins(places))
        return self._serve(site, work)

    def _serve(self, site: DevSite, work: Assignment) -> int:
        self._site = site
        server = self._server = Server(
            site.handler,
            work.options,
            listeners=self._listeners,
            is_worker=True,
            shutdown=self._shutdown,
            watch=site.recorder.watch,
            log_lines=lines_for(work.options),
            message_format=message_format_for(work.options),
        )
        site.recorder.explain_lanes(lambda: server.hub.lanes.slow_routes())  # noqa: PLW0108 - there is no hub yet
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
            self._work = work = convert(message, Assignment)
            self._listeners = SharedListenerSet(work.options, self._channel)
            self._is_assigned.set()
        elif what == "serve" and self._listeners is not None:
            self._listeners.deliver(*received_listeners(message, descriptors))
        elif what == "adopt":
            self._adopt(descriptors)
        elif what == "accept":
            self._post(lambda server: server.hub.acceptor.accept_all())
        elif what == "rebuild":
            self._rebuild()
        elif what == "styles" and self._events is not None:
            self._events.swap_styles()
        elif what == "problem":
            self._show(message["problem"])
        elif what == "where":
            root = self._work.root if self._work is not None else ""
            self._channel.send("position", place=site_position(self._main_thread, root))
        elif what == "drain":
            self._drain()
        elif what == "quit":
            self._stop()
            self._post(lambda server: server.hub.table.close_all())

    def _post(self, act: Callable[[Server], object]) -> None:
        """Have the holder of the hub do something, if the server runs."""
        server = self._server
        if server is not None:
            server.post(lambda: act(server))

    def _stop(self) -> None:
        self._shutdown.begin(at_once=True)
        self._is_assigned.set()
        if self._listeners is not None:
            self._listeners.deliver()

    def _rebuild(self) -> None:
        """Check and use the templates as they are now, without loading code."""
        site, events, work = self._site, self._events, self._work
        if site is None or events is None or work is None or site.rebuild is None:
            return
        try:
            site.rebuild()
        except Exception as error:  # noqa: BLE001 - a mistake in a template, or what code of the site raises
            facts = Problem.of(error, Path(work.root)).facts()
            events.show(facts)
            self._channel.send("rebuilt", problem=facts)
            return
        events.show(None)
        events.refresh()
        self._channel.send("rebuilt", problem=None)

    def _show(self, facts: Any) -> None:
        if self._events is None:
            return
        if self._stand_in is None:
            self._events.show(facts)
        elif facts is not None:
            self._stand_in.show(Problem.received(facts))
            self._events.refresh()

    # --- connections of clients, from one worker to the next ------------------------------------------

    def _adopt(self, descriptors: Sequence[int]) -> None:
        server = self._server
        if server is not None and server.started.wait(START_SECONDS):
            for each in descriptors:
                server.post(partial(_adopt_descriptor, each, server))

    def _drain(self) -> None:
        """Shut down; what becomes idle meanwhile is passed on, a few times a second."""
        if self._server is not None:
            self._server.mark_replaced()
        self._post(self._give_idle)
        self._post(lambda _: self._channel.send("stopped"))
        self._stop()
        threading.Thread(target=self._go_on_giving, name="fanlight-transfer", daemon=True).start()

    def _go_on_giving(self) -> None:
        while True:
            time.sleep(GIVE_SECONDS)
            self._post(self._give_idle)

    def _give_idle(self, server: Server) -> None:
        """Pass idle connections on; called by the holder of the hub."""
        socks = take_idle(server.hub)
        for start in range(0, len(socks), MOST_AT_ONCE):
            part = socks[start : start + MOST_AT_ONCE]
            if part:
                self._channel.send("idle", [each.fileno() for each in part])
        for each in socks:
            each.close()


def _adopt_descriptor(descriptor: int, server: Server) -> None:
    adopt_idle(server.hub, socket.socket(fileno=descriptor))

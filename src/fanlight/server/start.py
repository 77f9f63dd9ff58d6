"""Serve in the role of this process: alone, as the supervisor of workers, or as a worker.

In: options, and a function that makes the handler (not called by a supervisor). Out: a return when the server has shut
down, or an exit with the code that says what could not be finished. All three roles run the same command; the role
follows from the options and the environment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from fanlight.bootstrap import CHANNEL_VARIABLE, PREFLIGHT_VARIABLE
from fanlight.errors import InvalidSetting
from fanlight.message.handler import Handler
from fanlight.server.io.terminal import HANGS_UP, Terminal
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.operator.admin import OperatorService, ServerStatus
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController, flush_output
from fanlight.server.workers.pid_file import PidFile
from fanlight.server.workers.systemd_notify import Notifier
from fanlight.settings.addresses import descriptor_of, kind_of
from fanlight.settings.options import Options
from fanlight.wire.http1.head_reader import UNUSED_REASON

Announce = Callable[[list[str], dict[str, Any]], None]
Site = tuple[Handler, dict[str, Any]]  # what is served, and facts about it
REOPENS = getattr(signal, "SIGUSR1", None)

log = logging.getLogger("fanlight.server")


def serve(site: Callable[[], Site], options: Options, announce: Announce) -> None:
    """Serve what `site` returns; it is called where the site is needed, when signals are already handled.

    `announce` is called with the URLs and the facts when the first request can be served. Raises what `site` raises,
    AddressUnavailable or InvalidSetting. Exits with a code other than 0 if something was cut off.
    """
    is_worker = bool(options.workers) and bool(os.environ.keys() & {CHANNEL_VARIABLE, PREFLIGHT_VARIABLE})
    if UNUSED_REASON and not is_worker:
        log.warning(UNUSED_REASON)
    if not options.workers:
        code = _serve_alone(site, options, announce)
    elif is_worker:
        code = _serve_as_worker(site, options)
    else:
        code = _supervise(options, announce)
    flush_output()
    if code:
        sys.exit(code)


def _supervise(options: Options, announce: Announce) -> int:
    """Run workers until the shutdown; return the exit code. Raises AddressUnavailable or InvalidSetting."""
    if os.name != "posix":
        raise InvalidSetting("workers need a system on which sockets can be passed to them; on Windows omit --workers")
    from fanlight.server.workers.handover import Handover  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.supervisor import GRACE_SECONDS, SIGNALS, Supervisor  # noqa: PLC0415 - as above
    from fanlight.server.workers.supervisor_status import SupervisorStatus  # noqa: PLC0415 - as above

    shutdown = ShutdownController(options.limits, grace_seconds=GRACE_SECONDS, force_seconds=GRACE_SECONDS)
    terminal = Terminal()
    shutdown.install(SIGNALS)
    handover = Handover.inherited(os.environ)
    supervisor = Supervisor(options, announce, shutdown, terminal, handover)
    admin_sockets = handover.admin_sockets if handover is not None else []
    with OperatorService(options, SupervisorStatus(supervisor), admin_sockets) as service:
        return supervisor.run(service.admin_sockets)


def _serve_as_worker(site: Callable[[], Site], options: Options) -> int:
    from fanlight.server.workers.channel import Channel  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.worker import IGNORED_SIGNALS, run_worker  # noqa: PLC0415 - as above

    shutdown = ShutdownController(options.limits)
    shutdown.install((*IGNORED_SIGNALS, signal.SIGUSR1))
    channel = Channel.inherited(os.environ)
    is_preflight = bool(os.environ.pop(PREFLIGHT_VARIABLE, ""))
    if channel is not None:
        shutdown.on("begin", channel.send_leaving)
    loaded = _load(site, shutdown)
    if loaded is None:
        return 0
    handler, facts = loaded
    if is_preflight or channel is None:
        ListenerSet(options)  # checks certificates and trusted proxies; the site was checked when it was loaded
        return 0
    return run_worker(handler, options, channel, facts, shutdown)


def _serve_alone(site: Callable[[], Site], options: Options, announce: Announce) -> int:
    shutdown = ShutdownController(options.limits)
    terminal = Terminal()
    shutdown.install([each for each in (REOPENS, HANGS_UP) if each is not None])
    if HANGS_UP is not None:
        shutdown.on(HANGS_UP, lambda: _on_hangup(terminal, shutdown))
    _close_on_exec(options.addresses)
    loaded = _load(site, shutdown)
    if loaded is None:
        return 0
    handler, facts = loaded
    server = Server(handler, options, shutdown=shutdown)
    notifier = Notifier(os.environ)
    shutdown.on("begin", notifier.stopping)
    if REOPENS is not None:
        shutdown.on(REOPENS, server.reopen_logs)
    with PidFile(options.pid_file) as file, OperatorService(options, ServerStatus(server)) as service:
        shutdown.on("exit", service.remove_files, file.remove)
        with notifier.watching(server.post):

            def on_ready(urls: list[str]) -> None:
                announce(urls, facts)
                notifier.ready()

            server.run(on_ready)
    return LATE_EXIT_CODE if server.has_cut_off else 0


def _close_on_exec(binds: Sequence[str]) -> None:
    """Keep sockets that were passed to this process from the programs that the site starts."""
    for bind in binds:
        if kind_of(bind) == "fd":
            with contextlib.suppress(OSError):  # there is none: that is reported when it is opened
                os.set_inheritable(descriptor_of(bind), False)


def _load(site: Callable[[], Site], shutdown: ShutdownController) -> Site | None:
    """Return the site; None if the process is to end instead."""
    try:
        with shutdown.interruptible():
            return site()
    except BaseException:
        if not shutdown.is_begun:
            raise
        return None


def _on_hangup(terminal: Terminal, shutdown: ShutdownController) -> None:
    """Shut down when the terminal is closed; without workers a SIGHUP can't reload the code."""
    if terminal.has_hung_up():
        if not terminal.is_outlived:
            shutdown.begin()
    elif not shutdown.is_begun:
        text = "SIGHUP reloads the code only with --workers; restart this process to load new code"
        # In a thread: logging may block, and the signal thread must not.
        threading.Thread(target=log.warning, args=(text,), daemon=True).start()

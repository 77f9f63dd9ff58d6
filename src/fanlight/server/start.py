"""Begin to serve, in the part that this process has: alone, as the parent of workers, or as one of them.

In: options, and for all but a parent what makes the handler. Out: a return when all is over, or an exit with a code
that says why not all was finished. The command is the same for all three; what a process is, its environment tells it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from fanlight.errors import InvalidSetting
from fanlight.server.io.terminal import HANGS_UP, Terminal
from fanlight.server.listening.listeners import ListenerSet
from fanlight.server.operator.service import ServerOverview, Service
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController, finish_output
from fanlight.server.workers.pid_file import pid_file
from fanlight.server.workers.systemd_notify import Notifier
from fanlight.settings.addresses import descriptor_of, kind_of
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.message.handler import Handler

Announce = Callable[[list[str], dict[str, Any]], None]
Site = tuple["Handler", dict[str, Any]]  # what is served, and facts about it
FOR_A_PARENT = (
    "_FANLIGHT_CHANNEL",
    "_FANLIGHT_TRIAL",
)  # a process with one of them in its environment is a child of ours
REOPENS = getattr(signal, "SIGUSR1", None)

log = logging.getLogger("fanlight.server")


def is_parent(options: Options, environ: MutableMapping[str, str]) -> bool:
    """Say whether this process only starts others, so that it need not know the site."""
    return bool(options.workers) and not any(name in environ for name in FOR_A_PARENT)


def serve(site: Callable[[], Site], options: Options, announce: Announce) -> None:
    """Serve what `site` returns; it is called where the site is needed, when signals are heard already.

    `announce` is given the URLs and the facts when the first request can be served. Raises what `site` raises,
    AddressUnavailable or InvalidSetting. Exits with a code other than 0 where something was cut off.
    """
    if is_parent(options, os.environ):
        code = supervise(options, announce)
    elif options.workers:
        code = _serve_for_parent(site, options)
    else:
        code = _serve_alone(site, options, announce)
    finish_output()
    if code:
        sys.exit(code)


def supervise(options: Options, announce: Announce) -> int:
    """Keep workers, until told to stop; return the exit code. Raises AddressUnavailable or InvalidSetting."""
    if os.name != "posix":
        raise InvalidSetting("workers need a system that can hand sockets to them; on Windows leave --workers out")
    from fanlight.server.workers.handover import Handover  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.supervisor import GRACE_SECONDS, OTHERS, Supervisor  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.supervisor_snapshot import SupervisorOverview  # noqa: PLC0415 - not on Windows

    leaving = ShutdownController(options.limits, grace_seconds=GRACE_SECONDS, cut_off_seconds=GRACE_SECONDS)
    terminal = Terminal()
    leaving.listen(OTHERS)
    handover = Handover.inherited(os.environ)
    parent = Supervisor(options, announce, leaving, terminal)
    if handover is not None:
        parent.take_over(handover)
    with Service(options, SupervisorOverview(parent), admin=parent.admin) as service:
        parent.admin = service.admin
        return parent.run()


def _serve_for_parent(site: Callable[[], Site], options: Options) -> int:
    from fanlight.server.workers.channel import Channel  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.handover import is_trial  # noqa: PLC0415 - not on Windows
    from fanlight.server.workers.worker import IGNORED, work  # noqa: PLC0415 - not on Windows

    leaving = ShutdownController(options.limits)
    leaving.listen((*IGNORED, signal.SIGUSR1))
    channel = Channel.inherited(os.environ)
    is_only_tried = is_trial(os.environ)
    if channel is not None:
        leaving.on_begin.append(channel.send_leaving)
    loaded = _loaded(site, leaving)
    if loaded is None:
        return 0
    handler, facts = loaded
    if is_only_tried or channel is None:
        ListenerSet(options)  # certificates and trust are checked; the site has been, by whatever made the handler
        return 0
    return work(handler, options, channel, facts, leaving)


def _serve_alone(site: Callable[[], Site], options: Options, announce: Announce) -> int:
    leaving = ShutdownController(options.limits)
    terminal = Terminal()
    leaving.listen([each for each in (REOPENS, HANGS_UP) if each is not None])
    if HANGS_UP is not None:
        leaving.others[HANGS_UP] = lambda: _hang_up(terminal, leaving)
    _keep_from_programs(options.addresses)
    loaded = _loaded(site, leaving)
    if loaded is None:
        return 0
    handler, facts = loaded
    server = Server(handler, options, leaving=leaving)
    notifier = Notifier(os.environ)
    leaving.on_begin.append(notifier.stopping)
    if REOPENS is not None:
        leaving.others[REOPENS] = server.reopen_logs
    with pid_file(options.pid_file) as file, Service(options, ServerOverview(server)) as service:
        leaving.last_acts += [service.remove_files, *([file.remove] if file is not None else [])]
        with notifier.watching(server):

            def tell(urls: list[str]) -> None:
                announce(urls, facts)
                notifier.ready()

            server.run(tell)
    return LATE_EXIT_CODE if server.has_cut_off else 0


def _keep_from_programs(binds: Sequence[str]) -> None:
    """Have no program that the site starts inherit the sockets that were handed to this process."""
    for bind in binds:
        if kind_of(bind) == "fd":
            with contextlib.suppress(OSError):  # there is none: that is told when it is opened
                os.set_inheritable(descriptor_of(bind), False)


def _loaded(site: Callable[[], Site], leaving: ShutdownController) -> Site | None:
    """Return the site; None if the process is to end instead."""
    try:
        with leaving.interruptible():
            return site()
    except BaseException:
        if not leaving.is_begun:
            raise
        return None


def _hang_up(terminal: Terminal, leaving: ShutdownController) -> None:
    """End when the terminal is closed; one process has no other to which it could hand over for new code."""
    if terminal.has_hung_up():
        if not terminal.is_outlived:
            leaving.begin()
    elif not leaving.is_begun:
        text = (
            "SIGHUP loads new code with --workers only; this process goes on as it is. To take up new code, restart it"
        )
        threading.Thread(
            target=log.warning, args=(text,), daemon=True
        ).start()  # logging may wait: this thread must not

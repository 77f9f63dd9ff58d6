"""Begin to serve, in the part that this process has: alone, as the parent of workers, or as one of them.

In: options, and for all but a parent a handler. Out: a return when all is over. The command is the
same for all three; what a process is, its environment tells it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from fanlight.errors import InvalidSetting
from fanlight.server.edge.gate import Gate
from fanlight.server.options import Options
from fanlight.server.processes.notify import Notifier
from fanlight.server.processes.pid_file import pid_file
from fanlight.server.server import Server
from fanlight.server.watch.service import ServerOverview, Service

if TYPE_CHECKING:
    from fanlight.message import Handler

Announce = Callable[[list[str], dict[str, Any]], None]
FOR_A_PARENT = ("_FANLIGHT_CHANNEL", "_FANLIGHT_TRIAL")  # who has one of them in his environment is a child of ours


def is_parent(options: Options, environ: MutableMapping[str, str]) -> bool:
    """Say whether this process only starts others, so that it need not know the site."""
    return bool(options.workers) and not any(name in environ for name in FOR_A_PARENT)


def serve(handler: Handler, options: Options, facts: dict[str, Any], announce: Announce) -> None:
    """Serve a handler. `announce` is given the URLs and the facts when the first request can be served.

    Raises AddressUnavailable or InvalidSetting.
    """
    if is_parent(options, os.environ):
        supervise(options, announce)
    elif options.workers:
        _serve_for_parent(handler, options, facts)
    else:
        _serve_alone(handler, options, facts, announce)


def _serve_for_parent(handler: Handler, options: Options, facts: dict[str, Any]) -> None:
    from fanlight.server.processes.channel import Channel  # noqa: PLC0415 - not on Windows
    from fanlight.server.processes.handover import is_trial  # noqa: PLC0415 - not on Windows
    from fanlight.server.processes.worker import work  # noqa: PLC0415 - not on Windows

    channel = Channel.inherited(os.environ)
    if is_trial(os.environ) or channel is None:
        Gate(options)  # certificates and trust are checked; the site has been, by whoever made the handler
    else:
        work(handler, options, channel, facts)


def supervise(options: Options, announce: Announce) -> None:
    """Keep workers, until told to stop. Raises AddressUnavailable or InvalidSetting; exits with 1 if none can start."""
    if os.name != "posix":
        raise InvalidSetting("workers need a system that can hand sockets to them; on Windows leave --workers out")
    from fanlight.server.processes.handover import Handover  # noqa: PLC0415 - not on Windows
    from fanlight.server.processes.overview import ParentOverview  # noqa: PLC0415 - not on Windows
    from fanlight.server.processes.parent import Parent  # noqa: PLC0415 - not on Windows

    handover = Handover.inherited(os.environ)
    parent = Parent(options, announce)
    if handover is not None:
        parent.take_over(handover)
    with Service(options, ParentOverview(parent), admin=parent.admin) as service:
        parent.admin = service.admin
        code = parent.run()
    if code:
        sys.exit(code)


def _serve_alone(handler: Handler, options: Options, facts: dict[str, Any], announce: Announce) -> None:
    server = Server(handler, options)
    server.open()
    notifier = Notifier(os.environ)
    with pid_file(options.pid_file), Service(options, ServerOverview(server)), notifier.watching(server):

        def tell(urls: list[str]) -> None:
            announce(urls, facts)
            notifier.ready()

        server.run(tell)

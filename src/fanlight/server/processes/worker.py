"""One of several workers: it serves with sockets that its parent has opened, and does what the parent says.

In: a handler, options and the channel. Out: a return when the parent has had it leave, or is gone.
A thread of its own listens to the parent, so that it is heard while a view holds up the hub; whether
the hub turns is shown by having the holder itself answer.

    the parent says              we say
    serve (with the sockets)     loaded, before; ready, when requests are taken
    ping                         pong, from the hub
    look                         reply, from this thread
    drain, abandon, reopen
                                 leaving, when a signal or the parent's end has us leave
"""

from __future__ import annotations

import faulthandler
import logging
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from fanlight.server.edge.gate import Gate, Listener
from fanlight.server.leaving import LATE_EXIT_CODE, Leaving, Stopped
from fanlight.server.options import Options
from fanlight.server.processes.channel import Channel, Message
from fanlight.server.server import Server
from fanlight.server.watch.counts import Snapshot
from fanlight.server.watch.state import described

if TYPE_CHECKING:
    from fanlight.message import Handler


IGNORED = (signal.SIGHUP, signal.SIGUSR2)  # they are for the parent

log = logging.getLogger("fanlight.server")


def work(handler: Handler, options: Options, channel: Channel, facts: dict[str, Any], leaving: Leaving) -> int:
    """Serve until told to leave; return the exit code. `facts` are what the parent says of the site."""
    faulthandler.enable()  # on SIGABRT, from a parent that hears nothing of us, say where every thread stands
    channel.send("loaded", **facts)
    gate = Gate(options)
    try:
        with leaving.interruptible():
            listeners = _listeners_from(channel)
    except Stopped:
        return 0
    if not listeners:
        return 0  # the parent has changed its mind, or is gone
    gate.take(listeners)
    server = Server(handler, options, gate=gate, is_worker=True, leaving=leaving)
    leaving.others[signal.SIGUSR1] = server.reopen_logs
    Desk(server, channel, leaving).run()
    return LATE_EXIT_CODE if server.has_cut_off else 0


def _listeners_from(channel: Channel) -> list[Listener]:
    """Wait for the sockets; none if there is nothing to serve any more."""
    while channel.is_open:
        for message, descriptors in channel.received():
            if message["what"] == "serve":
                kinds = message["listeners"]
                return [
                    Listener(socket.socket(fileno=fd), kind["bind"], kind["is_redirect"])
                    for fd, kind in zip(descriptors, kinds, strict=True)
                ]
            if message["what"] in ("drain", "abandon"):
                return []
    return []


class Desk:
    """Where a worker hears its parent."""

    def __init__(self, server: Server, channel: Channel, leaving: Leaving) -> None:
        """Serve by a server, as told by a channel."""
        self._server, self._channel, self._leaving = server, channel, leaving

    def run(self) -> None:
        """Serve, and listen, until there is no more to do."""
        threading.Thread(target=self._listen, name="fanlight-desk", daemon=True).start()
        self._server.run(lambda _: self._say_ready())
        self._tell()

    def _say_ready(self) -> None:
        # From here on: Ctrl+C is heard by the parent, and a signal to all of us finds everybody leaving.
        self._channel.send("ready")

    def _listen(self) -> None:
        channel = self._channel
        while channel.is_open:
            for message, _ in channel.received():
                self._obey(message)
        self._leaving.begin(at_once=True)
        log.warning("the parent is gone; leaving")

    def _obey(self, message: Message) -> None:
        what, server = message["what"], self._server
        if what == "ping":
            if server.started.is_set():
                server.hub.post(self._show_life)
        elif what == "look":
            answer = {"doing": described(server.hub) if server.started.is_set() else None, "counts": self._counts()}
            self._channel.send("reply", number=message["number"], answer=answer)
        elif what == "drain":
            self._leaving.begin(at_once=True)
        elif what == "abandon":
            self._leaving.cut_off()
        elif what == "reopen":
            server.reopen_logs()

    def _show_life(self) -> None:
        """Say that the hub turns; only its holder can."""
        self._server.hub.acceptor.accept_waiting()
        self._tell()

    def _tell(self) -> None:
        server = self._server
        served = server.hub.served if server.started.is_set() else 0
        self._channel.send("pong", served=served, counts=self._counts())

    def _counts(self) -> Snapshot | None:
        counts = self._server.counts
        return counts.snapshot() if counts is not None else None

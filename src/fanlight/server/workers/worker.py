"""One of several workers: it serves with sockets that its parent has opened, and does what the parent says.

In: a handler, options and the channel. Out: a return when the parent has had it leave, or is gone.
A thread of its own listens to the parent, so that it is heard while a view holds up the hub; whether
the hub turns is shown by having the holder itself answer.

    the parent says              we say
    serve (with the sockets)     loaded, and when the app has started: started; then ready, when requests are taken
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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fanlight.server.listening.listeners import Listener, ListenerSet
from fanlight.server.operator.snapshot import snapshot
from fanlight.server.recording.counts import Snapshot
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController
from fanlight.server.workers.channel import Channel, Message
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.message.handler import Handler


IGNORED = (signal.SIGHUP, signal.SIGUSR2)  # they are for the parent

log = logging.getLogger("fanlight.server")


def work(
    handler: Handler, options: Options, channel: Channel, facts: dict[str, Any], leaving: ShutdownController
) -> int:
    """Serve until told to leave; return the exit code. `facts` are what the parent says of the site."""
    faulthandler.enable()  # on SIGABRT, from a parent that hears nothing of us, say where every thread stands
    channel.send("loaded", **facts)
    gate = SharedListenerSet(options, channel)
    server = Server(handler, options, gate=gate, is_worker=True, leaving=leaving)
    leaving.others[signal.SIGUSR1] = server.reopen_logs
    WorkerControl(server, channel, leaving, gate).run()
    return LATE_EXIT_CODE if server.has_cut_off else 0


class SharedListenerSet(ListenerSet):
    """The gate that a parent has opened for all its workers."""

    def __init__(self, options: Options, channel: Channel) -> None:
        """Prepare to ask the parent for its sockets."""
        super().__init__(options)
        self._channel, self._is_answered = channel, threading.Event()

    def check(self) -> None:
        """Do nothing: the parent has checked the addresses."""

    def open(self) -> None:
        """Wait for the sockets; there are none if the worker is to leave, or its parent is gone."""
        self._channel.send("started")
        self._is_answered.wait()

    def answer(self, listeners: Sequence[Listener] = ()) -> None:
        """End the wait; in the thread that hears the parent."""
        if not self._is_answered.is_set():
            self.take(listeners)
            self._is_answered.set()


class WorkerControl:
    """Where a worker hears its parent."""

    def __init__(self, server: Server, channel: Channel, leaving: ShutdownController, gate: SharedListenerSet) -> None:
        """Serve by a server, as told by a channel."""
        self._server, self._channel, self._leaving, self._gate = server, channel, leaving, gate

    def run(self) -> None:
        """Serve, and listen, until there is no more to do."""
        threading.Thread(target=self._receive, name="fanlight-desk", daemon=True).start()
        self._server.run(lambda _: self._send_ready())
        self._send_pong()

    def _send_ready(self) -> None:
        # From here on: Ctrl+C is heard by the parent, and a signal to all of us finds everybody leaving.
        self._channel.send("ready")

    def _receive(self) -> None:
        channel = self._channel
        while channel.is_open:
            for message, descriptors in channel.received():
                self._handle_message(message, descriptors)
        self._leaving.begin(at_once=True)
        self._gate.answer()
        log.warning("the parent is gone; leaving")

    def _handle_message(self, message: Message, descriptors: Sequence[int]) -> None:
        what, server = message["what"], self._server
        if what == "serve":
            self._gate.answer(
                [
                    Listener(socket.socket(fileno=fd), kind["bind"], kind["is_redirect"])
                    for fd, kind in zip(descriptors, message["listeners"], strict=True)
                ]
            )
        elif what == "ping":
            if server.started.is_set():
                server.hub.post(self._on_ping)
        elif what == "look":
            answer = {"doing": snapshot(server.hub) if server.started.is_set() else None, "counts": self._counts()}
            self._channel.send("reply", number=message["number"], answer=answer)
        elif what == "drain":
            self._leaving.begin(at_once=True)
            self._gate.answer()
        elif what == "abandon":
            self._gate.answer()
            self._leaving.cut_off()
        elif what == "reopen":
            server.reopen_logs()

    def _on_ping(self) -> None:
        """Say that the hub turns; only its holder can."""
        self._server.hub.acceptor.accept_all()
        self._send_pong()

    def _send_pong(self) -> None:
        server = self._server
        served = server.hub.served if server.started.is_set() else 0
        self._channel.send("pong", served=served, counts=self._counts())

    def _counts(self) -> Snapshot | None:
        counts = self._server.counts
        return counts.snapshot() if counts is not None else None

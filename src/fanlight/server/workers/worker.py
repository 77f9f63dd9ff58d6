"""The worker's side: serve with the sockets that the supervisor has opened, and act on its messages.

In: a handler, options and the channel. Out: a return when the worker is stopped, or the supervisor is gone. Messages
are read in a thread of their own, so they are handled while a view blocks the hub; a heartbeat is sent by the thread
that owns the hub, and so shows that it responds.

    from the supervisor          from the worker
    serve (with the sockets)     loaded; started, when the app has started; ready, when requests are served
    ping                         pong, from the hub
    status                       reply, from the channel's thread
    drain, abandon, reopen
                                 topics, with a socket for the relay
                                 leaving, when a signal or the loss of the supervisor stops the worker
"""

from __future__ import annotations

import faulthandler
import logging
import signal
import socket
import threading
from collections.abc import Sequence
from typing import Any

from fanlight.message.handler import Handler
from fanlight.server.operator.snapshot import snapshot
from fanlight.server.server import Server
from fanlight.server.shutdown import LATE_EXIT_CODE, ShutdownController
from fanlight.server.workers.channel import Channel, Message
from fanlight.server.workers.shared_listeners import SharedListenerSet, received_listeners
from fanlight.settings.options import Options

IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGUSR2)  # they are for the supervisor

log = logging.getLogger("fanlight.server")


def run_worker(
    handler: Handler, options: Options, channel: Channel, facts: dict[str, Any], shutdown: ShutdownController
) -> int:
    """Serve until stopped; return the exit code. `facts` are what the supervisor announces of the site."""
    faulthandler.enable()  # on SIGABRT, sent by a supervisor that gets no heartbeat, dump the stacks
    channel.send("loaded", **facts)
    listeners = SharedListenerSet(options, channel)
    server = Server(
        handler,
        options,
        listeners=listeners,
        is_worker=True,
        shutdown=shutdown,
        relay=lambda bus: _link(bus, channel),
    )
    shutdown.on(signal.SIGUSR1, server.reopen_logs)
    WorkerControl(server, channel, shutdown, listeners).run()
    return LATE_EXIT_CODE if server.has_cut_off else 0


def _link(bus: Any, channel: Channel) -> Any:
    """Return the link of a bus to the supervisor's relay, which gets a socket for it when it is first used."""
    from fanlight.server.workers.relay_link import RelayLink  # noqa: PLC0415 - for a site with topics

    def connect() -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            if not channel.send("topics", [theirs.fileno()]):
                ours.close()
                raise OSError("its channel is closed")
        return ours

    return RelayLink(bus, connect)


class WorkerControl:
    """Handles the supervisor's messages to a worker."""

    def __init__(
        self, server: Server, channel: Channel, shutdown: ShutdownController, listeners: SharedListenerSet
    ) -> None:
        self._server, self._channel, self._shutdown, self._listeners = server, channel, shutdown, listeners

    def run(self) -> None:
        """Serve, and handle messages, until the server has stopped."""
        threading.Thread(target=self._receive, name="fanlight-control", daemon=True).start()
        # From `ready` on Ctrl+C is handled by the supervisor, and a signal to the whole group finds all of us stopping.
        self._server.run(lambda _urls: self._channel.send("ready"))
        self._send_pong()

    def _receive(self) -> None:
        channel = self._channel
        while channel.is_open:
            for message, descriptors in channel.received():
                self._handle_message(message, descriptors)
        self._shutdown.begin(at_once=True)
        self._listeners.deliver()
        log.warning("the supervisor is gone; shutting down")

    def _handle_message(self, message: Message, descriptors: Sequence[int]) -> None:
        what, server = message["what"], self._server
        if what == "serve":
            self._listeners.deliver(*received_listeners(message, descriptors))
        elif what == "ping":
            server.post(self._on_ping)
        elif what == "status":
            doing = snapshot(server.hub) if server.started.is_set() else None
            reply = {"doing": doing, "counts": server.counts()}
            self._channel.send("reply", number=message["number"], reply=reply)
        elif what == "drain":
            if message["is_replaced"]:
                server.mark_replaced()
            self._shutdown.begin(at_once=True)
            self._listeners.deliver()
        elif what == "abandon":
            self._listeners.deliver()
            self._shutdown.force()
        elif what == "reopen":
            server.reopen_logs()

    def _on_ping(self) -> None:
        """Send a heartbeat; called by the thread that owns the hub, as only that can show that the hub responds."""
        self._server.hub.acceptor.accept_all()
        self._send_pong()

    def _send_pong(self) -> None:
        server = self._server
        served = server.hub.exchange.served if server.started.is_set() else 0
        self._channel.send("pong", served=served, counts=server.counts())

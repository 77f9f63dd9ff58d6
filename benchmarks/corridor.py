"""One request's way through Fanlight's rooms, a step at a time.

In: the heads that clients send. Out, printed as JSON when it is run by itself: the nanoseconds of each step, on a real
connection of the loopback and with the app of apps/fanlight_app.py. The steps are those of the server's exchange,
without the hub around them.
"""

from __future__ import annotations

import gc
import json
import socket
import time
from collections.abc import Callable, Sequence
from statistics import median

from load import ALL_SHAPES, heads
from peers import APPS

from fanlight.app.application import Application
from fanlight.message.request import Request
from fanlight.server.connection.connection import wire_limits
from fanlight.settings.limits import Limits
from fanlight.wire.http1.http1_connection import Http1Connection

REPEATS, WARM_UP = 20_000, 2_000
STANDARD = b"server: fanlight\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"


class Corridor:
    """One request's way from socket to socket, a step at a time."""

    def __init__(self) -> None:
        names: dict[str, object] = {"__name__": "fanlight_app"}
        source = APPS / "fanlight_app.py"
        exec(compile(source.read_text(), str(source), "exec"), names)
        self.handler = Application(names["URLS"], folder=APPS)
        self.wire = Http1Connection(wire_limits(Limits()))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.sock, _ = listener.accept()
        for each in (self.client, self.sock):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def nothing(self) -> None:
        self.unused = self.client

    def recv(self) -> None:
        self.data = self.sock.recv(65536)

    def receive(self) -> None:
        self.wire.receive(self.data)

    def next_event(self) -> None:
        self.head = self.wire.next_event()

    def request_of(self) -> None:
        self.request = Request(self.head, "127.0.0.1", None)

    def find(self) -> None:
        self.call = self.handler.find(self.request)

    def run(self) -> None:
        self.response = self.call.run(self.request)

    def serialise(self) -> None:
        response = self.response
        self.out = self.wire.send_response(response.status, response.fields(), response.content, STANDARD)

    def send(self) -> None:
        self.sock.send(self.out)

    def no_more(self) -> None:
        self.unused = self.wire.next_event()

    def close(self) -> None:
        self.client.close()
        self.sock.close()


STEPS: tuple[tuple[str, Callable[[Corridor], None]], ...] = (
    ("socket: recv", Corridor.recv),
    ("wire: receive", Corridor.receive),
    ("wire: next_event, the head", Corridor.next_event),
    ("message: Request", Corridor.request_of),
    ("app: find", Corridor.find),
    ("app: run, bind and view", Corridor.run),
    ("wire: send_response", Corridor.serialise),
    ("socket: send", Corridor.send),
    ("wire: next_event, nothing", Corridor.no_more),
)


def step_times(heads: Sequence[bytes]) -> dict[str, float]:
    """Return the nanoseconds of each step: medians, without the clock's own cost."""
    corridor, clock = Corridor(), time.perf_counter_ns
    # The first is slow, as the system call before it emptied the caches; the second is the cost of timing.
    steps = [Corridor.nothing, Corridor.nothing, *(step for _, step in STEPS)]
    times: list[list[int]] = [[] for _ in steps]
    gc.collect()
    gc.freeze()
    for number in range(-WARM_UP, REPEATS):
        corridor.client.send(heads[number % len(heads)])
        marks = [clock()]
        for step in steps:
            step(corridor)
            marks.append(clock())
        corridor.client.recv(65536)
        if number >= 0:
            for taken, began, ended in zip(times, marks, marks[1:], strict=False):
                taken.append(ended - began)
    corridor.close()
    gc.unfreeze()
    if not corridor.out.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"wrong answer: {corridor.out[:80]!r}")
    _, empty, *middles = map(median, times)
    return {name: value - empty for (name, _), value in zip(STEPS, middles, strict=True)}


if __name__ == "__main__":
    print(json.dumps({shape.name: step_times(heads(shape)) for shape in ALL_SHAPES}))

"""Instructions of a request in user space, counted by valgrind: the figure that a busy machine can't change.

In: settings, and a revision of ours to count beside. Out: a table, and results/instructions.json. A server runs under
callgrind; 16 connections send requests in turn. The count of a few rounds is taken from that of many, so what does not
belong to a request cancels out. Threads that wake by the clock are left out: under valgrind, where everything takes 50
times as long, they wake 50 times as often for a request. What the kernel does is not counted.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import asking
import report
from load import ALL_SHAPES, PIPELINE, PIPELINED, heads
from machine import facts, program
from peers import FANLIGHT, FANLIGHT_LOGGING, NGINX, PEERS, PIPELINING_PEERS, Peer, nginx
from revisions import older
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from load import Shape

    from settings import Settings

VALGRIND = (
    *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--trace-children=yes", "--vgdb-prefix={folder}/vgdb"),
    *("--callgrind-out-file={folder}/counted.%p", "--log-file={folder}/said.%p", "--quiet"),
)
CONNECTIONS, WARM_UP, FEW, MANY = 16, 15, 5, 37  # rounds
START_SECONDS = 180
LEAST_SHARE = 0.1  # of all instructions: a thread with less wakes by the clock
SHAPES = (*ALL_SHAPES, PIPELINED)
# In one process: as root, its worker is another user, and valgrind's commands do not reach it.
ALONE = replace(
    NGINX, command=lambda port, folder: nginx(port, folder, replaced={"worker_processes 1": "master_process off"})
)
LEGEND = """\
Thousands of instructions for one request, in user space, of all processes. x NAME: how many times those of that row.
-: does not run under valgrind, or does not take this shape."""


def main(settings: Settings) -> None:
    """Count, print and save."""
    machine = facts()
    with older(settings.before, (FANLIGHT, FANLIGHT_LOGGING)) as before:
        peers = settings.chosen([ALONE, *PEERS[1:], *before])
        found = {peer.name: _counted(peer, settings) for peer in peers}
    text = _table(found) + "\n\n" + LEGEND
    print(text)
    setups = {peer.name: peer.note for peer in peers}
    report.save(settings.file("instructions"), machine, asdict(settings), {"counted": found, "setups": setups}, text)


def _counted(peer: Peer, settings: Settings) -> dict[str, float | str]:
    """Return the instructions of a request in each shape, or why they can't be counted."""
    settings.say(peer.name)
    try:
        with Serving(peer, VALGRIND, START_SECONDS) as server:
            asking.check(peer, server.port)
            control = _Callgrind(server)
            is_pipelining = peer.name.removeprefix("before, ") in {each.name for each in PIPELINING_PEERS}
            shapes = SHAPES if is_pipelining else ALL_SHAPES
            return {shape.name: _of_shape(server, shape, control) for shape in shapes}
    except (CannotRunError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        return {"failure": str(error) or repr(error)}


def _of_shape(server: Serving, shape: Shape, control: _Callgrind) -> float:
    sent = itertools.cycle(heads(shape, server.peer.path))
    depth = PIPELINE if shape is PIPELINED else 1
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, 60)) for _ in range(CONNECTIONS)]
        _ask(clients, sent, WARM_UP, depth)
        control.turn("on")
        counts = []
        for rounds in (FEW, MANY):
            control.zero()
            _ask(clients, sent, rounds // depth + 1, depth)
            counts.append(control.count())
        control.turn("off")
        requests = (MANY // depth - FEW // depth) * depth * CONNECTIONS
        return (counts[1] - counts[0]) / requests


def _ask(clients: Sequence[socket.socket], sent: Iterator[bytes], rounds: int, depth: int) -> None:
    for _ in range(rounds):
        for client in clients:
            client.sendall(next(sent))
        for client in clients:
            _receive(client, depth)


def _receive(client: socket.socket, depth: int) -> None:
    """Read as many responses as requests were sent at a time: all have the same size, which the first one tells."""
    data = client.recv(65536)
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    top, _, _ = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", top)
    if length is None or not top.startswith(b"HTTP/1.1 200"):
        raise CannotRunError(f"wrong answer: {top[:80]!r}")
    whole = (len(top) + 4 + int(length[1])) * depth
    while len(data) < whole:
        more = client.recv(65536)
        if not more:
            raise CannotRunError("it closed the connection")
        data += more


class _Callgrind:
    """The counters of all processes of a server."""

    def __init__(self, server: Serving) -> None:
        self._server = server

    def turn(self, state: str) -> None:
        """Turn the counters on or off; while they are off, everything takes a third of the time."""
        self._say("-i", state)

    def zero(self) -> None:
        """Count from nothing."""
        self._say("-z")

    def count(self) -> float:
        """Return the instructions of the threads that do the work, summed over all processes."""
        threads = Counter[str]()
        for number, told in enumerate(self._say("-e")):
            for thread, count in re.findall(r"^\s*Th\s*(\d+)\s+([\d,]+)", told, re.MULTILINE):
                threads[f"{number}.{thread}"] = int(count.replace(",", ""))
        return sum(count for count in threads.values() if count >= LEAST_SHARE * threads.total())

    def _say(self, *words: str) -> list[str]:
        prefix = f"--vgdb-prefix={self._server.folder.name}/vgdb"
        told = []
        for pid in self._server.processes():
            command = [program("callgrind_control"), prefix, *words, str(pid)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            if done.returncode:
                raise CannotRunError(f"callgrind_control: {(done.stderr or done.stdout).strip()[-200:]}")
            told.append(done.stdout)
        return told


def _table(found: dict[str, dict[str, float | str]]) -> str:
    def figure(name: str, shape: Shape) -> float | None:
        value = found.get(name, {}).get(shape.name)
        return value if isinstance(value, float) else None

    heads_, lines = ["server"], []
    for shape in SHAPES:
        heads_ += [shape.name, "x nginx"]
    for name in found:
        line = [name]
        for shape in SHAPES:
            value, least = figure(name, shape), figure(PEERS[0].name, shape)
            line += ["-" if value is None else f"{value / 1000:.1f}", report.ratio(value, least) if value else "-"]
        lines.append(line)
    failed = [(name, str(counts["failure"])) for name, counts in found.items() if "failure" in counts]
    return report.table(heads_, lines) + report.failures(failed)

"""Topics: from a publication to the last of 1,000 listeners on four workers, and messages a second through the relay.

In: settings. Out: two tables, and results/topics.json. The listeners are WebSockets and event streams, half of each,
in this process, which reads all of them on one core: with so many, the client is a good part of the time. The relay is
measured by itself, with four clients that speak its frames, each in a process of its own: all publish, all subscribe.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import report
from machine import facts

from fanlight.server.workers.relay import Relay
from fanlight.server.workers.relay_frames import FrameReader, Kind, write, write_publish

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from settings import Settings

LISTENERS, WORKERS, PUBLICATIONS, BURST = 1_000, 4, 30, 100
RELAYED, SIZES = 20_000, (100, 1_000)  # messages of each client, and their bytes
PATIENCE = 60.0
SITE = """
from fanlight import EventStream, Event, Topic, WebSocket

news = Topic[str]("news")


async def publish(count: int) -> None:
    for number in range(count):
        await news.publish(f"{number:>100}")


async def stream() -> EventStream:
    async def events():
        async with news.subscribe() as messages:
            yield Event("ready")
            async for message in messages:
                yield message

    return EventStream(events())


async def listen(socket: WebSocket) -> None:
    async with news.forward_to(socket):
        await socket.send("ready")
        async for _ in socket:
            pass


URLS = {"POST /publish/{count}": publish, "/stream": stream, "/listen": listen}
"""
HANDSHAKE = (
    b"GET /listen HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Listener(asyncio.Protocol):
    """A client that counts lines: of messages, each of which is one, in a frame or an event."""

    def __init__(self, crowd: Crowd, request: bytes, mark: bytes) -> None:
        self.crowd, self.request, self.mark, self.has_begun = crowd, request, mark, False
        self.rest = b""  # in which a mark may have begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Count the messages; the first is "ready"."""
        data = self.rest + data
        count = data.count(self.mark)
        self.rest = data[-len(self.mark) + 1 :]
        if not self.has_begun and b"ready" in data:
            self.has_begun = True
            self.crowd.ready += 1
        self.crowd.count(count)


class Crowd:
    """All listeners."""

    def __init__(self) -> None:
        self.ready = self.received = self.goal = 0
        self.last = 0.0
        self.reached = asyncio.Event()

    def count(self, messages: int) -> None:
        """Add messages that have come."""
        self.received += messages
        if messages and self.received >= self.goal:
            self.last = time.perf_counter()
            self.reached.set()

    async def publish(self, port: int, count: int) -> float:
        """Publish messages; return the seconds until the last listener has the last of them."""
        self.goal, self.received = count * LISTENERS, 0
        self.reached.clear()
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /publish/{count} HTTP/1.0\r\nContent-Length: 0\r\n\r\n".encode())
        await reader.read()
        writer.close()
        await asyncio.wait_for(self.reached.wait(), PATIENCE)
        return self.last - began


async def _listen(port: int, publications: int) -> tuple[list[float], float]:
    """Return the seconds of single publications, and of one burst."""
    crowd, loop = Crowd(), asyncio.get_running_loop()
    requests = ((b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", b"data:  "), (HANDSHAKE, b"\x81\x64  "))
    for number in range(LISTENERS):
        await loop.create_connection(lambda each=requests[number % 2]: Listener(crowd, *each), "127.0.0.1", port)
    until = time.monotonic() + PATIENCE
    while crowd.ready < LISTENERS:
        if time.monotonic() > until:
            sys.exit(f"only {crowd.ready} of {LISTENERS} listen")
        await asyncio.sleep(0.05)
    single = []
    for _ in range(publications):
        single.append(await crowd.publish(port, 1))
        await asyncio.sleep(0.1)
    return single, await crowd.publish(port, BURST)


def listeners(publications: int) -> tuple[list[float], float]:
    """Serve the site with four workers, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.py").write_text(SITE)
        command = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--workers", str(WORKERS), "--no-access-log"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            found = None
            for line in server.stdout:
                found = found or re.search(r"http://localhost:(\d+)", line)
                if "Ctrl+C" in line:
                    break
            assert found is not None
            try:
                return asyncio.run(_listen(int(found[1]), publications))
            finally:
                server.terminate()


def _client(sock: socket.socket, size: int, all_subscribe: Barrier) -> None:
    """Subscribe, publish, and receive what all publish."""
    sock.sendall(write(Kind.SUBSCRIBE, 0, b"news"))
    frames = write(Kind.PUBLISH, 0, b"news", write_publish(0, bytes(size))) * 100
    reader, received = FrameReader(), 0
    assert len(reader.frames(sock.recv(1 << 18))) == 1
    all_subscribe.wait(PATIENCE)

    def publish() -> None:
        for _ in range(RELAYED // 100):
            sock.sendall(frames)

    thread = threading.Thread(target=publish)
    thread.start()
    while received < WORKERS * RELAYED:
        data = sock.recv(1 << 18)
        if not data:
            sys.exit("cut off by the relay")
        received += sum(each.kind == Kind.MESSAGE for each in reader.frames(data))
    thread.join()


def relay(size: int) -> tuple[float, float]:
    """Return messages a second through a relay, and its processor time for each, with four workers."""
    relay, pairs = Relay(), [socket.socketpair() for _ in range(WORKERS)]
    all_subscribe = multiprocessing.Barrier(WORKERS + 1)
    clients = [multiprocessing.Process(target=_client, args=(ours, size, all_subscribe)) for ours, _ in pairs]
    for each in clients:
        each.start()
    for ours, theirs in pairs:
        ours.close()
        relay.add(theirs.detach(), os.getpid())
    relay.start()
    all_subscribe.wait(PATIENCE)
    began, processor = time.perf_counter(), time.process_time()
    for each in clients:
        each.join()
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    relay.stop()
    relay.close()
    if any(each.exitcode for each in clients):
        sys.exit("a client of the relay has failed")
    return WORKERS * RELAYED / seconds, processor / (WORKERS * RELAYED)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    settings.say("listeners")
    single, burst = listeners(5 if settings.is_short else PUBLICATIONS)
    settings.say("the relay")
    relayed = {size: relay(size) for size in SIZES}
    title = f"From a publication to the last of {LISTENERS:,} listeners on {WORKERS} workers\n\n"
    rows = [
        ["one message, ms", *(f"{each(single) * 1000:.1f}" for each in (median, min, max))],
        [f"a burst of {BURST}, deliveries/s", report.thousands(BURST * LISTENERS / burst), "", ""],
    ]
    text = title + report.table(("", "median", "min", "max"), rows)
    text += f"\n\nMessages through the relay, from each of {WORKERS} workers to all of them\n\n"
    lines = [
        [f"{size:,} bytes", report.thousands(rate), report.thousands(rate * WORKERS), f"{cost * 1e6:.1f}"]
        for size, (rate, cost) in relayed.items()
    ]
    text += report.table(("", "messages/s", "deliveries/s", "us of the relay for each"), lines)
    print(text)
    results = {
        "single_seconds": report.spread(single),
        "burst_deliveries": BURST * LISTENERS / burst,
        "relayed": [{"bytes": size, "messages": rate, "cpu_seconds": cost} for size, (rate, cost) in relayed.items()],
    }
    report.save(settings.file("topics"), machine, asdict(settings), results, text)

"""The site of the trial of quiet rooms: each way to listen to a topic to which no one publishes, and what is left."""

import asyncio
import os
from pathlib import Path
from typing import cast

from fanlight import EventStream, Topic, WebSocket
from fanlight.message.site_bus import current_bus
from fanlight.topics.bus import Bus


async def listen(socket: WebSocket, room: str) -> None:
    """Send each message: this waits for the topic alone."""
    await socket.accept()
    async for message in Topic[str](room):
        await socket.send(message)


async def wait(socket: WebSocket, room: str) -> None:
    """Do the same without `accept`: the handshake waits for the first message."""
    async for message in Topic[str](room):
        await socket.send(message)


async def forward(socket: WebSocket, room: str) -> None:
    """Forward the messages while the view receives."""
    async with Topic[str](room).forward_to(socket):
        async for _ in socket:
            pass


async def stream(room: str) -> EventStream:
    """Send events."""
    return EventStream(Topic[str](room).events())


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def counts() -> dict[str, int]:
    """Return what this process has open; one connection and one task are those of this request."""
    bus = cast("Bus", current_bus())
    return {
        "pid": os.getpid(),
        "tasks": len(asyncio.all_tasks()),
        "topics": len(list(bus.names)),
        "files": open_files(),
    }


URLS = {
    "/listen/{room}": listen,
    "/wait/{room}": wait,
    "/forward/{room}": forward,
    "/stream/{room}": stream,
    "/counts": counts,
}

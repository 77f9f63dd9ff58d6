"""WebSockets on Fanlight: an echo, and a room in which one message goes to all."""

from fanlight import WebSocket

ROOM: set[WebSocket] = set()


async def echo(socket: WebSocket) -> None:
    """Return each message."""
    async for message in socket:
        await socket.send(message)


async def room(socket: WebSocket) -> None:
    """Send each message to all that are there."""
    await socket.accept()
    ROOM.add(socket)
    try:
        async for message in socket:
            for each in ROOM:
                await each.send(message)
    finally:
        ROOM.discard(socket)


URLS = {"/echo": echo, "/room": room}

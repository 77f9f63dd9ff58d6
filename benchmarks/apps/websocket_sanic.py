"""WebSockets on Sanic: an echo, and a room in which one message goes to all."""

from typing import Any

from sanic import Request, Sanic, Websocket

app = Sanic("websockets")
ROOM: set[Any] = set()


@app.websocket("/echo")
async def echo(_request: Request, ws: Websocket) -> None:
    """Return each message."""
    async for message in ws:
        await ws.send(message)


@app.websocket("/room")
async def room(_request: Request, ws: Websocket) -> None:
    """Send each message to all that are there."""
    ROOM.add(ws)
    try:
        async for message in ws:
            for each in list(ROOM):
                await each.send(message)
    finally:
        ROOM.discard(ws)

"""WebSockets as a raw ASGI app: an echo, and a room in which one message goes to all."""

from typing import Any

ROOM: set[Any] = set()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve a WebSocket by its path."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    is_room = scope["path"] == "/room"
    if is_room:
        ROOM.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            message = {"type": "websocket.send"} | ({"bytes": event["bytes"]} if text is None else {"text": text})
            if is_room:
                for each in ROOM:
                    await each(message)
            else:
                await send(message)
    finally:
        ROOM.discard(send)

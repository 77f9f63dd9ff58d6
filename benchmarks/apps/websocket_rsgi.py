"""WebSockets on Granian by its own interface, RSGI: an echo, and a room in which one message goes to all."""

from typing import Any

ROOM: set[Any] = set()


async def app(scope: Any, protocol: Any) -> None:
    """Serve a WebSocket by its path."""
    transport = await protocol.accept()
    is_room = scope.path == "/room"
    if is_room:
        ROOM.add(transport)
    try:
        while (message := await transport.receive()).kind:
            send = "send_str" if message.kind == 2 else "send_bytes"
            for each in ROOM if is_room else (transport,):
                await getattr(each, send)(message.data)
    finally:
        ROOM.discard(transport)
        protocol.close()

"""A chat: rooms, and what was said in each, in all windows at once, with any number of workers."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert

from fanlight import NotFound, Static, Topic, WebSocket, render

ROOMS = {"lobby": "Lobby", "kitchen": "Kitchen"}


class Line(Struct):
    """What someone has said."""

    name: Annotated[str, Meta(min_length=1, max_length=30)]
    text: Annotated[str, Meta(min_length=1, max_length=500)]
    at: datetime


def room(room: str = "lobby"):
    """Show the page of a room."""
    if room not in ROOMS:
        raise NotFound("There is no such room.")
    return render("room.html", rooms=ROOMS, room=room)


async def chat(socket: WebSocket, room: str, name: str):
    """Send what is said in a room, from the last hundred lines on, and publish what this visitor says."""
    if room not in ROOMS:
        raise NotFound
    lines = Topic[Line](f"room:{room}", history=100)
    async with lines.forward_to(socket, latest=100):
        async for text in socket:
            try:
                line = convert({"name": name, "text": text, "at": datetime.now(UTC)}, Line)
            except ValidationError:
                await socket.close(1008, "a name has at most 30 characters, a line at most 500")
                return
            await lines.publish(line)


URLS = {
    "/": room,
    "/rooms/{room}": room,
    "/chat/{room}": chat,
    "/static/": Static("static"),
}

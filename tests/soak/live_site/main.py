"""The site of the soak of topics: one topic with a history, and each way to listen to it."""

import time

from msgspec import Struct

from fanlight import BusUnavailable, EventStream, Request, Response, Topic, WebSocket, json_response

HISTORY = 2_000


class Beat(Struct):
    """What is published: a number, and text as long as a message of a chat."""

    number: int
    text: str


beats = Topic[Beat]("beats", history=HISTORY)


async def publish(number: int) -> str:
    """Publish a number; return the id of its message."""
    return await beats.publish(Beat(number, "x" * 200))


async def attempt(number: int) -> Response:
    """Publish a number; return the id of its message, or a 503, and how long that took here."""
    began = time.monotonic()
    try:
        found = await beats.publish(Beat(number, "x" * 200))
    except BusUnavailable:
        found = ""
    return json_response({"id": found, "seconds": time.monotonic() - began}, status=200 if found else 503)


async def stream(request: Request) -> EventStream:
    """Send events, each with its id."""
    return EventStream(beats.events(after=request.last_event_id, latest=HISTORY))


async def forward(socket: WebSocket, after: str = "") -> None:
    """Forward the messages, which have no id."""
    async with beats.forward_to(socket, after=after, latest=HISTORY):
        async for _ in socket:
            pass


async def tell(socket: WebSocket, after: str = "") -> None:
    """Send each message with its id."""
    await socket.accept()
    async for event in beats.events(after=after, latest=HISTORY):
        await socket.send({"id": event.id, "beat": event.data})


URLS = {
    "POST /publish/{number}": publish,
    "POST /attempt/{number}": attempt,
    "/stream": stream,
    "/forward": forward,
    "/tell": tell,
}

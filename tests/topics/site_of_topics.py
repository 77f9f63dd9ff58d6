"""A site whose views publish to topics and listen to them: in each of the ways that there are."""

from typing import Any

SITE = """
import os
from collections.abc import AsyncIterator

from msgspec import Struct

from fanlight import Event, EventStream, Request, Topic, WebSocket


class News(Struct):
    number: int
    text: str = ""


def topic_of(name: str) -> Topic[News]:
    return Topic[News](name, history=HISTORY if name.startswith("kept") else 0)


async def publish(name: str, first: int, count: int) -> str:
    topic = topic_of(name)
    for number in range(first, first + count):
        await topic.publish(News(number))
    return str(os.getpid())


async def publish_large(name: str, first: int, count: int) -> str:
    topic = topic_of(name)
    for number in range(first, first + count):
        await topic.publish(News(number, "x" * 50_000))
    return str(os.getpid())


def publish_soon(name: str, first: int, count: int) -> str:
    for number in range(first, first + count):
        topic_of(name).publish_soon(News(number))
    return str(os.getpid())


async def stream(name: str, request: Request) -> EventStream:
    after = request.last_event_id or request.query.get("after", "")

    async def events() -> AsyncIterator[Event]:
        topic = topic_of(name)
        async with topic.subscribe(after=after) as subscription:
            yield Event(str(os.getpid()), "ready")
            while (message := await subscription.next_message()) is not None:
                yield Event(message.content, id=f"{message.id[0]}-{message.id[1]}")

    return EventStream(events())


async def plain_stream(name: str, request: Request) -> EventStream:
    return EventStream(topic_of(name).events(after=request.last_event_id))


async def listen(socket: WebSocket, name: str, request: Request) -> None:
    topic = topic_of(name)
    async with topic.forward_to(socket, after=request.query.get("after", "")):
        await socket.send(str(os.getpid()))
        async for _ in socket:
            pass


URLS = {
    "POST /publish/{name}/{first}/{count}": publish,
    "POST /publish-large/{name}/{first}/{count}": publish_large,
    "POST /publish-soon/{name}/{first}/{count}": publish_soon,
    "/stream/{name}": stream,
    "/plain-stream/{name}": plain_stream,
    "/listen/{name}": listen,
}
"""


def site(history: int = 1000) -> str:
    """Return the source of the site; topics whose name begins with "kept" keep so many messages."""
    return SITE.replace("HISTORY", str(history))


Listener = Any

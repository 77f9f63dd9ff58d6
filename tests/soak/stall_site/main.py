"""The site of the trial of stalls: each kind of exchange, beside views that block the server, each of them once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from typing import Any

from fanlight import BlockingWebSocket, ContentStream, Event, EventStream, Request, Topic, WebSocket, asgi, wsgi

STALLS, STALL_SECONDS = 60, 0.04
PIECES = 2000


def page(number: int) -> str:
    """Respond at once."""
    return f"page {number}"


async def wait(number: int) -> str:
    """Respond after others have had their turn."""
    await asyncio.sleep(0.005)
    return f"page {number}"


async def echo(socket: WebSocket) -> None:
    """Return each message."""
    async for message in socket:
        await socket.send(message)


def blocking_echo(socket: BlockingWebSocket) -> None:
    """Return each message, in a thread."""
    for message in socket:
        socket.send(message)


async def numbers() -> AsyncIterator[str]:
    """Stream lines."""
    for number in range(PIECES):
        yield f"{number:08} {'x' * 100}\n"


def plain_numbers() -> Iterator[str]:
    """Stream the same lines from a thread."""
    for number in range(PIECES):
        yield f"{number:08} {'x' * 100}\n"


async def digest(content: ContentStream) -> str:
    """Read content as it arrives."""
    found = sha256()
    async for piece in content:
        found.update(piece)
    return found.hexdigest()


def digest_whole(request: Request) -> str:
    """Read content that was stored before."""
    return sha256(request.content).hexdigest()


async def publish(first: int, count: int) -> str:
    """Publish numbers."""
    for number in range(first, first + count):
        await Topic[int]("numbers").publish(number)
    return "published"


async def listen(socket: WebSocket) -> None:
    """Send what is published."""
    async with Topic[int]("numbers").subscribe() as subscription:
        await socket.send("ready")
        async for number in subscription:
            await socket.send(str(number))


async def stream() -> EventStream:
    """Stream what is published."""

    async def events() -> AsyncIterator[Event]:
        async with Topic[int]("numbers").subscribe() as subscription:
            yield Event("ready")
            async for number in subscription:
                yield Event(str(number))

    return EventStream(events())


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Do the same as an app of another framework: return messages, stream lines, or read content as it arrives."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        return
    found, has_more = sha256(), True
    while has_more:
        event = await receive()
        found.update(event["body"])
        has_more = event["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["method"] == "POST":
        await send({"type": "http.response.body", "body": found.hexdigest().encode()})
        return
    async for line in numbers():
        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
    await send({"type": "http.response.body"})


def wsgi_app(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Do the same as an app of the older kind: stream lines, or read content."""
    found = sha256(environ["wsgi.input"].read())
    start_response("200 OK", [])
    if environ["REQUEST_METHOD"] == "POST":
        yield found.hexdigest().encode()
    else:
        for line in plain_numbers():
            yield line.encode()


def stalling(number: int) -> Callable[[], str]:
    """Return a view that blocks the server."""

    def stall() -> str:
        time.sleep(STALL_SECONDS)
        return f"stalled {number}"

    return stall


URLS = {
    "/page/{number}": page,
    "/wait/{number}": wait,
    "/echo": echo,
    "/blocking-echo": blocking_echo,
    "/numbers": numbers,
    "/plain-numbers": plain_numbers,
    "POST /digest": digest,
    "POST /digest-whole": digest_whole,
    "POST /publish/{first}/{count}": publish,
    "/listen": listen,
    "/stream": stream,
    "/asgi": asgi(asgi_app),
    "/wsgi": wsgi(wsgi_app),
    **{f"/stall/{number}": stalling(number) for number in range(STALLS)},
}

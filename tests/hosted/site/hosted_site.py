"""A site that has one of everything, to be served by several servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from fanlight import (
    App,
    BlockingWebSocket,
    ContentStream,
    Event,
    EventStream,
    Request,
    Session,
    Static,
    Topic,
    Unauthorized,
    WebSocket,
    WebSocketClosed,
)
from fanlight.message.site_bus import current_bus
from fanlight.server.exchange import view_end

view_end.LEFT_SECONDS = 0.5  # seconds that the tests wait for
RAN = Path(__file__).parent


async def lifespan(app: App) -> AsyncIterator[None]:
    app.state["word"] = "open"
    yield
    app.state["word"] = "closed"


def index(request: Request) -> str:
    return f"{request.method} {request.url} {request.url_for(item, number=3)}"


def word(request: Request) -> str:
    return str(app.state["word"])


def item(number: int, verbose: bool = False) -> dict[str, object]:
    return {"number": number, "verbose": verbose}


async def wait(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"waited": number}


def post(request: Request) -> list[object]:
    return [[name, value if isinstance(value, str) else value.size] for name, value in request.form.pairs()]


async def count(stream: ContentStream) -> str:
    return str(sum([len(piece) async for piece in stream]))


def lines() -> Iterator[str]:
    for number in range(3):
        yield f"{number}\n"


async def async_lines() -> AsyncIterator[str]:
    for number in range(3):
        await asyncio.sleep(0)
        yield f"{number}\n"


async def events() -> EventStream:
    async def all_events() -> AsyncIterator[Event]:
        yield Event("one")
        yield Event("two")

    return EventStream(all_events())


def fail() -> str:
    raise RuntimeError("a mistake")


def private() -> str:
    raise Unauthorized("Sign in first.", headers={"www-authenticate": "Basic"})


def visits(session: Session) -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


async def echo(socket: WebSocket, least: int = 0) -> None:
    if least > 9:
        raise Unauthorized("Sign in first.")
    async for message in socket:
        await socket.send(message)


blocked: list[str] = []  # what the view `block` has come to


async def listen(socket: WebSocket) -> None:
    await socket.accept()
    async for _ in Topic[str]("never"):
        pass


async def accept_late(socket: WebSocket) -> None:
    async for _ in Topic[str]("never"):
        pass


def block(socket: BlockingWebSocket) -> None:
    socket.accept()
    blocked.append("begun")
    while socket.is_open:
        time.sleep(0.02)
    try:
        socket.send("x")
    except WebSocketClosed:
        blocked.append("closed")


async def left_behind() -> dict[str, object]:
    """Return what runs on the loop, and listens there, but for this view."""
    codes = [getattr(each.get_coro(), "cr_code", None) for each in asyncio.all_tasks() - {asyncio.current_task()}]
    own = [code.co_qualname for code in codes if code is not None and "fanlight" in code.co_filename]
    return {"tasks": sorted(own), "topics": list(current_bus().names), "blocked": blocked}


URLS = {
    "/": index,
    "/word": word,
    "/item/{number}": item,
    "/wait/{number}": wait,
    "POST /post": post,
    "POST /count": count,
    "/lines": lines,
    "/async-lines": async_lines,
    "/events": events,
    "/fail": fail,
    "/private": private,
    "/visits": visits,
    "/echo": echo,
    "/listen": listen,
    "/accept-late": accept_late,
    "/block": block,
    "/left-behind": left_behind,
    "/static": Static("static"),
}
app = App(URLS, lifespan=lifespan)
wsgi = app.wsgi

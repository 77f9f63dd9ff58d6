"""A WebSocket of another server: its view learns that the client has left, whatever it waits for."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from tests.hosted.asgi_channel import SocketChannel, scope
from tests.speed import PATIENCE, seconds

from fanlight import App, AppError, BlockingWebSocket, Topic, WebSocket, WebSocketClosed
from fanlight.server.exchange import view_end
from fanlight.server.exchange.websocket_stream import MAX_BYTES, MAX_MESSAGES
from fanlight.settings.limits import Limits

ORDER = list[str]()


async def resource() -> AsyncIterator[str]:
    ORDER.append("opened")
    try:
        yield "resource"
    finally:
        ORDER.append("closed")


def serve(
    view: Callable[..., Any],
    act: Callable[[SocketChannel], Awaitable[None]],
    *,
    refuses: bool = False,
    options: dict[str, Any] | None = None,
) -> SocketChannel:
    """Serve a WebSocket of a client that acts; return its channel when all tasks have ended."""

    async def run() -> SocketChannel:
        channel = SocketChannel(refuses=refuses)
        before = asyncio.all_tasks()
        asked = scope("/") | {"type": "websocket", "scheme": "ws", "subprotocols": []}
        serving = asyncio.ensure_future(App({"/": view}, **(options or {}))(asked, channel.receive, channel.send))
        await act(channel)
        await asyncio.wait_for(serving, PATIENCE)
        assert asyncio.all_tasks() <= before
        return channel

    return asyncio.run(run())


@pytest.mark.parametrize("moment", ["accepted", "not accepted", "unread messages", "a task of its own", "a topic"])
@pytest.mark.parametrize("refuses", [False, True], ids=["send does nothing", "send raises"])
def test_a_view_that_waits_is_cancelled_when_its_client_has_left(
    moment: str, refuses: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As under our own server: `finally` runs, what it depends on is closed, nothing is logged, no task stays."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.1)
    ORDER.clear()
    begun = asyncio.Event()

    async def view(socket: WebSocket, _: Annotated[str, resource]) -> None:
        if moment != "not accepted":
            await socket.accept()
        begun.set()
        try:
            if moment == "a topic":
                async for _published in Topic[str]("never"):
                    pass
            if moment == "a task of its own":
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.Event().wait())
                    async for _message in socket:
                        pass
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ORDER.append("cancelled")
            raise

    async def act(channel: SocketChannel) -> None:
        await begun.wait()
        if moment == "unread messages":
            channel.says("a", "b")
        channel.leaves()

    serve(view, act, refuses=refuses)
    assert ORDER == ["opened", "cancelled", "closed"]
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_view_that_takes_what_came_before_is_not_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes for all of it; and what it then has to finish has its time, too."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", seconds(0.4))
    seen: list[object] = []

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        async for message in socket:
            await asyncio.sleep(seconds(0.1))
            seen.append(message)
        seen.append((socket.close_code, socket.close_reason))
        await asyncio.sleep(seconds(0.1))
        seen.append("finished")

    async def act(channel: SocketChannel) -> None:
        channel.says(*map(str, range(10)))
        channel.leaves(4001, "bye")

    serve(view, act)
    assert seen == [*map(str, range(10)), (4001, "bye"), "finished"]


def test_a_plain_view_finds_the_websocket_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't be interrupted: its next call raises, also where the server's `send` tells it nothing."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.05)
    begun, may_go_on, codes = threading.Event(), threading.Event(), list[object]()

    def view(socket: BlockingWebSocket) -> None:
        socket.accept()
        begun.set()
        may_go_on.wait(PATIENCE)
        while socket.is_open:
            may_go_on.wait(0.01)
        for call in (lambda: socket.send("x"), socket.receive):
            with pytest.raises(WebSocketClosed) as closed:
                call()
            codes.append(closed.value.code)

    async def act(channel: SocketChannel) -> None:
        await asyncio.to_thread(begun.wait, PATIENCE)
        channel.leaves(4001)
        may_go_on.set()

    channel = serve(view, act)
    assert codes == [4001, 4001]
    assert [each["type"] for each in channel.sent] == ["websocket.accept"]


def test_a_plain_view_that_takes_no_messages_finds_it_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that it never takes keep the WebSocket open for some seconds, and no longer."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.05)
    closed: list[int | None] = []

    def view(socket: BlockingWebSocket) -> None:
        socket.accept()
        while socket.is_open:
            socket.send("x")
        closed.append(socket.close_code)

    async def act(channel: SocketChannel) -> None:
        await channel.until_sent("websocket.accept")
        channel.says("a")
        channel.leaves()

    serve(view, act)
    assert closed == [1001]


@pytest.mark.parametrize("message", ["x", "x" * (MAX_BYTES // 2)], ids=["messages", "bytes"])
def test_no_more_is_received_than_the_view_takes(message: str) -> None:
    """Back-pressure holds: beyond so many messages, or bytes, they stay with the server until the view has room."""
    most = MAX_MESSAGES if message == "x" else 2
    count, may_take, taken = 2 * MAX_MESSAGES, asyncio.Event(), list[int]()

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await may_take.wait()
        async for each in socket:
            taken.append(len(each))

    async def act(channel: SocketChannel) -> None:
        await channel.until_sent("websocket.accept")
        channel.says(*[message] * count)
        await channel.until_unread(count - most)
        for _ in range(10):
            await asyncio.sleep(0)
        assert channel.unread == count - most
        may_take.set()
        channel.leaves()

    serve(view, act)
    assert taken == [len(message)] * count


def test_a_message_that_is_too_long_closes_behind_those_before_it() -> None:
    """With 1009; what comes behind it is discarded."""
    seen: list[object] = []

    async def view(socket: WebSocket) -> None:
        async for message in socket:
            await asyncio.sleep(0)
            seen.append(message)
        seen.append(socket.close_code)

    async def act(channel: SocketChannel) -> None:
        channel.says("a", "b", "x" * (Limits().message_bytes + 1), "c")
        await channel.until_sent("websocket.close")
        channel.leaves()

    channel = serve(view, act)
    assert seen == ["a", "b", 1009]
    assert [(each["type"], each.get("code")) for each in channel.sent] == [
        ("websocket.accept", None),
        ("websocket.close", 1009),
    ]


def test_a_view_that_has_closed_it_and_waits_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server reports its own end of it, which is the client's, too; messages that came meanwhile are discarded."""
    monkeypatch.setattr(view_end, "LEFT_SECONDS", 0.1)
    seen: list[object] = []

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(4000)
        with pytest.raises(WebSocketClosed):
            await socket.receive()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(socket.close_code)

    async def act(channel: SocketChannel) -> None:
        await channel.until_sent("websocket.close")
        channel.says("late")
        channel.leaves()

    serve(view, act)
    assert seen == [4000]


def test_two_tasks_can_not_receive() -> None:
    """The second one is told so; the first one has the message."""
    seen, told = list[object](), asyncio.Event()

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        first = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0)
        with pytest.raises(AppError, match="two tasks receive"):
            await socket.receive()
        told.set()
        seen.append(await first)

    async def act(channel: SocketChannel) -> None:
        await told.wait()
        channel.says("a")

    serve(view, act)
    assert seen == ["a"]


def test_a_receive_that_fails_is_the_end() -> None:
    """An OSError of the server's `receive` is a lost connection; another exception goes back to the server."""
    codes: list[int | None] = []

    async def view(socket: WebSocket) -> None:
        async for _ in socket:
            pass
        codes.append(socket.close_code)

    async def lose(channel: SocketChannel) -> None:
        channel.fails(ConnectionResetError())

    async def fail(channel: SocketChannel) -> None:
        channel.fails(RuntimeError("the server's own"))

    serve(view, lose)
    with pytest.raises(RuntimeError, match="the server's own"):
        serve(view, fail)
    assert codes == [1006, 1006]


def test_a_server_that_gives_up_ends_the_view_and_what_receives_for_it() -> None:
    """A server that stops cancels the app: nothing of it stays."""
    seen: list[str] = []

    async def view(socket: WebSocket) -> None:
        await socket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    async def run() -> None:
        channel = SocketChannel()
        before = asyncio.all_tasks()
        asked = scope("/") | {"type": "websocket"}
        serving = asyncio.ensure_future(App({"/": view})(asked, channel.receive, channel.send))
        await channel.until_sent("websocket.accept")
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert asyncio.all_tasks() <= before

    asyncio.run(run())
    assert seen == ["ended"]


def test_a_thread_that_outlives_the_loop_finds_the_websocket_closed() -> None:
    """A plain view that goes on behind the end of its server gets WebSocketClosed."""
    may_go_on, ended, seen = threading.Event(), threading.Event(), list[str]()

    def view(socket: BlockingWebSocket) -> None:
        socket.accept()
        may_go_on.wait(PATIENCE)
        try:
            socket.receive()
        except WebSocketClosed:
            seen.append("closed")
        finally:
            ended.set()

    async def run() -> None:
        channel = SocketChannel()
        serving = asyncio.ensure_future(
            App({"/": view})(scope("/") | {"type": "websocket"}, channel.receive, channel.send)
        )
        await channel.until_sent("websocket.accept")
        serving.cancel()

    asyncio.run(run())
    may_go_on.set()
    assert ended.wait(PATIENCE)
    assert seen == ["closed"]
    gc.collect()  # a coroutine that was never awaited would be reported here

"""Sending what is published to a WebSocket: its end, a client that is gone, too slow, and a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Self, cast

import pytest

from fanlight import MissedMessages, WebSocket, WebSocketClosed
from fanlight.topics.forwarding import Forwarding
from fanlight.topics.history import NO_ID, Message


class Source:
    """A subscription whose messages, or errors, are given."""

    def __init__(self, *items: bytes | Exception) -> None:
        self.items = list(items)
        self.is_closed = False
        self.is_waiting = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def next_message(self) -> Message | None:
        if not self.items:
            self.is_waiting.set()
            await asyncio.Event().wait()
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return Message(NO_ID, item)

    async def aclose(self) -> None:
        self.is_closed = True


class Socket:
    """A WebSocket that notes what is sent."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.sent: list[object] = []
        self.is_open = is_open
        self.closed = asyncio.Event()

    async def send(self, message: object) -> None:
        if not self.is_open:
            self.closed.set()
            raise WebSocketClosed(1006, "")
        self.sent.append(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.sent.append((code, reason))
        self.closed.set()


def forwarding(source: Source, socket: Socket) -> Forwarding:
    return Forwarding(source, cast("WebSocket", socket))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_messages_are_sent_until_the_block_ends() -> None:
    """As they were carried: text as text, bytes as bytes; then the source is closed."""

    async def test() -> None:
        source, socket = Source(b"tone", b"btwo", b'j{"three":3}'), Socket()
        async with forwarding(source, socket):
            await source.is_waiting.wait()
        assert socket.sent == ["one", b"two", '{"three":3}']
        assert source.is_closed

    run(test())


def test_a_client_that_is_gone_ends_it_quietly() -> None:
    """The view notices by itself, where it receives."""

    async def test() -> None:
        socket = Socket(is_open=False)
        async with forwarding(Source(b"tone"), socket):
            await socket.closed.wait()

    run(test())


def test_a_client_that_is_too_slow_may_come_again() -> None:
    """Its socket is closed with 1013, and the view is not disturbed."""

    async def test() -> None:
        socket = Socket()
        async with forwarding(Source(MissedMessages("topic 'secret'")), socket):
            await socket.closed.wait()
        assert socket.sent == [(1013, "too slow, or cut off from the topic: connect again")]

    run(test())


def test_a_failure_is_the_views() -> None:
    """The socket is closed with 1011, so that the view ends, and it is raised there."""

    async def test() -> None:
        socket = Socket()
        with pytest.raises(ValueError, match="broken"):
            async with forwarding(Source(ValueError("broken")), socket):
                await socket.closed.wait()
        assert socket.sent == [(1011, "")]

    run(test())


def test_a_view_that_fails_raises_its_own_error() -> None:
    """And the source is closed as well."""

    async def test() -> None:
        source = Source()
        with pytest.raises(KeyError):
            async with forwarding(source, Socket()):
                raise KeyError
        assert source.is_closed

    run(test())

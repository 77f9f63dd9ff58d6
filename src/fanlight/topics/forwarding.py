"""Send what is published to a topic to a WebSocket, beside the view that receives from it.

In: a subscription and a WebSocket. Out: each message is sent, as the very same object to all sockets, so that its frame
is made once. A client that is too slow is closed with code 1013, "try again later" (IANA's registry of close codes).
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from fanlight.errors import MissedMessages
from fanlight.message.websocket import WebSocket, WebSocketClosed
from fanlight.topics.history import Message

INTERNAL_ERROR, TRY_AGAIN_LATER = 1011, 1013


class Source(Protocol):
    """A subscription."""

    async def next_message(self) -> Message | None:
        """Return the next message; None at the end."""

    async def __aenter__(self) -> Any: ...

    async def aclose(self) -> None:
        """Listen no more."""


class Forwarding:
    """Sends in a task of its own, as long as its `async with` lasts."""

    def __init__(self, source: Source, socket: WebSocket) -> None:
        self._source, self._socket = source, socket
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        await self._source.__aenter__()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def __aexit__(self, *_: object) -> None:
        task = self._task
        assert task is not None
        await self._source.aclose()
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def _run(self) -> None:
        source, socket = self._source, self._socket
        try:
            while (message := await source.next_message()) is not None:
                await socket.send(message.content)
        except MissedMessages:
            await socket.close(TRY_AGAIN_LATER, "too slow, or cut off from the topic: connect again")
        except WebSocketClosed:
            pass
        except Exception:
            await socket.close(INTERNAL_ERROR)  # the view, which receives, notices
            raise

"""Views that have a WebSocket: what is different for them.

In: a view with a parameter `WebSocket`. Out: the view as a call runs it, which ends when its WebSocket may be closed.
Refuses, before the port opens, what can't be one: a stream, a method other than GET, a lane on the event loop for a
plain view.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fanlight.binding.callables import View, is_async, unwrap_callable
from fanlight.binding.signature import Signature, pinned_lane
from fanlight.errors import AppError, Mistake
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.websocket import (
    ABNORMAL,
    SWITCHING_PROTOCOLS,
    BlockingWebSocket,
    InvalidMessage,
    WebSocket,
    WebSocketClosed,
    transport_under,
)

_MAX_REASON = 120  # characters of ASCII


def websocket_mistake(signature: Signature, parameter: str, view: View, methods: frozenset[str]) -> Mistake | None:
    """Return what is wrong with a view that has a WebSocket, in this parameter; None if nothing is."""
    name = signature.name
    function = unwrap_callable(view)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return signature.mistake(f"{name} has a WebSocket and yields", f"write `await {parameter}.send(...)`")
    if methods - {"GET", "HEAD"}:
        return signature.mistake(
            f"{name} has a WebSocket, and its key has the methods {', '.join(sorted(methods))}",
            "write the path alone: a WebSocket begins with GET",
        )
    if not is_async(view) and pinned_lane(view) is Lane.INLINE:
        return signature.mistake(f"{name} has a WebSocket, but is pinned inline", "remove @lane, or write async def")
    blocking = any(each.name == parameter and each.annotation is BlockingWebSocket for each in signature.parameters)
    if blocking and is_async(view):
        return signature.mistake(f"{name} is async, and its WebSocket blocks", "write `WebSocket`, without Blocking")
    return None


def until_closed(view: View, parameter: str) -> Callable[..., Any]:
    """Return a view that accepts a WebSocket it has never used, and closes it for a message that does not fit."""
    if not is_async(view):

        def run(**arguments: Any) -> None:
            socket: BlockingWebSocket = arguments[parameter]
            try:
                _check(view(**arguments))
                if socket.close_code is None and not socket.is_open:
                    socket.accept()
            except InvalidMessage as error:
                socket.close(1008, _reason(error))

        return run

    waiting: Callable[..., Awaitable[object]] = view  # type: ignore[assignment]  # as it is async

    async def run_async(**arguments: Any) -> None:
        socket: WebSocket = arguments[parameter]
        transport = transport_under(socket)
        # PERF: benchmarks/sockets.py: here and not in a function of its own, as each open WebSocket keeps this frame
        try:
            async with asyncio.timeout(None) as limit:
                transport.when_left(limit.reschedule)
                try:
                    _check(await waiting(**arguments))
                finally:
                    transport.when_left(None)
            if socket.close_code is None and not socket.is_open:
                await socket.accept()
        except InvalidMessage as error:
            await socket.close(1008, _reason(error))
        except TimeoutError as error:
            if limit.expired() and isinstance(error.__cause__, asyncio.CancelledError):
                raise WebSocketClosed(*(transport.closed or (ABNORMAL, ""))) from None
            raise

    return run_async


def nothing_to_send(_result: object, _request: Request) -> Response:
    """Return what the server gets of a view whose WebSocket has ended well; it is never sent."""
    return Response(status=SWITCHING_PROTOCOLS)


def _check(result: object) -> None:
    if result is not None:
        raise AppError(f"the view of a WebSocket returned {type(result).__name__}; write `send` to send something")


def _reason(error: InvalidMessage) -> str:
    return str(error).encode("ascii", "replace").decode()[:_MAX_REASON]

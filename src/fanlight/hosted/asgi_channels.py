"""The two channels of an ASGI server, as an app uses them (ASGI 3.0).

In: the server's `receive` and `send`. Out: events of the types that may come. Refuses others, by an exception for the
server: what is not understood must not pass for something else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fanlight.errors import ClientDisconnected, FanlightError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class InvalidEvent(FanlightError):
    """The server has sent an event that breaks a rule of ASGI."""


async def next_event(receive: Receive, *kinds: str) -> Message:
    """Return the next event, which is of one of these types. Raises InvalidEvent (ASGI, "Error Handling")."""
    event = await receive()
    if event["type"] not in kinds:
        raise InvalidEvent(f"{event['type']!r} is no event of this connection; it may be {' or '.join(kinds)}")
    return event


def text_or_bytes(event: Message) -> str | bytes:
    """Return the message of a `websocket.receive`. Raises InvalidEvent for one without, or with two."""
    text, data = event.get("text"), event.get("bytes")
    message: str | bytes | None = data if text is None else text
    if message is None or (text is not None and data is not None):
        raise InvalidEvent("websocket.receive has either `text` or `bytes`")
    return message


def noticing(send: Send) -> Send:
    """Return a `send` that raises ClientDisconnected in the place of an OSError (ASGI, HTTP 2.4)."""

    async def send_or_notice(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:
            raise ClientDisconnected("the client disconnected before its response was whole") from error

    return send_or_notice

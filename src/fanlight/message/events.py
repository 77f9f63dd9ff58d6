"""Server-sent events, for a page's `EventSource` (the WHATWG's HTML standard, section 9.2).

In: an iterable of events, sync or async. Out: a response that streams them as text. Refuses names and ids with a line
end in them. Sending keep-alive comments, and ending the stream when the server stops, is up to the server.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from fanlight.errors import InvalidResponse
from fanlight.message.response import Heartbeat, Response
from fanlight.message.stream import AsyncStream, SyncStream, stream_of

EVENTS = "text/event-stream"
COMMENT = b":\n\n"
_LINE_END = re.compile("\r\n|\r|\n")
_MOST_SECONDS = 1_000_000_000
_NO_NAME = re.compile("[\r\n]")
_NO_ID = re.compile("[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `Event(data)`, `Event({"price": 3}, "trade", id="17")`.

    `data` is text, or a value to send as JSON; an event without data (None) triggers no listener. `event` is the type
    that listeners register for, "message" by default. A client that reconnects sends the last `id` it received as
    `Last-Event-ID`; `retry_seconds` is how long it waits before it reconnects.
    """

    data: Any = None
    event: str = ""
    id: str | None = None
    retry_seconds: float | None = None

    def encode(self) -> bytes:
        """Return the event as bytes. Raises InvalidResponse for values that can't be sent."""
        lines = []
        if self.event:
            lines.append(f"event: {_checked(self.event, _NO_NAME, 'event')}\n")
        if self.id is not None:
            lines.append(f"id: {_checked(self.id, _NO_ID, 'id')}\n")
        if self.retry_seconds is not None:
            lines.append(retry_line(self.retry_seconds))
        if self.data is not None:
            lines.extend(f"data: {line}\n" for line in _LINE_END.split(_text_of(self.data)))
        return "".join((*lines, "\n")).encode()


def retry_line(seconds: float) -> str:
    """Return the line that sets the reconnection time of a client. Raises InvalidResponse."""
    return f"retry: {round(_seconds(seconds, 'retry_seconds') * 1000)}\n"


def _seconds(value: object, name: str, *, above: float = -1) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidResponse(f"{name} is {value!r}; it is a number of seconds")
    if not (value >= 0 and above < value < _MOST_SECONDS):  # not shown: it may have too many digits to be written
        raise InvalidResponse(f"{name} is too small or too big; it is a number of seconds, below {_MOST_SECONDS}")
    return value


def _checked(value: object, forbidden: re.Pattern[str], name: str) -> str:
    if not isinstance(value, str):
        raise InvalidResponse(f"the {name} of an event is text, not {value!r}")
    if forbidden.search(value):  # SECURITY: tests/message/test_events.py: what follows would be a field of its own
        raise InvalidResponse(f"the {name} of an event can't have a line end in it: {value!r}")
    return value


def _text_of(data: Any) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode() if isinstance(data, bytes) else msgspec.json.encode(data).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"this can't be sent as an event: {error}") from None


def _encode(item: Any) -> bytes:
    return item.encode() if isinstance(item, Event) else Event(item).encode()


class EventStream(Response):
    """A stream of server-sent events: `return EventStream(news())`, where `news` is a sync or async generator.

    It yields `Event`s, or the data of one: text, or a value to send as JSON. `retry_seconds` is how long a client waits
    before it reconnects; it then sends the id of the last event it received, which is `request.last_event_id`. After
    `keep_alive_seconds` of silence a comment is sent: proxies keep the connection open, and a client that disconnected
    is noticed. When the server stops, the stream ends normally and the client reconnects.
    """

    __slots__ = ("_heartbeat",)

    def __init__(
        self,
        events: Iterable[Any] | AsyncIterable[Any],
        *,
        retry_seconds: float | None = None,
        keep_alive_seconds: float = 15,
    ) -> None:
        """Create the response. Raises InvalidResponse for `events` that are not iterable, and for impossible times."""
        retry = b"" if retry_seconds is None else f"{retry_line(retry_seconds)}\n".encode()
        super().__init__(_stream_of(events, retry), media_type=EVENTS)
        self._heartbeat = Heartbeat(_seconds(keep_alive_seconds, "keep_alive_seconds", above=0), lambda: COMMENT)
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"  # else nginx buffers the events

    @property
    def heartbeat(self) -> Heartbeat:
        """A comment, sent while there is no event."""
        return self._heartbeat


def _stream_of(events: object, prologue: bytes) -> SyncStream | AsyncStream:
    if isinstance(events, Iterable | AsyncIterable) and not isinstance(events, str | bytes | dict):
        return stream_of(events, frame=_encode, prologue=prologue)
    kind = getattr(events, "__qualname__", type(events).__name__)
    hint = f"call it: EventStream({kind}())" if callable(events) else "give it a generator that yields events"
    raise InvalidResponse(f"EventStream was given {kind}; {hint}")

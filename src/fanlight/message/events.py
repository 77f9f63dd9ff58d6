"""Server-sent events: what a page's `EventSource` listens to.

In: an iterator, sync or async, of events. Out: a response whose content is their text (the WHATWG's HTML standard,
section 9.2). Refuses names and ids that would end their line. When a comment is due to keep the connection
alive, and when the stream is to end because the server does, is the server's affair.
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

    `data` is text, or anything that JSON can hold; None sends none, and then no listener hears of it. `event` is the
    name that listeners ask for, "message" if it is empty; `id` is what the client says as `Last-Event-ID` when it comes
    back; `retry_seconds` how long it waits before that.
    """

    data: Any = None
    event: str = ""
    id: str | None = None
    retry_seconds: float | None = None

    def encode(self) -> bytes:
        """Return the event as it is sent. Raises InvalidResponse for what would be read as something else."""
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
    """Return the line that says how long a client waits before it comes back. Raises InvalidResponse."""
    return f"retry: {round(_seconds(seconds, 'retry_seconds') * 1000)}\n"


def _seconds(value: object, name: str, *, above: float = -1) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidResponse(f"{name} is {value!r}; it is a number of seconds")
    if not (value >= 0 and above < value < _MOST_SECONDS):  # the number may be one that can't even be written
        raise InvalidResponse(f"{name} is too small or too big; it is a number of seconds, below {_MOST_SECONDS}")
    return value


def _checked(value: object, never: re.Pattern[str], name: str) -> str:
    if not isinstance(value, str):
        raise InvalidResponse(f"the {name} of an event is text, not {value!r}")
    if never.search(value):  # SECURITY: tests/message/test_events.py: what stands behind it would be a line of its own
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
    """A stream of server-sent events: `return EventStream(news())`, where `news` is a generator of either kind.

    It yields `Event`s, or what is the data of one: text, or anything that JSON can hold. `retry_seconds` is how long a
    client waits before it comes back, if it loses us; it then tells the id of the last event that it got, as
    `request.last_event_id`. When nothing has been sent for `keep_alive_seconds`, a comment is, so that nobody on the
    way takes the connection for dead, and a client that is gone is noticed. When the server stops, the stream is ended
    as if the generator had come to its end, and the client comes back, to the next server.
    """

    __slots__ = ("_heartbeat",)

    def __init__(
        self,
        events: Iterable[Any] | AsyncIterable[Any],
        *,
        retry_seconds: float | None = None,
        keep_alive_seconds: float = 15,
    ) -> None:
        """Make an answer of events. Raises InvalidResponse for what is no iterable, and for what is no wait."""
        retry = b"" if retry_seconds is None else f"{retry_line(retry_seconds)}\n".encode()
        super().__init__(_stream_of(events, retry), media_type=EVENTS)
        self._heartbeat = Heartbeat(_seconds(keep_alive_seconds, "keep_alive_seconds", above=0), lambda: COMMENT)
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"  # nginx would wait until it has a buffer full of them

    @property
    def heartbeat(self) -> Heartbeat:
        """What is sent while there is no event."""
        return self._heartbeat


def _stream_of(events: object, prologue: bytes) -> SyncStream | AsyncStream:
    if isinstance(events, Iterable | AsyncIterable) and not isinstance(events, str | bytes | dict):
        return stream_of(events, frame=_encode, prologue=prologue)
    kind = getattr(events, "__qualname__", type(events).__name__)
    hint = f"call it: EventStream({kind}())" if callable(events) else "give it a generator that yields events"
    raise InvalidResponse(f"EventStream was given {kind}; {hint}")

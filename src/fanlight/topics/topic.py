"""`Topic`: a name under which views publish, and others listen, in whichever worker or machine they run.

    room = Topic[Message]("room:1", history=100)

    await room.publish(Message(...))           # in an async view; `room.publish_soon(...)` in a plain one
    async for message in room: ...             # each message that is published from now on
    async with room.forward_to(socket): ...    # to a WebSocket, while the view receives
    EventStream(room.events(after=request.last_event_id))

In: messages of the class that is given: text, bytes, or anything that msgspec writes as JSON. Out: the same, validated.
A topic is cheap: it has a name and no state, is identified by that name, and can be made wherever it is needed. What
carries it is decided where the site is served (see `bus`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, ForwardRef, Generic, Self, TypeVar, cast, get_args

from fanlight.errors import AppError
from fanlight.message.events import Event
from fanlight.message.site_bus import current_bus
from fanlight.message.websocket import WebSocket
from fanlight.topics.bus import Bus
from fanlight.topics.forwarding import Forwarding
from fanlight.topics.history import MAX_HISTORY, NO_ID, Message, read_id, show_id
from fanlight.topics.mailbox import Mailbox
from fanlight.topics.payload import encode, reader_of

MAX_NAME_BYTES = 256

T = TypeVar("T")

log = logging.getLogger("fanlight.server")


class Topic(Generic[T]):
    """A topic: `Topic[Message]("room:1")`; with `history=100` its last hundred messages are kept, each with an id."""

    __slots__ = ("__orig_class__", "history", "name")

    def __init__(self, name: str, *, history: int = 0) -> None:
        """Make one; nothing is opened. Raises AppError for a name or a history that can't be."""
        given: object = name
        if not isinstance(given, str) or not given.isprintable() or not 0 < len(given.encode()) <= MAX_NAME_BYTES:
            raise AppError(f"the name of a topic is printable text of at most {MAX_NAME_BYTES} bytes, not {name!r}")
        kept: object = history
        if isinstance(kept, bool) or not isinstance(kept, int) or not 0 <= kept <= MAX_HISTORY:
            raise AppError(f"the history of a topic is a number of messages, at most {MAX_HISTORY:,}, not {history!r}")
        self.name, self.history = name, history

    async def publish(self, message: T) -> str:
        """Publish a message; return when the bus has it, with its id, which is "" without a history.

        Raises BusUnavailable if the bus does not take it within two seconds.
        """
        data, bus = self._encoded(message), _current_bus()
        publishing = bus.publish(self.name, self.history, data)
        if asyncio.get_running_loop() is not bus.loop:  # of a thread of the site
            publishing = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(publishing, bus.loop))  # type: ignore[assignment]  # both are awaited
        found = await publishing
        return "" if found == NO_ID else show_id(found)

    def publish_soon(self, message: T) -> None:
        """Publish a message without waiting: for plain views, and for threads. If it fails, the log says so.

        Raises BusUnavailable if too many wait already.
        """
        _current_bus().publish_soon(self.name, self.history, self._encoded(message))

    def __aiter__(self) -> Subscription[T]:
        return self.subscribe()

    def subscribe(self, *, after: str = "", latest: int = 0) -> Subscription[T]:
        """Return an iterator over the messages, which listens from now on.

        What was kept after the id `after` comes first; without such an id, the `latest` messages that were kept.
        """
        return Subscription(self, self._listen(after, latest), _current_bus())

    async def events(self, *, after: str = "", latest: int = 0, event: str = "") -> AsyncIterator[Event]:
        """Yield the messages as events with ids, for an `EventStream`; `after` is `request.last_event_id`."""
        async with self.subscribe(after=after, latest=latest) as subscription:
            while (message := await subscription.next_message()) is not None:
                content = message.content
                if isinstance(content, bytes):
                    raise AppError(f"the topic {self.name!r} carries bytes, which can't be sent as an event")
                yield Event(content, event, id=None if message.id == NO_ID else show_id(message.id))

    def forward_to(self, socket: WebSocket, *, after: str = "", latest: int = 0) -> AbstractAsyncContextManager[None]:
        """Send the messages to a WebSocket as well, as long as the `async with` lasts; see `subscribe`.

        Objects are sent as JSON. A client that is too slow is closed with code 1013.
        """
        return Forwarding(self.subscribe(after=after, latest=latest), socket)

    def _listen(self, after: str, latest: int) -> Mailbox:
        bus = _current_bus()
        try:
            is_on_loop = asyncio.get_running_loop() is bus.loop
        except RuntimeError:
            is_on_loop = False
        if not is_on_loop:
            raise AppError(f"the topic {self.name!r} is listened to in a thread; listen in an async view")
        if (after or latest) and not self.history:
            raise AppError(f"the topic {self.name!r} keeps nothing; write Topic({self.name!r}, history=100)")
        box = Mailbox(
            self.name, bus.loop, has_history=self.history > 0, after=read_id(after) if after else None, latest=latest
        )
        bus.listen(box)
        return box

    @property
    def _kind(self) -> Any:
        """The class of the messages."""
        kind = get_args(getattr(self, "__orig_class__", None))
        return Any if not kind or isinstance(kind[0], TypeVar) else kind[0]

    def _encoded(self, message: T) -> bytes:
        kind = self._kind
        if kind is not Any and isinstance(kind, type) and not isinstance(message, kind):
            raise AppError(f"{self!r} can't carry {type(message).__name__}")
        return encode(message, self.name)

    def __repr__(self) -> str:
        kind = self._kind
        shown = "" if kind is Any else f"[{getattr(kind, '__name__', kind)}]"
        return f"Topic{shown}({self.name!r})"


class Subscription(Generic[T]):
    """An iterator over what is published to a topic; it ends when the server stops.

    `async with topic.subscribe() as messages:` waits until it gets all that is published, by whichever worker.
    """

    def __init__(self, topic: Topic[T], box: Mailbox, bus: Bus) -> None:
        self._topic, self._box, self._bus = topic, box, bus
        self._is_open = True
        kind = topic._kind  # noqa: SLF001 - its own
        if isinstance(kind, str | ForwardRef):
            raise AppError(f"{topic!r}: write the class itself, not its name in quotes")
        try:
            self._read = reader_of(kind)
        except TypeError as error:
            raise AppError(f"{topic!r}: {error}") from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Return the next message. Raises MissedMessages if this listener was too slow."""
        while (message := await self.next_message()) is not None:
            try:
                return cast("T", self._read(message.data))
            except ValueError as error:  # msgspec's are such
                log.error("a message to %r is skipped, as it does not fit: %s", self._topic, error)  # noqa: TRY400 - the reason is in the message
        raise StopAsyncIteration

    async def next_message(self) -> Message | None:
        """Return the next message as it was carried; None at the end."""
        return await self._box.next(self._bus.fetch)

    async def __aenter__(self) -> Self:
        await self._bus.listening(self._box)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Listen no more."""
        self._leave()

    def _leave(self) -> None:
        if self._is_open:
            self._is_open = False
            self._box.close()
            self._bus.leave(self._box)

    def __del__(self) -> None:
        self._leave()


def _current_bus() -> Bus:
    return cast("Bus", current_bus())

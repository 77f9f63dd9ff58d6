"""The bus of one process: its listeners by topic, and a link to where the topics are.

In: what is published here, and what comes over the link. Out: each message in the mailboxes of its topic's listeners,
in the order of the link. Refuses, as BusUnavailable, what the link has not taken within PUBLISH_SECONDS, and more than
waits to be taken. All of it runs on the event loop of the site, except where it says otherwise.

A link is one of three: `local_link` within this process, `server/workers/relay_link` to the supervisor of the workers,
`redis_link` to other machines.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from fanlight.errors import BusUnavailable
from fanlight.topics.history import Id, Kept, Message
from fanlight.topics.mailbox import Mailbox

PUBLISH_SECONDS = 2.0
MAX_UNTAKEN, MAX_UNTAKEN_BYTES = 10_000, 16 * 1024 * 1024  # that are published, and not taken by the link yet
MAX_FETCHING = 4  # listeners that catch up at a time; their replies wait in the link

log = logging.getLogger("fanlight.server")


class Link(Protocol):
    """What joins the bus to the topics."""

    def subscribe(self, name: str) -> None:
        """Have the messages of a topic delivered from now on."""

    def unsubscribe(self, name: str) -> None:
        """Have no more of them delivered."""

    async def subscribed(self, name: str) -> None:
        """Wait until all that is published to a topic is delivered, by whichever process."""

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        """Publish a message, of which the topic keeps the last `keep`. Raises BusUnavailable."""

    async def kept(self, name: str, after: Id | None, latest: int) -> Kept:
        """Return what the topic has kept. Raises BusUnavailable."""

    async def close(self) -> None:
        """Close what it has open."""


class Bus:
    """The bus of one process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make_link: Callable[[Bus], Link]) -> None:
        """Begin without listeners."""
        self.loop = loop
        self._boxes: dict[str, dict[Mailbox, None]] = {}
        self._lock = threading.Lock()
        self._untaken = self._untaken_bytes = 0
        self._fetching = asyncio.Semaphore(MAX_FETCHING)
        self._fetches: dict[tuple[str, Id | None, int], asyncio.Task[Kept]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_failing = self._is_awaited = self._is_ending = self.is_closed = False
        self._link = make_link(self)

    def end_listening(self) -> None:
        """End the iteration of all listeners, because the server stops; publishing goes on."""
        self._is_ending = True
        for boxes in self._boxes.values():
            for box in boxes:
                box.close()

    async def close(self) -> None:
        """End all of it."""
        self.end_listening()
        self.is_closed = True
        for task in self._tasks:
            task.cancel()
        await self._link.close()

    # --- for topics -------------------------------------------------------------------------------

    def listen(self, box: Mailbox) -> None:
        """Deliver to a mailbox from now on."""
        boxes = self._boxes.get(box.name)
        if boxes is None:
            boxes = self._boxes[box.name] = {}
            self._link.subscribe(box.name)
        boxes[box] = None
        if self._is_ending:
            box.close()

    def leave(self, box: Mailbox) -> None:
        """Deliver no more to a mailbox; from any thread, as it may be called by the garbage collector."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._leave, box)

    async def listening(self, box: Mailbox) -> None:
        """Wait until a mailbox gets all that is published; not for longer than publishing may take."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._link.subscribed(box.name)
            self._is_awaited = False
        except (TimeoutError, BusUnavailable):
            if not self._is_awaited:
                log.warning("the bus can't be reached; listeners wait for it, the first one of the topic %r", box.name)
            self._is_awaited = True

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        """Publish a message; return its id when the bus has it. Raises BusUnavailable."""
        self._count(name, data)
        return await self._publish(name, keep, data)

    def publish_soon(self, name: str, keep: int, data: bytes) -> None:
        """Publish a message, from any thread, without waiting. Raises BusUnavailable if too many wait already."""
        self._count(name, data)
        self.loop.call_soon_threadsafe(self._publish_unwatched, name, keep, data)

    async def fetch(self, name: str, after: Id | None, latest: int) -> Kept:
        """Return what a topic has kept; fetched once for all that ask in the same moment. Raises BusUnavailable."""
        key = (name, after, latest)
        task = self._fetches.get(key)
        if task is None:
            task = self._fetches[key] = self.begin(self._fetch(key))
            task.add_done_callback(lambda done: self._on_fetched(key, done))
        return await asyncio.shield(task)

    def begin(self, act: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something until it ends, or the bus is closed."""
        task = self.loop.create_task(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- for the link -----------------------------------------------------------------------------

    @property
    def names(self) -> Iterable[str]:
        """The topics that have listeners."""
        return self._boxes.keys()

    def deliver(self, name: str, message: Message) -> None:
        """Have a message wait for all listeners of a topic."""
        for box in self._boxes.get(name, ()):
            box.put(message)

    def miss(self, name: str, reason: str = "") -> None:
        """Have a topic's listeners catch up; those without a history stay, or are dropped if there is a reason."""
        for box in self._boxes.get(name, ()):
            box.miss(reason)

    # --- inside -----------------------------------------------------------------------------------

    def _leave(self, box: Mailbox) -> None:
        boxes = self._boxes.get(box.name, {})
        if boxes.pop(box, box) is None and not boxes:
            del self._boxes[box.name]
            if not self.is_closed:
                self._link.unsubscribe(box.name)

    def _count(self, name: str, data: bytes) -> None:
        with self._lock:
            if self.is_closed:
                raise BusUnavailable("the server stops")
            if self._untaken >= MAX_UNTAKEN or self._untaken_bytes >= MAX_UNTAKEN_BYTES:
                raise BusUnavailable(
                    f"too many messages wait to be published; one more to the topic {name!r} is refused"
                )
            self._untaken += 1
            self._untaken_bytes += len(data)

    async def _publish(self, name: str, keep: int, data: bytes) -> Id:
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                return await self._link.publish(name, keep, data)
        except TimeoutError:
            raise BusUnavailable(
                f"no response within {PUBLISH_SECONDS:g} s to a message to the topic {name!r}, which may be published"
            ) from None
        finally:
            with self._lock:
                self._untaken -= 1
                self._untaken_bytes -= len(data)

    def _publish_unwatched(self, name: str, keep: int, data: bytes) -> None:
        self.begin(self._publish_and_log(name, keep, data))

    async def _publish_and_log(self, name: str, keep: int, data: bytes) -> None:
        try:
            await self._publish(name, keep, data)
        except BusUnavailable as error:
            if not self._is_failing:
                log.error("published without waiting, and lost, until the bus is back: %s", error.reason)  # noqa: TRY400 - the reason is in the message
            self._is_failing = True
        else:
            self._is_failing = False

    async def _fetch(self, key: tuple[str, Id | None, int]) -> Kept:
        try:
            async with self._fetching:
                # From here on others ask again: what was published since might be missing in this reply.
                del self._fetches[key]
                async with asyncio.timeout(PUBLISH_SECONDS):
                    return await self._link.kept(*key)
        except TimeoutError:
            raise BusUnavailable("no reply in time") from None

    def _on_fetched(self, key: tuple[str, Id | None, int], done: asyncio.Task[Kept]) -> None:
        if self._fetches.get(key) is done:  # it has ended before it was sent
            del self._fetches[key]
        if not done.cancelled():
            done.exception()  # the listeners may have left: else it is logged

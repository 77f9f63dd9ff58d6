"""What waits for one listener of a topic, within bounds.

In: messages, on the event loop, in the order of the topic. Out: the same, one after the other, to one task that waits
for them. A listener that lets too much wait is dropped, as MissedMessages says; of a topic with a history it catches up
instead, if that reaches back far enough. So does each after the bus was away.

While a listener is behind (`is_behind`), what comes is held: what was kept is fetched first, and the two are joined by
their ids, so that nothing is missing and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from fanlight.errors import AppError, BusUnavailable, MissedMessages
from fanlight.topics.history import NO_ID, Id, Kept, Message, before

MAX_WAITING, MAX_WAITING_BYTES = 1024, 2 * 1024 * 1024
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0  # before what is kept is fetched again
TOO_SLOW = "too many messages waited for this listener"

log = logging.getLogger("fanlight.server")

Fetch = Callable[[str, Id | None, int], Awaitable[Kept]]


class Mailbox:
    """The messages of one listener."""

    __slots__ = (
        "_bytes",
        "_has_begun",
        "_held",
        "_is_lost",
        "_last",
        "_latest",
        "_loop",
        "_position",
        "_problem",
        "_queue",
        "_read",
        "_waiter",
        "has_history",
        "is_behind",
        "is_closed",
        "name",
    )

    def __init__(
        self, name: str, loop: asyncio.AbstractEventLoop, *, has_history: bool, after: Id | None, latest: int
    ) -> None:
        """Begin; what was kept after an id, or the latest messages, come first."""
        self.name, self._loop, self.has_history = name, loop, has_history
        self._read = self._last = after  # by the listener; and of those that wait
        self._position: Id | None = None  # after which it begins, where neither is known
        self._latest = latest
        self.is_behind = has_history
        self.is_closed = self._has_begun = self._is_lost = False  # is_lost: some that were held
        self._problem = ""
        self._queue: deque[Message] = deque()
        self._held: list[Message] = []
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    # --- from the bus -----------------------------------------------------------------------------

    def put(self, message: Message) -> None:
        """Have a message wait."""
        if self._problem or (message.id != NO_ID and self._last is not None and message.id <= self._last):
            return
        waiting = self._held if self.is_behind else self._queue
        if waiting and (len(waiting) >= MAX_WAITING or self._bytes + len(message.data) > MAX_WAITING_BYTES):
            self._overflow()
            return
        waiting.append(message)
        self._bytes += len(message.data)
        if not self.is_behind:
            self._last = message.id
            self._wake()

    def miss(self, reason: str) -> None:
        """Take note that messages may have been missed, for which reason; "" if the listener is to stay without."""
        if self.has_history:
            self.is_behind = True
        elif reason:
            self._drop(reason)
        self._wake()

    def close(self) -> None:
        """End the listener's iteration."""
        self.is_closed = True
        self._wake()

    def _overflow(self) -> None:
        if not self.has_history:
            self._drop(TOO_SLOW)
        elif self.is_behind:
            if self._last is None and self._position is None:
                self._position = before(self._held[0].id)
            self._release_held()
            self._is_lost = True
        else:
            self._last, self.is_behind = self._read, True
            self._queue.clear()
            self._bytes = 0
        self._wake()

    def _release_held(self) -> None:
        self._bytes -= sum(len(each.data) for each in self._held)
        self._held.clear()

    def _drop(self, reason: str) -> None:
        log.info("a listener of the topic %r is dropped: %s", self.name, reason)
        self._problem = reason
        self._queue.clear()
        self._bytes = 0

    # --- for the listener -------------------------------------------------------------------------

    async def next(self, fetch: Fetch) -> Message | None:
        """Return the next message, None at the end. Raises MissedMessages."""
        queue = self._queue
        while True:
            if queue:
                message = queue.popleft()
                self._bytes -= len(message.data)
                self._read = message.id
                return message
            if self.is_closed:
                return None
            if self._problem:
                raise MissedMessages(f"topic {self.name!r}: {self._problem}")
            if self.is_behind:
                await self.catch_up(fetch)
                continue
            if self._waiter is not None:
                raise AppError(f"two tasks wait for the same listener of the topic {self.name!r}; subscribe in each")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def catch_up(self, fetch: Fetch) -> None:
        """Fetch what was kept, as soon as the bus has it, and join it with what has come since."""
        pause = FIRST_PAUSE_SECONDS
        while not self.is_closed:
            self._is_lost = False
            try:
                kept = await fetch(self.name, self._last or self._position, self._latest)
            except BusUnavailable:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._join(kept)
                return

    def _join(self, kept: Kept) -> None:
        if not kept.is_complete and self._has_begun:
            self._drop("more was published than its history keeps, before the listener had read it")
            return
        self._has_begun, self._latest = True, 0
        after = self._last or NO_ID
        joined = {each.id: each for each in kept.messages if each.id > after}
        if not kept.has_more and not self._is_lost:
            self.is_behind = False
            joined |= {each.id: each for each in self._held if each.id > after}
            self._release_held()
        waiting = [joined[found] for found in sorted(joined)]
        self._queue.extend(waiting)
        self._bytes += sum(len(each.data) for each in waiting)
        if waiting:
            self._last = waiting[-1].id
        elif self._last is None and self._position is None:
            self._position = kept.last

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

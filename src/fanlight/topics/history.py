"""Messages with their ids, and the history of topics that keep one: within bounds, in memory.

In: messages as bytes, and a clock. Out: each with an id, larger than all before; what came after an id. Refuses
nothing: what is over a bound, the oldest of the topics that were published to the longest time ago, is dropped, and
a listener that is behind that learns it (`is_complete`). Knows nothing of sockets and clients.

An id is like that of a Redis stream: milliseconds and a count. So ids of a server that was restarted are above those
before, and a client that returns with an old one gets all that is kept since.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fanlight.topics.payload import content_of

Id = tuple[int, int]
NO_ID: Id = (0, 0)  # of a message of which no history is kept
MAX_HISTORY = 10_000  # messages of one topic
MAX_TOPICS = 10_000  # that have a history
MAX_HISTORY_BYTES = 32 * 1024 * 1024  # of all of them together
PAGE_BYTES = 512 * 1024  # returned at a time
OVERHEAD = 200  # bytes of memory of a message beside its data
MAX_COUNT = 999_999_999  # the second number of an id
_ID = re.compile(r"([0-9]{1,15})-([0-9]{1,9})")


def read_id(text: str) -> Id | None:
    """Return the id that a client has sent; None for anything else."""
    found = _ID.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))


def show_id(found: Id) -> str:
    """Return an id as clients have it."""
    return f"{found[0]}-{found[1]}"


def before(found: Id) -> Id:
    """Return an id that comes just before another."""
    milliseconds, count = found
    return (milliseconds, count - 1) if count else (milliseconds - 1, MAX_COUNT)


class Message:
    """A message as it is carried; one object for all listeners of a process."""

    __slots__ = ("_content", "data", "id")

    def __init__(self, found: Id, data: bytes) -> None:
        self.id, self.data = found, data
        self._content: str | bytes | None = None

    @property
    def content(self) -> str | bytes:
        """What clients are sent, made once: the frame of a WebSocket is made once, too, for the same object."""
        if self._content is None:
            self._content = content_of(self.data)
        return self._content


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a topic, or a part of it."""

    messages: Sequence[Message]
    last: Id = NO_ID  # of the topic's messages, at that moment
    is_complete: bool = True  # nothing is missing between the id that was given and the first of them
    has_more: bool = False  # behind the last of them


# The last id, the last one of a topic that was forgotten, and each topic.
HistoriesState = tuple[Id, Id, list[tuple[bytes, Id, list[tuple[Id, bytes]]]]]


@dataclass(slots=True)
class _History:
    dropped: Id  # nothing up to here is kept
    messages: deque[Message] = field(default_factory=deque)


class Histories:
    """The histories of all topics."""

    def __init__(self, max_bytes: int = MAX_HISTORY_BYTES, max_topics: int = MAX_TOPICS) -> None:
        """Begin without any."""
        self._max_bytes, self._max_topics = max_bytes, max_topics
        self._topics: OrderedDict[Any, _History] = OrderedDict()  # the one last published to at the end
        self._last = self._forgotten = NO_ID
        self._bytes = 0

    def add(self, name: Hashable, keep: int, data: bytes) -> Message:
        """Return a message with its id, and keep it as one of the last `keep` of its topic."""
        now = time.time_ns() // 1_000_000
        milliseconds, count = self._last
        self._last = (now, 0) if now > milliseconds else (milliseconds, count + 1)
        message = Message(self._last, data)
        history = self._topics.get(name)
        if history is None:
            history = self._topics[name] = _History(self._forgotten)
        else:
            self._topics.move_to_end(name)
        history.messages.append(message)
        self._bytes += len(data) + OVERHEAD
        while len(history.messages) > keep:
            self._drop_oldest(history)
        while self._bytes > self._max_bytes or len(self._topics) > self._max_topics:
            first = next(iter(self._topics.values()))
            self._drop_oldest(first)
            if not first.messages:
                self._topics.popitem(last=False)
                self._forgotten = max(self._forgotten, first.dropped)
        return message

    def kept(self, name: Hashable, after: Id | None, latest: int) -> Kept:
        """Return what came after an id; or without one the latest messages."""
        history = self._topics.get(name)
        if history is None:
            return Kept((), after or self._last, after is None or after >= self._forgotten)
        messages = history.messages
        last = messages[-1].id if messages else history.dropped
        wanted: Iterator[Message]
        if after is None:
            wanted = islice(messages, max(0, len(messages) - latest), None)
        else:
            wanted = (each for each in messages if each.id > after)
        page: list[Message] = []
        size = 0
        for each in wanted:
            if page and size + len(each.data) > PAGE_BYTES:
                return Kept(page, last, after is None or after >= history.dropped, has_more=True)
            page.append(each)
            size += len(each.data)
        return Kept(page, last, after is None or after >= history.dropped)

    def state(self) -> HistoriesState:
        """Return all of it, for another process to continue with."""
        return (
            self._last,
            self._forgotten,
            [
                (name, each.dropped, [(message.id, message.data) for message in each.messages])
                for name, each in self._topics.items()
            ],
        )

    def restore(self, state: HistoriesState) -> None:
        """Continue with what another process had."""
        self._last, self._forgotten, topics = state
        for name, dropped, messages in topics:
            self._topics[name] = _History(dropped, deque(Message(found, data) for found, data in messages))
            self._bytes += sum(len(data) + OVERHEAD for _, data in messages)

    def _drop_oldest(self, history: _History) -> None:
        oldest = history.messages.popleft()
        history.dropped = oldest.id
        self._bytes -= len(oldest.data) + OVERHEAD

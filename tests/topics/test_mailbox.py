"""What waits for a listener: within bounds, in order, nothing twice and nothing missing, however it is cut off."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fanlight.errors import AppError, BusUnavailable, MissedMessages
from fanlight.topics.history import NO_ID, Histories, Id, Kept, Message
from fanlight.topics.mailbox import MAX_WAITING, Mailbox


class Origin:
    """A topic with a history, whose link to a mailbox can be away."""

    def __init__(self, keep: int = 5000, after: Id | None = None, latest: int = 0) -> None:
        self.histories, self.keep, self.number = Histories(), keep, 0
        self.is_away, self.fails = False, 0
        self.box = Mailbox("a", asyncio.get_running_loop(), has_history=keep > 0, after=after, latest=latest)

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            data = b"%d" % self.number
            self.number += 1
            message = self.histories.add("a", self.keep, data) if self.keep else Message(NO_ID, data)
            if not self.is_away:
                self.box.put(message)

    async def fetch(self, name: str, after: Id | None, latest: int) -> Kept:
        if self.fails:
            self.fails -= 1
            raise BusUnavailable("away")
        kept = self.histories.kept(name, after, latest)
        await asyncio.sleep(0)
        return kept

    async def next(self) -> int | None:
        message = await self.box.next(self.fetch)
        return None if message is None else int(message.data)

    async def get(self, count: int) -> list[int | None]:
        return [await self.next() for _ in range(count)]


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_listener_begins_where_it_began() -> None:
    """What was published before it is not for it; what was published before it first waits is."""

    async def test() -> None:
        origin = Origin()
        origin.is_away = True
        origin.publish(3)
        origin.is_away = False
        origin.publish(2)
        assert await origin.get(2) == [3, 4]

    run(test())


def test_a_listener_gets_the_latest_first() -> None:
    """Those that came between its beginning and its first wait come once."""

    async def test() -> None:
        origin = Origin(latest=3)
        origin.is_away = True
        origin.publish(5)
        origin.is_away = False
        origin.publish(1)
        assert await origin.get(3) == [3, 4, 5]
        origin.publish(1)
        assert await origin.next() == 6

    run(test())


def test_a_listener_that_returns_gets_what_it_missed() -> None:
    """Everything after its id, once, and then what comes."""

    async def test() -> None:
        origin = Origin()
        origin.publish(10)
        ids = [each.id for each in origin.histories.kept("a", NO_ID, 0).messages]
        box = origin.box = Mailbox("a", asyncio.get_running_loop(), has_history=True, after=ids[4], latest=0)
        origin.publish(2)
        assert await origin.get(7) == [5, 6, 7, 8, 9, 10, 11]
        assert not box.is_behind

    run(test())


def test_a_slow_listener_is_dropped_with_a_reason() -> None:
    """More than may wait is not kept for it, and its iterator says why."""

    async def test() -> None:
        origin = Origin(keep=0)
        origin.publish(MAX_WAITING + 1)
        with pytest.raises(MissedMessages, match=r"topic 'a': too many messages waited"):
            await origin.next()

    run(test())


def test_a_slow_listener_of_a_topic_with_history_catches_up() -> None:
    """It gets all, in order, although more came than may wait for it."""

    async def test() -> None:
        origin = Origin()
        origin.publish(1)
        assert await origin.next() == 0
        origin.publish(3 * MAX_WAITING)
        assert await origin.get(3 * MAX_WAITING) == list(range(1, 3 * MAX_WAITING + 1))

    run(test())


def test_a_listener_that_has_just_begun_catches_up_as_well() -> None:
    """Nothing is missing although too much came before it waited for the first time."""

    async def test() -> None:
        origin = Origin()
        origin.publish(3 * MAX_WAITING)
        assert await origin.get(3 * MAX_WAITING) == list(range(3 * MAX_WAITING))

    run(test())


def test_a_history_that_does_not_reach_back_is_an_error() -> None:
    """A listener never goes on as if nothing was missing."""

    async def test() -> None:
        origin = Origin(keep=10)
        origin.publish(1)
        assert await origin.next() == 0
        origin.is_away = True
        origin.publish(11)
        origin.is_away = False
        origin.box.miss("")
        with pytest.raises(MissedMessages, match="more was published than its history keeps"):
            await origin.next()

    run(test())


def test_a_listener_waits_for_a_bus_that_is_away() -> None:
    """It gets what was published meanwhile when the bus is back, and what comes then only once."""

    async def test() -> None:
        origin = Origin()
        origin.publish(1)
        assert await origin.next() == 0
        waiting = asyncio.ensure_future(origin.next())
        await asyncio.sleep(0)
        origin.is_away, origin.fails = True, 2
        origin.publish(3)
        origin.is_away = False
        origin.box.miss("")
        origin.publish(2)
        assert await waiting == 1
        assert await origin.get(4) == [2, 3, 4, 5]

    run(test())


def test_a_plain_listener_stays_or_is_dropped() -> None:
    """Where messages were lost it is dropped; where the bus was away it stays, and goes on."""

    async def test() -> None:
        origin = Origin(keep=0)
        origin.box.miss("")
        origin.publish(1)
        assert await origin.next() == 0
        origin.box.miss("cut off")
        with pytest.raises(MissedMessages, match="cut off"):
            await origin.next()

    run(test())


def test_a_listener_that_is_closed_ends() -> None:
    """What waits comes still; then it ends, also where it waits."""

    async def test() -> None:
        origin = Origin(keep=0)
        waiting = asyncio.ensure_future(origin.get(3))
        await asyncio.sleep(0)
        origin.publish(2)
        origin.box.close()
        assert await waiting == [0, 1, None]

    run(test())


def test_only_one_task_waits() -> None:
    """A second one would take every other message."""

    async def test() -> None:
        origin = Origin(keep=0)
        waiting = asyncio.ensure_future(origin.next())
        await asyncio.sleep(0)
        with pytest.raises(AppError, match="two tasks"):
            await origin.next()
        origin.publish()
        assert await waiting == 0

    run(test())

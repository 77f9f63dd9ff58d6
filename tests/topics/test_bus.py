"""The bus of a process: what waits to be taken, and what is fetched for several listeners at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fanlight.errors import BusUnavailable
from fanlight.topics import bus as bus_module
from fanlight.topics.bus import MAX_FETCHING, MAX_UNTAKEN, Bus
from fanlight.topics.history import NO_ID, Id, Kept
from fanlight.topics.mailbox import Mailbox


class SlowLink:
    """A link that responds when a test lets it."""

    def __init__(self) -> None:
        self.fetched: list[tuple[str, Id | None, int]] = []
        self.published: list[bytes] = []
        self.may_respond = asyncio.Event()
        self.most, self._at_a_time = 0, 0

    def subscribe(self, name: str) -> None:
        """Do nothing."""

    def unsubscribe(self, name: str) -> None:
        """Do nothing."""

    async def subscribed(self, name: str) -> None:
        """Do nothing."""

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        self.published.append(data)
        await self.may_respond.wait()
        return NO_ID

    async def kept(self, name: str, after: Id | None, latest: int) -> Kept:
        self.fetched.append((name, after, latest))
        self._at_a_time += 1
        self.most = max(self.most, self._at_a_time)
        try:
            await self.may_respond.wait()
        finally:
            self._at_a_time -= 1
        return Kept(())

    async def close(self) -> None:
        """Do nothing."""


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def turns(count: int = 20) -> None:
    """Let everything go on that can."""
    for _ in range(count):
        await asyncio.sleep(0)


def slow_bus() -> tuple[Bus, SlowLink]:
    link = SlowLink()
    return Bus(asyncio.get_running_loop(), lambda _: link), link


def test_listeners_that_ask_in_one_moment_share_a_reply() -> None:
    """One that asks when it has been sent gets one of its own, as that may have what is missing in the other."""

    async def test() -> None:
        bus, link = slow_bus()
        first = [asyncio.ensure_future(bus.fetch("a", None, 0)) for _ in range(10)]
        await turns()
        later = [asyncio.ensure_future(bus.fetch("a", None, 0)) for _ in range(10)]
        await asyncio.sleep(0)
        link.may_respond.set()
        first_replies, later_replies = await asyncio.gather(*first), await asyncio.gather(*later)
        assert len(link.fetched) == 2
        assert len({id(each) for each in first_replies}) == len({id(each) for each in later_replies}) == 1
        assert first_replies[0] is not later_replies[0]

    run(test())


def test_an_older_reply_does_not_disturb_a_newer_request() -> None:
    """Whichever comes first, each listener has a reply."""

    async def test() -> None:
        bus, link = slow_bus()
        link.may_respond.set()

        async def many() -> None:
            for _ in range(20):
                await bus.fetch("a", None, 0)
                await asyncio.sleep(0)

        await asyncio.gather(*(many() for _ in range(10)))

    run(test())


def test_few_fetch_at_a_time() -> None:
    """What a crowd that returns wants waits here, and not as replies in the link."""

    async def test() -> None:
        bus, link = slow_bus()
        fetching = [asyncio.ensure_future(bus.fetch(f"{number}", None, 0)) for number in range(50)]
        await turns()
        link.may_respond.set()
        await asyncio.gather(*fetching)
        assert (link.most, len(link.fetched)) == (MAX_FETCHING, 50)

    run(test())


def test_a_listener_that_leaves_while_it_fetches_leaves_nothing_behind() -> None:
    """Another one that asks for the same has its reply."""

    async def test() -> None:
        bus, link = slow_bus()
        leaving = asyncio.ensure_future(bus.fetch("a", None, 0))
        staying = asyncio.ensure_future(bus.fetch("a", None, 0))
        await asyncio.sleep(0)
        leaving.cancel()
        link.may_respond.set()
        assert (await staying).messages == ()
        assert bus._fetches == {}

    run(test())


def test_more_than_may_wait_is_refused_at_once() -> None:
    """By `publish` and by `publish_soon`; when some have been taken, there is room again."""

    async def test() -> None:
        bus, link = slow_bus()
        for number in range(MAX_UNTAKEN):
            bus.publish_soon("a", 0, b"%d" % number)
        with pytest.raises(BusUnavailable, match="too many messages wait to be published"):
            bus.publish_soon("a", 0, b"x")
        with pytest.raises(BusUnavailable, match="too many messages wait"):
            await bus.publish("a", 0, b"x")
        link.may_respond.set()
        await turns()
        await bus.publish("a", 0, b"last")
        assert link.published == [*(b"%d" % number for number in range(MAX_UNTAKEN)), b"last"]

    run(test())


def test_what_was_published_without_waiting_and_is_lost_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Until something gets through again."""

    async def test() -> None:
        bus, link = slow_bus()

        async def refuse(*_: object) -> Id:
            raise BusUnavailable("the bus is away")

        link.publish = refuse  # type: ignore[assignment]  # for a moment
        for _ in range(3):
            bus.publish_soon("a", 0, b"x")
        await turns()

    run(test())
    assert caplog.text.count("published without waiting, and lost, until the bus is back: the bus is away") == 1


def test_nothing_is_published_when_the_server_has_stopped() -> None:
    """It says why."""

    async def test() -> None:
        bus, _ = slow_bus()
        await bus.close()
        with pytest.raises(BusUnavailable, match="the server stops"):
            await bus.publish("a", 0, b"x")

    run(test())


def test_listeners_that_wait_for_the_bus_are_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand pages that are opened while it is away write one line; and each of them begins nevertheless."""
    monkeypatch.setattr(bus_module, "PUBLISH_SECONDS", 0.01)

    async def test() -> None:
        bus, link = slow_bus()

        async def hang(_: str) -> None:
            await asyncio.Event().wait()

        link.subscribed = hang  # type: ignore[assignment]  # for a moment
        boxes = [Mailbox("a", bus.loop, has_history=False, after=None, latest=0) for _ in range(5)]
        await asyncio.gather(*(bus.listening(each) for each in boxes))

    run(test())
    assert caplog.text.count("the bus can't be reached; listeners wait for it, the first one of the topic 'a'") == 1

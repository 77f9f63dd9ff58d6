"""Topics over a real redis-server: between processes, while it restarts, and while it can't be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.redis_server import RedisServer
from tests.speed import PATIENCE, seconds

from fanlight.errors import BusUnavailable, MissedMessages
from fanlight.topics.bus import PUBLISH_SECONDS, Bus
from fanlight.topics.history import Id, read_id
from fanlight.topics.mailbox import Mailbox
from fanlight.topics.redis_link import RedisLink


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Run a server for one test."""
    running = RedisServer(tmp_path / "redis")
    yield running
    running.stop()


@asynccontextmanager
async def buses(url: str, count: int = 2) -> AsyncIterator[list[Bus]]:
    """Give the buses of some machines."""
    loop = asyncio.get_running_loop()
    some = [Bus(loop, lambda bus: RedisLink(bus, url, "redis://shown")) for _ in range(count)]
    try:
        yield some
    finally:
        for each in some:
            await each.close()


class Listener:
    """A listener of one machine."""

    def __init__(self, bus: Bus, name: str, *, history: bool = False, after: Id | None = None, latest: int = 0) -> None:
        self.bus = bus
        self.box = Mailbox(name, bus.loop, has_history=history, after=after, latest=latest)
        bus.listen(self.box)

    async def begun(self) -> Listener:
        await self.bus.listening(self.box)
        if self.box.is_behind:
            await self.box.catch_up(self.bus.fetch)
        return self

    async def get(self, count: int) -> list[int]:
        async with asyncio.timeout(PATIENCE):
            messages = [await self.box.next(self.bus.fetch) for _ in range(count)]
        return [int(each.data) for each in messages if each is not None]


async def publish(bus: Bus, name: str, numbers: range, keep: int = 0) -> None:
    """Publish numbers, each as soon as the bus has the one before; try again where it is away."""
    until = time.monotonic() + PATIENCE
    for number in numbers:
        while True:
            try:
                await bus.publish(name, keep, b"%d" % number)
                break
            except BusUnavailable:
                assert time.monotonic() < until


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


@pytest.mark.parametrize("keep", [0, 100], ids=["plain", "history"])
def test_all_machines_get_all_in_one_order(server: RedisServer, keep: int) -> None:
    """What two publish at the same time comes to each listener in the same order."""

    async def test() -> None:
        async with buses(server.url, 3) as some:
            listeners = [await Listener(bus, "a", history=keep > 0).begun() for bus in some for _ in range(2)]
            await asyncio.gather(publish(some[0], "a", range(100), keep), publish(some[1], "a", range(100, 200), keep))
            got = [await each.get(200) for each in listeners]
            assert all(each == got[0] for each in got)
            assert sorted(got[0]) == list(range(200))

    run(test())


def test_the_history_is_a_stream_of_bounded_length(server: RedisServer) -> None:
    """It has as many entries as the topic keeps, and is removed a week after the last."""

    async def test() -> None:
        async with buses(server.url, 1) as (bus,):
            await publish(bus, "a", range(50), 20)
            assert await (await Listener(bus, "a", history=True, latest=3).begun()).get(3) == [47, 48, 49]
            assert await (await Listener(bus, "a", history=True, after=(0, 0)).begun()).get(20) == list(range(30, 50))

    run(test())
    with server.client() as client:
        assert client.xlen("fanlight-topic:0:a") == 20
        assert 0 < client.ttl("fanlight-topic:0:a") <= 7 * 24 * 3600


def test_a_long_history_is_read_in_pages(server: RedisServer) -> None:
    """A listener that was away for long gets all of it, in order, and what comes meanwhile."""

    async def test() -> None:
        async with buses(server.url, 1) as (bus,):
            first = await bus.publish("a", 5000, b"0")
            for begin in range(1, 1800, 100):  # few at a time: each has to succeed within the deadline
                await asyncio.gather(*(bus.publish("a", 5000, b"%d" % n) for n in range(begin, min(begin + 100, 1800))))
            listener = await Listener(bus, "a", history=True, after=first).begun()
            await publish(bus, "a", range(1800, 1810), 5000)
            assert await listener.get(1809) == list(range(1, 1810))

    run(test())


def test_a_history_that_does_not_reach_back_is_an_error(server: RedisServer) -> None:
    """A listener that was cut off for too long never goes on as if nothing was missing."""

    async def test() -> None:
        async with buses(server.url, 1) as (bus,):
            listener = await Listener(bus, "a", history=True).begun()
            await publish(bus, "a", range(1), 5)
            assert await listener.get(1) == [0]
            bus._boxes.pop("a")
            await publish(bus, "a", range(1, 8), 5)
            listener.box.miss("")
            with pytest.raises(MissedMessages, match="more was published"):
                await listener.get(1)

    run(test())


def test_a_server_that_restarts_loses_nothing_that_was_kept(server: RedisServer) -> None:
    """Listeners stay, and get what was published before, while and after it was away: once, and in order."""

    async def test() -> None:
        async with buses(server.url) as (here, there):
            kept = await Listener(there, "kept", history=True).begun()
            plain = await Listener(there, "plain").begun()
            publishing = asyncio.ensure_future(publish(here, "kept", range(300), 1000))
            assert await kept.get(20) == list(range(20))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await publishing
            got = await kept.get(280)
            while got[-1] != 299:
                got += await kept.get(1)
            # A message whose confirmation was lost with the server is published twice by a caller that tries again.
            assert list(dict.fromkeys(got)) == list(range(20, 300))
            await Listener(there, "plain").begun()
            await publish(here, "plain", range(300, 301))
            assert await plain.get(1) == [300]

    run(test())


def test_a_server_that_can_not_be_reached_is_an_error_in_time(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Publishing says so, and the log says it once; a listener that began meanwhile gets what comes when it is back."""
    server.kill()

    async def test() -> None:
        async with buses(server.url) as (here, there):
            listener = Listener(there, "a", history=True)
            began = time.monotonic()
            with pytest.raises(BusUnavailable, match="no response within 2 s"):
                await here.publish("a", 10, b"0")
            assert time.monotonic() - began < PUBLISH_SECONDS + seconds(2)
            await asyncio.to_thread(server.start)
            await publish(here, "a", range(1, 3), 10)
            assert await listener.get(2) == [1, 2]

    run(test())
    assert caplog.text.count("the bus redis://shown can't be reached") == 2  # by each of the two


def test_what_is_published_before_the_server_has_the_subscription_is_not_missed(server: RedisServer) -> None:
    """What was kept may be fetched by one connection before the other one has subscribed: it is fetched again then."""

    async def test() -> None:
        subscribes = asyncio.Event()

        class LateLink(RedisLink):
            async def _listen(self) -> None:
                await subscribes.wait()
                await super()._listen()

        loop = asyncio.get_running_loop()
        bus = Bus(loop, lambda bus: LateLink(bus, server.url, "redis://shown"))
        async with buses(server.url, 1) as (other,):
            listener = Listener(bus, "a", history=True)
            await listener.box.catch_up(bus.fetch)
            await publish(other, "a", range(7, 8), 10)
            subscribes.set()
            assert await listener.get(1) == [7]
            await publish(other, "a", range(8, 9), 10)
            assert await listener.get(1) == [8]
            await bus.close()

    run(test())


def test_a_server_that_hangs_is_an_error_in_time(server: RedisServer) -> None:
    """It accepts connections and does not respond; publishing works again when it does."""
    import os
    import signal

    async def test() -> None:
        async with buses(server.url) as (here, there):
            listener = await Listener(there, "a").begun()
            await publish(here, "a", range(1))
            assert server.process is not None
            os.kill(server.process.pid, signal.SIGSTOP)
            try:
                with pytest.raises(BusUnavailable, match="no response within 2 s"):
                    await here.publish("a", 0, b"1")
            finally:
                os.kill(server.process.pid, signal.SIGCONT)
            await publish(here, "a", range(2, 3))
            assert (await listener.get(1)) == [0]
            got = await listener.get(1)
            assert got == [2] or await listener.get(1) == [2]  # the one before may have been published

    run(test())


def test_what_others_publish_to_the_channel_is_passed_over(server: RedisServer) -> None:
    """A message without our form is data without an id; one that has none of it does not end the listeners."""

    async def test() -> None:
        async with buses(server.url, 1) as (bus,):
            listener = await Listener(bus, "a").begun()
            with server.client() as client:
                client.publish("fanlight-topic:0:a", "nonsense:7")
                client.publish("fanlight-topic:0:a", ":8")
            assert await listener.get(2) == [7, 8]
            assert read_id("nonsense") is None

    run(test())

"""The relay between workers: one order for all, bounds, a reader that is too slow, and a new program in its place."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.errors import BusUnavailable, MissedMessages
from fanlight.server.workers.relay import MAX_WAITING_BYTES, Relay
from fanlight.server.workers.relay_frames import FrameReader, Kind, read_kept, write, write_kept, write_publish
from fanlight.server.workers.relay_link import RelayLink
from fanlight.topics.bus import Bus
from fanlight.topics.history import Kept, Message
from fanlight.topics.mailbox import Mailbox


class Workers:
    """The buses of some workers, joined to a relay; all in this process."""

    def __init__(self, count: int) -> None:
        self.relay = Relay().start()
        self.is_reachable = True
        self.ends: list[socket.socket] = []
        loop = asyncio.get_running_loop()
        self.buses = [Bus(loop, lambda bus: RelayLink(bus, self.connect)) for _ in range(count)]

    def connect(self) -> socket.socket:
        if not self.is_reachable:
            raise OSError("no supervisor")
        ours, theirs = socket.socketpair()
        self.relay.add(theirs.detach(), 7)
        self.ends.append(ours)
        return ours

    async def listener(self, number: int, name: str, *, history: bool = False) -> Listener:
        return await Listener(self.buses[number], name, history=history).begun()


class Listener:
    """A listener of one worker."""

    def __init__(self, bus: Bus, name: str, *, history: bool) -> None:
        self.bus = bus
        self.box = Mailbox(name, bus.loop, has_history=history, after=None, latest=0)
        bus.listen(self.box)

    async def begun(self) -> Listener:
        await self.bus.listening(self.box)
        if self.box.is_behind:
            await self.box.catch_up(self.bus.fetch)
        return self

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            message = await self.box.next(self.bus.fetch)
        assert message is not None
        return message.data

    async def get(self, count: int) -> list[bytes]:
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def workers(count: int) -> AsyncIterator[Workers]:
    some = Workers(count)
    try:
        yield some
    finally:
        for bus in some.buses:
            await bus.close()
        some.relay.stop()
        some.relay.close()
        for each in some.ends:
            each.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_all_workers_see_one_order() -> None:
    """Four workers publish at the same time, and each listener of each of them gets the same."""

    async def test() -> None:
        async with workers(4) as some:
            listeners = [await some.listener(number % 4, "a") for number in range(8)]
            await asyncio.gather(
                *(bus.publish("a", 0, b"%d-%d" % (n, m)) for m in range(50) for n, bus in enumerate(some.buses))
            )
            got = [await each.get(200) for each in listeners]
            assert all(each == got[0] for each in got)
            assert sorted(got[0]) == sorted(b"%d-%d" % (n, m) for n in range(4) for m in range(50))

    run(test())


def test_an_id_is_given_in_the_order_in_which_all_see_it() -> None:
    """The publisher has the id of its message, and the history has it at its place."""

    async def test() -> None:
        async with workers(2) as some:
            listener = await some.listener(1, "a", history=True)
            ids = [await some.buses[n % 2].publish("a", 9, b"%d" % n) for n in range(5)]
            kept = await some.buses[1].fetch("a", ids[1], 0)
            assert ids == sorted(set(ids))
            assert [(each.id, each.data) for each in kept.messages] == [(ids[n], b"%d" % n) for n in (2, 3, 4)]
            assert await listener.get(5) == [b"%d" % n for n in range(5)]

    run(test())


def test_a_worker_that_does_not_read_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is cut off when too much waits for it, which the log says; the others get everything."""

    async def test() -> None:
        async with workers(2) as some:
            slow = some.connect()
            slow.sendall(write(Kind.SUBSCRIBE, 1, b"a"))
            assert await asyncio.to_thread(slow.recv, 100)
            listener = await some.listener(1, "a")
            large = bytes(512 * 1024)
            for _ in range(MAX_WAITING_BYTES // len(large) + 4):
                await some.buses[0].publish("a", 0, large)
                assert await listener.next() == large
            assert "worker 7 is cut off from the topics: it reads too slowly, and 16 MiB wait for it" in caplog.text

    run(test())


def test_a_worker_that_is_cut_off_connects_again() -> None:
    """A listener with a history catches up; one without learns that it has missed something; new ones are well."""

    async def test() -> None:
        async with workers(2) as some:
            kept = await some.listener(0, "kept", history=True)
            plain = await some.listener(0, "plain")
            await some.listener(1, "plain")
            await some.buses[1].publish("kept", 9, b"0")
            assert await kept.next() == b"0"
            some.ends[0].shutdown(socket.SHUT_RDWR)
            for number in range(1, 4):
                await some.buses[1].publish("kept", 9, b"%d" % number)
            assert await kept.get(3) == [b"1", b"2", b"3"]
            with pytest.raises(MissedMessages, match="cut off"):
                await plain.next()
            again = await some.listener(0, "plain")
            await some.buses[1].publish("plain", 0, b"x")
            assert await again.next() == b"x"

    run(test())


def test_a_supervisor_that_can_not_be_reached_is_an_error_in_time() -> None:
    """Publishing says so; when it is back, listeners that began meanwhile get what is published."""

    async def test() -> None:
        async with workers(1) as some:
            some.is_reachable = False
            with pytest.raises(BusUnavailable, match="no supervisor"):
                await some.buses[0].publish("a", 0, b"x")
            box = Mailbox("a", some.buses[0].loop, has_history=False, after=None, latest=0)
            some.buses[0].listen(box)
            some.is_reachable = True
            await some.buses[0].publish("a", 0, b"y")
            message = await box.next(some.buses[0].fetch)
            assert message is not None
            assert message.data == b"y"

    run(test())


def test_another_program_continues_with_all_of_it() -> None:
    """Nothing is lost or doubled of what is published while the relay is replaced, and the history stays."""

    async def test() -> None:
        async with workers(2) as some:
            listeners = [await some.listener(0, "kept", history=True), await some.listener(0, "plain")]
            publishing = asyncio.gather(
                *(some.buses[1].publish(name, 500, b"%d" % n) for n in range(300) for name in ("kept", "plain"))
            )
            await asyncio.sleep(0)
            before = some.relay
            state, descriptors = before.stop(), before.descriptors
            for peer in before._peers:
                peer.sock.detach()  # an exec leaves the descriptors open, and nothing else
            before._peers.clear()
            before.close()
            assert len(descriptors) == 2
            some.relay = Relay.resumed(state, descriptors).start()
            await publishing
            for each in listeners:
                assert await each.get(300) == [b"%d" % n for n in range(300)]
            assert len((await some.buses[0].fetch("kept", (0, 0), 0)).messages) == 300

    run(test())


def test_the_state_of_another_version_is_forgotten() -> None:
    """Then the workers notice that they are cut off, as their sockets are closed."""
    ours, theirs = socket.socketpair()
    relay = Relay.resumed(b"?", [theirs.detach()])
    assert ours.recv(1) == b""
    ours.close()
    relay.close()


def test_what_is_no_frame_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """The worker that has sent it is cut off, with the reason in the log."""
    relay = Relay().start()
    for sent in (
        b"\xff" * 20,
        b"\x00" * 20,
        write(Kind.KEPT, 1, b"a"),
        write(Kind.PUBLISH, 1, b"a", b"sho"),
        write(Kind.FETCH, 1, b"a"),
    ):
        ours, theirs = socket.socketpair()
        relay.add(theirs.detach(), 7)
        ours.sendall(sent)
        assert ours.recv(1) == b""
        ours.close()
    assert caplog.text.count("worker 7 is cut off from the topics: it has sent a frame that is none") == 5
    relay.stop()
    relay.close()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_frames_are_read_in_pieces(size: int) -> None:
    """However the bytes are cut, the frames are the same."""
    sent = write(Kind.PUBLISH, 9, b"name", write_publish(3, b"data")) + write(Kind.UNSUBSCRIBE, 0, b"other")
    reader, got = FrameReader(), []
    for start in range(0, len(sent), size):
        got += reader.frames(sent[start : start + size])
    assert got == [
        (Kind.PUBLISH, 9, b"name", write_publish(3, b"data")),
        (Kind.UNSUBSCRIBE, 0, b"other", b""),
    ]


def test_what_was_kept_is_read_as_it_was_written() -> None:
    """With ids and data, empty data included."""
    kept = Kept([Message((5, 0), b"x"), Message((5, 1), b"")], (5, 1), is_complete=False, has_more=True)
    found = read_kept(write_kept(kept))
    assert [(each.id, each.data) for each in found.messages] == [((5, 0), b"x"), ((5, 1), b"")]
    assert (found.last, found.is_complete, found.has_more) == ((5, 1), False, True)

"""A topic as a site uses it, within one process."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextvars import Context
from dataclasses import dataclass
from typing import Any, cast

import pytest
from msgspec import Struct
from tests.speed import PATIENCE

from fanlight import App, AppError, EventStream, Request, Topic
from fanlight.testing import Client
from fanlight.topics.mailbox import MAX_WAITING


class Note(Struct):
    """A message."""

    text: str


@dataclass
class Point:
    """A message of another kind."""

    x: int


async def through(topic: Topic[Any], message: object) -> Any:
    """Return what a listener gets of a message."""
    subscription = aiter(topic)
    await topic.publish(message)
    return await anext(subscription)


def in_view(act: Any) -> Any:
    """Return what a function returns that is called in a view."""
    returned: list[Any] = []

    async def view() -> str:
        async with asyncio.timeout(PATIENCE):
            returned.append(await act())
        return ""

    with Client(App({"/": view})) as client:
        client.get("/")
    return returned[0]


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (Topic[str]("a"), "text"),
        (Topic[str]("a"), "[1]"),
        (Topic[bytes]("a"), b"\x00bytes"),
        (Topic[Note]("a"), Note("n")),
        (Topic[Point]("a"), Point(3)),
        (Topic[dict[str, int]]("a"), {"one": 1}),
        (Topic[list[Note]]("a"), [Note("n")]),
        (Topic[Note | str]("a"), "text"),
        (Topic[Any]("a"), "text"),
        (Topic("a"), {"one": [1, None]}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_message_comes_as_it_was_published(topic: Topic[Any], message: object) -> None:
    """Text, bytes, and objects of every class that can be JSON."""
    assert in_view(lambda: through(topic, message)) == message


def test_a_topic_is_its_name() -> None:
    """Two objects of the same name are the same topic; another name is another."""

    async def act() -> str:
        subscription = aiter(Topic[str]("a"))
        await Topic[str]("b").publish("to b")
        await Topic[str]("a").publish("to a")
        return await anext(subscription)

    assert in_view(act) == "to a"


def test_all_listeners_get_all_messages_in_order() -> None:
    """Each from the moment at which its iterator was made."""

    async def act() -> list[list[int]]:
        topic = Topic[int]("a")
        first = topic.subscribe()
        await topic.publish(1)
        second = topic.subscribe()
        await topic.publish(2)
        await topic.publish(3)
        return [[await anext(first) for _ in range(3)], [await anext(second) for _ in range(2)]]

    assert in_view(act) == [[1, 2, 3], [2, 3]]


def test_a_plain_view_publishes_and_so_does_a_thread() -> None:
    """Neither waits; a thread of the site's own inherits no context, and finds the only server."""
    topic = Topic[int]("a")
    got: list[int] = []

    async def listen() -> EventStream:
        subscription = topic.subscribe()

        async def events() -> AsyncIterator[str]:
            got.extend([await anext(subscription), await anext(subscription)])
            yield "done"

        return EventStream(events())

    def publish() -> str:
        topic.publish_soon(1)
        thread = threading.Thread(target=topic.publish_soon, args=(2,))
        thread.start()
        thread.join()
        return ""

    async def both(request: Request) -> EventStream:
        stream = await listen()
        await asyncio.to_thread(publish)
        return stream

    with Client(App({"/": both})) as client:
        assert "data: done" in client.get("/").text
    assert got == [1, 2]


def test_two_servers_in_one_process_never_mix() -> None:
    """Each has topics of its own, although their names are the same."""

    async def act(request: Request) -> str:
        topic = Topic[str]("same", history=10)
        await topic.publish(request.query["from"])
        subscription = topic.subscribe(latest=10)
        return ",".join([await anext(subscription) for _ in range(int(request.query["count"]))])

    app = App({"/": act})
    with Client(app) as one, Client(app) as other:
        assert one.get("/?from=one&count=1").text == "one"
        assert other.get("/?from=other&count=1").text == "other"
        assert one.get("/?from=one&count=2").text == "one,one"


def test_a_message_that_does_not_fit_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """Of another version of the site, for example; the log has which and why, and the listener goes on."""

    async def act() -> Note:
        subscription = aiter(Topic[Note]("a"))
        await Topic[Any]("a").publish({"title": "n"})
        await Topic[Any]("a").publish(Note("n"))
        return await anext(subscription)

    assert in_view(act) == Note("n")
    assert "skipped" in caplog.text
    assert "Topic[Note]('a')" in caplog.text


def test_what_can_not_be_carried_is_refused_where_it_is_published() -> None:
    """With the topic's name, and what is wrong with it."""

    async def act() -> list[str]:
        refused = []
        cases: list[tuple[Topic[Any], object]] = [
            (Topic[Note]("a"), "text"),
            (Topic[Any]("a"), object()),
            (Topic[Any]("a"), "x" * (1024 * 1024)),
        ]
        for topic, message in cases:
            with pytest.raises(AppError) as caught:
                await topic.publish(message)
            refused.append(str(caught.value))
        return refused

    of_kind, of_json, of_size = in_view(act)
    assert of_kind == "Topic[Note]('a') can't carry str"
    assert "can't be published to the topic 'a'" in of_json
    assert "1,048,577 bytes is too large for the topic 'a'" in of_size


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Topic(""), "printable text"),
        (lambda: Topic("a\n"), "printable text"),
        (lambda: Topic("x" * 257), "at most 256 bytes"),
        (lambda: Topic(cast("str", 7)), "not 7"),
        (lambda: Topic("a", history=-1), "number of messages"),
        (lambda: Topic("a", history=10_001), "at most 10,000"),
        (lambda: Topic("a", history=True), "not True"),
    ],
    ids=["empty", "line end", "long", "number", "negative", "much", "bool"],
)
def test_a_topic_that_can_not_be_is_refused(make: Any, reason: str) -> None:
    """Where it is made."""
    with pytest.raises(AppError, match=reason):
        make()


def test_only_a_topic_with_history_has_a_past() -> None:
    """The message says what to write."""

    async def act() -> None:
        with pytest.raises(AppError, match=r"write Topic\('a', history=100\)"):
            Topic("a").subscribe(latest=3)

    in_view(act)


def test_a_topic_needs_a_server() -> None:
    """Elsewhere it says so."""
    with pytest.raises(AppError, match="no server runs"):
        Topic[Any]("a").publish_soon("x")


def test_a_plain_view_can_not_listen() -> None:
    """It is told where to."""
    caught: list[str] = []

    def view() -> str:
        try:
            aiter(Topic("a"))
        except AppError as error:
            caught.append(str(error))
        return ""

    with Client(App({"/": view})) as client:
        client.get("/")
    assert caught == ["the topic 'a' is listened to in a thread; listen in an async view"]


def test_events_have_ids_and_go_on_after_one() -> None:
    """A client that reconnects with its last id gets what it has missed."""
    topic = Topic[Note]("news", history=10)

    async def news(request: Request) -> EventStream:
        async def some() -> AsyncIterator[Any]:
            count = int(request.query["count"])
            async for event in topic.events(after=request.last_event_id, latest=1, event="note"):
                yield event
                count -= 1
                if not count:
                    return

        return EventStream(some())

    async def publish(text: str) -> str:
        return await topic.publish(Note(text))

    with Client(App({"/news": news, "POST /publish/{text}": publish})) as client:
        first, second, third = (client.post(f"/publish/{text}").text for text in "abc")
        assert client.get("/news?count=1").text == f'event: note\nid: {third}\ndata: {{"text":"c"}}\n\n'
        missed = client.get("/news?count=2", headers={"last-event-id": first}).text
        assert [line for line in missed.split("\n") if line.startswith("id")] == [f"id: {second}", f"id: {third}"]


def test_a_listener_that_is_left_is_forgotten() -> None:
    """Its iterator need not be closed."""

    async def act() -> int:
        topic = Topic[int]("a")
        await topic.publish(0)
        bus = topic.subscribe()._bus
        async for _ in _limited(topic):
            break
        await asyncio.sleep(0.01)
        return len(list(bus.names))

    async def _limited(topic: Topic[int]) -> AsyncIterator[int]:
        subscription = aiter(topic)
        await topic.publish(1)
        async for each in subscription:
            yield each

    assert in_view(act) == 0


def test_a_view_that_has_missed_messages_responds_503() -> None:
    """Its client may try again; the response has nothing of the reason."""
    topic = Topic[int]("a")

    async def view() -> str:
        subscription = topic.subscribe()
        for number in range(MAX_WAITING + 1):
            await topic.publish(number)
        return str(await anext(subscription))

    with Client(App({"/": view})) as client:
        response = client.get("/")
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert "too many messages" not in response.text


def test_all_listeners_get_the_very_same_content() -> None:
    """So that the frame of a WebSocket is made once for all of them."""

    async def act() -> bool:
        topic = Topic[Note]("a")
        listeners = [topic.subscribe() for _ in range(3)]
        await topic.publish(Note("n"))
        messages = [await each.next_message() for each in listeners]
        contents = {id(each.content) for each in messages if each is not None}
        return len(contents) == 1

    assert in_view(act)


def test_another_loop_publishes() -> None:
    """A thread of the site that runs a loop of its own may await it as well."""

    async def act() -> list[int]:
        topic = Topic[int]("a")
        subscription = topic.subscribe()
        await asyncio.to_thread(lambda: asyncio.run(topic.publish(1)))
        return [await anext(subscription)]

    assert in_view(act) == [1]


def test_a_thread_can_not_know_which_of_two_servers_is_meant() -> None:
    """It inherits no context; the message has what to do."""
    caught: list[str] = []

    def publish() -> None:
        try:
            Topic[str]("a").publish_soon("x")
        except AppError as error:
            caught.append(str(error))

    def view() -> str:
        thread = threading.Thread(target=Context().run, args=(publish,))
        thread.start()
        thread.join()
        return ""

    app = App({"/": view})
    with Client(app) as one, Client(app) as other:
        one.get("/")
        other.get("/")
    assert len(caught) == 2
    assert "several servers run in this process; start the thread with `contextvars.copy_context().run`" in caught[0]

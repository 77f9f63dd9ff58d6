"""The text of server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message.events import Event, EventStream
from fanlight.message.request import Request
from fanlight.testing import FakeHead


def text_of(stream: EventStream) -> bytes:
    """Return all pieces of a stream."""
    content: Any = stream.content
    if not hasattr(content, "__anext__"):
        return b"".join(content)

    async def collect() -> bytes:
        return b"".join([each async for each in content])

    return asyncio.run(collect())


@dataclass
class Price:
    """A value to send as an event."""

    of: str
    cents: int


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event("hello"), "data: hello\n\n"),
        (Event(""), "data: \n\n"),
        (Event("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Event("a\u2028b\x0bc\x85d"), "data: a\u2028b\x0bc\x85d\n\n"),
        (Event(b"caf\xc3\xa9"), "data: café\n\n"),
        (Event({"a": 1}), 'data: {"a":1}\n\n'),
        (Event([1, 2]), "data: [1,2]\n\n"),
        (Event(3), "data: 3\n\n"),
        (Event(date(2026, 1, 2)), 'data: "2026-01-02"\n\n'),
        (Event(Price("tea", 250), "price", id="7"), 'event: price\nid: 7\ndata: {"of":"tea","cents":250}\n\n'),
        (Event(id=""), "id: \n\n"),
        (Event("x", retry_seconds=1.5), "retry: 1500\ndata: x\n\n"),
        (Event("x", retry_seconds=0), "retry: 0\ndata: x\n\n"),
    ],
)
def test_an_event_has_the_format_of_the_standard(event: Event, text: str) -> None:
    """Each line of the data is a field; the line ends are the three of the standard."""
    assert event.encode() == text.encode()


@pytest.mark.parametrize(
    "event",
    [
        Event("x", "a\nb"),
        Event("x", "a\rdata: b"),
        Event("x", id="1\n"),
        Event("x", id="1\0"),
        Event("x", id=7),  # type: ignore[arg-type]  # what is refused
        Event("x", 7),  # type: ignore[arg-type]  # what is refused
        Event("x", retry_seconds=-1),
        Event("x", retry_seconds="3"),  # type: ignore[arg-type]  # what is refused
        Event("x", retry_seconds=float("nan")),
        Event(b"\xff"),
        Event({1, object()}),
    ],
)
def test_an_event_that_would_be_misread_is_refused(event: Event) -> None:
    """A name or an id contains no line end, and data is text or JSON."""
    with pytest.raises(InvalidResponse):
        event.encode()


@given(st.text(), st.text())
def test_data_can_be_read_back(data: str, name: str) -> None:
    """A reader gets back any data, with line feeds as line ends, and no other field."""
    try:
        text = Event(data, name).encode().decode()
    except (InvalidResponse, UnicodeEncodeError):
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert lines[-2:] == ["", ""]
    fields = [line.partition(": ") for line in lines[:-2]]
    assert "\n".join(value for field, _, value in fields if field == "data") == data.replace("\r\n", "\n").replace(
        "\r", "\n"
    )
    assert [value for field, _, value in fields if field != "data"] == ([name] if name else [])


def test_a_stream_takes_either_kind_of_generator() -> None:
    """Events, texts and values are sent as events; the reconnection time comes first."""

    def some() -> Iterator[Any]:
        yield "a"
        yield {"b": 1}
        yield Event("c", id="3")

    async def others() -> AsyncIterator[Any]:
        for each in some():
            yield each

    text = b'retry: 2500\n\ndata: a\n\ndata: {"b":1}\n\nid: 3\ndata: c\n\n'
    assert text_of(EventStream(some(), retry_seconds=2.5)) == text
    assert text_of(EventStream(others(), retry_seconds=2.5)) == text
    assert text_of(EventStream(["a"])) == b"data: a\n\n"


def test_events_are_neither_cached_nor_buffered() -> None:
    """The fields keep caches from storing events, and nginx from buffering them."""
    stream = EventStream([])
    assert dict(stream.headers.pairs()) == {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }


def test_a_copy_has_the_heartbeat() -> None:
    """A copied response keeps its heartbeat."""
    stream = EventStream(["a"], keep_alive_seconds=3)
    stream.status = 203
    stream.headers["x-one"] = "1"
    copy = stream.copy()
    stream.headers["x-one"] = "2"
    assert (copy.status, copy.headers["x-one"], copy.heartbeat.interval) == (203, "1", 3)
    assert text_of(copy) == b"data: a\n\n"


def test_what_is_no_generator_is_refused_with_a_hint() -> None:
    """A function that was not called is refused with a hint."""

    def news() -> Iterator[str]:
        yield "a"

    with pytest.raises(InvalidResponse, match=r"call it: EventStream\(.*news\(\)\)"):
        EventStream(news)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidResponse, match="given dict; give it a generator"):
        EventStream({})
    for wait in (0, -1, "3", True):
        with pytest.raises(InvalidResponse, match="keep_alive_seconds"):
            EventStream([], keep_alive_seconds=wait)  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize(("sent", "id"), [(None, ""), ("17", "17"), ("caf\xc3\xa9", "café"), ("\xff", "\ufffd")])
def test_the_last_event_id_of_the_client(sent: str | None, id: str) -> None:  # noqa: A002 - as it is called
    """`Last-Event-ID` is read as UTF-8; invalid bytes are replaced."""
    fields = {} if sent is None else {"last-event-id": sent}
    assert Request(FakeHead(fields=fields), None, None).last_event_id == id

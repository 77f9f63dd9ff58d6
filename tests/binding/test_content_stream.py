"""A parameter annotated ContentStream: what may stand beside it, and what is refused before the port opens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.errors import SetupError
from fanlight.message.body_policy import BodyMode
from fanlight.message.content import ContentStream
from fanlight.message.upload import Upload

Site = Callable[..., Any]


@dataclass
class Whole:
    name: str


def sync(stream: ContentStream) -> str:
    return str(stream.length)


async def generator(stream: ContentStream) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield piece


async def twice(one: ContentStream, other: ContentStream) -> str:
    return f"{one}{other}"


async def beside_a_body(stream: ContentStream, body: Whole) -> str:
    return f"{stream}{body}"


async def beside_a_file(stream: ContentStream, file: Upload) -> str:
    return f"{stream}{file}"


async def good(stream: ContentStream, page: int = 1) -> str:
    return f"{stream.length} {page}"


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (sync, "is not async"),
        (generator, "is not async"),
        (twice, "takes the content as a stream twice"),
        (beside_a_body, "takes the content twice, as the stream stream and as body"),
        (beside_a_file, "takes the content twice, as the stream stream and as file"),
    ],
)
def test_views_that_can_not_have_the_stream_are_refused(site: Site, view: object, said: str) -> None:
    """It is a mistake of the site, reported at start-up."""
    with pytest.raises(SetupError, match=said):
        site({"POST /": view})


def test_fields_beside_a_stream_come_from_the_query(site: Site) -> None:
    """As beside a whole body."""
    assert site({"POST /": good}).post("/?page=3").text == "0 3"
    assert site({"POST /": good}).post("/?page=x").status == 422


def test_the_call_has_the_body_mode(site: Site) -> None:
    """The server knows before a request comes how its body is read."""

    def form(name: str) -> str:
        return name

    made = site({"POST /a": good, "POST /b": form, "/c": form})
    app: Application = made.app
    takings = [
        app.find(made.make_request(*each)).body_policy.body_mode
        for each in (("POST", "/a"), ("POST", "/b"), ("GET", "/c"))
    ]
    assert takings == [BodyMode.STREAM, BodyMode.FORM, BodyMode.BUFFERED]

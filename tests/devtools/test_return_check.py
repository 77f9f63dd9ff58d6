"""In development, what a view returns is compared with its return annotation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from fanlight import EventStream, Response, file_response, lane, redirect, render
from fanlight.binding.callables import is_async
from fanlight.binding.signature import pinned_lane
from fanlight.devtools.return_check import checked_view
from fanlight.errors import InvalidResponse
from fanlight.message.handler import Lane
from fanlight.pages.page import Page


class Cat(msgspec.Struct):
    name: str
    age: Annotated[int, Meta(ge=0)] = 0


def run(annotation: Any, result: Any) -> Any:
    def view() -> Any:
        return result

    view.__annotations__["return"] = annotation
    return checked_view(view, "cats.show", "cats.py:12")()


@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        (Cat, Cat("Tom")),
        (Cat, {"name": "Tom", "age": 3}),  # what is sent counts
        (list[Cat], [Cat("Tom"), {"name": "Kit"}]),
        (list[Cat], []),
        (Cat | None, None),
        (Cat | dict[str, int], {"a": 1}),
        (tuple[Cat, Literal[201]], (Cat("Tom"), 201)),
        (tuple[Cat, Literal[201], dict[str, str]] | None, (Cat("Tom"), 201, {"location": "/1"})),
        (tuple[Cat, int], (Cat("Tom"), 418)),
        (str, "text"),
        (Page | Response, redirect("/")),
        (Response, EventStream(iter(()))),
        (Response, file_response(Path(__file__))),
        (Path, file_response(Path(__file__))),
        (Page, render("a.html")),
        (Iterator[str], iter("a")),
        (dict[str, Decimal], {"price": Decimal("1.5")}),
        (dict[str, Annotated[datetime, Meta(tz=True)]], {"at": datetime(2026, 1, 31, tzinfo=UTC)}),
        (Any, object()),
        (int, 3),  # what can't be sent is refused elsewhere
        (dict[str, object], {"a": object()}),
    ],
)
def test_what_the_annotation_allows_is_returned(annotation: Any, result: Any) -> None:
    """The value itself, whatever class it is of."""
    assert run(annotation, result) is result


@pytest.mark.parametrize(
    ("annotation", "result", "said"),
    [
        (Cat, {"name": "Tom", "age": "three"}, "age: 'three' is not an integer"),
        (Cat, {"age": -1}, "name: is missing, age: must be at least 0"),
        (list[Cat], [Cat("Tom"), Cat(7)], "[1].name: 7 is not a string"),  # type: ignore[arg-type]
        (Cat, [], "it: a list is not an object"),
        (Cat, None, "returned None"),
        (Cat, "Tom", "returned a text"),
        (Cat, Response("x"), "returned a Response"),
        (str, Cat("Tom"), "returned a Cat"),
        (str, render("a.html"), "returned a page from render()"),
        (Page, redirect("/"), "returned a Response"),
        (Cat, (Cat("Tom"), 201), "the status is 201"),
        (tuple[Cat, Literal[201]], Cat("Tom"), "the status is 200"),
        (tuple[Cat, Literal[201]], (Cat("Tom"), 200), "the status is 200"),
        (dict[str, float], {"x": float("nan")}, "x: null is not a number"),
        (dict[str, Annotated[datetime, Meta(tz=True)]], {"at": datetime(2026, 1, 31)}, "must include a time zone"),  # noqa: DTZ001
    ],
)
def test_what_it_does_not_allow_is_an_error(annotation: Any, result: Any, said: str) -> None:
    """It names the view, its line, the annotation, and what is wrong."""
    with pytest.raises(InvalidResponse) as caught:
        run(annotation, result)
    assert str(caught.value).startswith("cats.show (cats.py:12) is annotated -> ")
    assert said in str(caught.value)
    assert caught.value.place == "cats.py:12"


def test_a_checked_view_is_of_the_same_kind() -> None:
    """Sync or async, and pinned as before; without an annotation it is the view itself."""

    async def show() -> Cat:
        return "Tom"  # type: ignore[return-value]

    @lane("thread")
    def pinned() -> Cat:
        return Cat("Tom")

    def plain():  # type: ignore[no-untyped-def]  # noqa: ANN202
        return 1

    checked: Any = checked_view(show, "show", "")
    assert is_async(checked)
    with pytest.raises(InvalidResponse, match="show is annotated -> Cat, but returned a text"):
        asyncio.run(checked())
    assert pinned_lane(checked_view(pinned, "pinned", "")) is Lane.THREAD
    assert checked_view(plain, "plain", "") is plain

"""What a return annotation promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, NoReturn, TypedDict

import msgspec
import pytest

from fanlight import EventStream, Response
from fanlight.message.file_response import FileResponse
from fanlight.openapi.return_types import ResponseKind as Kind
from fanlight.openapi.return_types import read_return_types
from fanlight.pages.page import Page

if TYPE_CHECKING:
    from elsewhere import Unknown  # type: ignore[import-not-found]


class Cat(msgspec.Struct):
    name: str


@dataclass
class Dog:
    name: str


class Row(TypedDict):
    name: str


Cats = NewType("Cats", list[Cat])


def annotated(annotation: Any) -> Any:
    def view() -> Any: ...

    view.__annotations__["return"] = annotation
    return view


@pytest.mark.parametrize(
    ("annotation", "kinds", "statuses"),
    [
        (Cat, [Kind.JSON], [(200,)]),
        (Dog, [Kind.JSON], [(200,)]),
        (Row, [Kind.JSON], [(200,)]),
        (Cats, [Kind.JSON], [(200,)]),
        (list[Cat], [Kind.JSON], [(200,)]),
        (dict, [Kind.JSON], [(200,)]),
        (Sequence[Cat], [Kind.JSON], [(200,)]),
        (Annotated[dict[str, int], msgspec.Meta(min_length=1)], [Kind.JSON], [(200,)]),
        (None, [Kind.NOTHING], [(204,)]),
        (Cat | None, [Kind.JSON, Kind.NOTHING], [(200,), (204,)]),
        (tuple[Cat, Literal[201]], [Kind.JSON], [(201,)]),
        (tuple[Cat, Literal[HTTPStatus.CREATED, 200]], [Kind.JSON], [(201, 200)]),
        (tuple[None, Literal[202], dict[str, str]], [Kind.NOTHING], [(202,)]),
        (str, [Kind.TEXT], [(200,)]),
        (Literal["a", "b"], [Kind.TEXT], [(200,)]),
        (Page, [Kind.PAGE], [(200,)]),
        (bytes, [Kind.BYTES], [(200,)]),
        (Path, [Kind.FILE], [(200,)]),
        (FileResponse, [Kind.FILE], [(200,)]),
        (EventStream, [Kind.EVENTS], [(200,)]),
        (Iterator[str], [Kind.STREAM], [(200,)]),
        (AsyncIterator[bytes], [Kind.STREAM], [(200,)]),
        (Generator[str, None, None], [Kind.STREAM], [(200,)]),
        (NoReturn, [], []),
    ],
)
def test_an_annotation_names_kinds_of_response(annotation: Any, kinds: list[Kind], statuses: Any) -> None:
    """Each with its status; nothing is left open."""
    returned = read_return_types(annotated(annotation))
    assert [each.kind for each in returned.types] == kinds
    assert [each.statuses for each in returned.types] == statuses
    assert not returned.problem


@pytest.mark.parametrize(
    ("annotation", "kind", "problem"),
    [
        (Any, Kind.ANYTHING, "Any does not say what is returned"),
        (object, Kind.ANYTHING, "object does not say"),
        (int, Kind.ANYTHING, "int can't be sent as a response; return a dict"),
        (set[str], Kind.ANYTHING, "can't be sent as a response; return a list"),
        (tuple, Kind.ANYTHING, "a tuple is sent as (body, status, headers)"),
        (tuple[Cat, int], Kind.JSON, "write it as a Literal: tuple[Cat, Literal[201]]"),
        (Response, Kind.RESPONSE, "says neither status nor content"),
    ],
)
def test_what_an_annotation_leaves_open_is_said(annotation: Any, kind: Kind, problem: str) -> None:
    """With what to write instead."""
    returned = read_return_types(annotated(annotation))
    assert [each.kind for each in returned.types] == [kind]
    assert problem in returned.problem


def test_a_view_without_an_annotation_may_return_anything() -> None:
    """A generator function is a stream, whatever it says."""

    def plain():  # type: ignore[no-untyped-def]  # as a learner writes it  # noqa: ANN202
        return 1

    def stream():  # type: ignore[no-untyped-def]  # as above  # noqa: ANN202
        yield "a"

    assert "no return annotation" in read_return_types(plain).problem
    assert [each.kind for each in read_return_types(stream).types] == [Kind.STREAM]


def test_a_name_for_type_checkers_only_is_a_problem() -> None:
    """It is named, with what to do; nothing is refused."""

    def view() -> Unknown: ...

    returned = read_return_types(view)
    assert "'Unknown' is not defined; import Unknown at the top of the file" in returned.problem
    assert returned.written == "Unknown"

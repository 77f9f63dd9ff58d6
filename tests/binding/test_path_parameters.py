"""Parameters that the path fills."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from fanlight.message.request import Request

Make = Callable[..., Any]
ID = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def text(x: str) -> str:
    return repr(x)


def bare(x) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a beginner writes it so
    return repr(x)


def number(x: int) -> str:
    return repr(x)


def real(x: float) -> str:
    return repr(x)


def exact(x: Decimal) -> str:
    return repr(x)


def day(x: date) -> str:
    return repr(x)


def unique(x: UUID) -> str:
    return repr(x)


def color(x: Color) -> str:
    return repr(x)


def choice(x: Literal["a", "b"]) -> str:
    return repr(x)


def switch(x: bool) -> str:
    return repr(x)


def small(x: Annotated[int, msgspec.Meta(ge=1, le=9)]) -> str:
    return repr(x)


def maybe(x: int | None) -> str:
    return repr(x)


def inferred(x=1) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - the default says the type
    return repr(x)


@pytest.mark.parametrize(
    ("view", "key", "path", "said"),
    [
        (text, "/{x}", "/a%2Fb", "'a/b'"),
        (bare, "/{x}", "/42", "'42'"),
        (text, "/{x...}", "/a/b", "'a/b'"),
        (number, "/{x}", "/42", "42"),
        (bare, "/{x:int}", "/42", "42"),
        (number, "/{x:int}", "/-1", "-1"),
        (real, "/{x}", "/2.5", "2.5"),
        (real, "/{x:int}", "/2", "2.0"),
        (exact, "/{x}", "/2.50", "Decimal('2.50')"),
        (day, "/{x}", "/2026-01-31", "datetime.date(2026, 1, 31)"),
        (unique, "/{x}", f"/{ID}", f"UUID('{ID}')"),
        (color, "/{x}", "/red", "<Color.RED: 'red'>"),
        (choice, "/{x}", "/a", "'a'"),
        (switch, "/{x}", "/on", "True"),
        (small, "/{x}", "/9", "9"),
        (maybe, "/{x}", "/3", "3"),
        (inferred, "/{x}", "/3", "3"),
        (number, "/file-{x}.txt", "/file-7.txt", "7"),
    ],
)
def test_a_segment_is_converted_to_the_type_of_the_view(site: Make, view: Any, key: str, path: str, said: str) -> None:
    """The annotation, or the converter in the key, names the type."""
    assert site({key: view}).get(path).text == said


@pytest.mark.parametrize(
    ("view", "path"),
    [
        (number, "/abc"),
        (real, "/abc"),
        (exact, "/abc"),
        (day, "/2026-02-30"),
        (unique, "/abc"),
        (color, "/green"),
        (choice, "/c"),
        (switch, "/maybe"),
        (small, "/10"),
        (inferred, "/abc"),
    ],
)
def test_a_segment_that_can_not_be_converted_is_404(site: Make, view: Any, path: str) -> None:
    """Such a path names no resource."""
    assert site({"/{x}": view}).get(path).status == 404


def test_types_choose_between_views(site: Make) -> None:
    """Two views at the same place are selected by the types of their parameters."""
    client = site({"/{x}": number, "/{name}": lambda name: f"called {name}"})
    assert [client.get("/5").text, client.get("/five").text] == ["5", "called five"]


def edit(request: Request, x: int, title: str = "none") -> str:
    return f"{request.method} {x} {title}"


def test_path_request_and_query_go_together(site: Make) -> None:
    """A view may have all of them, in any order."""
    assert site({"/{x}": edit}).get("/3?title=a").text == "GET 3 a"


def test_a_name_that_is_not_in_the_path_is_a_query_field(site: Make) -> None:
    """A segment of one route is a field of the query in another."""
    client = site({"/n/{x}": number, "/n": number})
    assert [client.get("/n/3").text, client.get("/n?x=4").text] == ["3", "4"]


def many(**names: object) -> str:
    return repr(sorted(names.items()))


def test_kwargs_take_the_remaining_path_parameters(site: Make) -> None:
    """`**names` gets the path parameters without a parameter of their own, and nothing of the query."""
    assert site({"/{a}/{b:int}": many}).get("/x/1?c=2").text == "[('a', 'x'), ('b', 1)]"


def starred(x: int, *rest: object) -> str:
    return f"{x} {rest}"


def test_variadic_positional_parameters_stay_empty(site: Make) -> None:
    """`*rest` has no name to be sent by."""
    assert site({"/{x}": starred}).get("/1?rest=2").text == "1 ()"


def test_requests_do_not_share_path_parameters(site: Make) -> None:
    """Values made for one request are not stored in the route."""
    client = site({"/{x}": color, "/": lambda q="none": q})
    assert [client.get("/red").text, client.get("/blue").text] == ["<Color.RED: 'red'>", "<Color.BLUE: 'blue'>"]
    assert [client.get("/?q=1").text, client.get("/").text] == ["1", "none"]

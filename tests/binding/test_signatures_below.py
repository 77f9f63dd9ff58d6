"""A part of the path may be taken by a dependency alone, of the view or of another dependency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pytest

from fanlight import App, NotFound, SetupError
from fanlight.testing import Client

NOTES = {1: "Milk"}


def note(id: int) -> str:  # noqa: A002 - as users write it
    if id not in NOTES:
        raise NotFound
    return NOTES[id]


def loud_note(text: Annotated[str, note]) -> str:
    return text.upper()


def show(text: Annotated[str, note]) -> str:
    return text


def shout(text: Annotated[str, loud_note]) -> str:
    return text


def by_name(name: str) -> str:
    return f"by name: {name}"


@pytest.mark.parametrize(("view", "text"), [(show, "Milk"), (shout, "MILK")])
def test_a_dependency_takes_a_part_of_the_path(view: Callable[..., str], text: str) -> None:
    """The view itself need not take it; what can't be converted is a 404, and another route is tried for it."""
    with Client(App({"/{id}": view, "/{name}/": by_name, "POST /{id}": view})) as client:
        assert client.get("/1").text == text
        assert client.post("/1").text == text
        assert client.get("/2").status == 404
        assert client.get("/one").status != 422


def test_its_type_chooses_the_route() -> None:
    """The type of a dependency's parameter is the type of the path, as that of the view's is."""
    with Client(App({"/{id}": show, "/{name}": by_name})) as client:
        assert client.get("/1").text == "Milk"
        assert client.get("/one").text == "by name: one"


def test_a_part_that_nothing_takes_is_a_mistake() -> None:
    """A part of the path that neither the view nor a dependency takes is found before the port opens."""
    with pytest.raises(SetupError, match=r"the path has \{page\}, but .*shout takes no page"):
        App({"/{id}/{page}": shout})

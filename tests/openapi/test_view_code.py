"""Errors and redirects are read in the code of a function, and of those that it calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fanlight import Conflict, Gone, NotFound, errors, redirect, redirect_back
from fanlight.openapi.view_code import CodeFacts, read_code

FOLDER = Path(__file__).parent


def find(number: int) -> int:
    if number < 0:
        raise NotFound("There is none.")
    return check(number)


def check(number: int) -> int:
    if number > 9:
        raise errors.Conflict
    return check(number) if number == 5 else number  # a function may call itself


def show(number: int) -> dict[str, int]:
    def inner() -> None:
        raise Gone

    return {"number": find(number)}


def moved(permanent: bool) -> Any:
    return redirect("/a", permanent=True) if permanent else redirect("/b")


def back(request: Any) -> Any:
    return redirect_back(request)


def temporary() -> Any:
    if len(FOLDER.name) > 1:
        return redirect("/", 307)
    return {}


def nothing() -> None: ...


def sold_out() -> None:
    raise SoldOut


def tries() -> None:
    try:
        if len(FOLDER.name) > 1:
            raise SoldOut  # noqa: TRY301 - that it is caught here is what is tested
        sold_out()
        find(1)
    except SoldOut:
        raise NotSold from None
    finally:
        nothing()


class SoldOut(Exception): ...


class NotSold(Exception): ...


@pytest.mark.parametrize(
    ("function", "facts"),
    [
        (find, CodeFacts(raised=frozenset({NotFound, Conflict}))),
        (show, CodeFacts(raised=frozenset({NotFound, Conflict}))),
        (moved, CodeFacts(redirects=frozenset({303, 308}), only_redirects=True)),
        (back, CodeFacts(redirects=frozenset({303}), only_redirects=True)),
        (temporary, CodeFacts(redirects=frozenset({307}))),
        (nothing, CodeFacts()),
        (sold_out, CodeFacts(raised=frozenset({SoldOut}), only_raises=True)),
        (tries, CodeFacts(raised=frozenset({NotSold, NotFound, Conflict}))),
        (print, CodeFacts()),
    ],
)
def test_the_facts_of_a_function(function: Any, facts: CodeFacts) -> None:
    """What is raised in the site's own functions counts, what stands in an inner function or is caught does not."""
    assert read_code(function, FOLDER) == facts


def test_code_outside_of_the_site_is_not_followed() -> None:
    """A library may raise anything."""
    assert read_code(show, FOLDER / "library") == CodeFacts()


def test_an_error_of_a_closure_is_found() -> None:
    """A name of the function around it is resolved."""
    error = Conflict

    def view() -> None:
        raise error

    assert read_code(view, FOLDER).errors == {409}

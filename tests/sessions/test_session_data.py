"""The data of a session is an object of a class of the site's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec
import pytest

from fanlight import App, SetupError
from fanlight.message.type_provider import UnusableArgument
from fanlight.sessions.session import Session
from fanlight.sessions.session_data import DataClass


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)
    since: datetime | None = None
    counts: dict[int, int] = field(default_factory=dict)


@attrs.define
class Basket:
    items: list[str] = attrs.field(factory=list)


class Bag(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, rename="camel", tag=True):
    item_names: list[str] = []
    size: int = 3


class AsList(msgspec.Struct, array_like=True):
    a: int = 1


@dataclass
class Needy:
    items: list[str]


@dataclass
class Picky:
    value: object = field(default_factory=object)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Cart, Cart(["a"], datetime(2026, 1, 1, tzinfo=UTC), {1: 2})),
        (Basket, Basket(["a"])),
        (Bag, Bag(["a"])),
        (Bag, Bag(["a"], 5)),
    ],
    ids=["dataclass", "attrs", "struct", "struct with all fields"],
)
def test_an_object_comes_back_as_it_was(kind: type, data: object) -> None:
    """An object is put into values, beside others that stay, and is read from them."""
    read = DataClass(kind)
    values: dict[str, Any] = {"other": 1, "size": 9, "since": "never", "type": "x"}
    read.merge(read.encode(data), values)
    assert values["other"] == 1
    assert read.read(values) == data


def test_a_field_that_is_left_out_is_removed() -> None:
    """A default that a class leaves out takes the place of what was there."""
    read = DataClass(Bag)
    values: dict[str, Any] = {"size": 9}
    read.merge(read.encode(Bag()), values)
    assert "size" not in values


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (int, r"Session\[int\] is a session of no record"),
        (dict, "no record"),
        (list[int], "no record"),
        (AsList, "stored as a list"),
        (Needy, "can't be made without arguments"),
        (Picky, "can't be kept"),
    ],
    ids=["int", "dict", "list", "array", "needy", "picky"],
)
def test_another_class_is_refused(kind: Any, reason: str) -> None:
    """A class that no session can have is refused, with a hint."""
    with pytest.raises(UnusableArgument, match=reason) as error:
        DataClass(kind)
    assert error.value.hint


def test_a_wrong_class_is_found_before_the_port_opens() -> None:
    """The mistake names the view, its line and what to write."""

    def add(cart: Session[Needy]) -> str:
        return str(cart)

    with pytest.raises(SetupError, match=r"(?s)the annotation of cart in .*add can't be read.*Needy.*default"):
        App({"/": add})


def test_a_class_that_is_not_defined_is_named() -> None:
    """As for any other annotation: it was imported for type checkers only, say."""

    def add(cart: Session[Missing]) -> str:  # type: ignore[name-defined] # noqa: F821 - that is the mistake
        return str(cart)

    with pytest.raises(SetupError, match=r"the annotation of cart in .*add can't be read: name 'Missing' is not defin"):
        App({"/": add})


def test_providers_of_one_class_are_equal() -> None:
    """A session is opened once for a request, however often it is annotated."""
    make = Session.__fanlight_provider__
    assert make(Cart) == make(Cart)
    assert hash(make(Cart)) == hash(make(Cart))
    assert len({make(Cart), make(Basket), make(None), make(Cart)}) == 3

"""Fanlight: a nested JSON body, a form, and a dependency; each sync and async."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta


class Line(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    count: Annotated[int, Meta(ge=1, le=99)]
    price: Annotated[float, Meta(ge=0)]
    tags: list[str] = []


class Order(msgspec.Struct):
    email: Annotated[str, Meta(pattern="@")]
    lines: list[Line]
    due: date
    note: str = ""


Name = Annotated[str, Meta(min_length=1, max_length=50)]
Age = Annotated[int, Meta(ge=0, le=150)]


def echo(order: Order) -> Order:
    return order


async def echo_async(order: Order) -> Order:
    return order


def form(name: Name, email: str, age: Age, tags: list[str], *, news: bool = False, note: str = "") -> dict[str, object]:
    return {"name": name, "email": email, "age": age, "tags": tags, "news": news, "note": note}


async def form_async(
    name: Name, email: str, age: Age, tags: list[str], *, news: bool = False, note: str = ""
) -> dict[str, object]:
    return form(name, email, age, tags, news=news, note=note)


def opened() -> Iterator[list[str]]:
    yield ["open"]


Opened = Annotated[list[str], opened]


def depends(opened: Opened) -> dict[str, object]:
    return {"opened": opened}


async def depends_async(opened: Opened) -> dict[str, object]:
    return {"opened": opened}


URLS = {
    "POST /json": echo,
    "POST /form": form,
    "/depends": depends,
    "/async": {"POST /json": echo_async, "POST /form": form_async, "/depends": depends_async},
}

"""Litestar: the same nested JSON body, form and dependency, with msgspec; async, its quicker way."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Annotated

import msgspec
from litestar import Litestar, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
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


class Person(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    email: str
    age: Annotated[int, Meta(ge=0, le=150)]
    tags: list[str] | str  # one alone comes as a text
    news: str = ""  # it takes no "on" for a bool
    note: str = ""


@post("/json", status_code=200)
async def echo(data: Order) -> Order:
    return data


@post("/form", status_code=200)
async def form(data: Annotated[Person, Body(media_type=RequestEncodingType.URL_ENCODED)]) -> dict[str, object]:
    return {
        "name": data.name,
        "email": data.email,
        "age": data.age,
        "tags": [data.tags] if isinstance(data.tags, str) else data.tags,
        "news": data.news == "on",
        "note": data.note,
    }


async def opened() -> AsyncGenerator[list[str], None]:
    yield ["open"]


@get("/depends", dependencies={"opened": opened})
async def depends(opened: list[str]) -> dict[str, object]:
    return {"opened": opened}


app = Litestar([echo, form, depends], openapi_config=None, logging_config=None)

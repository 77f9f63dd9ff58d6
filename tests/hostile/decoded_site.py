"""A site that decodes all content: what tests/hostile/decoding.py measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta

from fanlight import Request


@dataclass
class Line:
    name: str
    count: Annotated[int, Meta(ge=1, le=99)] = 1


@dataclass
class Order:
    email: Annotated[str, Meta(pattern="@")]
    lines: list[Line] = field(default_factory=list)


@dataclass
class Price:
    price: Decimal


@dataclass
class Priced:
    lines: list[Price]


def json(request: Request) -> str:
    return str(len(request.json))


def order(order: Order) -> str:
    return str(len(order.lines))


def priced(priced: Priced) -> str:
    return str(len(priced.lines))


def anything(a: Any, b: int = 0) -> str:
    return str(len(a))


def form(a: list[str]) -> str:
    return str(len(a))


URLS = {
    "/": "Hello",
    "POST /json": json,
    "POST /order": order,
    "POST /priced": priced,
    "POST /any": anything,
    "POST /form": form,
}

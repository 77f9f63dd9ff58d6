"""What the page of pages.py shows: the same for every server, and for who judges their answers."""

from __future__ import annotations

import random
from dataclasses import dataclass

ITEMS, ITEMS_A_PAGE = 500, 25
LAST = ITEMS // ITEMS_A_PAGE
MENU = [("Home", "/"), ("Everything", "/list"), ("Books", "/books"), ("Tools & toys", "/tools"), ("Help", "/help")]
_WORDS = 'lamp oil bread & butter <small> tea "green" kettle chair blue café thread door handle Müller\'s soap'.split()


@dataclass(frozen=True, slots=True)
class Item:
    """A thing to buy."""

    number: int
    name: str
    text: str
    price: float
    stock: int
    tags: tuple[str, ...]


def _items() -> list[Item]:
    pick = random.Random(4)
    return [
        Item(
            number=number,
            name=" ".join(pick.choices(_WORDS, k=3)).capitalize(),
            text=" ".join(pick.choices(_WORDS, k=18)),
            price=pick.randrange(100, 20_000) / 100,
            stock=pick.randrange(30),
            tags=tuple(pick.choices(_WORDS, k=pick.randrange(4))),
        )
        for number in range(ITEMS)
    ]


_ALL = _items()


def listing(number: int, q: str) -> dict[str, object]:
    """Return what the template of one page is told."""
    items = _ALL[(number - 1) * ITEMS_A_PAGE : number * ITEMS_A_PAGE]
    return {
        "number": number,
        "last": LAST,
        "items": items,
        "q": q,
        "user": "Ada <ada@example.org>",
        "menu": MENU,
        "here": "/list",
    }

"""Requests per second of a Jinja page: a layout that is extended, 25 items, everything escaped.

In: settings. Out: a table, and results/pages.json. All servers have one template and one list of items; each
request asks for another page of the list and another text to find. A server's answers must be, byte for byte,
what Jinja by itself makes of the template.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import jinja2
from cases import Answer, Case, Cases
from peers import APPS, PAGE_PEERS
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

VARIANTS = 5000
_FOUND = ["", "tea", "café & cake", "<b>lamp</b>", 'a "blue" chair', "soap 50%"]


def task() -> Task:
    """Return the task of rendering pages that differ."""
    title = "a Jinja page: a layout, 25 items, everything escaped; 5000 different requests"
    return Cases("pages", "browser.txt", _cases()).task(title, _is_right)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, PAGE_PEERS, [task()], "pages")


def _cases() -> list[Case]:
    sys.path.insert(0, str(APPS))
    from shop import LAST, listing  # noqa: PLC0415 - it stands among the apps

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(APPS / "templates"), autoescape=True)
    template = environment.get_template("list.html")
    pick = random.Random(1)
    made = []
    for _ in range(VARIANTS):
        number, q = pick.randint(1, LAST), pick.choice(_FOUND)
        q = f"{q} {pick.randrange(1000)}" if q else ""
        path = f"/list/{number}" + (f"?q={quote_plus(q)}" if q else "")
        made.append(Case(path, wanted=template.render(listing(number, q)).encode()))
    return made


def _is_right(answer: Answer, wanted: object) -> bool:
    status, fields, content = answer
    return (status, content) == (200, wanted) and fields["content-type"].startswith("text/html")

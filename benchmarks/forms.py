"""Requests per second of a posted form: six fields, converted, validated, and sent back as JSON.

In: settings. Out: a table, and results/forms.json. Each of 5000 forms has other values, with what must be
percent-encoded among them. What a server answers must be, in JSON, just what the form said.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cases import Answer, Case, Cases
from peers import FORM_PEERS
from tasks import Task, compare

if TYPE_CHECKING:
    from settings import Settings

VARIANTS = 5000
_NAMES = ["Ada Lovelace", "Grace Hopper", "Zoë Müller", "O'Brien & Sons", "Noor", "李小龙"]
_NOTES = ["", "by the back door", "50% now, the rest later", "ring twice & wait", "one line\r\nand another"]
_TAGS = ["green", "loose", "by road", "fragile", "R&D", "30°"]


def task() -> Task:
    """Return the task of taking forms that differ."""
    title = "a form of 6 fields, converted and validated; 5000 different ones"
    return Cases("forms", "varied_form.txt", _cases()).task(title, _is_right)


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, FORM_PEERS, [task()], "forms")


def _cases() -> list[Case]:
    pick = random.Random(1)
    made = []
    for number in range(VARIANTS):
        person = {
            "name": f"{pick.choice(_NAMES)} {number}",
            "email": f"number{number}@example.org",
            "age": pick.randrange(151),
            "tags": pick.sample(_TAGS, pick.randint(1, 3)),
            "news": pick.random() < 0.5,
            "note": pick.choice(_NOTES),
        }
        sent = {key: value for key, value in person.items() if key != "news"} | (
            {"news": "on"} if person["news"] else {}
        )
        made.append(Case("/form", urlencode(sent, doseq=True), person))
    return made


def _is_right(answer: Answer, wanted: object) -> bool:
    status, _, content = answer
    return status == 200 and json.loads(content) == wanted

"""Where in a JSON document one is, and what is wrong there.

In: steps from the top: fields, items, keys that the client has made up. Out: `BadField`s, named like
"items[2].price", and pointed to: "/items/2/price". What is found is bounded: at most `MOST_FIELDS`, each
with a short message, however much a client has sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.binding.kinds import short_repr, truncate
from fanlight.errors import BadField

# SECURITY: tests/binding/test_json_body.py; an answer must not be larger than what it answers.
MAX_ERRORS = 100
_POINTER_CHARACTERS = 300


class Key(str):
    """A name that the client has made up, so it is quoted with care."""

    __slots__ = ()


Step = str | int
Place = tuple["Place | None", Step] | None
"""The place around, and the step from there; None at the top.

PERF: benchmarks/binding.py; one is made for every value, and read for the bad ones alone.
"""


def source_location(steps: Iterable[Step]) -> Place:
    """Return the place to which steps lead from the top."""
    place: Place = None
    for step in steps:
        place = (place, step)
    return place


class JSONErrors:
    """What was found to be wrong, each with its place."""

    __slots__ = ("_root", "fields")

    def __init__(self, root: str = "") -> None:
        """Begin without any; `root` is the name of the whole document, "" where it is that of its fields."""
        self._root = root
        self.fields: list[BadField] = []

    @property
    def is_full(self) -> bool:
        """Whether there is no use in looking for more."""
        return len(self.fields) >= MAX_ERRORS

    def add(self, place: Place, message: str) -> None:
        """Note what is wrong at a place."""
        if self.is_full:
            return
        steps: list[Step] = []
        while place is not None:
            place, step = place
            steps.append(step)
        steps.reverse()
        self.fields.append(
            BadField(source="json", name=_name(self._root, steps), message=truncate(message), pointer=_pointer(steps)),
        )


def _name(name: str, steps: list[Step]) -> str:
    for step in steps:
        if isinstance(step, int):
            name += f"[{step}]"
            continue
        said = short_repr(str(step))[1:-1] if isinstance(step, Key) else step
        name += f".{said}" if name else said
    return name


def _pointer(steps: list[Step]) -> str | None:
    """Return the JSON pointer (RFC 6901 section 3), None if it is too long to be worth it."""
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return pointer if len(pointer) <= _POINTER_CHARACTERS else None

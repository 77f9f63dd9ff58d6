"""Collect what is wrong in a JSON document, each with its location.

In: locations (fields, items, keys that the client chose) and messages. Out: `BadField`s, with a name like
"items[2].price" and a pointer, "/items/2/price". At most `MAX_ERRORS` are kept, each with a short message.
"""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.binding.describe import short_repr, truncate
from fanlight.errors import BadField

# SECURITY: tests/binding/test_json_body.py; a response must not be larger than the request it is for.
MAX_ERRORS = 100
_POINTER_CHARACTERS = 300


class ClientKey(str):
    """A key that the client chose, so messages quote it at a bounded length."""

    __slots__ = ()


PathItem = str | int
Location = tuple["Location | None", PathItem] | None
"""The location of the container, and the key or index in it; None for the whole document.

PERF: benchmarks/binding.py; a tuple is made for every value, and turned into a path only for the bad ones.
"""


class JSONErrors:
    """The errors found in one document."""

    __slots__ = ("_root", "fields")

    def __init__(self, root: str = "") -> None:
        """Start empty; `root` names the whole document, "" if its fields are named by themselves."""
        self._root = root
        self.fields: list[BadField] = []

    @property
    def is_full(self) -> bool:
        """Whether no more errors are kept."""
        return len(self.fields) >= MAX_ERRORS

    def add(self, location: Location, message: str) -> None:
        """Add an error at a location."""
        path: list[PathItem] = []
        while location is not None:
            location, item = location
            path.append(item)
        self.add_at(reversed(path), message)

    def add_at(self, path: Iterable[PathItem], message: str) -> None:
        """Add an error at a path from the top."""
        if self.is_full:
            return
        path = list(path)
        self.fields.append(
            BadField(source="json", name=_name(self._root, path), message=truncate(message), pointer=_pointer(path)),
        )


def _name(name: str, path: list[PathItem]) -> str:
    for item in path:
        if isinstance(item, int):
            name += f"[{item}]"
            continue
        text = short_repr(str(item))[1:-1] if isinstance(item, ClientKey) else item
        name += f".{text}" if name else text
    return name


def _pointer(path: list[PathItem]) -> str | None:
    """Return the JSON pointer (RFC 6901 section 3), None if it is too long to be useful."""
    pointer = "".join("/" + str(item).replace("~", "~0").replace("/", "~1") for item in path)
    return pointer if len(pointer) <= _POINTER_CHARACTERS else None

"""Words for messages about a view's parameters: annotations as one writes them, hints, examples.

In: an annotation or names. Out: text. Refuses nothing.
"""

from __future__ import annotations

import typing
from typing import Any

import msgspec


def written(annotation: Any) -> str:
    """Return an annotation as one writes it."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__.replace("<locals>.", "")
    return str(annotation).replace("typing.", "")


def python_name(converter: str) -> str:
    """Return what Python calls the type of a converter."""
    return "UUID" if converter == "uuid" else converter


_UNIONS = {  # what msgspec says of a union of which JSON could not tell the members apart
    "must be tagged": "give each a tag, by which JSON tells them apart: class Cat(msgspec.Struct, tag=True)",
    "more than one dataclass": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one dict-like": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one str-like": "take str, and read it in the view: all of them are texts in JSON",
    "more than one array-like": "take one kind of list: all of them are lists in JSON",
}


def type_hint(annotation: Any, error: Exception) -> str:
    """Return what to write instead of an annotation that can't be read."""
    if "nothing has both" in str(error):
        return "turn the bounds round, or take one away"
    for said, hint in _UNIONS.items():
        if said in str(error):
            return hint
    if "Can only set" in str(error):
        inner = typing.get_args(annotation)
        is_optional = bool(inner) and type(None) in typing.get_args(inner[0])
        return "write Annotated[X, Meta(...)] | None" if is_optional else "take the bound away, or another type"
    if isinstance(annotation, type) and not issubclass(annotation, msgspec.Struct):
        return "make it a dataclass or a msgspec.Struct, or name a function that opens it: Annotated[type, function]"
    return "take str, int, float, bool, date, UUID, an Enum, a Literal, or a list of them"


def example(view: str, names: list[str]) -> str:
    """Return how a view with these parameters begins."""
    return f"def {view.rpartition('.')[2]}({', '.join(names)})"


def untaken_hint(view: str, names: list[str], required: list[str], untaken: list[str]) -> str:
    """Return what to write where a view of these parameters takes none of the path's names that are `untaken`.

    Mostly somebody has called a part of the path by another name; so what must come from somewhere, and may be such
    a part, is renamed.
    """
    more = example(view, [*names, *untaken])
    if not required:
        return f"write {more}"
    if len(required) > len(untaken):
        return f"write {more}, or give one of {', '.join(required)} the name in the path"
    meant = dict(zip(required, untaken, strict=False))
    right = [meant.get(name, name) for name in names] + untaken[len(required) :]
    are = "is" if len(required) == 1 else "are"
    return f"write {example(view, right)}, or {more} if {' and '.join(required)} {are} no part of the path"

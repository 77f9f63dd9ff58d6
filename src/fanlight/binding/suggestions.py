"""Suggest what to write instead of a type that can't be read, or for a name in the path that no parameter takes.

In: an annotation and its error, or names. Out: text.
"""

from __future__ import annotations

import typing
from typing import Any

import msgspec

_UNIONS = {  # the errors of msgspec for a union whose members look alike in JSON
    "must be tagged": "give each a tag, by which JSON tells them apart: class Cat(msgspec.Struct, tag=True)",
    "more than one dataclass": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one dict-like": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one str-like": "use str, and convert it in the view: all of them are strings in JSON",
    "more than one array-like": "use one kind of list: all of them are lists in JSON",
}


def type_hint(annotation: Any, error: Exception) -> str:
    """Return what to write instead of an annotation that can't be read."""
    message = str(error)
    if "no value satisfies" in message:
        return "swap the bounds, or remove one"
    for part, hint in _UNIONS.items():
        if part in message:
            return hint
    if "Can only set" in message:
        inner = typing.get_args(annotation)
        is_optional = bool(inner) and type(None) in typing.get_args(inner[0])
        return "write Annotated[X, Meta(...)] | None" if is_optional else "remove the bound, or use another type"
    if isinstance(annotation, type) and not issubclass(annotation, msgspec.Struct):
        return "make it a dataclass or a msgspec.Struct, or name a function that returns it: Annotated[type, function]"
    return "use str, int, float, bool, date, UUID, an Enum, a Literal, or a list of them"


def unused_path_hint(view: str, names: list[str], required: list[str], unused: list[str]) -> str:
    """Return what to write if a view with these parameters takes none of the `unused` names in the path.

    Mostly a part of the path has another name in the view. So the parameters that are `required`, and could be a part
    of a path, are renamed in the hint.
    """
    more = _example(view, [*names, *unused])
    if not required:
        return f"write {more}"
    if len(required) > len(unused):
        return f"write {more}, or give one of {', '.join(required)} the name in the path"
    meant = dict(zip(required, unused, strict=False))
    right = [meant.get(name, name) for name in names] + unused[len(required) :]
    are = "is" if len(required) == 1 else "are"
    return f"write {_example(view, right)}, or {more} if {' and '.join(required)} {are} no part of the path"


def _example(view: str, names: list[str]) -> str:
    return f"def {view.rpartition('.')[2]}({', '.join(names)})"

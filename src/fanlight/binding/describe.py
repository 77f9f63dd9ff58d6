"""Words for messages: types as people name them, values in short, annotations as they are written, and hints.

In: kinds, annotations, names, and values that a client has sent. Out: text, of bounded length for what a client sends.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from enum import Flag
from typing import Any

import msgspec
from msgspec import inspect as kinds

from fanlight.binding.kinds import BINARY, COLLECTIONS, RECORDS, Kind, strip_metadata
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.json_document import OversizedNumber

_VALUE_CHARACTERS = 40
_MESSAGE_CHARACTERS = 300
_TYPES: Mapping[type[Kind], str] = {
    kinds.IntType: "an integer",
    kinds.FloatType: "a number",
    kinds.DecimalType: "a number",
    kinds.BoolType: "true or false",
    kinds.StrType: "a string",
    kinds.UUIDType: "a UUID",
    kinds.DateType: "a date like 2026-01-31",
    kinds.DateTimeType: "a date and time like 2026-01-31T12:30",
    kinds.TimeType: "a time like 12:30",
    kinds.TimeDeltaType: "a duration like PT1H30M",
    **dict.fromkeys(BINARY, "base64"),
    kinds.NoneType: "null",
    kinds.DictType: "an object",
    kinds.TupleType: "a list",
    **dict.fromkeys(COLLECTIONS, "a list"),
    **dict.fromkeys(RECORDS, "an object"),
}
# How a check of an image is carried: `image_kinds.py`.
_CARRIED_IMAGE = lazy_pattern(r"msgspec\.Meta\(extra=\{'fanlight\.image': (Image\([^()]*\))\}\)")
_LITERALS = {True: "true", False: "false", None: "null"}
_UNION_HINTS = {  # the errors of msgspec for a union whose members look alike in JSON
    "must be tagged": "give each a tag, by which JSON tells them apart: class Cat(msgspec.Struct, tag=True)",
    "more than one dataclass": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one dict-like": "make them Structs with a tag: class Cat(msgspec.Struct, tag=True)",
    "more than one str-like": "use str, and convert it in the view: all of them are strings in JSON",
    "more than one array-like": "use one kind of list: all of them are lists in JSON",
}


def describe_type(kind: Kind) -> str:
    """Return what a value should be: "an integer", "one of red, green"."""
    kind = strip_metadata(kind)
    if isinstance(kind, kinds.EnumType):
        choices = ", ".join(str(member.value) for member in kind.cls)
        return f"one of {choices}, or a sum of them" if issubclass(kind.cls, Flag) else f"one of {choices}"
    if isinstance(kind, kinds.LiteralType):
        return "one of " + ", ".join(map(literal_text, kind.values))
    if isinstance(kind, kinds.UnionType):
        return " or ".join(dict.fromkeys(describe_type(each) for each in kind.types))
    return _TYPES.get(type(kind), "a valid value")


def type_mismatch(kind: Kind, value: object) -> str:
    """Return the message for a value of another type."""
    if isinstance(value, OversizedNumber):
        return "is a number that is too long or too large"
    return f"{short_repr(value)} is not {describe_type(kind)}"


def literal_text(value: object) -> str:
    """Return a value of a Literal as a client writes it."""
    return _LITERALS[value] if value is None or isinstance(value, bool) else str(value)


def short_repr(value: object) -> str:
    """Return a value as a message quotes it: short, whatever the client has sent."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= _VALUE_CHARACTERS else value[:_VALUE_CHARACTERS] + "...")
    if value is None:
        return "null"
    text = repr(value)
    return text.lower() if isinstance(value, bool) else text[:_VALUE_CHARACTERS]


def truncate(message: str) -> str:
    """Return a message of the site's or of msgspec, which may quote the client's value in full, at a bounded length."""
    return message if len(message) <= _MESSAGE_CHARACTERS else message[:_MESSAGE_CHARACTERS] + "..."


def annotation_text(annotation: Any) -> str:
    """Return an annotation as it is written in code."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__.replace("<locals>.", "")
    text = str(annotation).replace("typing.", "").replace("fanlight.message.upload.Upload", "Upload")
    return _CARRIED_IMAGE.sub(r"\1", text)


def type_hint(annotation: Any, error: Exception) -> str:
    """Return what to write instead of an annotation that can't be read."""
    message = str(error)
    if "must be tagged" in message and not all(map(_is_struct, typing.get_args(annotation))):
        message = "more than one dataclass"
    if "no value satisfies" in message:
        return "swap the bounds, or remove one"
    for part, hint in _UNION_HINTS.items():
        if part in message:
            return hint
    if "Can only set" in message:
        inner = typing.get_args(annotation)
        is_optional = bool(inner) and type(None) in typing.get_args(inner[0])
        return "write Annotated[X, Meta(...)] | None" if is_optional else "remove the bound, or use another type"
    if isinstance(annotation, type) and not issubclass(annotation, msgspec.Struct):
        return "make it a dataclass or a msgspec.Struct, or name a function that returns it: Annotated[type, function]"
    return "use str, int, float, bool, date, UUID, an Enum, a Literal, or a list of them"


def _is_struct(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, msgspec.Struct)


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

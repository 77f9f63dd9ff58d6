"""Say which defaults no client's value can stand in for: a function, a mark, whatever else is no value.

In: a default, of a parameter or of a field. Out: what is wrong with it, and what to write instead; None for a value.
SECURITY: tests/binding/test_markers.py; `user: str = current_user` would else be a field of the query.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from fanlight.binding.callables import display_name
from fanlight.binding.markers import Cookie, CookieName, Field, FieldName, Header, HeaderName
from fanlight.binding.signature import MISSING, Parameter
from fanlight.binding.wording import written
from fanlight.message.upload import Upload

_VALUES = (str, bytes, int, float, complex, Decimal, UUID, date, time, timedelta, Enum, msgspec.UnsetType, Upload)
# What certainly means something else where it has neither an annotation nor a default.
_NO_FIELDS = {
    **dict.fromkeys(
        ("req", "_req", "rq", "_request", "request_", "http_request"),
        'did you mean "request"? a field of that name is written with its type: req: str',
    ),
    "self": "give the method of an object, like Views().home, and not of its class",
    "cls": "make it a classmethod, or a plain function",
}
_CONTAINERS = (list, tuple, set, frozenset)


def misplaced(parameter: Parameter, *, is_in_path: bool) -> tuple[str, str] | None:
    """Return what is wrong with the default of a parameter, or with its name, and a hint; None if nothing is."""
    is_bare = parameter.annotation is MISSING is parameter.default
    if is_bare and not is_in_path and parameter.name in _NO_FIELDS:
        return "is nothing that a client sends", _NO_FIELDS[parameter.name]
    short_repr = "str" if parameter.annotation is MISSING else written(parameter.written)
    return misplaced_default(parameter.name, parameter.default, parameter.annotation, short_repr)


def misplaced_default(name: str, default: Any, annotation: Any, short_repr: str) -> tuple[str, str] | None:
    """Return what is wrong with a default, and a hint; `shown` is the annotation as it is written."""
    if default is MISSING or _is_value(default, annotation):
        return None
    for source, kind, alias in (
        ("Cookie", CookieName, Cookie),
        ("Header", HeaderName, Header),
        ("Field", FieldName, Field),
    ):
        if isinstance(default, kind) or default is alias:
            return f"has {source}(...) as its default", (
                f'write {name}: {source}[{short_repr}], or Annotated[{short_repr}, {source}("another-name")]'
            )
    function = getattr(default, "dependency", default)  # as Depends(...) of other frameworks has it
    if callable(function):
        written_as = f"Annotated[{short_repr}, {display_name(function)}]"
        hint = f"a dependency is written {written_as}; functools.partial settles a value"
        return f"has {display_name(function)} as its default", hint
    message = f"has a {type(default).__qualname__} as its default, which is not understood"
    return message, "a default is a value like those that are sent, or None"


def _is_value(default: Any, annotation: Any) -> bool:
    """Say whether a default is plain data: no mark, and nothing that could have been meant as one."""
    if isinstance(default, _CONTAINERS):
        return all(_is_value(each, annotation) for each in default)
    if isinstance(default, dict):
        return all(_is_value(each, annotation) for each in default.values())
    if isinstance(default, type) or callable(default):
        return False
    if default is None or type(default) is object or isinstance(default, _VALUES):
        return True
    is_record = isinstance(default, msgspec.Struct) or is_dataclass(default) or hasattr(default, "__attrs_attrs__")
    return is_record and any(cls in type(default).__mro__ for cls in _classes(annotation))


def _classes(annotation: Any) -> Iterator[type]:
    """Give the classes that stand in an annotation."""
    cls = typing.get_origin(annotation) or annotation
    if isinstance(cls, type):
        yield cls
    for each in typing.get_args(annotation):
        yield from _classes(each)

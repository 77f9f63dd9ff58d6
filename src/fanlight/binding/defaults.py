"""Reject defaults and names that show a parameter is not meant to come from the client.

In: a default, of a parameter or of a class's field. Out: what is wrong with it, and what to write instead; None for
plain data. SECURITY: tests/binding/test_markers.py; `user: str = current_user` would otherwise be a field of the query.
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
from fanlight.message.upload import Upload

_VALUES = (str, bytes, int, float, complex, Decimal, UUID, date, time, timedelta, Enum, msgspec.UnsetType, Upload)
_CONTAINERS = (list, tuple, set, frozenset)
_MARKERS = (("Cookie", CookieName, Cookie), ("Header", HeaderName, Header), ("Field", FieldName, Field))
# Without an annotation and a default, these names certainly mean something else than a field.
RESERVED_NAMES = {
    **dict.fromkeys(
        ("req", "_req", "rq", "_request", "request_", "http_request"),
        'did you mean "request"? for a field of that name, write its type: req: str',
    ),
    **{
        name: f"write its type: {name}: {kind} (from fanlight import {kind}); for a field of that name, {name}: str"
        for name, kind in (("session", "Session"), ("flash", "Flash"), ("signer", "Signer"))
    },
    "self": "use a bound method, like Views().home",
    "cls": "make it a classmethod, or a plain function",
}


def default_error(name: str, default: Any, annotation: Any, text: str) -> tuple[str, str] | None:
    """Return what is wrong with a default, and a hint; `text` is the annotation as it is written."""
    if _is_data(default, annotation):
        return None
    for source, kind, alias in _MARKERS:
        if isinstance(default, kind) or default is alias:
            hint = f'write {name}: {source}[{text}], or Annotated[{text}, {source}("another-name")]'
            return f"has {source}(...) as its default", hint
    function = getattr(default, "dependency", default)  # the Depends(...) of other frameworks has it
    if callable(function):
        dependency = display_name(function)
        hint = f"write a dependency as Annotated[{text}, {dependency}]; preset a value with functools.partial"
        return f"has {dependency} as its default", hint
    message = f"has a {type(default).__qualname__} as its default, which is not plain data"
    return message, "use a value of a type that clients send, or None"


def _is_data(default: Any, annotation: Any) -> bool:
    """Return whether a default is plain data, and nothing that may be meant as a marker."""
    if isinstance(default, _CONTAINERS):
        return all(_is_data(each, annotation) for each in default)
    if isinstance(default, dict):
        return all(_is_data(each, annotation) for each in default.values())
    if isinstance(default, type) or callable(default):
        return False
    if default is None or type(default) is object or isinstance(default, _VALUES):
        return True
    is_record = isinstance(default, msgspec.Struct) or is_dataclass(default) or hasattr(default, "__attrs_attrs__")
    return is_record and any(cls in type(default).__mro__ for cls in _classes_in(annotation))


def _classes_in(annotation: Any) -> Iterator[type]:
    cls = typing.get_origin(annotation) or annotation
    if isinstance(cls, type):
        yield cls
    for each in typing.get_args(annotation):
        yield from _classes_in(each)

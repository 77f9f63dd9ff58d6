"""One parameter that is to be filled with what a client sends: what it stands for, and what it is without it.

In: a parameter of a view. Out: its annotation, its kind, and what reads several of them from one JSON object.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import inspect as kinds

from fanlight.app.json_values import JSONBody, JSONReader, fields_struct
from fanlight.app.kinds import RECORDS, SERIES, WHOLE, Kind, is_mutable, is_row, is_upload, kind_of, optional, plain
from fanlight.app.signature import MISSING, Parameter

_INFERRED = (bool, int, float, str, Decimal, UUID, date, time, Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A parameter that is no part of the path and not the request, with what it stands for."""

    parameter: Parameter
    annotation: Any
    kind: Kind

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @property
    def has_default(self) -> bool:
        """Whether it may be left out."""
        return self.parameter.default is not MISSING


def annotation_of(parameter: Parameter, otherwise: type = str) -> Any:
    """Return a parameter's annotation; without one, the type of its default, else a text."""
    if parameter.annotation is not MISSING:
        return parameter.annotation
    if parameter.default is MISSING or not isinstance(parameter.default, _INFERRED):
        return otherwise
    return type(parameter.default)


def json_body_of(asked: list[Asked]) -> JSONBody:
    """Return what reads the fields of a JSON object, all in one pass; of one field, also what is no object."""
    struct = fields_struct([(each.name, each.annotation, _default_of(each)) for each in asked])
    reader = JSONReader(struct, kind_of(struct))
    alone = None
    if len(asked) == 1 and not may_be_object(asked[0].kind):
        alone = JSONBody(JSONReader(asked[0].annotation, asked[0].kind, asked[0].name), asked[0].name)
    return JSONBody(reader, tuple(each.name for each in asked), alone)


def is_whole(kind: Kind) -> bool:
    """Say whether a kind is a class with named fields, or one of several: then it is the whole body."""
    inner = optional(kind)[0]
    if isinstance(inner, kinds.UnionType):
        return all(isinstance(plain(each), kinds.StructType) for each in inner.types)
    return isinstance(inner, WHOLE)


def may_be_object(kind: Kind) -> bool:
    """Say whether a JSON object may be a value of a kind, so that it could not be told from one that holds it."""
    kind = plain(kind)
    if isinstance(kind, kinds.UnionType):
        return any(map(may_be_object, kind.types))
    is_object = isinstance(kind, kinds.DictType) or (isinstance(kind, RECORDS) and not is_row(kind))
    return is_object or isinstance(kind, kinds.AnyType | kinds.CustomType | kinds.RawType)


def _default_of(asked: Asked) -> Callable[[], object] | None:
    """Return what makes the value of a JSON field that was not sent, by the rules of a form; None if it must be."""
    if asked.has_default:
        default = asked.parameter.default
        return partial(deepcopy, default) if is_mutable(default) else lambda: default
    inner, is_optional = optional(asked.kind)
    if is_optional:
        return _none
    series = SERIES.get(type(inner))
    return (lambda: series([])) if series is not None else None


def _none() -> None:
    """Return the value of an optional field that was not sent."""


def is_file(kind: Kind) -> bool:
    """Say whether a kind is a posted file, or several."""
    inner = optional(kind)[0]
    return is_upload(inner) or (type(inner) in SERIES and is_upload(plain(inner.item_type)))  # type: ignore[attr-defined]  # every series has it

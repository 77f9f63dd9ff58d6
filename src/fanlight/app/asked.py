"""One parameter that is to be filled with what a client sends: what it stands for, and what it is without it.

In: a parameter of a view. Out: its annotation, its kind, and what reads several of them from one JSON object.
"""

from __future__ import annotations

import typing
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
from fanlight.app.kinds import RECORDS, SERIES, Kind, is_mutable, is_row, is_upload, kind_of, optional, parts_of, plain
from fanlight.app.metadata import Misread
from fanlight.app.signature import MISSING, Parameter
from fanlight.app.stand_ins import Refused, Restore, Shape
from fanlight.app.words import written

_INFERRED = (bool, int, float, str, Decimal, UUID, date, time, Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A parameter that is no part of the path and not the request, with what it stands for."""

    parameter: Parameter
    shape: Shape
    kind: Kind

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @property
    def written(self) -> str:
        """Its annotation, as the view has it."""
        return written(self.shape.annotation if self.parameter.written is MISSING else self.parameter.written)

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
    struct = fields_struct([(each.name, each.shape.annotation, _default_of(each)) for each in asked])
    reader = JSONReader(struct, kind_of(struct), restore=_restoring(asked))
    alone = None
    if len(asked) == 1 and not may_be_object(asked[0].kind):
        only, name = asked[0], asked[0].name
        alone = JSONBody(JSONReader(only.shape.annotation, only.kind, name, only.shape.restore), name)
    return JSONBody(reader, tuple(each.name for each in asked), alone)


def _restoring(asked: list[Asked]) -> Restore | None:
    """Return what makes the values of those fields that are read as something else, None if there are none."""
    restores = [(f"field_{n}", each.name, make) for n, each in enumerate(asked) if (make := each.shape.restore)]

    def restore(fields: object) -> object:
        for attribute, name, make in restores:
            try:
                setattr(fields, attribute, make(getattr(fields, attribute)))
            except Refused as refused:
                refused.way.insert(0, name)
                raise
        return fields

    return restore if restores else None


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


def refuse_unseen(kind: Kind, shape: Shape) -> None:
    """Raise Misread for a class that msgspec would fill, and at whose fields nobody has looked."""
    for each in parts_of(kind):
        if isinstance(each, RECORDS) and (typing.get_origin(each.cls) or each.cls) not in shape.classes:
            raise Misread(f"the fields of {each.cls} can't be read", "take a class that stems from fewer others")


def is_file(kind: Kind) -> bool:
    """Say whether a kind is a posted file, or several."""
    inner = optional(kind)[0]
    return is_upload(inner) or (type(inner) in SERIES and is_upload(plain(inner.item_type)))  # type: ignore[attr-defined]  # every series has it


def holds_file(kind: Kind) -> bool:
    """Say whether a posted file stands anywhere in a kind."""
    return any(is_upload(each) for each in parts_of(kind))


def refuse_buried_files(kind: Kind, *, is_whole: bool) -> None:
    """Raise Misread for a file that no form could bring: it is a field of the form, never deeper inside."""
    fields = getattr(optional(kind)[0], "fields", None) if is_whole else None
    places = [kind] if fields is None else [plain(each.type) for each in fields]
    if any(holds_file(each) and not is_file(each) for each in places):
        hint = "Upload or list[Upload] is a parameter, or a field of the class that is the whole form"
        raise Misread("a form can't bring a file that deep", hint)

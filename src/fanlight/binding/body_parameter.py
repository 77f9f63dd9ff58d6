"""One parameter that is to be filled with what a client sends: what it stands for, and what it is without it.

In: a parameter of a view. Out: its annotation, its kind, and what reads several of them from one JSON object.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import inspect as kinds

from fanlight.binding.class_builders import Build, DecodePlan, Refused
from fanlight.binding.fields import record_of
from fanlight.binding.json_body import JSONBody, JSONDecoder, fields_struct
from fanlight.binding.kinds import (
    COLLECTIONS,
    RECORDS,
    Kind,
    is_array_like,
    is_mutable,
    is_upload,
    kind_of,
    plain,
    split_optional,
    walk_kind,
)
from fanlight.binding.markers import FieldName, WholeBody
from fanlight.binding.metadata import AnnotationError
from fanlight.binding.signature import MISSING, Parameter, Signature
from fanlight.binding.wording import written

_HINTS: Mapping[type[Kind], str] = {
    kinds.IntType: "int",
    kinds.FloatType: "float",
    kinds.UUIDType: "uuid",
    kinds.DateType: "date",
}
_INFERRED = (bool, int, float, str, Decimal, UUID, date, time, Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputParameter:
    """A parameter that is no part of the path and not the request, with what it stands for."""

    parameter: Parameter
    shape: DecodePlan
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
    def sent_as(self) -> str:
        """The name that a client sends it by."""
        mark = self.parameter.mark
        return (isinstance(mark, FieldName) and mark.name) or self.name

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole body: marked so, or a class with named fields, or one of several by their tag."""
        mark = self.parameter.mark
        return isinstance(mark, WholeBody) if isinstance(mark, FieldName | WholeBody) else self.shape.is_whole

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


def json_body_of(asked: list[InputParameter]) -> JSONBody:
    """Return what reads the fields of a JSON object, all in one pass; of one field, also what is no object."""
    struct = fields_struct([(each.sent_as, each.shape.annotation, _default_of(each)) for each in asked])
    reader = JSONDecoder(struct, kind_of(struct), restore=_restoring(asked))
    alone = None
    if len(asked) == 1 and not may_be_object(asked[0].kind):
        alone = whole_json_body_of(asked[0])
    return JSONBody(reader, tuple(each.name for each in asked), alone)


def whole_json_body_of(asked: InputParameter) -> JSONBody:
    """Return what reads the whole JSON as one argument; what is wrong with it is named by its fields, if it has any."""
    root = "" if asked.shape.is_whole else asked.sent_as
    return JSONBody(JSONDecoder(asked.shape.annotation, asked.kind, root, asked.shape.restore), asked.name)


def twins(asked: list[InputParameter]) -> list[tuple[str, str]]:
    """Return what is sent by the same name ("a and b"), and that name."""
    by_name: dict[str, list[str]] = {}
    for each in asked:
        if not each.is_whole:
            by_name.setdefault(each.sent_as, []).append(each.name)
    return [(" and ".join(names), sent_as) for sent_as, names in by_name.items() if len(names) > 1]


def _restoring(asked: list[InputParameter]) -> Build | None:
    """Return what makes the values of those fields that are read as something else, None if there are none."""
    restores = [(f"field_{n}", each.sent_as, make) for n, each in enumerate(asked) if (make := each.shape.restore)]

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
    is_object = isinstance(kind, kinds.DictType) or (isinstance(kind, RECORDS) and not is_array_like(kind))
    return is_object or isinstance(kind, kinds.AnyType | kinds.CustomType | kinds.RawType)


def _default_of(asked: InputParameter) -> Callable[[], object] | None:
    """Return what makes the value of a JSON field that was not sent, by the rules of a form; None if it must be."""
    if asked.has_default:
        default = asked.parameter.default
        return partial(deepcopy, default) if is_mutable(default) else lambda: default
    inner, is_optional = split_optional(asked.kind)
    if is_optional:
        return _none
    series = COLLECTIONS.get(type(inner))
    return (lambda: series([])) if series is not None else None


def _none() -> None:
    """Return the value of an optional field that was not sent."""


def refuse_unseen(kind: Kind, shape: DecodePlan) -> None:
    """Raise Misread for a class that msgspec would fill, and at whose fields nobody has looked."""
    for each in walk_kind(kind):
        if isinstance(each, RECORDS) and (typing.get_origin(each.cls) or each.cls) not in shape.classes:
            raise AnnotationError(
                f"the fields of {each.cls} can't be read", "take a class that stems from fewer others"
            )


def path_hints(signature: Signature) -> dict[str, str]:
    """Return the converters by which the path should read a view's parameters: {"id": "int"}."""
    hints = {}
    for parameter in signature.parameters:
        if parameter.mark is not None:
            continue
        try:
            kind = split_optional(kind_of(annotation_of(parameter)))[0]
        except TypeError:
            continue
        if type(kind) in _HINTS:
            hints[parameter.name] = _HINTS[type(kind)]
    return hints


def fits_a_query(asked: InputParameter) -> bool:
    """Say whether what is asked for could come without content."""
    if asked.shape.is_whole:
        return not holds_file(asked.kind) and record_of(split_optional(asked.kind)[0], "query") is not None
    return not is_file(asked.kind)


def file_lists(asked: list[InputParameter]) -> dict[str, Callable[[list[object]], object]]:
    """Return what makes the list of each parameter that is several files."""
    return {
        each.name: COLLECTIONS[type(each.kind)]
        for each in asked
        if is_file(each.kind) and type(each.kind) in COLLECTIONS
    }


def is_file(kind: Kind) -> bool:
    """Say whether a kind is a posted file, or several."""
    inner = split_optional(kind)[0]
    return is_upload(inner) or (type(inner) in COLLECTIONS and is_upload(plain(inner.item_type)))  # type: ignore[attr-defined]  # every series has it


def holds_file(kind: Kind) -> bool:
    """Say whether a posted file stands anywhere in a kind."""
    return any(is_upload(each) for each in walk_kind(kind))


def refuse_buried_files(asked: InputParameter) -> None:
    """Raise Misread for a file that no form could bring: it is a field of the form, never deeper inside."""
    kind = asked.kind
    fields = getattr(split_optional(kind)[0], "fields", None) if asked.is_whole else None
    places = [kind] if fields is None else [plain(each.type) for each in fields]
    if any(holds_file(each) and not is_file(each) for each in places):
        hint = "Upload or list[Upload] is a parameter, or a field of the class that is the whole form"
        raise AnnotationError("a form can't bring a file that deep", hint)

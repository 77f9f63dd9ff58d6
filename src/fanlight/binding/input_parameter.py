"""A parameter that is filled with client input: its type, its default, and how JSON holds it.

In: parameters of a view. Out: `InputParameter`s, and the `JSONBody` that reads several of them from one object.
Rejects files and classes in places where nothing could fill them.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from copy import deepcopy
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import Struct

from fanlight.binding.body import JSONBody, JSONDecoder, fields_struct
from fanlight.binding.class_builders import Build, BuildError, DecodePlan, decode_plan
from fanlight.binding.convert import PATH_CONVERTERS
from fanlight.binding.describe import annotation_text
from fanlight.binding.fields import InputField, input_field, record_input
from fanlight.binding.image_kinds import has_misplaced_image
from fanlight.binding.kinds import (
    COLLECTIONS,
    RECORDS,
    Kind,
    contains_upload,
    is_mutable,
    is_upload_field,
    kind_of,
    may_be_object,
    raw_kind_of,
    split_optional,
    strip_metadata,
    walk,
)
from fanlight.binding.markers import FieldName, WholeBody
from fanlight.binding.metadata import AnnotationError
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import Parameter, Signature

_INFERRED = (bool, int, float, str, Decimal, UUID, date, time, Enum)


class InputParameter(Struct, frozen=True):
    """A parameter with its type; `plan` is how its values are decoded from JSON, and built."""

    parameter: Parameter
    plan: DecodePlan
    kind: Kind

    @property
    def name(self) -> str:
        """The name of the parameter."""
        return self.parameter.name

    @property
    def written(self) -> str:
        """Its annotation, as the view has it."""
        return annotation_text(self.plan.annotation if self.parameter.written is MISSING else self.parameter.written)

    @property
    def sent_as(self) -> str:
        """The name by which a client sends it."""
        marker = self.parameter.marker
        return (isinstance(marker, FieldName) and marker.name) or self.name

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole body: by its marker, or as a class with named fields."""
        marker = self.parameter.marker
        return isinstance(marker, WholeBody) if isinstance(marker, FieldName | WholeBody) else self.plan.is_whole

    @property
    def is_file(self) -> bool:
        """Whether it is an uploaded file, or several."""
        return is_upload_field(self.kind)

    @property
    def has_default(self) -> bool:
        """Whether it may be left out."""
        return self.parameter.default is not MISSING

    @property
    def can_be_query(self) -> bool:
        """Whether it could come without a body."""
        if not self.plan.is_whole:
            return not self.is_file
        return not contains_upload(self.kind) and record_input(split_optional(self.kind)[0], "query") is not None

    def field(self) -> InputField | None:
        """Return it as a field of a query or a form, None if it is neither text nor a file."""
        return input_field(self.name, self.raw_kind, has_default=self.has_default, sent_as=self.sent_as)

    @property
    def raw_kind(self) -> Kind:
        """Its kind with the metadata around it."""
        return raw_kind_of(self.plan.annotation)


def read_parameter(parameter: Parameter, annotation: Any) -> InputParameter:
    """Return a parameter with its type. Raises TypeError, NameError and their like."""
    plan = decode_plan(annotation)
    found = InputParameter(parameter=parameter, plan=plan, kind=kind_of(plan.annotation))
    if has_misplaced_image(found.raw_kind):
        raise AnnotationError("Image() checks an uploaded file", "write Annotated[Upload, Image()], also in a list")
    for each in walk(found.kind):
        if isinstance(each, RECORDS) and (typing.get_origin(each.cls) or each.cls) not in plan.classes:
            # msgspec would fill it without our rules
            raise AnnotationError(f"the fields of {each.cls} can't be read", "use a class with simpler base classes")
    fields = getattr(split_optional(found.kind)[0], "fields", None) if found.is_whole else None
    parts = [found.kind] if fields is None else [strip_metadata(each.type) for each in fields]
    if any(contains_upload(each) and not is_upload_field(each) for each in parts):
        hint = "Upload or list[Upload] is a parameter, or a field of the class that is the whole form"
        raise AnnotationError("a form can't contain a file at that depth", hint)
    return found


def annotation_of(parameter: Parameter, otherwise: type = str) -> Any:
    """Return the annotation of a parameter; without one, the type of its default, or `otherwise`."""
    if parameter.annotation is not MISSING:
        return parameter.annotation
    if parameter.default is MISSING or not isinstance(parameter.default, _INFERRED):
        return otherwise
    return type(parameter.default)


def path_hints(signature: Signature) -> dict[str, str]:
    """Return the path converters that fit the types of a view's parameters: {"id": "int"}."""
    hints = {}
    for parameter in signature.parameters:
        if parameter.marker is not None:
            continue
        try:
            kind = split_optional(kind_of(annotation_of(parameter)))[0]
        except TypeError:
            continue
        if type(kind) in PATH_CONVERTERS:
            hints[parameter.name] = PATH_CONVERTERS[type(kind)]
    return hints


def duplicate_names(parameters: list[InputParameter]) -> list[tuple[str, str]]:
    """Return the parameters that are sent by the same name ("a and b"), and that name."""
    by_name: dict[str, list[str]] = {}
    for each in parameters:
        if not each.is_whole:
            by_name.setdefault(each.sent_as, []).append(each.name)
    return [(" and ".join(names), sent_as) for sent_as, names in by_name.items() if len(names) > 1]


def json_fields(parameters: list[InputParameter]) -> JSONBody:
    """Return the reader for the fields of a JSON object; a single one may be sent without the object."""
    struct = fields_struct([(each.sent_as, each.plan.annotation, _default_factory(each)) for each in parameters])
    decoder = JSONDecoder(struct, kind_of(struct), build=_build_fields(parameters))
    bare = None
    if len(parameters) == 1 and not may_be_object(parameters[0].kind):
        bare = json_whole(parameters[0])
    return JSONBody(decoder, tuple(each.name for each in parameters), bare)


def json_whole(parameter: InputParameter) -> JSONBody:
    """Return what reads a whole JSON document as one parameter."""
    root = "" if parameter.plan.is_whole else parameter.sent_as
    return JSONBody(JSONDecoder(parameter.plan.annotation, parameter.kind, root, parameter.plan.build), parameter.name)


def _build_fields(parameters: list[InputParameter]) -> Build | None:
    """Return what builds the values of those fields that are decoded as stand-ins, None if there are none."""
    builds = [(f"field_{n}", each.sent_as, build) for n, each in enumerate(parameters) if (build := each.plan.build)]

    def build_fields(fields: object) -> object:
        for attribute, name, build in builds:
            try:
                setattr(fields, attribute, build(getattr(fields, attribute)))
            except BuildError as error:
                raise error.inside(name) from None
        return fields

    return build_fields if builds else None


def _default_factory(parameter: InputParameter) -> Callable[[], object] | None:
    """Return what makes the value of a JSON field that was not sent, by the rules of forms; None if it is required."""
    if parameter.has_default:
        default = parameter.parameter.default
        return partial(deepcopy, default) if is_mutable(default) else lambda: default
    inner, is_optional = split_optional(parameter.kind)
    if is_optional:
        return lambda: None
    collect = COLLECTIONS.get(type(inner))
    return (lambda: collect([])) if collect is not None else None

"""Build objects of a class as its author meant it: by calling it, with what a client may set.

msgspec fills a dataclass field by field without calling it, including fields with `init=False`. Where that makes a
difference, JSON and forms are read into a Struct with the fields that may be sent, a stand-in for the class; then the
classes are called, from the inside out.

In: an annotation. Out: its `DecodePlan`: the annotation to decode, and the function that builds its values. Rejects
what `class_fields.py` rejects, at any depth. Nothing is added for classes that msgspec fills correctly.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Struct

from fanlight.binding.class_fields import (
    ClassField,
    RecordType,
    is_body_class,
    is_record,
    is_struct,
    read_record,
    reject_unhashable,
)
from fanlight.binding.json_errors import ClientKey, PathItem

_CONTAINERS = (list, tuple, set, frozenset)
Build = Callable[[object], object]


class BuildError(ValueError):
    """A class rejects the values that it is called with; `path` leads to it in the document."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[PathItem] = []

    def inside(self, item: PathItem) -> BuildError:
        """Return the error, located in this item of a container."""
        self.path.insert(0, item)
        return self


class DecodePlan(Struct, frozen=True):
    """How the values of an annotation are made: what is decoded, and what `build` makes of it (None: nothing)."""

    annotation: Any
    build: Build | None
    is_whole: bool  # it is a class that is the whole body
    classes: frozenset[Any]  # the classes that may be decoded: those whose fields were checked
    originals: Mapping[Any, Any]  # from a Struct that is decoded in place of a class, to the class


def decode_plan(annotation: Any) -> DecodePlan:
    """Return how the values of an annotation are made. Raises TypeError or NameError."""
    records: dict[Any, RecordType] = {}
    _collect(annotation, records)
    members = _members(annotation)
    is_whole = is_body_class(members[0]) if len(members) == 1 else all(map(is_struct, members))
    if not any(each.must_be_called for each in records.values()):
        classes = frozenset(typing.get_origin(each) or each for each in records)
        return DecodePlan(annotation, None, is_whole, classes, {})
    stand_ins = _StandIns(records)
    originals = {struct: cls for cls, struct in stand_ins.structs.items()}
    return DecodePlan(stand_ins.replace(annotation), stand_ins.build, is_whole, frozenset(originals), originals)


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union without None; of any other annotation, itself."""
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (Union, UnionType):
        return [each for each in typing.get_args(annotation) if each is not type(None)]
    return [annotation]


def _collect(annotation: Any, records: dict[Any, RecordType]) -> None:
    """Find the classes in an annotation, and those in their fields."""
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if is_record(annotation):
        if annotation not in records:
            records[annotation] = record = read_record(annotation)
            for field in record.fields:
                _collect(field.annotation, records)
    elif typing.get_origin(annotation) is not Literal:
        for each in typing.get_args(annotation):
            reject_unhashable(annotation, each)
            _collect(each, records)


class _StandIns:
    """A Struct for each class in one annotation."""

    def __init__(self, records: dict[Any, RecordType]) -> None:
        self.structs = {annotation: _struct_for(record) for annotation, record in records.items()}
        # The class, and for each field its name in the stand-in, and whether its values contain other stand-ins.
        self._classes: dict[type, tuple[Callable[..., object], list[tuple[str, ClassField, bool]]]] = {}
        for annotation, record in records.items():
            struct = self.structs[annotation]
            # The types are set when every class has its stand-in: classes may contain each other.
            types = [self.replace(field.annotation) for field in record.fields]
            struct.__annotations__ = dict(zip(struct.__struct_fields__, types, strict=True))
            fields = zip(struct.__struct_fields__, record.fields, types, strict=True)
            self._classes[struct] = (
                record.make,
                [(name, field, new is not field.annotation) for name, field, new in fields],
            )

    def replace(self, annotation: Any) -> Any:
        """Return an annotation with stand-ins in place of its classes."""
        if is_record(annotation) and typing.get_origin(annotation) is not Annotated:
            return self.structs[annotation]
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            new = self.replace(parts[0])
            return annotation if new is parts[0] else Annotated[(new, *annotation.__metadata__)]
        if origin is None or origin is Literal or not parts:
            return annotation
        inner: Any = tuple(each if each is ... else self.replace(each) for each in parts)
        if all(new is old for new, old in zip(inner, parts, strict=True)):
            return annotation
        inner = inner if len(inner) > 1 else inner[0]
        return Union[inner] if origin in (Union, UnionType) else origin[inner]  # noqa: UP007 - their number is not known

    def build(self, value: object) -> object:
        """Return a decoded value with objects of its classes in place of stand-ins. Raises BuildError."""
        cls = type(value)
        if cls in self._classes:
            make, fields = self._classes[cls]
            arguments = {}
            for name, field, has_stand_ins in fields:
                if (each := getattr(value, name)) is not UNSET:
                    arguments[field.argument] = self._build_item(field.sent_as, each) if has_stand_ins else each
            try:
                return make(**arguments)
            except (TypeError, ValueError) as error:  # for example from its __post_init__
                raise BuildError(str(error)) from None
        if cls is dict:
            members = typing.cast("dict[Any, object]", value)
            return {key: self._build_item(ClientKey(key), each) for key, each in members.items()}
        if cls in _CONTAINERS:
            items = typing.cast("Iterable[object]", value)
            return cls(self._build_item(index, each) for index, each in enumerate(items))
        return value

    def _build_item(self, item: PathItem, value: object) -> object:
        try:
            return self.build(value)
        except BuildError as error:
            raise error.inside(item) from None


def _struct_for(record: RecordType) -> type[msgspec.Struct]:
    """Return a Struct with the fields of a class; their types are set later."""
    options = {"array_like": True, "forbid_unknown_fields": True} if record.is_list else record.options
    fields: list[Any] = []
    for number, field in enumerate(record.fields):
        default = msgspec.NODEFAULT if field.is_required else UNSET
        # The names are ours, because msgspec does not find some that Python allows.
        fields.append((f"f{number}", Any, msgspec.field(name=field.sent_as, default=default)))
    return msgspec.defstruct(record.name, fields, kw_only=True, eq=False, **options)

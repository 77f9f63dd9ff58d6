"""Have JSON and forms fill a class as its author meant it: by calling it, with what a client may set.

msgspec fills a dataclass field by field without calling it: also those that say `init=False`. Where that makes a
difference, a Struct with the fields that may be sent stands in for each class while texts are read; then the
classes are called, from the inside out.

In: an annotation. Out: its `Shape`: what is to be read, and what makes the values of it. Refuses what
`records.py` refuses, at any depth. Classes that are filled as they are cost nothing more.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union

import msgspec
from msgspec import UNSET

from fanlight.binding.class_fields import RecordType, is_record, is_struct, is_whole, read_record, refuse_unhashable
from fanlight.binding.json_path import Key, Step

_SERIES = (list, tuple, set, frozenset)


class Refused(ValueError):
    """A class does not take what was sent; `way` leads to it."""

    def __init__(self, message: str) -> None:
        """Keep what the class has said."""
        super().__init__(message)
        self.way: list[Step] = []


Build = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """What an annotation is read as, and what makes the values of it; None: it is them already."""

    annotation: Any
    restore: Build | None
    is_whole: bool  # it is a class that a whole body can be
    classes: frozenset[Any]  # those that may be read: all of them have been looked at


def decode_plan(annotation: Any) -> DecodePlan:
    """Return what an annotation is read as. Raises TypeError or NameError."""
    found: dict[Any, RecordType] = {}
    _collect(annotation, found)
    members = _members(annotation)
    whole = is_whole(members[0]) if len(members) == 1 else all(map(is_struct, members))
    if not any(each.must_be_called for each in found.values()):
        classes = frozenset(typing.get_origin(each) or each for each in found)
        return DecodePlan(annotation, None, whole, classes)
    stand_ins = _StandIns(found)
    return DecodePlan(stand_ins.replaced(annotation), stand_ins.restore, whole, frozenset(stand_ins.structs.values()))


def _members(annotation: Any) -> list[Any]:
    """Return what an optional annotation may be besides None; one that is no union is its only member."""
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (Union, UnionType):
        return [each for each in typing.get_args(annotation) if each is not type(None)]
    return [annotation]


def _collect(annotation: Any, found: dict[Any, RecordType]) -> None:
    """Find the classes of an annotation, and those in their fields."""
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if is_record(annotation):
        if annotation not in found:
            found[annotation] = record = read_record(annotation)
            for field in record.fields:
                _collect(field.annotation, found)
    elif typing.get_origin(annotation) is not Literal:
        for each in typing.get_args(annotation):
            refuse_unhashable(annotation, each)
            _collect(each, found)


class _Given(NamedTuple):
    """A field of a stand-in, and of its class; `holds_more`: other stand-ins stand in it."""

    name: str
    given_as: str
    sent_as: str
    holds_more: bool


class _StandIns:
    """A Struct for each class of one annotation."""

    def __init__(self, records: dict[Any, RecordType]) -> None:
        self.structs = {annotation: _struct_for(record) for annotation, record in records.items()}
        self._made: dict[type, tuple[Callable[..., object], list[_Given]]] = {}
        for annotation, record in records.items():
            struct = self.structs[annotation]
            # Only now, when each has its stand-in: classes may hold each other.
            types = [self.replaced(field.annotation) for field in record.fields]
            struct.__annotations__ = dict(zip(struct.__struct_fields__, types, strict=True))
            self._made[struct] = (
                record.make,
                [
                    _Given(name, field.given_as, field.sent_as, new is not field.annotation)
                    for name, field, new in zip(struct.__struct_fields__, record.fields, types, strict=True)
                ],
            )

    def replaced(self, annotation: Any) -> Any:
        """Return an annotation with stand-ins in place of its classes."""
        if is_record(annotation) and typing.get_origin(annotation) is not Annotated:
            return self.structs[annotation]
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            new = self.replaced(parts[0])
            return annotation if new is parts[0] else Annotated[(new, *annotation.__metadata__)]
        if origin is None or origin is Literal or not parts:
            return annotation
        inner: Any = tuple(each if each is ... else self.replaced(each) for each in parts)
        if all(new is old for new, old in zip(inner, parts, strict=True)):
            return annotation
        inner = inner if len(inner) > 1 else inner[0]
        return Union[inner] if origin in (Union, UnionType) else origin[inner]  # noqa: UP007 - of a number not known

    def restore(self, value: object) -> object:
        """Return the value with its classes in place of their stand-ins. Raises Refused."""
        kind = type(value)
        if kind in self._made:
            make, fields = self._made[kind]
            values = {}
            for name, given_as, sent_as, holds_more in fields:
                if (each := getattr(value, name)) is not UNSET:
                    values[given_as] = self._within(sent_as, each) if holds_more else each
            try:
                return make(**values)
            except (TypeError, ValueError) as error:  # its __post_init__ has refused the fields together
                raise Refused(str(error)) from None
        if kind is dict:
            return {key: self._within(Key(key), each) for key, each in typing.cast("dict[Any, object]", value).items()}
        if kind in _SERIES:
            return kind(
                self._within(number, each) for number, each in enumerate(typing.cast("Iterable[object]", value))
            )
        return value

    def _within(self, step: Step, value: object) -> object:
        try:
            return self.restore(value)
        except Refused as refused:
            refused.way.insert(0, step)
            raise


def _struct_for(record: RecordType) -> type[msgspec.Struct]:
    """Return a Struct with the fields of a class; their types are set when all are known."""
    options = {"array_like": True, "forbid_unknown_fields": True} if record.is_list else record.options
    fields: list[Any] = []
    for number, field in enumerate(record.fields):
        # Names of our own, for msgspec loses some that Python allows.
        default = (
            msgspec.field(name=field.sent_as) if field.is_required else msgspec.field(name=field.sent_as, default=UNSET)
        )
        fields.append((f"f{number}", Any, default))
    return msgspec.defstruct(record.name, fields, kw_only=True, eq=False, **options)

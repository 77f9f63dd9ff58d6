"""Read a JSON value as the one member of a union that it is meant to be.

In: a union, once; then values. Out: what its member makes of them; else which members there are. msgspec lets no two
members be written alike, so what a value is in JSON chooses one; of several Structs, their tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import inspect as kinds

from fanlight.binding.json_path import JSONErrors, Place
from fanlight.binding.kinds import (
    COLLECTIONS,
    RECORDS,
    Kind,
    is_array_like,
    literal_text,
    plain,
    short_repr,
    type_mismatch,
)
from fanlight.binding.scalars import TEXTS, Examine, is_int

_NUMBERS = (kinds.IntType, kinds.FloatType, kinds.DecimalType)
_ANY = (kinds.AnyType, kinds.CustomType, kinds.RawType)


def union(kind: kinds.UnionType, of: Callable[[Kind], Examine]) -> Examine:
    """Return what reads a value as the one member of a union that has its shape: there is never more than one."""
    members = list(map(plain, kind.types))
    tagged = [each for each in members if getattr(each, "tag", None) is not None]
    by_tag = {each.tag: of(each) for each in tagged}  # type: ignore[attr-defined]
    # An integer is one, also where a number would do.
    ordered = sorted(members, key=lambda each: isinstance(each, kinds.FloatType | kinds.DecimalType))
    singles = [(each, of(each)) for each in ordered if each not in tagged or len(tagged) == 1]
    others = [each for each in members if not isinstance(each, kinds.NoneType)]
    only = of(others[0]) if len(others) == 1 else None
    choose_by_tag = _by_tag(tagged, by_tag) if len(tagged) > 1 else None
    shape = list if tagged and is_array_like(tagged[0]) else dict

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if choose_by_tag is not None and isinstance(value, shape):
            return choose_by_tag(value, place, wrong)
        for member, read in singles:
            if _has_shape(member, value):
                return read(value, place, wrong)
        if only is not None:
            return only(value, place, wrong)
        wrong.add(place, type_mismatch(kind, value))
        return value

    return examine


def _by_tag(tagged: list[Any], by_tag: Mapping[Any, Examine]) -> Examine:
    field, tags = tagged[0].tag_field, tuple(by_tag)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        at: Place = (place, 0 if isinstance(value, list) else field)
        if field not in value if isinstance(value, dict) else not value:
            wrong.add(at, f"is missing; it is one of {', '.join(map(literal_text, tags))}")
            return value
        tag = value[0] if isinstance(value, list) else value[field]
        if isinstance(tag, str | int) and not isinstance(tag, bool) and tag in by_tag:
            return by_tag[tag](value, place, wrong)
        return check_tag(tag, tags, at, wrong)

    return examine


def _has_shape(member: Kind, value: Any) -> bool:
    """Say whether a value is written as a member of a union is."""
    if isinstance(member, _ANY):
        return True
    if isinstance(member, kinds.EnumType | kinds.LiteralType):
        return any(type(value) is type(each) for each in _choices(member))
    if isinstance(value, list) or (isinstance(value, dict) and is_array_like(member)):
        return isinstance(value, list) and (
            isinstance(member, (*COLLECTIONS, kinds.TupleType)) or is_array_like(member)
        )
    return isinstance(member, _written_as(value))


def _written_as(value: Any) -> tuple[type[Kind], ...]:
    """Return the kinds that are written like a value which is no list."""
    if value is None or isinstance(value, bool):
        return (kinds.NoneType if value is None else kinds.BoolType,)
    if isinstance(value, dict):
        return (kinds.DictType, *RECORDS)
    if isinstance(value, str):
        return TEXTS
    return _NUMBERS if is_int(value) else (kinds.FloatType, kinds.DecimalType)


def _choices(kind: kinds.EnumType | kinds.LiteralType) -> list[Any]:
    """Return the values of which one must be chosen."""
    return [member.value for member in kind.cls] if isinstance(kind, kinds.EnumType) else list(kind.values)


def check_tag(value: Any, tags: tuple[Any, ...], place: Place, wrong: JSONErrors) -> Any:
    """Return a tag; it is noted if it is none of these."""
    if not any(value == tag and type(value) is type(tag) for tag in tags):
        wrong.add(place, f"{short_repr(value)} is not one of {', '.join(map(literal_text, tags))}")
    return value

"""Describe an annotation as a `Kind`, the type tree of `msgspec.inspect`, and classify it.

In: an annotation. Out: its `Kind`. Rejects, with TypeError, types that can be converted neither from text nor from
JSON. Independent of requests and of where a value comes from.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import inspect as kinds

from fanlight.message.upload import Upload

Kind = kinds.Type
RECORDS = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType, kinds.NamedTupleType)
COLLECTIONS: Mapping[type[Kind], Callable[[list[object]], object]] = {
    kinds.ListType: list,
    kinds.CollectionType: list,
    kinds.VarTupleType: tuple,
    kinds.SetType: set,
    kinds.FrozenSetType: frozenset,
}
ANYTHING = (kinds.AnyType, kinds.CustomType, kinds.RawType)
BINARY = (kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType)
_BOUNDS = (  # a lower and an upper bound, and whether they may be equal
    ("ge", "le", True),
    ("ge", "lt", False),
    ("gt", "le", False),
    ("gt", "lt", False),
    ("min_length", "max_length", True),
)
_TYPE_ERRORS = (NameError, AttributeError, LookupError, SyntaxError, ValueError, re.error)
_NOT_KEYS: tuple[type[Kind], ...] = (
    *COLLECTIONS,
    *RECORDS,
    kinds.TupleType,
    kinds.DictType,
    kinds.BoolType,
    kinds.NoneType,
)
_UNHASHABLE = (kinds.ListType, kinds.SetType, kinds.DictType, kinds.ByteArrayType, kinds.TypedDictType)


def kind_of(annotation: object) -> Kind:
    """Return the kind of an annotation. Raises TypeError, with the reason, for what can't be converted."""
    kind = strip_metadata(raw_kind_of(annotation))
    if annotation is object:
        return kind
    for each in walk(kind):  # msgspec would raise it only when a request comes
        _check(each)
    msgspec.json.Decoder(annotation)  # rejects more than `type_info` does
    return kind


def raw_kind_of(annotation: object) -> Kind:
    """Return the kind of an annotation with the metadata around it, unchecked. Raises TypeError."""
    try:
        return kinds.AnyType() if annotation is object else kinds.type_info(annotation)
    except _TYPE_ERRORS as error:  # in the annotation of a field, written as text
        raise TypeError(str(error)) from None


def strip_metadata(kind: Kind) -> Kind:
    """Return a kind without the titles and examples that may be wrapped around it."""
    while isinstance(kind, kinds.Metadata):
        kind = kind.type
    return kind


def walk(kind: Kind, seen: set[int] | None = None) -> Iterator[Kind]:
    """Yield a kind and every kind inside it, each once."""
    kind, seen = strip_metadata(kind), set() if seen is None else seen
    if id(kind) in seen:  # a Struct that contains itself
        return
    seen.add(id(kind))
    yield kind
    for each in inner_kinds(kind):
        yield from walk(each, seen)


def inner_kinds(kind: Kind) -> Iterator[Kind]:
    """Yield the kinds that a kind is directly made of."""
    for name in kind.__struct_fields__:
        parts = getattr(kind, name)
        for each in parts if isinstance(parts, tuple) else (parts,):
            part = each.type if isinstance(each, kinds.Field) else each
            if isinstance(part, Kind):
                yield part


def _check(kind: Kind) -> None:
    """Raise TypeError for a kind that no request could fill."""
    if isinstance(kind, kinds.CustomType) and kind.cls not in (Upload, object):
        raise TypeError(f"{kind.cls.__qualname__} can't be converted from text or JSON")
    for lower, upper, may_be_equal in _BOUNDS:
        low, high = getattr(kind, lower, None), getattr(kind, upper, None)
        if low is not None and high is not None and (low > high or (low == high and not may_be_equal)):
            raise TypeError(f"no value satisfies both {lower}={low} and {upper}={high}")
    if isinstance(kind, RECORDS):
        _cache_field_names(kind)
    if isinstance(kind, kinds.SetType | kinds.FrozenSetType) and not _is_hashable(strip_metadata(kind.item_type)):
        raise TypeError("the items of a set must be hashable")
    if isinstance(kind, kinds.DictType) and isinstance(strip_metadata(kind.key_type), _NOT_KEYS):
        raise TypeError("the keys of a JSON object are strings, which can't be converted to such a key")


def is_mutable(value: object) -> bool:
    """Return whether a default can be changed in place, so that each call needs its own copy."""
    if isinstance(value, tuple | frozenset):
        return any(map(is_mutable, value))
    if isinstance(value, msgspec.Struct):
        return not value.__struct_config__.frozen
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return not value.__dataclass_params__.frozen  # type: ignore[attr-defined]  # every dataclass has it
    return isinstance(value, list | dict | set | bytearray)


def _cache_field_names(kind: Kind) -> None:
    """Have msgspec encode each field name once: otherwise it does not find names that are not ASCII in JSON."""
    cls: object = kind.cls  # type: ignore[attr-defined]  # every record has it
    cls = getattr(cls, "__origin__", cls)  # of a generic class
    for name in (*getattr(cls, "__dataclass_fields__", ()), *getattr(cls, "__annotations__", ())):
        msgspec.json.encode(name)
    for each in getattr(cls, "__dataclass_fields__", {}).values():
        msgspec.json.encode(each.name)


def _is_hashable(item: Kind) -> bool:
    if isinstance(item, kinds.StructType):
        return item.cls.__struct_config__.frozen or not item.cls.__struct_config__.eq
    if isinstance(item, _UNHASHABLE):
        return False
    return not isinstance(item, RECORDS) or item.cls.__hash__ is not None


def split_optional(kind: Kind) -> tuple[Kind, bool]:
    """Return a kind without its None, and whether it had one."""
    if isinstance(kind, kinds.LiteralType) and None in kind.values and len(kind.values) > 1:
        return kinds.LiteralType(tuple(value for value in kind.values if value is not None)), True
    if not isinstance(kind, kinds.UnionType):
        return kind, False
    others = tuple(each for each in kind.types if not isinstance(each, kinds.NoneType))
    if len(others) == len(kind.types):
        return kind, False
    return (strip_metadata(others[0]) if len(others) == 1 else kinds.UnionType(others)), True


def is_array_like(kind: Kind) -> bool:
    """Return whether JSON has a class with fields as a list."""
    return isinstance(kind, kinds.NamedTupleType) or getattr(kind, "array_like", False)


def is_upload(kind: Kind) -> bool:
    """Return whether a kind is an uploaded file."""
    return isinstance(kind, kinds.CustomType) and kind.cls is Upload


def is_upload_field(kind: Kind) -> bool:
    """Return whether a kind is an uploaded file, or a collection of them."""
    inner = split_optional(kind)[0]
    return is_upload(inner) or (type(inner) in COLLECTIONS and is_upload(strip_metadata(inner.item_type)))  # type: ignore[attr-defined]  # every collection has it


def contains_upload(kind: Kind) -> bool:
    """Return whether a kind has an uploaded file anywhere inside."""
    return any(map(is_upload, walk(kind)))


def may_be_object(kind: Kind) -> bool:
    """Return whether a JSON object may be a value of a kind."""
    kind = strip_metadata(kind)
    if isinstance(kind, kinds.UnionType):
        return any(map(may_be_object, kind.types))
    return isinstance(kind, (kinds.DictType, *ANYTHING)) or (isinstance(kind, RECORDS) and not is_array_like(kind))

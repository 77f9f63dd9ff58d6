"""Say what an annotation stands for, in msgspec's terms, and in plain words.

In: an annotation. Out: its `Type`, as `msgspec.inspect` draws it, and words for messages: "an
integer", "at least 1". Refuses, by TypeError, what no text and no JSON can be read as.
Knows nothing of requests and of where a value comes from.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Flag
from functools import lru_cache, partial

import msgspec
from msgspec import inspect as kinds

from fanlight.message.json_document import OversizedNumber
from fanlight.message.upload import Upload

Kind = kinds.Type
BUFFERED = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType)
RECORDS = (*BUFFERED, kinds.NamedTupleType)
COLLECTIONS: Mapping[type[Kind], Callable[[list[object]], object]] = {
    kinds.ListType: list,
    kinds.CollectionType: list,
    kinds.VarTupleType: tuple,
    kinds.SetType: set,
    kinds.FrozenSetType: frozenset,
}
ANY = kinds.AnyType()
NONE = kinds.NoneType()
_SHOWN_CHARACTERS = 40
_RANGES = (  # a least and a most, and whether they may be the same
    ("ge", "le", True),
    ("ge", "lt", False),
    ("gt", "le", False),
    ("gt", "lt", False),
    ("min_length", "max_length", True),
)
_UNREADABLE = (NameError, AttributeError, LookupError, SyntaxError, ValueError, re.error)
_MESSAGE_CHARACTERS = 300
_NO_NAMES: tuple[type[Kind], ...] = (
    *COLLECTIONS,
    *RECORDS,
    kinds.TupleType,
    kinds.DictType,
    kinds.BoolType,
    kinds.NoneType,
)
_SIZED = (str, bytes, bytearray, memoryview, list, tuple, set, frozenset, dict)

_SAYS: Mapping[type[Kind], str] = {
    kinds.IntType: "an integer",
    kinds.FloatType: "a number",
    kinds.DecimalType: "a number",
    kinds.BoolType: "true or false",
    kinds.StrType: "a text",
    kinds.UUIDType: "a UUID",
    kinds.DateType: "a date like 2026-01-31",
    kinds.DateTimeType: "a date and time like 2026-01-31T12:30",
    kinds.TimeType: "a time like 12:30",
    kinds.TimeDeltaType: "a duration like PT1H30M",
    **dict.fromkeys((kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType), "base64"),
    kinds.NoneType: "null",
    kinds.DictType: "an object",
    kinds.TupleType: "a list",
    **dict.fromkeys(COLLECTIONS, "a list"),
    **dict.fromkeys(RECORDS, "an object"),
}


def kind_of(annotation: object) -> Kind:
    """Return what an annotation stands for. Raises TypeError for what can't be read, and says why."""
    if annotation is object:
        return ANY
    try:
        kind = plain(kinds.type_info(annotation))
    except _UNREADABLE as error:  # a field of a class, whose annotation stands as text
        raise TypeError(str(error)) from None
    for each in walk_kind(kind):  # msgspec would wait for a request
        _refuse_unreadable(each)
    msgspec.json.Decoder(annotation)  # it refuses more than `type_info` does
    return kind


def plain(kind: Kind) -> Kind:
    """Return a kind without the titles and examples that may stand around it."""
    while isinstance(kind, kinds.Metadata):
        kind = kind.type
    return kind


def walk_kind(kind: Kind, seen: set[int] | None = None) -> Iterator[Kind]:
    """Give a kind, and all that stand inside it, however deep."""
    kind, seen = plain(kind), set() if seen is None else seen
    if id(kind) in seen:  # a Struct that holds itself
        return
    seen.add(id(kind))
    yield kind
    for name in kind.__struct_fields__:
        inner = getattr(kind, name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            each_kind = each.type if isinstance(each, kinds.Field) else each
            if isinstance(each_kind, Kind):
                yield from walk_kind(each_kind, seen)


def _refuse_unreadable(kind: Kind) -> None:
    """Raise TypeError for a class of the app's own, and whatever else no request could fill."""
    if isinstance(kind, kinds.CustomType) and kind.cls not in (Upload, object):
        raise TypeError(f"nothing says how a {kind.cls.__qualname__} is written")
    _refuse_contradiction(kind)
    if isinstance(kind, RECORDS):
        _refuse_shared(kind)
        _know_names(kind)
    if isinstance(kind, kinds.SetType | kinds.FrozenSetType):
        _refuse_unhashable(plain(kind.item_type))
    if isinstance(kind, kinds.DictType) and isinstance(plain(kind.key_type), _NO_NAMES):
        raise TypeError("the names of a JSON object are texts, and no text is such a key")


def _refuse_contradiction(kind: Kind) -> None:
    """Raise TypeError for bounds that no value keeps."""
    for least, most, may_touch in _RANGES:
        low, high = getattr(kind, least, None), getattr(kind, most, None)
        if low is not None and high is not None and (low > high or (low == high and not may_touch)):
            raise TypeError(f"nothing has both {least}={low} and {most}={high}")


def is_array_like(kind: Kind) -> bool:
    """Say whether a class with fields is a list in JSON."""
    return isinstance(kind, kinds.NamedTupleType) or getattr(kind, "array_like", False)


def _refuse_shared(kind: Kind) -> None:
    """Raise TypeError for a default that all objects of a class would share."""
    for each in kind.fields:  # type: ignore[attr-defined]  # every record has them
        if is_mutable(each.default):
            raise TypeError(f"the default of {kind.cls.__qualname__}.{each.name} is shared by all requests")  # type: ignore[attr-defined]


def is_mutable(value: object) -> bool:
    """Say whether a default may be changed by whoever is given it, so that each must be given one of its own."""
    if isinstance(value, tuple | frozenset):
        return any(map(is_mutable, value))
    if isinstance(value, msgspec.Struct):
        return not value.__struct_config__.frozen
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return not value.__dataclass_params__.frozen  # type: ignore[attr-defined]  # every dataclass has it
    return isinstance(value, list | dict | set | bytearray)


def _know_names(kind: Kind) -> None:
    """Have msgspec write each name of a class, without which it does not find those that are no ASCII in JSON."""
    cls: object = kind.cls  # type: ignore[attr-defined]  # every record has it
    cls = getattr(cls, "__origin__", cls)  # of a generic one
    for name in (*getattr(cls, "__dataclass_fields__", ()), *getattr(cls, "__annotations__", ())):
        msgspec.json.encode(name)
    for each in getattr(cls, "__dataclass_fields__", {}).values():
        msgspec.json.encode(each.name)


def _refuse_unhashable(item: Kind) -> None:
    """Raise TypeError for a set of what no set can hold."""
    is_hashable = True
    if isinstance(item, kinds.StructType):
        is_hashable = item.cls.__struct_config__.frozen or not item.cls.__struct_config__.eq
    elif isinstance(item, RECORDS):
        is_hashable = item.cls.__hash__ is not None
    parts = (kinds.ListType, kinds.SetType, kinds.DictType, kinds.ByteArrayType, kinds.TypedDictType)
    if not is_hashable or isinstance(item, parts):
        raise TypeError("a set can hold no such thing, as it can't be hashed")


def split_optional(kind: Kind) -> tuple[Kind, bool]:
    """Return a kind without its None, and whether it had one."""
    if isinstance(kind, kinds.LiteralType) and None in kind.values and len(kind.values) > 1:
        return kinds.LiteralType(tuple(value for value in kind.values if value is not None)), True
    if not isinstance(kind, kinds.UnionType):
        return kind, False
    others = tuple(each for each in kind.types if not isinstance(each, kinds.NoneType))
    if len(others) == len(kind.types):
        return kind, False
    return (plain(others[0]) if len(others) == 1 else kinds.UnionType(others)), True


def is_upload(kind: Kind) -> bool:
    """Say whether a kind is a posted file."""
    return isinstance(kind, kinds.CustomType) and kind.cls is Upload


def describe_type(kind: Kind) -> str:
    """Return what a value should be: "an integer", "one of red, green"."""
    kind = plain(kind)
    if isinstance(kind, kinds.EnumType):
        choices = ", ".join(str(member.value) for member in kind.cls)
        return f"one of {choices}, or a sum of them" if issubclass(kind.cls, Flag) else f"one of {choices}"
    if isinstance(kind, kinds.LiteralType):
        return "one of " + ", ".join(map(literal_text, kind.values))
    if isinstance(kind, kinds.UnionType):
        return " or ".join(dict.fromkeys(describe_type(each) for each in kind.types))
    return _SAYS.get(type(kind), "what it should be")


def literal_text(value: object) -> str:
    """Return a value of a Literal as a client writes it."""
    return (
        {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def short_repr(value: object) -> str:
    """Return a value as a message quotes it: short, whatever a client has sent."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "...")
    if value is None:
        return "null"
    text = repr(value)
    return text.lower() if isinstance(value, bool) else text[:_SHOWN_CHARACTERS]


def truncate(message: str) -> str:
    """Return a message in which others than us may have quoted what a client has sent, not too long."""
    return message if len(message) <= _MESSAGE_CHARACTERS else message[:_MESSAGE_CHARACTERS] + "..."


def type_mismatch(kind: Kind, value: object) -> str:
    """Return the message for a value that is of another kind."""
    if isinstance(value, OversizedNumber):
        return "is a number of too many characters, or too big"
    return f"{short_repr(value)} is not {describe_type(kind)}"


def violated_constraint(kind: Kind, value: object) -> str:
    """Return which bound of a kind a value breaks ("must be at least 1"), "" if it keeps all of them."""
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        return _broken_bound(kind, value)
    if isinstance(kind, kinds.StrType):
        return _broken_pattern(kind, value) or _broken_length(kind, value, "characters")
    if isinstance(kind, kinds.DateTimeType | kinds.TimeType):
        return _broken_zone(kind, value)
    if isinstance(kind, kinds.BytesType | kinds.ByteArrayType | kinds.MemoryViewType):
        return _broken_length(kind, value, "bytes")
    return _broken_length(kind, value, "items") if isinstance(kind, (*COLLECTIONS, kinds.DictType)) else ""


def _broken_pattern(kind: kinds.StrType, value: object) -> str:
    if kind.pattern is None or not isinstance(value, str) or _compiled(kind.pattern).search(value):
        return ""
    return f"{short_repr(value)} does not match {kind.pattern}"


def _broken_zone(kind: kinds.DateTimeType | kinds.TimeType, value: object) -> str:
    has_zone = getattr(value, "tzinfo", None) is not None
    if kind.tz is None or kind.tz is has_zone:
        return ""
    return "must say its time zone, like Z or +02:00" if kind.tz else "must not say a time zone"


_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("ge", "at least", operator.ge),
    ("gt", "more than", operator.gt),
    ("le", "at most", operator.le),
    ("lt", "less than", operator.lt),
    ("multiple_of", "a multiple of", lambda value, step: value % step == 0),
)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _broken_bound(kind: kinds.IntType | kinds.FloatType, value: object) -> str:
    assert isinstance(value, int | float)
    for name, says_it, keeps in _BOUNDS:
        bound = getattr(kind, name)
        if bound is not None and not keeps(value, bound):
            return f"must be {says_it} {bound}"
    return ""


def _broken_length(kind: Kind, value: object, what: str) -> str:
    length = len(value) if isinstance(value, _SIZED) else 0
    least, most = getattr(kind, "min_length", None), getattr(kind, "max_length", None)
    if least is not None and length < least:
        return f"must have at least {least} {what if least != 1 else what[:-1]}"
    if most is not None and length > most:
        return f"must have at most {most} {what if most != 1 else what[:-1]}"
    return ""


def constraint_checker(kind: Kind) -> Callable[[object], str] | None:
    """Return what says which bound of a kind a value breaks, as `broken_rule` does; None if it has no bounds."""
    names = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
    if all(getattr(kind, name, None) is None for name in names):
        return None
    # PERF: benchmarks/forms.py: what kind it is, is decided here, and not for each value.
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        return partial(_broken_bound, kind)
    if isinstance(kind, kinds.StrType) and kind.pattern is None:
        return partial(_broken_length, kind, what="characters")
    return partial(violated_constraint, kind)

"""Say everything that is wrong with JSON that msgspec has refused: it names only the first mistake.

In: a kind, and the value as plain JSON. Out: a `BadField` for each mistake, named like
"items[2].price", and pointed to: "/items/2/price". Runs only for refused content, so it may take its
time, but it is bounded: at most `MOST_FIELDS`, each with a short message, however much a client has sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from msgspec import inspect as kinds

from fanlight.app.convert import Unfit, reader_of
from fanlight.app.kinds import RECORDS, SERIES, Kind, broken_rule, cut, misfit, plain, says, shown
from fanlight.errors import BadField

# SECURITY: tests/app/test_json.py; an answer must not be larger than what it answers.
MOST_FIELDS = 100
_POINTER_CHARACTERS = 300

_WRITTEN_AS_TEXT = (
    *(kinds.UUIDType, kinds.DateType, kinds.DateTimeType, kinds.TimeType),
    *(kinds.DecimalType, kinds.EnumType, kinds.LiteralType),
)


class _Way(NamedTuple):
    """Where in a document one is: as people read it, and as a JSON pointer; None: too long to be worth it."""

    name: str = ""
    pointer: str | None = ""

    def field(self, key: str, name: str = "") -> _Way:
        """Return the way to a member of this object."""
        name = name or key
        return _Way(f"{self.name}.{name}" if self.name else name, self._below(key))

    def key(self, key: object) -> _Way:
        """Return the way to a member whose name the client has made up."""
        return self.field(str(key), shown(key)[1:-1])

    def item(self, number: int) -> _Way:
        """Return the way to an item of this list."""
        return _Way(f"{self.name}[{number}]", self._below(str(number)))

    def _below(self, step: str) -> str | None:
        if self.pointer is None or len(self.pointer) + len(step) > _POINTER_CHARACTERS:
            return None
        return f"{self.pointer}/{step.replace('~', '~0').replace('/', '~1')}"  # RFC 6901 section 3


def diagnose(kind: Kind, value: object, otherwise: str) -> list[BadField]:
    """Return what is wrong with a value; `otherwise` is said if nothing is found."""
    found = list(islice(_wrong(kind, value, _Way()), MOST_FIELDS))
    return found or [_bad(_Way(), otherwise)]


def _bad(way: _Way, message: str) -> BadField:
    return BadField(source="json", name=way.name, message=cut(message), pointer=way.pointer)


def _wrong(kind: Kind, value: object, way: _Way) -> Iterator[BadField]:
    kind = plain(kind)
    if isinstance(kind, kinds.UnionType):
        yield from _wrong_for_all(kind, value, way)
    elif isinstance(kind, RECORDS):
        yield from _wrong_fields(kind, value, way)
    elif isinstance(kind, kinds.DictType):
        if not isinstance(value, dict):
            yield _bad(way, misfit(kind, value))
            return
        for key, each in value.items():
            yield from _wrong(kind.value_type, each, way.key(key))
    elif isinstance(kind, (*SERIES, kinds.TupleType)):
        yield from _wrong_items(kind, value, way)
    else:
        message = _wrong_leaf(kind, value)
        if message:
            yield _bad(way, message)


def _wrong_for_all(kind: kinds.UnionType, value: object, way: _Way) -> Iterator[BadField]:
    """Give what is wrong if no kind of a union takes the value: of the one of its shape, if there is one."""
    if any(not next(_wrong(each, value, way), None) for each in kind.types):
        return
    shapes = (dict, list)
    near = [
        each
        for each in map(plain, kind.types)
        if isinstance(value, shapes)
        and isinstance(each, (*RECORDS, kinds.DictType) if isinstance(value, dict) else tuple(SERIES))
    ]
    others = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
    if len(near) == 1:
        yield from _wrong(near[0], value, way)
    elif len(others) == 1:
        yield from _wrong(others[0], value, way)
    else:
        yield _bad(way, misfit(kind, value))


def _wrong_fields(kind: Kind, value: object, way: _Way) -> Iterator[BadField]:
    if isinstance(kind, kinds.NamedTupleType) or getattr(kind, "array_like", False):
        if not isinstance(value, list):
            yield _bad(way, f"{shown(value)} is not a list")
        return
    if not isinstance(value, dict):
        yield _bad(way, misfit(kind, value))
        return
    fields: tuple[kinds.Field, ...] = kind.fields  # type: ignore[attr-defined]  # the four kinds of record have it
    for field in fields:
        where = way.field(field.encode_name)
        if field.encode_name in value:
            yield from _wrong(field.type, value[field.encode_name], where)
        elif field.required:
            yield _bad(where, "is missing")
    if getattr(kind, "forbid_unknown_fields", False):
        known = {field.encode_name for field in fields} | {getattr(kind, "tag_field", None)}
        for key in value:
            if key not in known:
                yield _bad(way.key(key), "is not known here")


def _wrong_items(kind: Kind, value: object, way: _Way) -> Iterator[BadField]:
    if not isinstance(value, list):
        yield _bad(way, misfit(kind, value))
        return
    if isinstance(kind, kinds.TupleType):
        if len(value) != len(kind.item_types):
            yield _bad(way, f"must have {len(kind.item_types)} items")
            return
        items: tuple[Kind, ...] = kind.item_types
    else:
        items = (kind.item_type,) * len(value)  # type: ignore[attr-defined]  # every series has it
        if broken := broken_rule(kind, value):
            yield _bad(way, broken)
    for number, (item, each) in enumerate(zip(items, value, strict=True)):
        yield from _wrong(item, each, way.item(number))


def _wrong_leaf(kind: Kind, value: object) -> str:
    """Return what is wrong with a single value, "" if nothing is."""
    if isinstance(kind, _WRITTEN_AS_TEXT):
        return _wrong_text(kind, value)
    fits = _FITS.get(type(kind))
    if fits is None:
        return ""  # any value fits; or it is of a kind so rare that msgspec's own words must do
    return broken_rule(kind, value) if fits(kind, value) else misfit(kind, value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FITS: Mapping[type[Kind], Callable[[Kind, object], bool]] = {
    kinds.NoneType: lambda _, value: value is None,
    kinds.BoolType: lambda _, value: isinstance(value, bool),
    kinds.StrType: lambda _, value: isinstance(value, str),
    kinds.IntType: lambda _, value: isinstance(value, int) and not isinstance(value, bool),
    kinds.FloatType: lambda _, value: _is_number(value),
}


def _wrong_text(kind: Kind, value: object) -> str:
    if isinstance(kind, kinds.EnumType | kinds.LiteralType):
        choices = [member.value for member in kind.cls] if isinstance(kind, kinds.EnumType) else kind.values
        is_there = any(value == choice and type(value) is type(choice) for choice in choices)
        return "" if is_there else f"{shown(value)} is not {says(kind)}"
    if isinstance(kind, kinds.DecimalType) and _is_number(value):
        return ""
    read = reader_of(kind)
    if not isinstance(value, str) or read is None:
        return misfit(kind, value)
    try:
        read(value)
    except Unfit as unfit:
        return str(unfit)
    return ""

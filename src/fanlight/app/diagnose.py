"""Say everything that is wrong with JSON that msgspec has refused: it names only the first mistake.

In: a kind, and the value as plain JSON. Out: a `BadField` for each mistake, named like
"items[2].price". Runs only for refused content, so it may take its time, but it is bounded: at
most `MOST_FIELDS`, each with a short message, however much a client has sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from msgspec import inspect as kinds

from fanlight.app.convert import Unfit, reader_of
from fanlight.app.kinds import RECORDS, SERIES, Kind, broken_rule, cut, misfit, plain, says, shown
from fanlight.errors import BadField

# SECURITY: tests/app/test_json.py; an answer must not be larger than what it answers.
MOST_FIELDS = 100

_WRITTEN_AS_TEXT = (
    *(kinds.UUIDType, kinds.DateType, kinds.DateTimeType, kinds.TimeType),
    *(kinds.DecimalType, kinds.EnumType, kinds.LiteralType),
)


def diagnose(kind: Kind, value: object, otherwise: str) -> list[BadField]:
    """Return what is wrong with a value; `otherwise` is said if nothing is found."""
    found = list(islice(_wrong(kind, value, ""), MOST_FIELDS))
    return found or [_bad("", otherwise)]


def _bad(name: str, message: str) -> BadField:
    return BadField(source="json", name=name, message=cut(message))


def _wrong(kind: Kind, value: object, name: str) -> Iterator[BadField]:
    kind = plain(kind)
    if isinstance(kind, kinds.UnionType):
        yield from _wrong_for_all(kind, value, name)
    elif isinstance(kind, RECORDS):
        yield from _wrong_fields(kind, value, name)
    elif isinstance(kind, kinds.DictType):
        if not isinstance(value, dict):
            yield _bad(name, misfit(kind, value))
            return
        for key, each in value.items():
            yield from _wrong(kind.value_type, each, _below(name, shown(key)[1:-1]))
    elif isinstance(kind, (*SERIES, kinds.TupleType)):
        yield from _wrong_items(kind, value, name)
    else:
        message = _wrong_leaf(kind, value)
        if message:
            yield _bad(name, message)


def _below(name: str, field: str) -> str:
    return f"{name}.{field}" if name else field


def _wrong_for_all(kind: kinds.UnionType, value: object, name: str) -> Iterator[BadField]:
    """Give what is wrong if no kind of a union takes the value: of the one of its shape, if there is one."""
    if any(not next(_wrong(each, value, name), None) for each in kind.types):
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
        yield from _wrong(near[0], value, name)
    elif len(others) == 1:
        yield from _wrong(others[0], value, name)
    else:
        yield _bad(name, misfit(kind, value))


def _wrong_fields(kind: Kind, value: object, name: str) -> Iterator[BadField]:
    if isinstance(kind, kinds.NamedTupleType) or getattr(kind, "array_like", False):
        if not isinstance(value, list):
            yield _bad(name, f"{shown(value)} is not a list")
        return
    if not isinstance(value, dict):
        yield _bad(name, misfit(kind, value))
        return
    fields: tuple[kinds.Field, ...] = kind.fields  # type: ignore[attr-defined]  # the four kinds of record have it
    for field in fields:
        where = _below(name, field.encode_name)
        if field.encode_name in value:
            yield from _wrong(field.type, value[field.encode_name], where)
        elif field.required:
            yield _bad(where, "is missing")
    if getattr(kind, "forbid_unknown_fields", False):
        known = {field.encode_name for field in fields} | {getattr(kind, "tag_field", None)}
        for key in value:
            if key not in known:
                yield _bad(_below(name, shown(key)[1:-1]), "is not known here")


def _wrong_items(kind: Kind, value: object, name: str) -> Iterator[BadField]:
    if not isinstance(value, list):
        yield _bad(name, misfit(kind, value))
        return
    if isinstance(kind, kinds.TupleType):
        if len(value) != len(kind.item_types):
            yield _bad(name, f"must have {len(kind.item_types)} items")
            return
        items: tuple[Kind, ...] = kind.item_types
    else:
        items = (kind.item_type,) * len(value)  # type: ignore[attr-defined]  # every series has it
        if broken := broken_rule(kind, value):
            yield _bad(name, broken)
    for number, (item, each) in enumerate(zip(items, value, strict=True)):
        yield from _wrong(item, each, f"{name}[{number}]")


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

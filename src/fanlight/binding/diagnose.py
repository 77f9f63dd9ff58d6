"""Read plain JSON as a kind by our own rules, and say all that is wrong with it.

In: a kind, once; then values as `read_as_written` gives them. Out: values of which msgspec makes the kind,
and what is `Wrong`. msgspec reads most content alone, and faster; this is for what it has refused, as it names only the
first mistake, and for the kinds of which it takes more, or less, than a query or a form does (`must_examine`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, text_parser
from fanlight.binding.json_path import JSONErrors, Key, Place
from fanlight.binding.kinds import (
    COLLECTIONS,
    RECORDS,
    Kind,
    is_array_like,
    plain,
    short_repr,
    type_mismatch,
    violated_constraint,
)
from fanlight.binding.scalars import TEXTS, Examine, anything, choice, plain_value, raw, text
from fanlight.binding.unions import check_tag, union

_Of = Callable[[Kind], Examine]
_ANY = (kinds.AnyType, kinds.CustomType, kinds.RawType)


def json_validator(kind: Kind) -> Examine:
    """Return what reads values as a kind."""
    return _Maker().of(kind)


def needs_own_validation(kind: Kind) -> bool:
    """Say whether msgspec alone would take of a kind what is no value of it elsewhere."""
    return any(
        isinstance(each, kinds.DecimalType)  # it takes NaN, "1_000", an exponent of nine digits
        or (isinstance(each, kinds.DictType) and isinstance(plain(each.key_type), kinds.FloatType))  # it takes NaN
        for each in _all_within(kind, {})
    )


def has_unbounded_depth(kind: Kind) -> bool:
    """Say whether values of a kind may be nested as deep as a client likes."""
    found: dict[int, Kind] = {}
    within = _all_within(kind, found)
    return any(isinstance(each, kinds.AnyType | kinds.CustomType | kinds.RawType) for each in within) or any(
        each_id in _ids_below(each) for each_id, each in found.items() if isinstance(each, RECORDS)
    )


def _ids_below(kind: Kind) -> set[int]:
    return {id(each) for inner in _inner(kind) for each in _all_within(inner, {})}


def _all_within(kind: Kind, found: dict[int, Kind]) -> list[Kind]:
    kind = plain(kind)
    if id(kind) not in found:
        found[id(kind)] = kind
        for each in _inner(kind):
            _all_within(each, found)
    return list(found.values())


def _inner(kind: Kind) -> list[Kind]:
    """Return the kinds of which a kind is made."""
    inner: list[Kind] = []
    for name in kind.__struct_fields__:
        parts = getattr(kind, name)
        for each in parts if isinstance(parts, tuple) else (parts,):
            part = each.type if isinstance(each, kinds.Field) else each
            if isinstance(part, Kind):
                inner.append(part)
    return inner


class _Maker:
    """Makes what reads a kind, and each kind within it once: some hold more of their own."""

    def __init__(self) -> None:
        self._made: dict[int, Examine] = {}

    def of(self, kind: Kind) -> Examine:
        kind = plain(kind)
        known = self._made.get(id(kind))
        if known is not None:
            return known

        def later(value: Any, place: Place, wrong: JSONErrors) -> Any:
            return finished(value, place, wrong)

        self._made[id(kind)] = later
        finished = self._made[id(kind)] = self._make(kind)
        return finished

    def _make(self, kind: Kind) -> Examine:
        for types, make in _MAKERS:
            if isinstance(kind, types):
                return make(kind, self.of)
        return plain_value(kind)


def _series(kind: Kind, of: _Of) -> Examine:
    item = of(kind.item_type)  # type: ignore[attr-defined]  # every series has it
    is_set = isinstance(kind, kinds.SetType | kinds.FrozenSetType)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not isinstance(value, list):
            wrong.add(place, type_mismatch(kind, value))
            return value
        if broken := violated_constraint(kind, value):
            wrong.add(place, broken)
        items = []
        for number, each in enumerate(value):
            if wrong.is_full:
                break
            if is_set and isinstance(each, dict | list):
                wrong.add((place, number), f"{short_repr(each)} can't stand here, but single values")
            items.append(item(each, (place, number), wrong))
        return items

    return examine


def _tuple(kind: kinds.TupleType, of: _Of) -> Examine:
    items = [of(each) for each in kind.item_types]

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not isinstance(value, list):
            wrong.add(place, type_mismatch(kind, value))
            return value
        if len(value) != len(items):
            wrong.add(place, f"must have {_items(len(items))}")
            return value
        return [item(each, (place, n), wrong) for n, (item, each) in enumerate(zip(items, value, strict=True))]

    return examine


def _items(number: int) -> str:
    return f"{number} item" if number == 1 else f"{number} items"


def _dict(kind: kinds.DictType, of: _Of) -> Examine:
    member, read_key = of(kind.value_type), _key_reader(kind.key_type)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not isinstance(value, dict):
            wrong.add(place, type_mismatch(kind, value))
            return value
        if broken := violated_constraint(kind, value):
            wrong.add(place, broken)
        members = {}
        for key, each in value.items():
            if wrong.is_full:
                break
            inner = (place, Key(key))
            try:
                members[read_key(key)] = member(each, inner, wrong)
            except ConversionError as unfit:
                wrong.add(inner, f"{unfit}, as the name of a member must be")
        return members

    return examine


def _key_reader(kind: Kind) -> Callable[[str], object]:
    kind = plain(kind)
    read = text_parser(kind)
    if read is None:
        return lambda key: key
    if not isinstance(kind, kinds.EnumType | kinds.LiteralType | kinds.UnionType):
        return read

    def check(key: str) -> object:
        read(key)
        return key  # msgspec makes the member itself

    return check


def _named(kind: Kind, of: _Of) -> Examine:
    """Return what reads a class with fields."""
    return _row(kind, of) if is_array_like(kind) else _record(kind, of)


def _record(kind: Kind, of: _Of) -> Examine:
    fields = [(each.encode_name, of(each.type), each.required) for each in kind.fields]  # type: ignore[attr-defined]  # every record has them
    tag_field, tag = getattr(kind, "tag_field", None), getattr(kind, "tag", None)
    is_strict = getattr(kind, "forbid_unknown_fields", False)
    known = {name for name, _, _ in fields} | {tag_field}

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not isinstance(value, dict):
            wrong.add(place, type_mismatch(kind, value))
            return value
        values = {}
        if tag_field is not None and tag_field in value:
            values[tag_field] = check_tag(value[tag_field], (tag,), (place, tag_field), wrong)
        for name, read, is_required in fields:
            if name in value:
                values[name] = read(value[name], (place, name), wrong)
            elif is_required:
                wrong.add((place, name), "is missing")
        if is_strict:
            for key in value:
                if key not in known:
                    wrong.add((place, Key(key)), "is not known here")
        return values

    return examine


def _row(kind: Kind, of: _Of) -> Examine:
    fields = [(each.encode_name, of(each.type)) for each in kind.fields]  # type: ignore[attr-defined]
    least = max((n for n, each in enumerate(kind.fields, 1) if each.required), default=0)  # type: ignore[attr-defined]
    tag = getattr(kind, "tag", None)
    tags = [] if tag is None else [tag]
    is_strict = isinstance(kind, kinds.NamedTupleType) or getattr(kind, "forbid_unknown_fields", False)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not isinstance(value, list):
            wrong.add(place, f"{short_repr(value)} is not a list")
            return value
        given = value[len(tags) :]
        if tags and value:
            check_tag(value[0], (tag,), (place, 0), wrong)
        if len(given) < least or (tags and not value):
            wrong.add(place, f"must have at least {_items(least + len(tags))}")
        if is_strict and len(given) > len(fields):
            wrong.add(place, f"must have at most {_items(len(fields) + len(tags))}")
        items = [
            read(each, (place, n), wrong)
            for n, ((_, read), each) in enumerate(zip(fields, given, strict=False), len(tags))
        ]
        return [*tags, *items]

    return examine


_MAKERS: tuple[tuple[tuple[type[Kind], ...], Callable[[Any, _Of], Examine]], ...] = (
    ((kinds.UnionType,), union),
    (RECORDS, _named),
    ((kinds.DictType,), _dict),
    ((kinds.TupleType,), _tuple),
    (tuple(COLLECTIONS), _series),
    ((kinds.EnumType, kinds.LiteralType), lambda kind, _: choice(kind)),
    ((kinds.RawType,), lambda _, __: raw),
    (_ANY, lambda _, __: anything),
    (TEXTS, lambda kind, _: text(kind)),
)

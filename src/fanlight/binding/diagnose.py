"""Validate a JSON document against a kind by our own rules, and find everything that is wrong with it.

In: a kind, once; then values as `read_as_written` gives them. Out: values from which msgspec makes the kind, and
`JSONErrors`. msgspec alone reads most documents, and faster. This runs for those that it rejects, because it names only
the first error, and for kinds of which it accepts more, or less, than a query or a form does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, constraint_checker, text_parser
from fanlight.binding.describe import literal_text, short_repr, type_mismatch
from fanlight.binding.json_errors import ClientKey, JSONErrors, Location
from fanlight.binding.json_scalars import (
    STRING_KINDS,
    Validator,
    choice_validator,
    is_int,
    primitive_validator,
    string_validator,
    validate_any,
    validate_raw,
    whole_number,
)
from fanlight.binding.kinds import (
    ANYTHING,
    COLLECTIONS,
    RECORDS,
    Kind,
    inner_kinds,
    is_array_like,
    strip_metadata,
    walk,
)

_ValidatorOf = Callable[[Kind], Validator]
_NUMBERS = (kinds.IntType, kinds.FloatType, kinds.DecimalType)


def json_validator(kind: Kind) -> Validator:
    """Return the validator of a kind."""
    return _Validators().of(kind)


def needs_own_validation(kind: Kind) -> bool:
    """Return whether msgspec accepts values of a kind that are rejected in a query or a form."""
    return any(
        isinstance(each, kinds.DecimalType)  # msgspec accepts NaN, "1_000", an exponent of nine digits
        or (isinstance(each, kinds.DictType) and isinstance(strip_metadata(each.key_type), kinds.FloatType))  # NaN
        for each in walk(kind)
    )


def has_unbounded_depth(kind: Kind) -> bool:
    """Return whether a client decides how deep the values of a kind are nested."""
    parts = list(walk(kind))
    return any(
        isinstance(each, ANYTHING)
        or (isinstance(each, RECORDS) and any(part is each for inner in inner_kinds(each) for part in walk(inner)))
        for each in parts
    )


class _Validators:
    """The validators of a kind and of each kind within it, each made once: a kind may contain itself."""

    def __init__(self) -> None:
        self._made: dict[int, Validator] = {}

    def of(self, kind: Kind) -> Validator:
        kind = strip_metadata(kind)
        known = self._made.get(id(kind))
        if known is not None:
            return known

        def validate_later(value: Any, location: Location, errors: JSONErrors) -> Any:
            return validate(value, location, errors)

        self._made[id(kind)] = validate_later
        validate = self._made[id(kind)] = self._make(kind)
        return validate

    def _make(self, kind: Kind) -> Validator:
        for types, make in _FACTORIES:
            if isinstance(kind, types):
                return make(kind, self.of)
        return primitive_validator(kind)


# --- collections --------------------------------------------------------------------------------------


def _collection(kind: Kind, validator_of: _ValidatorOf) -> Validator:
    validate_item = validator_of(kind.item_type)  # type: ignore[attr-defined]  # every collection has it
    is_set, check = isinstance(kind, kinds.SetType | kinds.FrozenSetType), constraint_checker(kind)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if not isinstance(value, list):
            errors.add(location, type_mismatch(kind, value))
            return value
        if check is not None and (violated := check(value)):
            errors.add(location, violated)
        items = []
        for index, item in enumerate(value):
            if errors.is_full:
                break
            if is_set and isinstance(item, dict | list):
                errors.add((location, index), f"{short_repr(item)} can't be an item of a set")
            items.append(validate_item(item, (location, index), errors))
        return items

    return validate


def _tuple(kind: kinds.TupleType, validator_of: _ValidatorOf) -> Validator:
    validators = [validator_of(each) for each in kind.item_types]

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if not isinstance(value, list):
            errors.add(location, type_mismatch(kind, value))
            return value
        if len(value) != len(validators):
            errors.add(location, f"must have {_items(len(validators))}")
            return value
        return [
            validate_item(item, (location, index), errors)
            for index, (validate_item, item) in enumerate(zip(validators, value, strict=True))
        ]

    return validate


def _items(number: int) -> str:
    return f"{number} item" if number == 1 else f"{number} items"


def _dict(kind: kinds.DictType, validator_of: _ValidatorOf) -> Validator:
    validate_value, parse_key = validator_of(kind.value_type), _key_parser(kind.key_type)
    check = constraint_checker(kind)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if not isinstance(value, dict):
            errors.add(location, type_mismatch(kind, value))
            return value
        if check is not None and (violated := check(value)):
            errors.add(location, violated)
        members = {}
        for key, each in value.items():
            if errors.is_full:
                break
            inner = (location, ClientKey(key))
            try:
                members[parse_key(key)] = validate_value(each, inner, errors)
            except ConversionError as error:
                errors.add(inner, f"the key {error}")
        return members

    return validate


def _key_parser(kind: Kind) -> Callable[[str], object]:
    kind = strip_metadata(kind)
    parse = text_parser(kind)
    if parse is None:
        return lambda key: key
    if not isinstance(kind, kinds.EnumType | kinds.LiteralType | kinds.UnionType):
        return parse

    def check(key: str) -> object:
        parse(key)
        return key  # msgspec makes the member itself

    return check


# --- classes with fields ------------------------------------------------------------------------------


def _record(kind: Kind, validator_of: _ValidatorOf) -> Validator:
    if is_array_like(kind):
        return _array_record(kind, validator_of)
    fields = [(each.encode_name, validator_of(each.type), each.required) for each in kind.fields]  # type: ignore[attr-defined]  # every record has them
    tag_field, tag = getattr(kind, "tag_field", None), getattr(kind, "tag", None)
    is_strict = getattr(kind, "forbid_unknown_fields", False)
    known = {name for name, _, _ in fields} | {tag_field}

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if not isinstance(value, dict):
            errors.add(location, type_mismatch(kind, value))
            return value
        values = {}
        if tag_field is not None and tag_field in value:
            values[tag_field] = _check_tag(value[tag_field], (tag,), (location, tag_field), errors)
        for name, validate_field, is_required in fields:
            if name in value:
                values[name] = validate_field(value[name], (location, name), errors)
            elif is_required:
                errors.add((location, name), "is missing")
        if is_strict:
            for key in value:
                if key not in known:
                    errors.add((location, ClientKey(key)), "is not a known field")
        return values

    return validate


def _array_record(kind: Kind, validator_of: _ValidatorOf) -> Validator:
    """Return the validator of a class that JSON has as a list; a tag is its first item."""
    validators = [validator_of(each.type) for each in kind.fields]  # type: ignore[attr-defined]
    least = max((n for n, each in enumerate(kind.fields, 1) if each.required), default=0)  # type: ignore[attr-defined]
    tag = getattr(kind, "tag", None)
    tags = [] if tag is None else [tag]
    is_strict = isinstance(kind, kinds.NamedTupleType) or getattr(kind, "forbid_unknown_fields", False)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if not isinstance(value, list):
            errors.add(location, f"{short_repr(value)} is not a list")
            return value
        items = value[len(tags) :]
        if tags and value:
            _check_tag(value[0], (tag,), (location, 0), errors)
        if len(items) < least or (tags and not value):
            errors.add(location, f"must have at least {_items(least + len(tags))}")
        if is_strict and len(items) > len(validators):
            errors.add(location, f"must have at most {_items(len(validators) + len(tags))}")
        pairs = zip(validators, items, strict=False)
        return [
            *tags,
            *(each(item, (location, index), errors) for index, (each, item) in enumerate(pairs, len(tags))),
        ]

    return validate


def _check_tag(value: Any, tags: tuple[Any, ...], location: Location, errors: JSONErrors) -> Any:
    """Return a tag; add an error if it is none of these."""
    if not any(value == tag and type(value) is type(tag) for tag in tags):
        errors.add(location, f"{short_repr(value)} is not one of {', '.join(map(literal_text, tags))}")
    return value


# --- unions -------------------------------------------------------------------------------------------
# msgspec lets no two members of a union look alike in JSON, so the type of a value selects one member; among several
# Structs, their tag does.


def _union(kind: kinds.UnionType, validator_of: _ValidatorOf) -> Validator:
    members = list(map(strip_metadata, kind.types))
    tagged = [each for each in members if getattr(each, "tag", None) is not None]
    # An integer is an integer, also where the union has a number as well.
    ordered = sorted(members, key=lambda each: isinstance(each, kinds.FloatType | kinds.DecimalType))
    singles = [(each, validator_of(each)) for each in ordered if each not in tagged or len(tagged) == 1]
    others = [each for each in members if not isinstance(each, kinds.NoneType)]
    only = validator_of(others[0]) if len(others) == 1 else None
    validate_tagged = _tagged_union(tagged, validator_of) if len(tagged) > 1 else None
    shape = list if tagged and is_array_like(tagged[0]) else dict

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if validate_tagged is not None and isinstance(value, shape):
            return validate_tagged(value, location, errors)
        for member, validate_member in singles:
            if _looks_like(member, value):
                return validate_member(value, location, errors)
        if (whole := whole_number(value)) is not value:  # 3.0, where nothing takes a number with a point
            return validate(whole, location, errors)
        if only is not None:
            return only(value, location, errors)
        errors.add(location, type_mismatch(kind, value))
        return value

    return validate


def _tagged_union(tagged: list[Any], validator_of: _ValidatorOf) -> Validator:
    by_tag: Mapping[Any, Validator] = {each.tag: validator_of(each) for each in tagged}
    field, tags = tagged[0].tag_field, tuple(by_tag)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        at: Location = (location, 0 if isinstance(value, list) else field)
        if field not in value if isinstance(value, dict) else not value:
            errors.add(at, f"is missing; it is one of {', '.join(map(literal_text, tags))}")
            return value
        tag = value[0] if isinstance(value, list) else value[field]
        if isinstance(tag, str | int) and not isinstance(tag, bool) and tag in by_tag:
            return by_tag[tag](value, location, errors)
        return _check_tag(tag, tags, at, errors)

    return validate


def _looks_like(member: Kind, value: Any) -> bool:
    """Return whether a value has the JSON type of a member of a union."""
    if isinstance(member, ANYTHING):
        return True
    if isinstance(member, kinds.EnumType):
        return any(type(value) is type(each.value) for each in member.cls)
    if isinstance(member, kinds.LiteralType):
        return any(type(value) is type(each) for each in member.values)
    if isinstance(value, list):
        return isinstance(member, (*COLLECTIONS, kinds.TupleType)) or is_array_like(member)
    return isinstance(member, _kinds_like(value)) and not (isinstance(value, dict) and is_array_like(member))


def _kinds_like(value: Any) -> tuple[type[Kind], ...]:
    """Return the kinds that JSON has as a value which is not a list."""
    if value is None or isinstance(value, bool):
        return (kinds.NoneType if value is None else kinds.BoolType,)
    if isinstance(value, dict):
        return (kinds.DictType, *RECORDS)
    if isinstance(value, str):
        return STRING_KINDS
    return _NUMBERS if is_int(value) else (kinds.FloatType, kinds.DecimalType)


_FACTORIES: tuple[tuple[tuple[type[Kind], ...], Callable[[Any, _ValidatorOf], Validator]], ...] = (
    ((kinds.UnionType,), _union),
    (RECORDS, _record),
    ((kinds.DictType,), _dict),
    ((kinds.TupleType,), _tuple),
    (tuple(COLLECTIONS), _collection),
    ((kinds.EnumType, kinds.LiteralType), lambda kind, _: choice_validator(kind)),
    ((kinds.RawType,), lambda _, __: validate_raw),
    (ANYTHING, lambda _, __: validate_any),
    (STRING_KINDS, lambda kind, _: string_validator(kind)),
)

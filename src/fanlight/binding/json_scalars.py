"""Validate single JSON values: numbers, strings, choices, and values of any type.

In: a kind, once; then values as `read_as_written` gives them. Out: values from which msgspec makes the kind; errors
are added to `JSONErrors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, constraint_checker, text_parser
from fanlight.binding.describe import type_mismatch
from fanlight.binding.json_errors import ClientKey, JSONErrors, Location
from fanlight.binding.kinds import BINARY, Kind
from fanlight.message.json_document import OversizedNumber, WrittenNumber

Validator = Callable[[Any, Location, JSONErrors], Any]
STRING_KINDS = (
    *(kinds.UUIDType, kinds.DateType, kinds.DateTimeType, kinds.TimeType, kinds.TimeDeltaType),
    *(kinds.DecimalType, kinds.StrType, *BINARY),
)


def validate_any(value: Any, location: Location, errors: JSONErrors) -> Any:
    """Accept a value of any type, but no number that is too long."""
    if isinstance(value, dict):
        return {key: validate_any(each, (location, ClientKey(key)), errors) for key, each in value.items()}
    if isinstance(value, list):
        return [validate_any(each, (location, index), errors) for index, each in enumerate(value)]
    if isinstance(value, OversizedNumber):
        errors.add(location, type_mismatch(kinds.FloatType(), value))
    return float(value) if isinstance(value, WrittenNumber) else value


def validate_raw(value: Any, location: Location, errors: JSONErrors) -> Any:
    """Accept a value of any type as `msgspec.Raw`, which the view decodes later."""
    return msgspec.Raw(msgspec.json.encode(validate_any(value, location, errors)))


def is_int(value: Any) -> bool:
    """Return whether a value is a JSON number without a point or an exponent."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole_number(value: Any) -> Any:
    """Return a number like 3.0 as an integer, any other value as it is: JSON has one kind of number."""
    is_whole = isinstance(value, WrittenNumber) and value.is_integer() and abs(value) < _FIRST_INEXACT
    return int(value) if is_whole else value


_FIRST_INEXACT = 2**53  # from here on, a float is not every integer
_MATCHES: Mapping[type[Kind], Callable[[Any], bool]] = {
    kinds.IntType: is_int,
    kinds.FloatType: lambda value: isinstance(value, WrittenNumber) or is_int(value),
    kinds.BoolType: lambda value: isinstance(value, bool),
}


def primitive_validator(kind: Kind) -> Validator:
    """Return the validator of an integer, a number, a boolean or null."""
    matches, check = _MATCHES.get(type(kind), lambda value: value is None), constraint_checker(kind)
    is_float, is_integer = isinstance(kind, kinds.FloatType), isinstance(kind, kinds.IntType)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        if is_integer:
            value = whole_number(value)
        if not matches(value):
            errors.add(location, type_mismatch(kind, value))
            return value
        if is_float:
            value = float(value)
        if check is not None and (violated := check(value)):
            errors.add(location, violated)
        return value

    return validate


def string_validator(kind: Kind) -> Validator:
    """Return the validator of a kind that JSON has as a string, by the rules for text in a query or a form."""
    parse = text_parser(kind)
    assert parse is not None, "each of these can be converted from text"
    is_decimal, is_binary = isinstance(kind, kinds.DecimalType), isinstance(kind, BINARY)

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        text = value
        if is_decimal:
            if is_int(value):
                return Decimal(value)
            text = value.text if isinstance(value, WrittenNumber) else value
        if not isinstance(text, str):
            errors.add(location, type_mismatch(kind, value))
            return value
        try:
            converted = parse(text)
        except ConversionError as error:
            errors.add(location, str(error))
            return value
        return value if is_binary else converted  # msgspec decodes base64 itself

    return validate


def choice_validator(kind: kinds.EnumType | kinds.LiteralType) -> Validator:
    """Return the validator of an Enum or a Literal."""
    if isinstance(kind, kinds.EnumType):
        cls = kind.cls
        types = {type(member.value) for member in cls}

        def is_choice(value: Any) -> bool:
            try:
                cls(value)
            except ValueError:
                return False
            return True
    else:
        types = {type(value) for value in kind.values}
        choices = kind.values

        def is_choice(value: Any) -> bool:
            return value in choices

    def validate(value: Any, location: Location, errors: JSONErrors) -> Any:
        value = whole_number(value)
        if type(value) not in types or not is_choice(value):
            errors.add(location, type_mismatch(kind, value))
        return value

    return validate

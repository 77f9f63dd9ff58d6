"""Read single JSON values by our own rules: numbers, texts, choices, and whatever may be anything.

In: a kind, once; then values as `read_as_written` gives them. Out: values of which msgspec makes the kind; what is
wrong goes to `Wrong`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, text_parser
from fanlight.binding.json_path import JSONErrors, Key, Place
from fanlight.binding.kinds import Kind, type_mismatch, violated_constraint
from fanlight.message.json_document import OversizedNumber, WrittenNumber

Examine = Callable[[Any, Place, JSONErrors], Any]
BYTES = (kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType)
TEXTS = (
    *(kinds.UUIDType, kinds.DateType, kinds.DateTimeType, kinds.TimeType, kinds.TimeDeltaType),
    *(kinds.DecimalType, kinds.StrType, *BYTES),
)


def anything(value: Any, place: Place, wrong: JSONErrors) -> Any:
    """Take a value of any kind; numbers are bounded there, too."""
    if isinstance(value, dict):
        return {key: anything(each, (place, Key(key)), wrong) for key, each in value.items()}
    if isinstance(value, list):
        return [anything(each, (place, number), wrong) for number, each in enumerate(value)]
    if isinstance(value, OversizedNumber):
        wrong.add(place, type_mismatch(kinds.FloatType(), value))
    return float(value) if isinstance(value, WrittenNumber) else value


def raw(value: Any, place: Place, wrong: JSONErrors) -> Any:
    """Take a value of any kind, which the view reads later."""
    return msgspec.Raw(msgspec.json.encode(anything(value, place, wrong)))


def is_int(value: Any) -> bool:
    """Say whether a value is a JSON number without a point or an exponent."""
    return isinstance(value, int) and not isinstance(value, bool)


def plain_value(kind: Kind) -> Examine:
    """Return what reads an integer, a number, true or false, or null."""
    fits: Callable[[Any], bool]
    if isinstance(kind, kinds.IntType):
        fits = is_int
    elif isinstance(kind, kinds.FloatType):
        fits = lambda value: isinstance(value, WrittenNumber) or is_int(value)  # noqa: E731 - one of a row
    elif isinstance(kind, kinds.BoolType):
        fits = lambda value: isinstance(value, bool)  # noqa: E731
    else:
        fits = lambda value: value is None  # noqa: E731

    is_float = isinstance(kind, kinds.FloatType)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if not fits(value):
            wrong.add(place, type_mismatch(kind, value))
            return value
        if is_float:
            value = float(value)
        if broken := violated_constraint(kind, value):
            wrong.add(place, broken)
        return value

    return examine


def text(kind: Kind) -> Examine:
    """Return what reads a text as a query or a form does."""
    read = text_parser(kind)
    assert read is not None, "each of these can be read from a text"
    is_decimal, is_bytes = isinstance(kind, kinds.DecimalType), isinstance(kind, BYTES)

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        written = value
        if is_decimal:
            if is_int(value):
                return Decimal(value)
            written = value.text if isinstance(value, WrittenNumber) else value
        if not isinstance(written, str):
            wrong.add(place, type_mismatch(kind, value))
            return value
        try:
            made = read(written)
        except ConversionError as unfit:
            wrong.add(place, str(unfit))
            return value
        return value if is_bytes else made  # msgspec makes bytes of base64 itself

    return examine


def choice(kind: kinds.EnumType | kinds.LiteralType) -> Examine:
    """Return what reads one of several values."""
    if isinstance(kind, kinds.EnumType):
        make = kind.cls
        types = {type(member.value) for member in make}

        def is_there(value: Any) -> bool:
            try:
                make(value)
            except ValueError:
                return False
            return True
    else:
        types = {type(value) for value in kind.values}
        choices = kind.values

        def is_there(value: Any) -> bool:
            return value in choices

    def examine(value: Any, place: Place, wrong: JSONErrors) -> Any:
        if type(value) not in types or not is_there(value):
            wrong.add(place, type_mismatch(kind, value))
        return value

    return examine

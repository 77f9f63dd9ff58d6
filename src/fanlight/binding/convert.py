"""Read a text as a value: what a query, a form or a path sends as what a view asks for.

In: a kind, once; then texts. Out: values. Refuses, as `Unfit` with a plain message, what is not
written the one way each kind is written; Python's own readers let more through (other scripts'
digits, underscores, "nan", week dates). Nothing here is quadratic in what a client sends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect as kinds

from fanlight.binding.kinds import (
    Kind,
    constraint_checker,
    describe_type,
    literal_text,
    plain,
    short_repr,
    split_optional,
    type_mismatch,
)

Reader = Callable[[str], object]

_NUMBER_CHARACTERS = 128  # int() is quadratic in the length, so longer numbers do not fit
_INT = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_CLOCK_CHARACTERS = 128  # of a date, a time, a duration
_NO_SECONDS = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ])?[0-9]{2}:[0-9]{2}(?=[Zz+-]|\Z)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
# As people, HTML checkboxes ("on") and programs write it.
_BOOL = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}


class ConversionError(ValueError):
    """A value is not what is asked for; the message says so in plain words."""


class ConstraintError(ConversionError):
    """A value is of the kind that is asked for, but breaks one of its bounds."""


def text_parser(kind: Kind) -> Reader | None:
    """Return what reads a text as this kind, None if no text can be it. It raises Unfit."""
    kind = split_optional(plain(kind))[0]
    if isinstance(kind, kinds.UnionType):
        return _first_of(kind)
    if isinstance(kind, kinds.EnumType):
        return _member(kind)
    if isinstance(kind, kinds.LiteralType):
        return _choice(kind)
    read = _READERS.get(type(kind))
    rule = constraint_checker(kind)
    if read is None or rule is None:
        return read
    reads, breaks = read, rule

    def read_within_bounds(text: str) -> object:
        value = reads(text)
        if broken := breaks(value):
            raise ConstraintError(broken)
        return value

    return read_within_bounds


def _first_of(kind: kinds.UnionType) -> Reader | None:
    """Return what reads a text as the first kind of a union that it fits; as a text only if it is nothing else."""
    members = sorted(map(plain, kind.types), key=lambda each: _RANKS.get(type(each), 1))
    readers = [reader for each in members if (reader := text_parser(each)) is not None]
    if len(readers) < len(members):
        return None
    said = describe_type(kind)

    def read_first(text: str) -> object:
        meant: ConversionError | None = None
        for read in readers:
            try:
                return read(text)
            except ConstraintError as unfit:
                meant = meant or unfit
            except ConversionError:
                continue
        raise meant or ConversionError(f"{short_repr(text)} is not {said}")

    return read_first


def path_coercer(kind: Kind, read_as: str) -> Callable[[object], object] | None:
    """Return what makes this kind of a value that the path has given already, None if nothing can.

    `read_as` is the converter of the path: "int", "float", "uuid" or "date". Raises Unfit.
    """
    kind = plain(split_optional(plain(kind))[0])
    given = {"int": kinds.IntType, "float": kinds.FloatType, "uuid": kinds.UUIDType, "date": kinds.DateType}[read_as]
    make: Callable[[object], object] | None = None
    if type(kind) is given or isinstance(kind, kinds.AnyType):
        make = identity
    elif given is kinds.IntType and isinstance(kind, kinds.FloatType):
        make = _whole_float
    elif given is kinds.IntType and isinstance(kind, kinds.DecimalType):
        make = Decimal  # type: ignore[assignment]  # it is given an int
    elif given is kinds.IntType and isinstance(kind, kinds.EnumType | kinds.LiteralType):
        choose = text_parser(kind)
        assert choose is not None
        return lambda value: choose(str(value))
    rule = constraint_checker(kind)
    if make is None or rule is None:
        return make
    makes, breaks = make, rule

    def keep_within_bounds(value: object) -> object:
        value = makes(value)
        if broken := breaks(value):
            raise ConstraintError(broken)
        return value

    return keep_within_bounds


def identity(value: object) -> object:
    """Return what it is given: nothing is to be done."""
    return value


def _whole_float(value: object) -> object:
    try:
        return float(value)  # type: ignore[arg-type]  # the path has read an int
    except OverflowError:
        raise ConversionError(f"{short_repr(value)} is not a number of a size that can be") from None


def _choice(kind: kinds.LiteralType) -> Reader:
    said = describe_type(kind)
    choices = {literal_text(value): value for value in kind.values}

    def choose(text: str) -> object:
        try:
            return choices[text]
        except KeyError:
            raise ConversionError(f"{short_repr(text)} is not {said}") from None

    return choose


def _member(kind: kinds.EnumType) -> Reader:
    """Return what reads a text as a member of an Enum: by its value, or by what the class makes of it."""
    said, make = describe_type(kind), kind.cls
    members = {str(member.value): member for member in make.__members__.values()}
    is_number = issubclass(make, int) or all(isinstance(member.value, int) for member in make)

    def choose(text: str) -> object:
        if (member := members.get(text)) is not None:
            return member
        try:
            # A combination of flags is no member, and a class may have a `_missing_`.
            return make(_read_int(text) if is_number else text)
        except ValueError:
            raise ConversionError(f"{short_repr(text)} is not {said}") from None

    return choose


def _refuse(kind: Kind, text: str) -> ConversionError:
    return ConversionError(type_mismatch(kind, text))


def _read_int(text: str) -> object:
    if len(text) <= _NUMBER_CHARACTERS and _INT.fullmatch(text):
        return int(text)
    raise _refuse(kinds.IntType(), text)


def _read_float(text: str) -> object:
    if len(text) <= _NUMBER_CHARACTERS and _NUMBER.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
    raise _refuse(kinds.FloatType(), text)


def _read_decimal(text: str) -> object:
    if len(text) <= _NUMBER_CHARACTERS and _NUMBER.fullmatch(text):
        return Decimal(text)
    raise _refuse(kinds.DecimalType(), text)


def _read_bool(text: str) -> object:
    try:
        return _BOOL[text.lower()]
    except KeyError:
        raise _refuse(kinds.BoolType(), text) from None


def _read_uuid(text: str) -> object:
    if _UUID.fullmatch(text):
        return UUID(text)
    raise _refuse(kinds.UUIDType(), text)


def _by_msgspec(make: Any, kind: Kind) -> Reader:
    """Return what reads a text as msgspec reads it in JSON, so that both read the same."""

    def read_it(text: str) -> object:
        if len(text) <= _CLOCK_CHARACTERS or make is bytes:
            try:
                return msgspec.convert(_with_seconds(text) if ":" in text else text, make)
            except msgspec.ValidationError:  # the 31st of February
                pass
        raise _refuse(kind, text)

    return read_it


def _with_seconds(text: str) -> str:
    """Return a date and time, or a time, with the seconds that `<input type="datetime-local">` leaves out."""
    found = _NO_SECONDS.match(text)
    return f"{text[: found.end()]}:00{text[found.end() :]}" if found else text


_READERS: Mapping[type[Kind], Reader] = {
    kinds.StrType: identity,
    kinds.AnyType: identity,
    kinds.IntType: _read_int,
    kinds.FloatType: _read_float,
    kinds.DecimalType: _read_decimal,
    kinds.BoolType: _read_bool,
    kinds.UUIDType: _read_uuid,
    kinds.DateType: _by_msgspec(date, kinds.DateType()),
    kinds.DateTimeType: _by_msgspec(datetime, kinds.DateTimeType()),
    kinds.TimeType: _by_msgspec(time, kinds.TimeType()),
    kinds.TimeDeltaType: _by_msgspec(timedelta, kinds.TimeDeltaType()),
    kinds.BytesType: _by_msgspec(bytes, kinds.BytesType()),
    kinds.ByteArrayType: lambda text: bytearray(_READERS[kinds.BytesType](text)),  # type: ignore[call-overload]
    kinds.MemoryViewType: lambda text: memoryview(_READERS[kinds.BytesType](text)),  # type: ignore[arg-type]
}
# Of a union, numbers are tried first, and last what takes any text.
_RANKS: Mapping[type[Kind], int] = {
    kinds.IntType: -2,
    kinds.FloatType: -1,
    kinds.DecimalType: -1,
    kinds.StrType: 2,
    kinds.AnyType: 3,
}

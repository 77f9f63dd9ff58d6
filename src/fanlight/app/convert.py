"""Read a text as a value: what a query, a form or a path sends as what a view asks for.

In: a kind, once; then texts. Out: values. Refuses, as `Unfit` with a plain message, what is not
written the one way each kind is written; Python's own readers let more through (other scripts'
digits, underscores, "nan", week dates). Nothing here is quadratic in what a client sends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from msgspec import inspect as kinds

from fanlight.app.kinds import Kind, misfit, optional, plain, rule_of, says, shown

Reader = Callable[[str], object]

_NUMBER_CHARACTERS = 128  # int() is quadratic in the length, so longer numbers do not fit
_INT = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?"
_TIME = re.compile(_CLOCK)
_DATETIME = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ]{_CLOCK}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# As people, HTML checkboxes ("on") and programs write it.
_BOOL = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}


class Unfit(ValueError):
    """A value is not what is asked for; the message says so in plain words."""


def reader_of(kind: Kind) -> Reader | None:
    """Return what reads a text as this kind, None if no text can be it. It raises Unfit."""
    kind = plain(optional(plain(kind))[0])
    if isinstance(kind, kinds.EnumType):
        return _choice(kind, {str(member.value): member for member in kind.cls.__members__.values()})
    if isinstance(kind, kinds.LiteralType):
        return _choice(kind, {str(value): value for value in kind.values})
    read = _READERS.get(type(kind))
    rule = rule_of(kind)
    if read is None or rule is None:
        return read
    reads, breaks = read, rule

    def read_within_bounds(text: str) -> object:
        value = reads(text)
        if broken := breaks(value):
            raise Unfit(broken)
        return value

    return read_within_bounds


def keeper_of(kind: Kind, read_as: str) -> Callable[[object], object] | None:
    """Return what makes this kind of a value that the path has given already, None if nothing can.

    `read_as` is the converter of the path: "int", "float", "uuid" or "date". Raises Unfit.
    """
    kind = plain(optional(plain(kind))[0])
    given = {"int": kinds.IntType, "float": kinds.FloatType, "uuid": kinds.UUIDType, "date": kinds.DateType}[read_as]
    make: Callable[[object], object] | None = None
    if type(kind) is given or isinstance(kind, kinds.AnyType):
        make = as_it_is
    elif given is kinds.IntType and isinstance(kind, kinds.FloatType):
        make = _whole_float
    elif given is kinds.IntType and isinstance(kind, kinds.DecimalType):
        make = Decimal  # type: ignore[assignment]  # it is given an int
    elif given is kinds.IntType and isinstance(kind, kinds.EnumType | kinds.LiteralType):
        choose = reader_of(kind)
        assert choose is not None
        return lambda value: choose(str(value))
    rule = rule_of(kind)
    if make is None or rule is None:
        return make
    makes, breaks = make, rule

    def keep_within_bounds(value: object) -> object:
        value = makes(value)
        if broken := breaks(value):
            raise Unfit(broken)
        return value

    return keep_within_bounds


def as_it_is(value: object) -> object:
    """Return what it is given: nothing is to be done."""
    return value


def _whole_float(value: object) -> object:
    try:
        return float(value)  # type: ignore[arg-type]  # the path has read an int
    except OverflowError:
        raise Unfit(f"{shown(value)} is not a number of a size that can be") from None


def _choice(kind: Kind, members: Mapping[str, object]) -> Reader:
    said = says(kind)

    def choose(text: str) -> object:
        try:
            return members[text]
        except KeyError:
            raise Unfit(f"{shown(text)} is not {said}") from None

    return choose


def _refuse(kind: Kind, text: str) -> Unfit:
    return Unfit(misfit(kind, text))


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


def _from_iso(pattern: re.Pattern[str], read: Callable[[str], object], kind: Kind) -> Reader:
    def read_iso(text: str) -> object:
        if pattern.fullmatch(text):
            try:
                return read(text.upper())
            except ValueError:  # the 31st of February
                pass
        raise _refuse(kind, text)

    return read_iso


_READERS: Mapping[type[Kind], Reader] = {
    kinds.StrType: as_it_is,
    kinds.AnyType: as_it_is,
    kinds.IntType: _read_int,
    kinds.FloatType: _read_float,
    kinds.DecimalType: _read_decimal,
    kinds.BoolType: _read_bool,
    kinds.UUIDType: _read_uuid,
    kinds.DateType: _from_iso(_DATE, date.fromisoformat, kinds.DateType()),
    kinds.DateTimeType: _from_iso(_DATETIME, datetime.fromisoformat, kinds.DateTimeType()),
    kinds.TimeType: _from_iso(_TIME, time.fromisoformat, kinds.TimeType()),
}

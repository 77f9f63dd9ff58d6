"""Convert text from a query, a form, a cookie or a path to the type of a parameter, and check its constraints.

In: a kind, once; then texts, or values from JSON. Out: values, or the constraint that one violates. Rejects, with
`ConversionError` and a plain message, everything but the one plain notation of each type: Python's own conversions
accept more (digits of other scripts, underscores, "nan", week dates). No conversion takes time quadratic in what a
client sends.

The converters of the path (`routing/converter.py`) are another grammar on purpose: there each value has one notation,
so that each page has one address, and a text that does not match is another route and no error.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect as kinds

from fanlight.binding.describe import describe_type, literal_text, short_repr, type_mismatch
from fanlight.binding.kinds import BINARY, Kind, split_optional, strip_metadata
from fanlight.lazy_pattern import lazy_pattern

TextParser = Callable[[str], object]
# The kinds that the path converts itself, and the name of the converter.
PATH_CONVERTERS: Mapping[type[Kind], str] = {
    kinds.IntType: "int",
    kinds.FloatType: "float",
    kinds.UUIDType: "uuid",
    kinds.DateType: "date",
}

_CHARACTERS = 128  # of a number, a date, a duration: int() takes time quadratic in the length
_INT = lazy_pattern(r"[+-]?[0-9]+")
_NUMBER = lazy_pattern(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NO_SECONDS = lazy_pattern(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ])?[0-9]{2}:[0-9]{2}(?=[Zz+-]|\Z)")
_UUID = lazy_pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
# As people, HTML checkboxes ("on") and programs write it.
_BOOL = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
_CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
_COMPARISONS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("ge", "at least", operator.ge),
    ("gt", "more than", operator.gt),
    ("le", "at most", operator.le),
    ("lt", "less than", operator.lt),
    ("multiple_of", "a multiple of", lambda value, step: value % step == 0),
)
_SIZED = (str, bytes, bytearray, memoryview, list, tuple, set, frozenset, dict)


class ConversionError(ValueError):
    """A value is not of the wanted type; the message is for the client."""


class ConstraintError(ConversionError):
    """A value is of the wanted type, but violates a constraint."""


def text_parser(kind: Kind) -> TextParser | None:
    """Return a function that converts text to a kind, or raises ConversionError; None if no text can be that kind."""
    kind = split_optional(strip_metadata(kind))[0]
    if isinstance(kind, kinds.UnionType):
        return _union_parser(kind)
    if isinstance(kind, kinds.EnumType):
        return _enum_parser(kind)
    if isinstance(kind, kinds.LiteralType):
        return _literal_parser(kind)
    return _constrained(_PARSERS.get(type(kind)), kind)


def path_coercer(kind: Kind, converter: str) -> Callable[[Any], object] | None:
    """Return a function from what a path converter ("int", "date") gives to a kind; None if there is no way."""
    kind = strip_metadata(split_optional(strip_metadata(kind))[0])
    if PATH_CONVERTERS.get(type(kind)) == converter or isinstance(kind, kinds.AnyType):
        return _constrained(identity, kind)
    if converter != "int":
        return None
    if isinstance(kind, kinds.FloatType):
        return _constrained(_int_to_float, kind)
    if isinstance(kind, kinds.DecimalType):
        return Decimal
    if isinstance(kind, kinds.EnumType | kinds.LiteralType):
        choose = text_parser(kind)
        assert choose is not None
        return lambda value: choose(str(value))
    return None


def identity(value: object) -> object:
    """Return the value unchanged: there is nothing to convert."""
    return value


def _constrained(convert: Callable[[Any], object] | None, kind: Kind) -> Callable[[Any], object] | None:
    """Return a conversion that also checks the constraints of a kind, if it has any."""
    check = constraint_checker(kind)
    if convert is None or check is None:
        return convert

    def convert_and_check(value: Any) -> object:
        value = convert(value)
        if violated := check(value):
            raise ConstraintError(violated)
        return value

    return convert_and_check


def _union_parser(kind: kinds.UnionType) -> TextParser | None:
    """Return a parser that tries the members in turn; those that accept any text are last."""
    members = sorted(map(strip_metadata, kind.types), key=lambda each: _UNION_ORDER.get(type(each), 1))
    parsers = [parser for each in members if (parser := text_parser(each)) is not None]
    if len(parsers) < len(members):
        return None
    wanted = describe_type(kind)

    def parse(text: str) -> object:
        violation: ConversionError | None = None
        for parse_member in parsers:
            try:
                return parse_member(text)
            except ConstraintError as error:  # of this type, so its message is more precise
                violation = violation or error
            except ConversionError:
                continue
        raise violation or ConversionError(f"{short_repr(text)} is not {wanted}")

    return parse


def _literal_parser(kind: kinds.LiteralType) -> TextParser:
    wanted = describe_type(kind)
    choices = {literal_text(value): value for value in kind.values}

    def parse(text: str) -> object:
        try:
            return choices[text]
        except KeyError:
            raise ConversionError(f"{short_repr(text)} is not {wanted}") from None

    return parse


def _enum_parser(kind: kinds.EnumType) -> TextParser:
    """Return a parser for the values of an Enum, and for what the class itself makes a member of."""
    wanted, cls = describe_type(kind), kind.cls
    members = {str(member.value): member for member in cls.__members__.values()}
    is_number = issubclass(cls, int) or all(isinstance(member.value, int) for member in cls)

    def parse(text: str) -> object:
        if (member := members.get(text)) is not None:
            return member
        try:
            # A combination of flags is not a member, and a class may have a `_missing_`.
            return cls(_parse_int(text) if is_number else text)
        except ValueError:
            raise ConversionError(f"{short_repr(text)} is not {wanted}") from None

    return parse


def _int_to_float(value: int) -> object:
    try:
        return float(value)
    except OverflowError:
        raise ConversionError(f"{short_repr(value)} is too large for a number") from None


def _matching(kind: Kind, pattern: re.Pattern[str], convert: TextParser) -> TextParser:
    """Return a parser for short texts that match a pattern."""
    matches = pattern.fullmatch

    def parse(text: str) -> object:
        if len(text) <= _CHARACTERS and matches(text):
            return convert(text)
        raise ConversionError(type_mismatch(kind, text))

    return parse


def _parse_float(text: str) -> object:
    if len(text) <= _CHARACTERS and _NUMBER.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
    raise ConversionError(type_mismatch(kinds.FloatType(), text))


_parse_int = _matching(kinds.IntType(), _INT, int)


def _parse_bool(text: str) -> object:
    try:
        return _BOOL[text.lower()]
    except KeyError:
        raise ConversionError(type_mismatch(kinds.BoolType(), text)) from None


def _msgspec_parser(cls: Any, kind: Kind) -> TextParser:
    """Return a parser that accepts what msgspec accepts in a JSON string, so that text and JSON agree."""

    def parse(text: str) -> object:
        if len(text) <= _CHARACTERS or cls is bytes:
            try:
                # `<input type="datetime-local">` sends no seconds
                short = _NO_SECONDS.match(text) if ":" in text else None
                return msgspec.convert(f"{short[0]}:00{text[short.end() :]}" if short else text, cls)
            except msgspec.ValidationError:  # also for the 31st of February
                pass
        raise ConversionError(type_mismatch(kind, text))

    return parse


_parse_bytes: Callable[[str], Any] = _msgspec_parser(bytes, kinds.BytesType())
_PARSERS: Mapping[type[Kind], TextParser] = {
    kinds.StrType: identity,
    kinds.AnyType: identity,
    kinds.IntType: _parse_int,
    kinds.FloatType: _parse_float,
    kinds.DecimalType: _matching(kinds.DecimalType(), _NUMBER, Decimal),
    kinds.BoolType: _parse_bool,
    kinds.UUIDType: _matching(kinds.UUIDType(), _UUID, UUID),
    kinds.DateType: _msgspec_parser(date, kinds.DateType()),
    kinds.DateTimeType: _msgspec_parser(datetime, kinds.DateTimeType()),
    kinds.TimeType: _msgspec_parser(time, kinds.TimeType()),
    kinds.TimeDeltaType: _msgspec_parser(timedelta, kinds.TimeDeltaType()),
    kinds.BytesType: _parse_bytes,
    kinds.ByteArrayType: lambda text: bytearray(_parse_bytes(text)),
    kinds.MemoryViewType: lambda text: memoryview(_parse_bytes(text)),
}
# Numbers are tried before texts.
_UNION_ORDER: Mapping[type[Kind], int] = {
    kinds.IntType: -2,
    kinds.FloatType: -1,
    kinds.DecimalType: -1,
    kinds.StrType: 2,
    kinds.AnyType: 3,
}


# --- constraints --------------------------------------------------------------------------------------


def constraint_checker(kind: Kind) -> Callable[[object], str] | None:
    """Return a function that names the constraint which a value violates ("must be at least 1"), or returns "".

    None if the kind has no constraints.
    """
    if all(getattr(kind, name, None) is None for name in _CONSTRAINTS):
        return None
    # PERF: benchmarks/forms.py: the kind is looked at here, and not for each value.
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        return partial(_violated_bound, kind)
    if isinstance(kind, kinds.DateTimeType | kinds.TimeType):
        return partial(_violated_time_zone, kind)
    if isinstance(kind, kinds.StrType):
        check_length = partial(_violated_length, kind, what="characters")
        return check_length if kind.pattern is None else _pattern_checker(kind.pattern, check_length)
    return partial(_violated_length, kind, what="bytes" if isinstance(kind, BINARY) else "items")


def _violated_bound(kind: kinds.IntType | kinds.FloatType, value: object) -> str:
    assert isinstance(value, int | float)
    for name, words, holds in _COMPARISONS:
        bound = getattr(kind, name)
        if bound is not None and not holds(value, bound):
            return f"must be {words} {bound}"
    return ""


def _violated_length(kind: Kind, value: object, what: str) -> str:
    length = len(value) if isinstance(value, _SIZED) else 0
    least, most = getattr(kind, "min_length", None), getattr(kind, "max_length", None)
    if least is not None and length < least:
        return f"must have at least {least} {what if least != 1 else what[:-1]}"
    if most is not None and length > most:
        return f"must have at most {most} {what if most != 1 else what[:-1]}"
    return ""


def _pattern_checker(pattern: str, check_length: Callable[[object], str]) -> Callable[[object], str]:
    search = re.compile(pattern).search

    def check(value: object) -> str:
        # SECURITY: tests/binding/test_convert.py: a text that is too long is not searched, however long that would take
        wrong = check_length(value)
        if wrong or not isinstance(value, str) or search(value):
            return wrong
        return f"{short_repr(value)} does not match {pattern}"

    return check


def _violated_time_zone(kind: kinds.DateTimeType | kinds.TimeType, value: object) -> str:
    has_zone = getattr(value, "tzinfo", None) is not None
    if kind.tz is None or kind.tz is has_zone:
        return ""
    return "must include a time zone, like Z or +02:00" if kind.tz else "must not include a time zone"

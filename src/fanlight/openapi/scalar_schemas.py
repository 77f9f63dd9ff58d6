"""JSON Schema of single values: numbers, strings, dates, choices.

In: a kind, and the direction: what is sent to the site, or by it. Out: its schema (JSON Schema 2020-12, the dialect of
OpenAPI 3.1). For what the site reads, each schema names what is accepted and no more: a client that keeps to it is
never refused for the form of a value. For what it sends, each names all that may be sent.

msgspec has a generator of its own (`msgspec.json.schema`). It has one schema for both directions, and neither is exact
for what this package reads: any text for bytes and decimals, durations in months, distinct items of a set.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping
from enum import Flag
from typing import Any

from msgspec import inspect as kinds

from fanlight.binding.kinds import Kind

Schema = dict[str, Any]

_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_DIGITS = "(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)"
DECIMAL_PATTERN = f"^[+-]?{_DIGITS}(?:[eE][+-]?[0-9]{{1,4}})?$"
_BASE64_PATTERN = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_TIME_PARTS = "(?:[0-9]{1,4}H(?:[0-9]{1,4}M)?(?:[0-9]{1,4}S)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S)"
_DURATION_PATTERN = f"^-?P(?:[0-9]{{1,5}}D(?:T{_TIME_PARTS})?|T{_TIME_PARTS})$"
_SENT_DURATION_PATTERN = "^-?P(?:[0-9]+D)?(?:T[0-9]+(?:[.][0-9]+)?S)?$"
DURATION_PATTERNS = (_DURATION_PATTERN, _SENT_DURATION_PATTERN)
_UNTRANSLATABLE = re.compile(
    r"\(\?(?!:|=|!|<=|<!|P<|P=)|\\[AZ]|[*+?}]\+"
)  # flags, anchors and quantifiers of Python alone
_NAMED_GROUP = re.compile(r"\(\?P<")


def scalar_schema(kind: Kind, *, is_input: bool) -> Schema | None:
    """Return the schema of a kind that is a single value, None for any other kind."""
    make = _MAKERS.get(type(kind))
    return None if make is None else make(kind, is_input)


def choice_schema(values: list[Any]) -> Schema:
    """Return the schema of a value that is one of a few."""
    types = list(dict.fromkeys(_TYPE_NAMES[type(each)] for each in values))
    return {"type": types[0] if len(types) == 1 else types, "enum": values}


_TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def enum_schema(kind: kinds.EnumType) -> Schema:
    """Return the schema of an Enum; a Flag is a sum of its members."""
    if issubclass(kind.cls, Flag):
        return {
            "type": "integer",
            "minimum": 0,
            "maximum": functools.reduce(operator.or_, (each.value for each in kind.cls)),
        }
    return choice_schema([member.value for member in kind.cls])


def sized(schema: Schema, kind: Kind, least: str, most: str, scale: Callable[[int], int] = lambda size: size) -> Schema:
    """Return a schema with the bounds on the size of a kind, by these names."""
    bounds: Any = kind  # all that have a size have both
    for name, bound in ((least, bounds.min_length), (most, bounds.max_length)):
        if bound is not None:
            schema[name] = scale(bound)
    return schema


def pattern_for_clients(pattern: str) -> str | None:
    """Return a regular expression of Python as clients in other languages read it; None if it says something else."""
    if _UNTRANSLATABLE.search(pattern):
        return None
    return _NAMED_GROUP.sub("(?<", pattern)


def _number(kind: kinds.IntType | kinds.FloatType, _: bool) -> Schema:  # noqa: FBT001 - all have one form
    schema: Schema = {"type": "integer" if isinstance(kind, kinds.IntType) else "number"}
    for attribute, name in _BOUNDS.items():
        if (bound := getattr(kind, attribute)) is not None:
            schema[name] = bound
    return schema


def _string(kind: kinds.StrType, _: bool) -> Schema:  # noqa: FBT001 - as above
    schema = sized({"type": "string"}, kind, "minLength", "maxLength")
    if kind.pattern is not None and (pattern := pattern_for_clients(kind.pattern)) is not None:
        schema["pattern"] = pattern
    return schema


def _binary(kind: Kind, is_input: bool) -> Schema:  # noqa: FBT001 - as above
    schema = {"type": "string", "contentEncoding": "base64"} | ({"pattern": _BASE64_PATTERN} if is_input else {})
    return sized(schema, kind, "minLength", "maxLength", lambda size: 4 * ((size + 2) // 3))


def _zoned(name: str) -> Callable[[Any, bool], Schema]:
    """Return what makes the schema of a date and time, or of a time, by whether it has a time zone."""

    def make(kind: Any, is_input: bool) -> Schema:  # noqa: FBT001 - as above
        if kind.tz is None and not is_input:
            return {"type": "string"}  # with a zone or without one: no format has both
        return {"type": "string", "format": f"{name}-local" if kind.tz is False else name}

    return make


def _decimal(_: Kind, is_input: bool) -> Schema:  # noqa: FBT001 - as above
    # A pattern is for strings only, so a number is accepted as it is.
    if is_input:
        return {"type": ["string", "number"], "format": "decimal", "pattern": DECIMAL_PATTERN}
    return {"type": "string", "format": "decimal"}


def _duration(_: Kind, is_input: bool) -> Schema:  # noqa: FBT001 - as above
    # Not the format "duration": that has months and weeks, and no sign (RFC 3339, appendix A).
    return {"type": "string", "pattern": _DURATION_PATTERN if is_input else _SENT_DURATION_PATTERN}


def _literal(kind: kinds.LiteralType, _: bool) -> Schema:  # noqa: FBT001 - as above
    return choice_schema(list(kind.values))


_MAKERS: Mapping[type[Kind], Callable[[Any, bool], Schema]] = {
    kinds.AnyType: lambda *_: {},
    kinds.RawType: lambda *_: {},
    kinds.NoneType: lambda *_: {"type": "null"},
    kinds.BoolType: lambda *_: {"type": "boolean"},
    kinds.IntType: _number,
    kinds.FloatType: _number,
    kinds.StrType: _string,
    kinds.BytesType: _binary,
    kinds.ByteArrayType: _binary,
    kinds.MemoryViewType: _binary,
    kinds.DateTimeType: _zoned("date-time"),
    kinds.TimeType: _zoned("time"),
    kinds.DateType: lambda *_: {"type": "string", "format": "date"},
    kinds.TimeDeltaType: _duration,
    kinds.UUIDType: lambda *_: {"type": "string", "format": "uuid"},
    kinds.DecimalType: _decimal,
    kinds.LiteralType: _literal,
}

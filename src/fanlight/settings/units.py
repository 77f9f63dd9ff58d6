"""Parse the text of a setting's value, and format a value as such a text.

In: text ("64k", "1.5m", "yes", "660", "a,b"), and the setting it is for. Out: the value. Refuses text that can't be
parsed, as InvalidSetting with the flag or variable it was given as and the form that it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field
from decimal import Decimal
from typing import Any

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.field import SettingInfo, Unit, info_of, validation_error

AUTO, NONE = "auto", "none"
_NUMBER = lazy_pattern(r"(\d+(?:_\d+)*(?:\.\d+)?) ?([a-zA-Z]*)", re.ASCII)
_MAX_CHARACTERS = 40  # of a number; no bound of a setting needs more
_MODE = lazy_pattern(r"(?:0[oO])?([0-7]{1,5})")
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30}
_TIMES = {"": Decimal(1), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600),
          "d": Decimal(86400)}  # fmt: skip
_SWITCH = dict.fromkeys(("yes", "true", "1", "on"), True) | dict.fromkeys(("no", "false", "0", "off"), False)
_EXPECTED: dict[Unit, str] = {
    "bytes": "bytes, like 16384, 64k or 16MiB",
    "seconds": "a time, like 10, 500ms, 10s, 2m or 1h",
    "count": "a whole number",
    "switch": "yes or no",
    "mode": "permissions in octal, like 660",
}


def parse(each: Field[Any], text: str, name: str) -> Any:
    """Return the value of a setting from its text; `name` is what the text was given as. Raises InvalidSetting."""
    info = info_of(each)
    if info.has_auto and text.strip().lower() == AUTO:
        return usable_cpus()
    if info.has_none and text.strip().lower() == NONE:
        return ""
    try:
        value = _value(text, info, is_whole=each.type == "int")
    except (ValueError, KeyError):
        expected = _EXPECTED[info.unit] + (f", or {AUTO}" if info.has_auto else "")
        raise InvalidSetting(f"{name} is {text!r}; it takes {expected}") from None
    wrong = validation_error(value, each)
    if wrong:
        raise InvalidSetting(f"{name} is {wrong}")
    return value


def format_value(value: Any, info: SettingInfo) -> str:
    """Return a short text for a value; `parse` turns it back into the value."""
    if info.is_list or value is None:
        return ",".join(value or ())
    return _FORMATTERS.get(info.unit, str)(value)


def _format_size(size: int) -> str:
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZES[unit.lower()] == 0:
            return f"{size // _SIZES[unit.lower()]}{unit}"
    return str(size)


def format_bytes(size: float) -> str:
    """Return a size for people, rounded to one decimal: "16 MiB", "1.5 GiB", "321 B"."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _SIZES[unit.lower()]:
            return f"{size / _SIZES[unit.lower()]:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{size:g} B"


_FORMATTERS: Mapping[Unit, Callable[[Any], str]] = {
    "bytes": _format_size,
    "seconds": lambda value: f"{int(value) if value == int(value) else value}s" if value else "0",
    "switch": lambda value: "yes" if value else "no",
    "mode": lambda value: f"{value:o}",
}


def _value(text: str, info: SettingInfo, *, is_whole: bool) -> Any:
    """Return the value of a text. Raises ValueError or KeyError."""
    if info.is_list:
        return tuple(part for item in text.split(",") if (part := item.strip()))
    text = text.strip()
    if info.unit == "bytes":
        return _whole(_number(text, _SIZES, str.lower))  # not kB and MB, which may mean 1000 or 1024
    if info.unit == "seconds":
        seconds = _number(text, _TIMES)
        return _whole(seconds) if is_whole or seconds == int(seconds) else float(seconds)
    return _PARSERS.get(info.unit, str)(text)


def _mode(text: str) -> int:
    found = _MODE.fullmatch(text)  # int() accepts signs, underscores and digits of other scripts
    if found is None:
        raise ValueError
    return int(found[1], 8)


def _number(text: str, factors: Mapping[str, Decimal | int], unit_of: Callable[[str], str] = str) -> Decimal:
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _MAX_CHARACTERS:
        raise ValueError
    return Decimal(found[1]) * factors[unit_of(found[2])]


def _whole(number: Decimal) -> int:
    if number != int(number):
        raise ValueError
    return int(number)


_PARSERS: Mapping[Unit, Callable[[str], Any]] = {
    "count": lambda text: _whole(_number(text, {"": 1})),
    "switch": lambda text: _SWITCH[text.lower()],
    "mode": _mode,
}

"""Read what a person writes for a setting, and write it as he may.

In: a text ("64k", "1.5m", "yes", "660", "a,b"), and the setting it is for. Out: the value. Refuses, as
InvalidSetting, with the name under which it was given, what can't be read, and says what would be.
Knows nothing of where the text comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field
from decimal import Decimal
from typing import Any

from fanlight.errors import InvalidSetting
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.field import SettingInfo, Unit, info_of, validation_error

AUTO, NONE = "auto", "none"
_NUMBER = re.compile(r"(\d+(?:_\d+)*(?:\.\d+)?) ?([a-zA-Z]*)", re.ASCII)
_MOST_CHARACTERS = 40  # of a number; no bound of a setting needs as many
_MODE = re.compile(r"(?:0[oO])?([0-7]{1,5})")
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30}
_TIMES = {"": Decimal(1), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600),
          "d": Decimal(86400)}  # fmt: skip
_YES, _NO = frozenset({"yes", "true", "1", "on"}), frozenset({"no", "false", "0", "off"})
_RIGHT: dict[Unit, str] = {
    "bytes": "bytes, like 16384, 64k or 16MiB",
    "bytes/second": "bytes for each second, like 1024 or 1k",
    "seconds": "a time, like 10, 500ms, 10s, 2m or 1h",
    "count": "a whole number",
    "switch": "yes or no",
    "mode": "permissions in octal, like 660",
}


def parse(each: Field[Any], text: str, name: str) -> Any:
    """Return the value of a setting that was given as text, under a name. Raises InvalidSetting."""
    info = info_of(each)
    if info.has_auto and text.strip().lower() == AUTO:
        return usable_cpus()
    if info.has_none and text.strip().lower() == NONE:
        return ""
    try:
        value = _value(text, info, is_whole=each.type == "int")
    except ValueError:
        right = _RIGHT[info.unit] + (f", or {AUTO}" if info.has_auto else "")
        raise InvalidSetting(f"{name} is {text!r}; it takes {right}") from None
    wrong = validation_error(value, each)
    if wrong:
        raise InvalidSetting(f"{name} is {wrong}")
    return value


def format_value(value: Any, info: SettingInfo) -> str:
    """Return a value as a person may write it: a short text that `read` takes for it."""
    if info.is_list or value is None:
        return ",".join(value or ())
    writers: dict[Unit, Callable[[Any], str]] = {
        "bytes": _written_size,
        "bytes/second": _written_size,
        "seconds": lambda value: f"{int(value) if value == int(value) else value}s" if value else "0",
        "switch": lambda value: "yes" if value else "no",
        "mode": lambda value: f"{value:o}",
    }
    return writers.get(info.unit, str)(value)


def _written_size(size: int) -> str:
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


def _value(text: str, info: SettingInfo, *, is_whole: bool) -> Any:
    if info.is_list:
        return tuple(part for item in text.split(",") if (part := item.strip()))
    text = text.strip()
    readers: dict[Unit, Callable[[str], Any]] = {
        "bytes": _size,
        "bytes/second": lambda text: _size(text.removesuffix("/s")),
        "seconds": lambda text: _seconds(text, is_whole=is_whole),
        "count": _count,
        "switch": _switch,
        "mode": _mode,
    }
    return readers.get(info.unit, str)(text)


def _number_of(text: str) -> tuple[Decimal, str]:
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _MOST_CHARACTERS:
        raise ValueError
    return Decimal(found[1]), found[2]


def _whole(number: Decimal) -> int:
    if number != int(number):
        raise ValueError
    return int(number)


def _size(text: str) -> int:
    number, unit = _number_of(text)
    if unit.lower() not in _SIZES:  # kB and MB are thousands to some, and 1024 to others
        raise ValueError
    return _whole(number * _SIZES[unit.lower()])


def _seconds(text: str, *, is_whole: bool) -> float:
    number, unit = _number_of(text)
    if unit not in _TIMES:
        raise ValueError
    seconds = number * _TIMES[unit]
    return _whole(seconds) if is_whole or seconds == int(seconds) else float(seconds)


def _count(text: str) -> int:
    number, unit = _number_of(text)
    if unit:
        raise ValueError
    return _whole(number)


def _switch(text: str) -> bool:
    text = text.lower()
    if text not in _YES | _NO:
        raise ValueError
    return text in _YES


def _mode(text: str) -> int:
    found = _MODE.fullmatch(text)  # int() takes signs, underscores and digits of other scripts too
    if found is None:
        raise ValueError
    return int(found[1], 8)

"""A setting: a field of a frozen dataclass, with its unit, its bounds and its help text.

In: a default, a unit, a help text, a group. Out: a dataclass field, from whose metadata the flags, the environment
variables and the documentation are made, and a check of its value. Refuses, as InvalidSetting, a value that does not
fit, and names one that does. Contains no setting itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, field, fields
from typing import Any, Literal, cast

from msgspec import Struct

from fanlight.errors import InvalidSetting

Unit = Literal["bytes", "seconds", "count", "switch", "mode", "address", "network", "file", "folder", "store", "name"]
Group = Literal["Addresses", "Processes", "Site", "TLS", "Behind a proxy", "Monitoring", "Limits"]

NUMBERS: frozenset[Unit] = frozenset({"bytes", "seconds", "count"})
MAX_MODE = 0o777
MAXIMA: dict[Unit, int] = {"bytes": 2**53, "count": 2**53, "seconds": 10**9}  # that clocks and sums can still hold


class SettingInfo(Struct, frozen=True, kw_only=True):
    """The metadata of one setting, beside its name, its type and its default."""

    unit: Unit
    help: str
    group: Group
    least: float = 0
    choices: tuple[str, ...] = ()
    is_list: bool = False
    has_auto: bool = False  # it accepts "auto"
    has_none: bool = False  # it accepts "none", which switches it off


def declare(default: Any, unit: Unit, help_text: str, *, group: Group, **more: Any) -> Any:
    """Return the dataclass field of a setting; `more` are `least`, `choices`, `has_auto` and `has_none`.

    Its type is read from the text of the annotation, so the module needs `from __future__ import annotations`.
    """
    info = SettingInfo(unit=unit, help=help_text, group=group, is_list=isinstance(default, tuple), **more)
    return field(default=default, metadata={"info": info}, repr=unit != "store")  # its URL may contain a password


def setting_fields(kind: type) -> tuple[Field[Any], ...]:
    """Return the fields of a dataclass that are settings."""
    return tuple(each for each in fields(kind) if "info" in each.metadata)


def info_of(each: Field[Any]) -> SettingInfo:
    """Return the metadata of a setting."""
    return cast("SettingInfo", each.metadata["info"])


def validate(owner: Any) -> None:
    """Refuse, as InvalidSetting, an object with a value that does not fit its setting."""
    for each in setting_fields(type(owner)):
        wrong = validation_error(getattr(owner, each.name), each)
        if wrong:
            raise InvalidSetting(f"{type(owner).__name__}.{each.name} is {wrong}")


def validation_error(value: object, each: Field[Any]) -> str:
    """Return why a value does not fit a setting, to be put behind "... is", or "" if it does."""
    info = info_of(each)
    if info.unit in NUMBERS:
        return _wrong_number(value, info, is_whole=each.type == "int")
    if info.unit == "switch":
        return "" if isinstance(value, bool) else f"{value!r}; it takes True or False"
    if info.unit == "mode":
        return "" if value is None else _wrong_mode(value)
    if info.is_list:
        is_right = isinstance(value, tuple) and all(isinstance(item, str) and item for item in value)
        return "" if is_right else f"{value!r}; it takes a tuple of strings"
    if info.unit == "store" and isinstance(value, str):
        return ""  # `Options` reads it: no message may show it
    return _wrong_text(value, info.choices)


def _wrong_number(value: object, info: SettingInfo, *, is_whole: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return f"{value!r}; it takes a {'whole number' if info.unit == 'count' else f'number of {info.unit}'}"
    if is_whole and not isinstance(value, int):
        return f"{value!r}; it takes a whole number"
    if value > (most := MAXIMA[info.unit]):
        return f"too large; the maximum is {most}"
    shown = value if value > -most else "too small"  # str() refuses a number of very many digits
    return f"{shown}; the minimum is {info.least:g}" if value < info.least else ""


def _wrong_mode(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value!r}; it takes a number like 0o660"
    return "" if 0 <= value <= MAX_MODE else f"{value:o} (octal); it takes 0 to {MAX_MODE:o}"


def _wrong_text(value: object, choices: Iterable[str]) -> str:
    if not isinstance(value, str):
        return f"{value!r}; it takes a string"
    if "\0" in value:
        return f"{value!r}; it contains a null byte"
    if choices and value not in choices:
        shown = [repr(choice) for choice in choices]
        return f"{value!r}; it takes {', '.join(shown[:-1])} or {shown[-1]}"
    return ""

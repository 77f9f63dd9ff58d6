"""What one setting is: a field of a frozen dataclass, with the words and the bounds that go with it.

In: a default, a unit, a help text, a group. Out: a dataclass field, from whose metadata flags,
environment variables and documents are made, and a check that holds a value to it. Refuses, as
InvalidSetting, a value that makes no sense, and says which would. Knows no setting by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, cast

from fanlight.errors import InvalidSetting

Unit = Literal["bytes", "seconds", "count", "bytes/second", "switch", "mode", "address", "network", "file", "name"]
Group = Literal["Addresses", "Processes", "TLS", "Behind a proxy", "Watching", "Limits"]

NUMBERS: frozenset[Unit] = frozenset({"bytes", "seconds", "count", "bytes/second"})
MOST_MODE = 0o777
MOST: dict[Unit, int] = dict.fromkeys(NUMBERS, 2**53) | {"seconds": 10**9}  # what clocks and sums can still hold


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What is known of one setting beside its name, its type and its default."""

    unit: Unit
    help: str
    group: Group
    least: float = 0
    choices: tuple[str, ...] = ()
    is_list: bool = False
    has_auto: bool = False  # "auto" may be written for it
    has_none: bool = False  # "none" may be written where there shall be none


def declare(default: Any, unit: Unit, help_text: str, *, group: Group, **more: Any) -> Any:
    """Declare one setting; `more` are `least`, `choices`, `has_auto` and `has_none`. Annotations are read as text."""
    info = SettingInfo(unit=unit, help=help_text, group=group, is_list=isinstance(default, tuple), **more)
    metadata = {"unit": unit, "help": help_text, "least": info.least, "choices": info.choices, "info": info}
    return field(default=default, metadata=metadata)


def setting_fields(kind: type) -> tuple[Field[Any], ...]:
    """Return the fields of a dataclass that are settings."""
    return tuple(each for each in fields(kind) if "info" in each.metadata)


def info_of(each: Field[Any]) -> SettingInfo:
    """Return what is known of a setting."""
    return cast("SettingInfo", each.metadata["info"])


def validate(owner: Any) -> None:
    """Refuse, as InvalidSetting, a value that does not fit the setting it was given for."""
    for each in setting_fields(type(owner)):
        wrong = validation_error(getattr(owner, each.name), each)
        if wrong:
            raise InvalidSetting(f"{type(owner).__name__}.{each.name} is {wrong}")


def validation_error(value: object, each: Field[Any]) -> str:
    """Return why a value does not fit a setting, to be read behind "... is", or "" if it does."""
    info = info_of(each)
    if info.unit in NUMBERS:
        return _wrong_number(value, info, is_whole=each.type == "int")
    if info.unit == "switch":
        return "" if isinstance(value, bool) else f"{value!r}; it takes True or False"
    if info.unit == "mode":
        return "" if value is None else _wrong_mode(value)
    if info.is_list:
        is_right = isinstance(value, tuple) and all(isinstance(item, str) and item for item in value)
        return "" if is_right else f"{value!r}; it takes a tuple of texts"
    return _wrong_text(value, info.choices)


def _wrong_number(value: object, info: SettingInfo, *, is_whole: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return f"{value!r}; it takes a {'whole number' if info.unit == 'count' else f'number of {info.unit}'}"
    if is_whole and not isinstance(value, int):
        return f"{value!r}; it takes a whole number"
    if value > (most := MOST[info.unit]):
        return f"over the most that works, {most}"
    shown = value if value > -most else "far below"  # a number of so many digits could not even be written
    return f"{shown}; the least that works is {info.least:g}" if value < info.least else ""


def _wrong_mode(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value!r}; it takes a number like 0o660"
    return "" if 0 <= value <= MOST_MODE else f"{value:o} (octal); it takes 0 to {MOST_MODE:o}"


def _wrong_text(value: object, choices: Iterable[str]) -> str:
    if not isinstance(value, str):
        return f"{value!r}; it takes a text"
    if "\0" in value:
        return f"{value!r}; a zero byte has no place in it"
    if choices and value not in choices:
        shown = [repr(choice) for choice in choices]
        return f"{value!r}; it takes {', '.join(shown[:-1])} or {shown[-1]}"
    return ""

"""Combine the flags, the environment and the arguments of `run()` into one `Options`.

Precedence: flag > environment > argument of `run()` > default, so that the person who runs a site can override the
person who wrote it. Refuses, as InvalidSetting, unknown names, with the closest known one, and values that can't
be parsed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field
from typing import Any, cast

from fanlight.closest_name import closest_name
from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern
from fanlight.settings.addresses import MAX_PORT, MAX_UNIX_PATH_BYTES, PORT, UNIX_PREFIX, check_address, inherited
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.field import SettingInfo, info_of, setting_fields
from fanlight.settings.limits import Limits
from fanlight.settings.options import STREAMS, Options
from fanlight.settings.start_directory import absolute
from fanlight.settings.store_url import with_absolute_path
from fanlight.settings.units import AUTO, NONE, parse

PREFIX = "FANLIGHT_"
SECRET_VARIABLE = "FANLIGHT_SECRET"  # noqa: S105 - its name; it is no setting, because flags are seen by every user
SPEED_VARIABLE = "FANLIGHT_SPEED"  # no setting either: it is read when the wire is imported (head_reader.py)
DEFAULT_HOST, DEFAULT_PORT = "localhost", 8000
RUN_DEFAULTS: Mapping[str, Any] = {"control": "auto"}  # of `fanlight run` and `App.run`: a control socket
CHILD_PREFIX = "_FANLIGHT_"  # of variables between our own processes

_SERVICE_VARIABLE = lazy_pattern(r"FANLIGHT_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?)")
_SERVICE_ADDRESS = lazy_pattern(r"(tcp|udp|sctp)://")  # of FANLIGHT_PORT, or FANLIGHT_DB_PORT

Source = Mapping[str, Any]
SETTINGS: Mapping[str, Field[Any]] = {each.name: each for each in (*setting_fields(Options), *setting_fields(Limits))}
_LIMITS = frozenset(each.name for each in setting_fields(Limits))
# The two parts of a single `bind` address, which most sites have; they are not fields of Options.
ADDRESS_PARTS: Mapping[str, tuple[SettingInfo, str]] = {
    "host": (SettingInfo(unit="name", help="host name or IP address to listen on", group="Addresses"), DEFAULT_HOST),
    "port": (
        SettingInfo(unit="count", help="port to listen on; 0 lets the system choose", group="Addresses"),
        str(DEFAULT_PORT),
    ),
}


def flag_of(name: str) -> str:
    """Return the flag of a setting."""
    return f"--{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings in the environment: FANLIGHT_ variables, and sockets opened by systemd."""
    names = {variable_of(name): name for name in (*ADDRESS_PARTS, *SETTINGS)}
    found: dict[str, Any] = {}
    for variable, text in environ.items():
        if _may_be_setting(variable, text):
            if variable in names and not text.strip():
                continue  # a compose file can only empty a variable, not unset it
            if variable not in names:
                known = *names, SECRET_VARIABLE, SPEED_VARIABLE
                raise InvalidSetting(f"there is no setting {variable}{_suggestion(variable, known, PREFIX)}")
            found[names[variable]] = _parse(names[variable], text, variable)
    binds, redirects = inherited(environ, _process_ids(environ))
    if binds and not {"bind", *ADDRESS_PARTS} & set(found):
        found["bind"] = binds
    if redirects:
        found.setdefault("redirect_from", redirects)
    return found


def _may_be_setting(variable: str, text: str) -> bool:
    if not variable.startswith(PREFIX) or variable in (SECRET_VARIABLE, SPEED_VARIABLE):
        return False
    return not _is_from_kubernetes(variable, text)


def _is_from_kubernetes(variable: str, text: str) -> bool:
    """Return whether Kubernetes sets a variable for a service named fanlight: it does so in each container of a pod."""
    return bool(_SERVICE_VARIABLE.fullmatch(variable) or _SERVICE_ADDRESS.match(text))


def from_flags(flags: Mapping[str, str | bool | Sequence[str] | None]) -> dict[str, Any]:
    """Return the settings in flags: a string, several for a list, a boolean for a switch; None or () is not given."""
    found: dict[str, Any] = {}
    for name, given in flags.items():
        if given is None or given == ():
            continue
        if isinstance(given, bool):
            found[name] = given
        elif isinstance(given, str):
            found[name] = _parse(name, given, flag_of(name))
        else:
            found[name] = tuple(part for text in given for part in _parse(name, text, flag_of(name)))
    return found


def from_arguments(given: Source, limits: Limits | None = None) -> dict[str, Any]:
    """Return the settings in the arguments of `run()`; a `Limits` sets all limits."""
    found: dict[str, Any] = {} if limits is None else {name: getattr(limits, name) for name in _LIMITS}
    for name, value in given.items():
        if name not in SETTINGS and name not in ADDRESS_PARTS:
            raise InvalidSetting(f"run() has no setting {name}{_suggestion(name, (*SETTINGS, *ADDRESS_PARTS))}")
        info = info_of(SETTINGS[name]) if name in SETTINGS else None
        if info is not None and info.is_list:
            found[name] = (value,) if isinstance(value, str) else tuple(value)
        elif info is not None and info.has_auto and value == AUTO:
            found[name] = usable_cpus()
        elif info is not None and info.has_none and value == NONE:
            found[name] = ""
        else:
            found[name] = value
    return found


def env_file_of(*sources: Source) -> str:
    """Return the absolute path of the env file that the first of several sources names, "" if none does."""
    path = next((each["env_file"] for each in sources if each.get("env_file")), "")
    return absolute(path) if path else ""


def options_from(*sources: Source) -> Options:
    """Return the options of several sources; earlier sources take precedence. Raises InvalidSetting."""
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        merged |= source
    merged |= {"bind": _bind_of(sources)}
    merged = {name: _with_absolute_paths(name, value) for name, value in merged.items() if name in SETTINGS}
    limits = Limits(**{name: merged.pop(name) for name in _LIMITS & set(merged)})
    return Options(limits=limits, **merged)


def _bind_of(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return the addresses of the first source that has any."""
    for source in sources:
        parts = [name for name in ADDRESS_PARTS if name in source]
        if "bind" in source and parts:
            raise InvalidSetting(f"bind and {parts[0]} are given together; give one of them")
        if "bind" in source:
            return cast("tuple[str, ...]", source["bind"])
        if parts:
            break
    host = next((each["host"] for each in sources if "host" in each), DEFAULT_HOST)
    port = next((each["port"] for each in sources if "port" in each), DEFAULT_PORT)
    address = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    check_address(address)
    return (address,)


def _with_absolute_paths(name: str, value: Any) -> Any:
    """Return a value with its paths made absolute: loading a site changes the current folder."""
    if isinstance(value, tuple):
        return tuple(_with_absolute_paths(name, each) for each in value)
    if not isinstance(value, str) or value in ("", AUTO):
        return value
    unit = info_of(SETTINGS[name]).unit
    if unit in ("file", "folder"):
        return value if value in STREAMS else absolute(value)
    if unit == "store":
        return with_absolute_path(value)
    if unit == "address" and value.startswith(UNIX_PREFIX) and value != UNIX_PREFIX:
        path = absolute(value.removeprefix(UNIX_PREFIX))
        return f"{UNIX_PREFIX}{path}" if len(os.fsencode(path)) <= MAX_UNIX_PATH_BYTES else value
    return value


def _parse(name: str, text: str, given_as: str) -> Any:
    if name == "host":
        return text.strip()
    return parse(SETTINGS[name], text, given_as) if name != "port" else _port(text, given_as)


def _port(text: str, given_as: str) -> int:
    if not PORT.fullmatch(text) or int(text) > MAX_PORT:
        raise InvalidSetting(f"{given_as} is {text!r}; it takes a number from 0 to 65535")
    return int(text)


def _suggestion(name: str, names: Collection[str], prefix: str = "") -> str:
    """Return a hint with the closest known name; the prefix that all have in common does not count."""
    close = closest_name(name.removeprefix(prefix), (each.removeprefix(prefix) for each in names))
    return f"; did you mean {prefix}{close}?" if close else "; `fanlight run --help` lists them all"


def _process_ids(environ: Mapping[str, str]) -> list[int]:
    """Return the process ids that LISTEN_PID may have: our own, and in a worker that of the supervisor."""
    is_child = any(name.startswith(CHILD_PREFIX) for name in environ)
    return [os.getpid(), os.getppid()] if is_child else [os.getpid()]

"""The options of a command: its flags, the environment and the env file.

In: flags, by the names of their settings. Out: one `Options`, and how each setting was given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fanlight.settings.env_file import read_env_file, with_env_file
from fanlight.settings.options import Options
from fanlight.settings.sources import (
    ADDRESS_PARTS,
    RUN_DEFAULTS,
    SETTINGS,
    env_file_of,
    flag_of,
    from_environment,
    from_flags,
    options_from,
    variable_of,
)


def options_of(flags: Mapping[str, Any], *, env_file: str = "") -> Options:
    """Return the options of the flags, the environment and the env file. Raises InvalidSetting.

    `env_file` is read where neither the flags nor the environment name another.
    """
    given = from_flags({name: value for name, value in flags.items() if name in SETTINGS or name in ADDRESS_PARTS})
    path = env_file_of(given, from_environment(os.environ)) or env_file
    return options_from(given, from_environment(with_env_file(os.environ, path)), RUN_DEFAULTS)


def origins_of(flags: Mapping[str, Any], *, env_file: str = "") -> dict[str, str]:
    """Return how each setting was given: "--workers", "FANLIGHT_WORKERS", "FANLIGHT_WORKERS in site.env"."""
    in_file = read_env_file(env_file) if env_file else {}
    found = {name: f"{variable_of(name)} in {env_file}" for name in SETTINGS if variable_of(name) in in_file}
    found |= {name: variable_of(name) for name in SETTINGS if variable_of(name) in os.environ}
    given = {name: value for name, value in flags.items() if name in SETTINGS and value not in {None, ()}}
    return found | {name: flag_of(f"no_{name}" if value is False else name) for name, value in given.items()}

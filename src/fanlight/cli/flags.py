"""A flag for every setting: made of what the settings say of themselves.

In: what was typed. Out: one `Options`, with what the environment says. Refuses a flag that is none,
with the one that was meant. Knows no setting by name but for the two that make one address.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

import click

from fanlight.settings.field import info_of
from fanlight.settings.options import Options
from fanlight.settings.sources import ADDRESS_PARTS, SETTINGS, flag_of, from_environment, from_flags, options_from
from fanlight.settings.units import format_value
from fanlight.site.app import RUN_DEFAULTS

GROUPS = ("Addresses", "Processes", "TLS", "Behind a proxy", "Monitoring", "Limits")
_METAVARS = {
    "bytes": "SIZE",
    "seconds": "TIME",
    "count": "COUNT",
    "mode": "MODE",
    "address": "ADDRESS",
    "network": "NETWORK",
    "file": "FILE",
    "name": "NAME",
}
# What other servers call something that is done in another way here.
_ELSEWHERE = {
    "--reload": "with --workers 1 it loads code and templates anew when it is sent SIGHUP: kill -HUP",
    "--debug": "the log has every traceback, and no visitor ever sees one",
}
_EPILOG = """\
A SIZE is written like 16384, 64k or 16MiB, a TIME like 10, 500ms, 2m or 1h. What can be given several times can also
be written with commas. Each flag is an environment variable too, FANLIGHT_HEAD_BYTES for --head-bytes; a flag has the
last word."""


class SettingsCommand(click.Command):
    """A command that takes every setting, beside what it takes itself."""

    def __init__(self, name: str | None = None, **more: Any) -> None:
        """Add the flags."""
        super().__init__(name, **{"epilog": _EPILOG, **more})
        self.params += [_address_part(name) for name in ADDRESS_PARTS] + [_flag(name) for name in SETTINGS]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what was typed, or say which flag comes close."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            flags = [flag for each in self.params for flag in (*each.opts, *each.secondary_opts)]
            close = difflib.get_close_matches(error.option_name, flags, 1)
            otherwise = f"did you mean {close[0]}?" if close else "--help lists them all"
            meant = _ELSEWHERE.get(error.option_name, otherwise)
            raise click.UsageError(f"there is no flag {error.option_name}; {meant}", ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the flags under the heading of their group."""
        rows: dict[str, list[tuple[str, str]]] = {"Options": [], **{group: [] for group in GROUPS}}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None and isinstance(each, click.Option):
                rows[each.group if isinstance(each, _Flag) else "Options"].append(record)
        for group, records in rows.items():
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)


class _Flag(click.Option):
    """A flag that knows its group."""

    group: str


def options_of(flags: Mapping[str, Any]) -> Options:
    """Return the options of what was typed and what the environment says. Raises InvalidSetting."""
    given = {name: value for name, value in flags.items() if name in SETTINGS or name in ADDRESS_PARTS}
    return options_from(from_flags(given), from_environment(os.environ), RUN_DEFAULTS)


def _address_part(name: str) -> _Flag:
    info, default = ADDRESS_PARTS[name]
    flag = _Flag([flag_of(name)], metavar=name.upper(), help=f"{_sentence(info.help)}  [{default}]")
    flag.group = info.group
    return flag


def _flag(name: str) -> _Flag:
    field = SETTINGS[name]
    info = info_of(field)
    default = format_value(RUN_DEFAULTS.get(name, field.default), info)
    help_text = f"{_sentence(info.help)}  [{default}]" if default else _sentence(info.help)
    if info.unit == "switch":
        flag = _Flag([f"{flag_of(name)}/--no-{flag_of(name)[2:]}"], default=None, help=help_text)
    else:
        metavar = "|".join(each for each in info.choices if each) or _METAVARS[info.unit]
        metavar += "|auto" if info.has_auto else ""
        flag = _Flag([flag_of(name)], multiple=info.is_list, metavar=metavar, help=help_text)
    flag.group = info.group
    return flag


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."

"""A flag for every setting, generated from the settings themselves.

In: arguments. Out: the flags by the names of their settings. Refuses an unknown flag, with the closest known one.
The settings are imported when a command with flags is parsed, so that `fanlight --help` does not load them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fanlight.closest_name import closest_name

if TYPE_CHECKING:
    from fanlight.settings.field import SettingInfo

GROUPS = ("Addresses", "Processes", "Site", "TLS", "Behind a proxy", "Monitoring", "Limits")
_METAVARS = {
    "bytes": "SIZE",
    "seconds": "TIME",
    "count": "COUNT",
    "mode": "MODE",
    "address": "ADDRESS",
    "network": "NETWORK",
    "file": "FILE",
    "folder": "FOLDER",
    "store": "URL",
    "name": "NAME",
}
# Flags of other servers for what is done differently here.
_ELSEWHERE = {
    "--reload": "use `fanlight dev`, which reloads by itself; in production, with --workers 1, so does kill -HUP",
    "--debug": "use `fanlight dev`, which shows exceptions in the browser; in production they are in the log only",
    "--secret": "secrets are read from FANLIGHT_SECRET, as flags are seen by every user; `fanlight secret` makes one",
}
_EPILOG = """\
A SIZE is written like 16384, 64k or 16MiB, a TIME like 10, 500ms, 2m or 1h. A flag for a list can be repeated, or its
values separated by commas. Each flag is also an environment variable, FANLIGHT_HEAD_BYTES for --head-bytes; flags take
precedence."""


class SettingsCommand(click.Command):
    """A command with a flag for every setting, besides its own parameters."""

    def __init__(self, name: str | None = None, **more: Any) -> None:
        """Create the command; the flags of the settings are added when it is first used."""
        super().__init__(name, **{"epilog": _EPILOG, **more})
        self._has_flags = False

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters of the command, with a flag for every setting."""
        if not self._has_flags:
            self._has_flags = True
            self.params += _setting_flags()
        return super().get_params(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an unknown flag fails with the closest known one."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            flags = [flag for each in self.params for flag in (*each.opts, *each.secondary_opts)]
            close = closest_name(error.option_name, flags)
            otherwise = f"did you mean {close}?" if close else "--help lists them all"
            hint = _ELSEWHERE.get(error.option_name, otherwise)
            raise click.UsageError(f"there is no flag {error.option_name}; {hint}", ctx) from None

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
    """The flag of a setting."""

    def __init__(self, name: str, info: SettingInfo, default: str, metavar: str) -> None:
        flag = f"--{name.replace('_', '-')}"
        help_text = f"{info.help[0].upper()}{info.help[1:]}."
        if info.unit == "switch":
            flag = f"{flag}/--no-{flag[2:]}"
        super().__init__(
            [flag],
            help=f"{help_text}  [{default}]" if default else help_text,
            multiple=info.is_list,
            metavar=None if info.unit == "switch" else metavar,
            default=None,
        )
        self.group = info.group


def _setting_flags() -> list[_Flag]:
    from fanlight.settings.field import info_of
    from fanlight.settings.sources import ADDRESS_PARTS, RUN_DEFAULTS, SETTINGS
    from fanlight.settings.units import format_value

    flags = [_Flag(name, info, default, name.upper()) for name, (info, default) in ADDRESS_PARTS.items()]
    for name, field in SETTINGS.items():
        info = info_of(field)
        metavar = "|".join(each for each in info.choices if each) or _METAVARS.get(info.unit, "")
        default = format_value(RUN_DEFAULTS.get(name, field.default), info)
        flags.append(_Flag(name, info, default, metavar + "|auto" * info.has_auto))
    return flags

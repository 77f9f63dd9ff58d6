"""Print the tables of docs/reference/settings.md, from the settings themselves: `python scripts/settings_table.py`."""

from fanlight.settings.field import info_of
from fanlight.settings.sources import ADDRESS_PARTS, RUN_DEFAULTS, SETTINGS, flag_of, variable_of
from fanlight.settings.units import format_value

GROUPS = ("Addresses", "Processes", "Site", "TLS", "Behind a proxy", "Monitoring", "Limits")


def tables() -> str:
    """Return the tables in Markdown, each under the heading of its group."""
    rows: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name, (info, default) in ADDRESS_PARTS.items():
        rows[info.group].append(row(name, default, info.help))
    for name, each in SETTINGS.items():
        info = info_of(each)
        default = format_value(RUN_DEFAULTS.get(name, each.default), info)
        choices = " \\| ".join(f"`{choice}`" for choice in info.choices if choice)
        rows[info.group].append(row(name, default, f"{info.help}: {choices}" if choices else info.help))
    heads = "| setting | flag | environment variable | default | |\n|---|---|---|---|---|"
    return "\n".join(f"### {group}\n\n{heads}\n" + "\n".join(lines) + "\n" for group, lines in rows.items())


def row(name: str, default: str, meaning: str) -> str:
    """Return the row of one setting."""
    flag = f"`{flag_of(name)}`"
    if name in SETTINGS and info_of(SETTINGS[name]).unit == "switch":
        flag += f", `--no-{flag_of(name)[2:]}`"
    return f"| `{name}` | {flag} | `{variable_of(name)}` | {f'`{default}`' if default else ''} | {meaning} |"


if __name__ == "__main__":
    print(tables(), end="")

"""The words of a command line that is plain, read without click, which would make the 130 flags that are not given.

In: the words behind `fanlight run` or `fanlight dev`. Out: the site and the flags, as click would return them; or None
for whatever is not plain: help, a mistake, a value that looks like a flag. Click reads that, and explains it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fanlight.settings.field import info_of
from fanlight.settings.sources import ADDRESS_PARTS, SETTINGS, flag_of

DEFAULT_SITE = "main.py"


def read_plain(words: Iterable[str]) -> tuple[str, dict[str, Any]] | None:
    """Return the site and the flags, None if click has to read the words."""
    infos = {name: info_of(field) for name, field in SETTINGS.items()} | {
        name: info for name, (info, _) in ADDRESS_PARTS.items()
    }
    switches = {name for name, info in infos.items() if info.unit == "switch"}
    settings = {flag_of(name): name for name in infos.keys() - switches}
    switched = {flag_of(f"{off}{name}"): (name, not off) for name in switches for off in ("", "no_")}
    sites: list[str] = []
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        flag, is_joined, value = word.partition("=")
        if not word.startswith("-"):
            sites.append(word)
        elif word in switched:
            name, found[name] = switched[word]
        elif flag in settings:
            name = settings[flag]
            if not is_joined:
                value = next(rest, "--")
                if value.startswith("-") and value != "-":
                    return None
            found[name] = (*found.get(name, ()), value) if infos[name].is_list else value
        else:
            return None
    return None if len(sites) > 1 else (sites[0] if sites else DEFAULT_SITE, found)

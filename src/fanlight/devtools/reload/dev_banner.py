"""What `fanlight dev` prints when it begins, and when a site first serves.

In: the address, and the facts of the site. Out: lines for the terminal, coloured where it has colours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fanlight.devtools.dev_context import PREFIX
from fanlight.devtools.reload.site_files import Kind, Places
from fanlight.settings.start_directory import short_path


def banner(url: str, *, has_keys: bool) -> str:
    """Return what is printed first."""
    lit, dim, plain = ("\033[1;33m", "\033[2m", "\033[0m") if _has_colours() else ("", "", "")
    keys = "r reload   o open the browser   i inspector   q quit   ? help" if has_keys else "Ctrl+C stops it"
    return (
        f"\n  {lit}Fanlight{plain}  {url}\n  {dim}inspector {plain}{url}{PREFIX}\n"
        f"\n  {dim}for development on this machine; `fanlight run` is for production\n  {keys}{plain}\n"
    )


def address_of(urls: Sequence[str], bind: Sequence[str]) -> str:
    """Return the address that is shown; localhost can be two, of IPv4 and IPv6, of which one is enough."""
    scheme, _, place = urls[0].partition("://")
    return f"{scheme}://localhost:{place.rpartition(':')[2]}" if bind[0].startswith("localhost:") else urls[0]


def described_site(facts: Mapping[str, Any], places: Places, counts: Mapping[Kind, int]) -> str:
    """Return the line with what is served and watched."""
    routes, values = facts["routes"], facts["values"]
    found = ", ".join(f"{count} {kind.named(count)}" for kind, count in counts.items() if kind is not Kind.SETTINGS)
    text = f"{routes} route{'s' * (routes != 1)}; watching {' and '.join(map(_place, places.folders))}: {found}"
    return f"{text}; {values} value{'s' * (values != 1)} from {_place(Path(places.env_file))}" if values else text


def _place(path: Path) -> str:
    """Return the words for a folder or a file that is watched."""
    short = short_path(path)
    if short == ".":
        return "this folder"
    return f"{short}/" if not Path(short).is_absolute() and path.is_dir() else short


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

"""The banner printed when a site starts: its URLs, routes and limits, and how to stop it.

In: options, and the facts of a site. Out: text, coloured on a terminal unless NO_COLOR is set.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fanlight.server.recording.sink import is_writable
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.settings.start_directory import short_path
from fanlight.settings.units import format_bytes


def print_banner(options: Options, urls: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Print the banner, given the URLs and the facts of a site: `routes`, `file`, and `site` as it was typed."""
    if not is_writable(sys.stdout):  # a full pipe would block
        return
    with contextlib.suppress(OSError):  # a closed pipe is no reason not to serve
        text = banner(urls, facts["routes"], options, Path(facts["file"]), facts.get("site", ""))
        coding = sys.stdout.encoding or "utf-8"
        print(text.encode(coding, "backslashreplace").decode(coding), flush=True)  # noqa: T201 - the banner


def banner(urls: Sequence[str], routes: int, options: Options, file: Path, site: str = "") -> str:
    """Return the banner of a site that listens on these URLs; `site` is the argument that commands take for it."""
    lit, dim, plain = ("\033[1;33m", "\033[2m", "\033[0m") if _has_colours() else ("", "", "")
    name = short_path(file)
    shown = [_url(url) for url in urls]
    if len(options.bind) == 1 and options.bind[0].startswith("localhost:"):
        # localhost can be two addresses, of IPv4 and IPv6; one URL is enough.
        shown = [f"{urls[0].partition('://')[0]}://localhost:{urls[0].rpartition(':')[2]}"]
    site = site or ("main.py" if file.name == "main.py" else name)
    command = "" if site == "main.py" else f" {_quoted(site)}"
    lines = [
        "",
        f"  {lit}Fanlight{plain}  {', '.join(shown)}",
        "",
        f"  {routes} route{'s' * (routes != 1)} from {name}{dim}   fanlight routes{command}{plain}",
        *(f"  {dim}{each}{plain}" for each in _notable_options(options)),
        f"  {dim}{_limits(options.limits)}",
        f"  change them: fanlight run --help, or app.run(idle_seconds=...){plain}",
        "",
        f"  {dim}Ctrl+C stops it{plain}",
        "",
    ]
    return "\n".join(lines)


def _notable_options(options: Options) -> Iterator[str]:
    """Yield a line for each option of interest to an operator that is not the default."""
    if options.workers:
        user = f", as {options.user}" if options.user else ""
        yield f"{options.workers} worker{'s' * (options.workers != 1)}{user}; SIGHUP reloads the code"
    if options.redirect_from:
        yield f"redirects http from {', '.join(options.redirect_from)} to https"
    if options.trusted_proxies:
        yield f"trusts proxies at {', '.join(options.trusted_proxies)}"
    if options.admin:
        yield f"metrics and health at {options.admin}"


def _limits(limits: Limits) -> str:
    return (
        f"limits: head {format_bytes(limits.head_bytes)} in {limits.head_seconds:g} s,"
        f" content {format_bytes(limits.content_bytes)}, idle {limits.idle_seconds:g} s,"
        f" {limits.connections} connections, {limits.threads} threads"
    )


def _quoted(word: str) -> str:
    import shlex  # noqa: PLC0415 - most sites are a main.py

    return shlex.quote(word)


def _url(url: str) -> str:
    if url.partition("://")[2].startswith(("0.0.0.0:", "[::]:")):
        return f"{url} (all interfaces)"
    return url


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

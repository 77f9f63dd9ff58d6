"""What the terminal says when a site starts: where it is, what it has, what bounds it, how to stop.

In: facts. Out: text, in colour on a terminal, plain elsewhere (and where NO_COLOR is set).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fanlight.server.recording.sink import is_writable
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.settings.units import format_bytes


def announcement(options: Options) -> Callable[[list[str], dict[str, Any]], None]:
    """Return what prints the banner, given the URLs and the facts of a site (`routes`, `file`)."""

    def announce(urls: list[str], facts: dict[str, Any]) -> None:
        if not is_writable(sys.stdout):  # a pipe that is full: we would wait for its reader
            return
        with contextlib.suppress(OSError):  # its reader is gone: no reason not to serve
            text = banner(urls, facts["routes"], options, Path(facts["file"]))
            coding = sys.stdout.encoding or "utf-8"
            print(text.encode(coding, "backslashreplace").decode(coding), flush=True)  # noqa: T201 - the banner

    return announce


def banner(urls: Sequence[str], routes: int, options: Options, file: Path) -> str:
    """Return the lines for a site that listens on these URLs."""
    lit, dim, plain = ("\033[1;33m", "\033[2m", "\033[0m") if _has_colours() else ("", "", "")
    name = _shown(file)
    shown = [_url(url) for url in urls]
    if len(options.bind) == 1 and options.bind[0].startswith("localhost:"):
        # It may be two addresses, of IPv4 and of IPv6; a person needs the one name.
        shown = [f"{urls[0].partition('://')[0]}://localhost:{urls[0].rpartition(':')[2]}"]
    command = "" if file.name == "main.py" else f" {name}"
    lines = [
        "",
        f"  {lit}Fanlight{plain}  {', '.join(shown)}",
        "",
        f"  {routes} route{'s' * (routes != 1)} from {name}{dim}   fanlight routes{command}{plain}",
        *(f"  {dim}{each}{plain}" for each in _beside(options)),
        f"  {dim}{_limits(options.limits)}",
        f"  change them: fanlight run --help, or app.run(idle_seconds=...){plain}",
        "",
        f"  {dim}Ctrl+C stops it{plain}",
        "",
    ]
    return "\n".join(lines)


def _beside(options: Options) -> Iterator[str]:
    """Yield what else an operator will want to see, where it is not as it is by default."""
    if options.workers:
        user = f", as {options.user}" if options.user else ""
        yield f"{options.workers} worker{'s' * (options.workers != 1)}{user}; a SIGHUP loads the code anew"
    if options.redirect_from:
        yield f"http at {', '.join(options.redirect_from)} is sent to https"
    if options.trusted_proxies:
        yield f"trusts the word of {', '.join(options.trusted_proxies)}"
    if options.admin:
        yield f"metrics and health at {options.admin}"


def _limits(limits: Limits) -> str:
    return (
        f"limits: head {format_bytes(limits.head_bytes)} in {limits.head_seconds:g} s,"
        f" content {format_bytes(limits.content_bytes)}, idle {limits.idle_seconds:g} s,"
        f" {limits.connections} connections, {limits.threads} threads"
    )


def _url(url: str) -> str:
    """Return an address as one can click on it: 0.0.0.0 means every address, and is none itself."""
    if url.partition("://")[2].startswith(("0.0.0.0:", "[::]:")):
        return f"{url} (every address of this machine)"
    return url


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except (ValueError, OSError):  # it is elsewhere, or the folder where we are is gone
        return str(file)


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

"""What the settings of a deployment make weaker than the defaults.

In: the options, and how each was given. Out: each weakness, with the flag or the variable that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.settings.store_url import read_bus_url, read_store_url
from fanlight.settings.units import format_bytes
from fanlight.weakness import Weakness

_USUAL = Limits()
_SLOW_CLIENTS = "clients that send or read slowly on purpose keep connections for longer"
# What it costs to raise a limit; those that only say how much the machine can do are not here.
_RISKS: Mapping[str, Callable[[float], str]] = {
    "head_bytes": lambda size: f"each connection may take {format_bytes(size)} of memory for a head",
    "content_bytes": lambda size: f"each request may fill {format_bytes(size)} of the disk",
    "unsent_bytes": lambda size: f"clients that do not read may take {format_bytes(size)} of memory",
    "head_seconds": lambda _: _SLOW_CLIENTS,
    "content_seconds": lambda _: _SLOW_CLIENTS,
    "write_seconds": lambda _: _SLOW_CLIENTS,
    "connections_per_address": lambda _: "one client may take a larger part of the connections",
}


def weak_options(options: Options, origins: Mapping[str, str]) -> Iterator[Weakness]:
    """Yield what is weaker than the defaults; `origins` has "--content-bytes", or the variable, by setting."""
    limits = options.limits
    for name, risk in _RISKS.items():
        value, usual = getattr(limits, name), getattr(_USUAL, name)
        if value > usual or (name == "connections_per_address" and not value):
            written, default = (
                format_bytes(each) if name.endswith("_bytes") else f"{each:g}" for each in (value, usual)
            )
            yield Weakness(
                setting=f"{name} is {written} (default: {default})",
                place=origins.get(name, ""),
                risk=risk(value) if value else "one client may take all connections",
                advice="leave it out, or raise it for one view: @limits(content_bytes=...)"
                if name == "content_bytes"
                else "leave it out, unless your visitors need it",
            )
    yield from _unchecked_servers(options, origins)
    if not options.access_log:
        yield Weakness(
            setting="access_log is off",
            place=origins.get("access_log", ""),
            risk="after an attack, nothing shows what was requested",
            advice="leave it out, unless a proxy keeps such a log",
        )


def _unchecked_servers(options: Options, origins: Mapping[str, str]) -> Iterator[Weakness]:
    """Yield the options of URLs by which the certificate of a Redis is not checked, or less."""
    for name, read in (("store", read_store_url), ("bus", read_bus_url)):
        url = getattr(options, name)
        for option in read(url).unchecked if url else ():
            yield Weakness(
                setting=f"{name} has {option}",
                place=origins.get(name, ""),
                risk="an attacker in between can pose as the Redis, and read and change what the site sends there",
                advice="leave it out; with an authority of your own: ssl_ca_certs=/path/ca.pem",
            )

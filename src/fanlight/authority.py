"""The host and the port in an authority ("example.org:8000"): of a request, a setting, or a key of `Hosts`.

In: text in lower case. Out: its parts. Refuses nothing: what is no host compares equal to none.
"""

from __future__ import annotations

import ipaddress


def split_authority(authority: str) -> tuple[str, str]:
    """Return the host and the port, "" without one."""
    if authority.startswith("["):
        host, _, rest = authority.partition("]")
        return f"{host}]", rest.removeprefix(":")
    host, _, port = authority.partition(":")
    return host, port


def plain_host(host: str) -> str:
    """Return a host without the dot at its end, and an address of IPv6 in its usual form."""
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return host
    return host.removesuffix(".")

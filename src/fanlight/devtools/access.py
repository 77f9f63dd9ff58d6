"""Which requests may reach the tools: those of this machine's own programs, and pages of this site.

In: the head of a request to the tools. Out: why it is refused, "" if it is not. The tools show requests with what is in
them, so a page of another site must neither read them (by a name of its own that leads to 127.0.0.1: the Host field has
to be a name of this machine) nor make them do something (Sec-Fetch-Site, Origin).
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from fanlight.message.request import Request

# SECURITY: tests/devtools/test_access.py: a name that another site may own leads here too
_HOST = re.compile(r"(?:(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
MAX_KNOWN_CLIENTS = 256  # with the hosts that they ask for
_SITES = ("same-origin", "none")  # none: typed by the user, or a bookmark


def stranger(request: Request) -> str:
    """Return why a request does not come from a program of this machine, by a name of this machine; "" if it does."""
    return _stranger(request.client, request.head.authority)


def refusal(request: Request) -> str:
    """Return why a request must not reach the tools, "" if it may. Called before a proxy's fields are applied."""
    if reason := stranger(request):
        return reason
    values, host = request.head.values, request.head.authority
    site = values.get("sec-fetch-site", "none")
    if site not in _SITES:
        return f"a page of another site has sent the request (Sec-Fetch-Site: {site})"
    origin = values.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return f"a page of another site has sent the request (Origin: {origin})"
    return ""


@lru_cache(MAX_KNOWN_CLIENTS)  # PERF: benchmarks/inspector.py: to parse an address takes longer than a small view
def _stranger(client: str | None, host: str) -> str:
    if not _is_loopback(client):
        return f"the tools are for this machine only, and the request came from {client or 'a unix socket'}"
    if not _HOST.fullmatch(host):
        return f"the tools are at localhost or 127.0.0.1 only, and the request is for {host!r}"
    return ""


def _is_loopback(client: str | None) -> bool:
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback

"""Which requests may reach the tools: those of this machine's own programs, and pages of this site.

In: the head of a request to the tools. Out: why it is refused, "" if it is not. The tools show requests with what is in
them, so a page of another site must neither read them (by a name of its own that leads to 127.0.0.1: the Host field has
to be a name of this machine) nor make them do something (Sec-Fetch-Site, Origin).
"""

from __future__ import annotations

import ipaddress
import re

from fanlight.message.request import Request

# SECURITY: tests/devtools/test_access.py: a name that another site may own leads here too
_HOST = re.compile(r"(?:(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_SITES = ("same-origin", "none")  # none: typed by the user, or a bookmark


def stranger(request: Request) -> str:
    """Return why a request does not come from a program of this machine, by a name of this machine; "" if it does."""
    if not _is_loopback(request.client):
        return f"the tools are for this machine only, and the request came from {request.client or 'a unix socket'}"
    host = request.head.authority
    if not _HOST.fullmatch(host):
        return f"the tools are at localhost or 127.0.0.1 only, and the request is for {host!r}"
    return ""


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


def _is_loopback(client: str | None) -> bool:
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback

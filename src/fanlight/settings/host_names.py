"""The hosts that a site is served for: names, addresses, all subdomains of a name.

    guestbook.example        this name, on any port
    *.guestbook.example      every subdomain of it, but not guestbook.example itself
    guestbook.example:8443   on this port only
    192.0.2.7, [2001:db8::7] an address
    *                        any host

In: the values of the setting `hosts`; then the authority of each request (Host, or what a trusted proxy has forwarded).
Out: whether it is one of them. Refuses, as InvalidSetting, what no request could name. A dot at the end of a name and
the case of its letters make no difference, as in DNS.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from fanlight.authority import plain_host, split_authority
from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern

ANY = "*"
MAX_KNOWN = 1024  # authorities of requests, each with whether it is allowed
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = lazy_pattern(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}")
_PORT = lazy_pattern(r"[0-9]{1,5}")
_USUAL_PORTS = ("80", "443")  # of an authority without one


class HostNames:
    """Some hosts."""

    def __init__(self, hosts: Iterable[str]) -> None:
        """Read the values of the setting. Raises InvalidSetting."""
        self.is_any = False
        self._exact: set[tuple[str, str]] = set()  # name, and port or ""
        self._below: list[tuple[str, str]] = []
        self._known: dict[str, bool] = {}
        for each in hosts:
            if each == ANY:
                self.is_any = True
                continue
            name, port = _read(each)
            if name.startswith("*."):
                self._below.append((name[1:], port))
            else:
                self._exact.add((name, port))

    def allow(self, authority: str) -> bool:
        """Return whether a request for an authority ("guestbook.example:8000") is for one of the hosts."""
        known = self._known.get(authority)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[authority] = self._allow(authority)
        return known

    def _allow(self, authority: str) -> bool:
        name, port = split_authority(authority.lower())
        name = plain_host(name)
        ports = ("", port) if port else ("", *_USUAL_PORTS)
        if any((name, each) in self._exact for each in ports):
            return True
        # SECURITY: tests/settings/test_host_names.py: "evilguestbook.example" is no subdomain of "guestbook.example"
        return any(name.endswith(end) and name != end and each in ports for end, each in self._below)


def _read(text: str) -> tuple[str, str]:
    lower = text.lower()
    try:
        return f"[{ipaddress.IPv6Address(lower)}]", ""  # written without its brackets
    except ValueError:
        pass
    name, port = split_authority(lower)
    name = plain_host(name)
    if "://" in text or "/" in text:
        host = text.partition("://")[2] or text
        raise InvalidSetting(f'hosts: "{text}" is a URL; write "{host.partition("/")[0]}"')
    if not text.isascii():
        raise InvalidSetting(f'hosts: "{text}" is not as browsers send it{_in_ascii(text)}')
    is_address = lower.startswith("[") and "]" in lower and _is_ipv6(name[1:-1])
    if not is_address and _NAME.fullmatch(name) is None:
        raise InvalidSetting(
            f'hosts: "{text}" is no host; write a name, "*.example.org" for its subdomains, or an address'
        )
    if (":" in lower.rpartition("]")[2] and not _PORT.fullmatch(port)) or int(port or 1) not in range(1, 65536):
        raise InvalidSetting(f'hosts: "{text}" has no valid port; write "{name}", which is any port, or "{name}:8000"')
    return name, port


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _in_ascii(text: str) -> str:
    try:
        return f'; write "{text.encode("idna").decode().lower()}"'
    except UnicodeError:
        return ""

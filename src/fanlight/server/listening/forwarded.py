"""Find the client, scheme and host of a request from the X-Forwarded-... fields, or Forwarded (RFC 7239).

In: the header fields, the peer of the connection, and the trusted proxies. Out: an `Origin`. Each proxy appends the
address of its own peer. So the list is read from the right, for as long as the addresses are trusted: the first one
that is not is the client, and anything to its left may be forged by it. Invalid values raise nothing: they end the
search.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from msgspec import Struct

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern
from fanlight.settings.addresses import PORT
from fanlight.wire.http1.header_fields import is_host

MAX_CACHED = 1024  # addresses, each with whether it is trusted
MAX_HOPS = 64  # that are read at most
MAX_PARAMETERS = 16  # of one hop; RFC 7239 has four
MAX_QUOTED = 500  # characters of a value in quotes
_MAPPED_BITS = 96  # of ::ffff:192.0.2.1, before the address of IPv4
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# RFC 7239 section 4: a parameter is token=(token / quoted-string); parameters are joined by ";", hops by ",".
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\.)*+)"'
_PIECE = lazy_pattern(rf"[ \t;]*+(?:({_WORD})=(?:({_WORD})|{_QUOTED}))?[ \t]*+([;,]|\Z)")
_ESCAPED = lazy_pattern(r"\\(.)")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Hop = dict[str, str]


class Origin(Struct, frozen=True):
    """What trusted proxies report of a request; None where they report nothing."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None


class TrustedProxies:
    """The addresses and networks of trusted proxies."""

    def __init__(self, addresses: Iterable[str]) -> None:
        """Trust these addresses and networks, and every peer behind a unix socket. Raises InvalidSetting."""
        self._networks = tuple(_network(each) for each in addresses)
        self._known: dict[str, bool] = {}

    def trusts(self, address: str | None) -> bool:
        """Return whether a peer is trusted; None is a peer behind a unix socket, and trusted."""
        if address is None:
            return True
        if not self._networks:
            return False
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            found = _address(address)
            known = self._known[address] = found is not None and any(
                found in each for each in self._networks if each.version == found.version
            )
        return known


def read_x_forwarded(
    values: Mapping[str, str], peer: str | None, trust: TrustedProxies, *, has_port: bool = False
) -> Origin:
    """Return the origin from X-Forwarded-For, -Proto and -Host, if the peer is trusted; with `has_port` from -Port too.

    Few proxies set X-Forwarded-Port; the others pass on what their client has sent.
    """
    if not trust.trusts(peer):
        return Origin()
    client = None
    for hop in reversed(_members(values.get("x-forwarded-for", ""))):
        address = _node(hop)
        if address is None:
            break  # it is unknown who added the rest
        client = address
        if not trust.trusts(address):
            break
    scheme = _last(values.get("x-forwarded-proto", "")).lower()
    if scheme not in _DEFAULT_PORTS:
        scheme = ""
    host = _last(values.get("x-forwarded-host", ""))
    port = _last(values.get("x-forwarded-port", "")) if has_port else ""
    return Origin(client, scheme or None, _host(host, port, scheme))


def read_forwarded(value: str, peer: str | None, trust: TrustedProxies) -> Origin:
    """Return the origin from Forwarded, if the peer is trusted."""
    if not trust.trusts(peer):
        return Origin()
    origin = Origin()
    for hop in reversed(_hops(value)):
        address = _node(hop.get("for", ""))
        scheme = hop.get("proto", "").lower()
        origin = Origin(
            address if address is not None else origin.client,
            scheme if scheme in _DEFAULT_PORTS else origin.scheme,
            _host(hop.get("host", ""), "", "") or origin.host,
        )
        if address is None or not trust.trusts(address):
            break  # "unknown" and obfuscated names end the search too, as they can't be trusted
    return origin


def _network(text: str) -> _Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        try:
            right = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise InvalidSetting(
                f"trusted_proxies: {text!r} is no address and no network; write 10.0.0.7, 10.0.0.0/8, ::1 or fd00::/8"
            ) from None
        raise InvalidSetting(f"trusted_proxies: {error}; the network is {right}") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS))  # the form that IPv4 peers have here


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or found
    return found


def _node(text: str) -> str | None:
    """Return the address of "192.0.2.1", "192.0.2.1:80", "2001:db8::1" or "[2001:db8::1]:80", without the port."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if "%" in host:  # a zone, which is only valid on its own machine, and may be any text
        return None
    if port and not PORT.fullmatch(port) and not port.startswith("_"):  # RFC 7239 section 6.3 hides ports too
        return None
    found = _address(host)
    return str(found) if found is not None else None


def _members(value: str) -> list[str]:
    """Return the last MAX_HOPS members of a list, without empty ones (RFC 9110 section 5.6.1.2)."""
    return [each for member in value.rsplit(",", 2 * MAX_HOPS)[-2 * MAX_HOPS :] if (each := member.strip())][-MAX_HOPS:]


def _last(value: str) -> str:
    return (_members(value) or [""])[-1]


def _host(host: str, port: str, scheme: str) -> str | None:
    """Return a host, with its port unless that is the scheme's default; None if it is invalid."""
    if not host or not is_host(host):
        return None
    has_port = ":" in host.rpartition("]")[2]
    if not has_port and PORT.fullmatch(port) and port != _DEFAULT_PORTS.get(scheme):
        return f"{host}:{port}"
    return host


def _hops(value: str) -> list[_Hop]:
    """Return the parameters of the last hops; of the last one alone if the others violate RFC 7239.

    A client can put anything in front of what its proxy appends, but nothing behind it.
    """
    parts = value.rsplit(",", MAX_HOPS)
    # SECURITY: tests/server/listening/test_forwarded.py: a client that could make the whole field invalid would be
    # taken for the proxy.
    return _read_hops(",".join(parts[-MAX_HOPS:])) or _read_hops(parts[-1])


def _read_hops(value: str) -> list[_Hop]:
    hops: list[_Hop] = [{}]
    at = 0
    while at < len(value):
        match = _PIECE.match(value, at)
        if match is None:
            return []
        name, token, quoted, end = match.groups()
        if name is not None:
            if name.lower() in hops[-1] or len(hops[-1]) >= MAX_PARAMETERS or len(quoted or "") > MAX_QUOTED:
                return []  # section 4: each parameter at most once per hop
            text = token if token is not None else _ESCAPED.sub(r"\1", quoted)
            hops[-1][name.lower()] = text
        if end == ",":
            hops.append({})
        at = match.end()
    return [hop for hop in hops if hop]

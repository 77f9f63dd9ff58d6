"""Parse the header of the PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt).

In: the first bytes of a connection. Out: a `ProxyHeader` with its length, or None while bytes are missing. Raises
BadMessage for everything that is not exactly one of the two formats: a trusted proxy sends valid ones.
"""

from __future__ import annotations

import ipaddress
import re

from msgspec import Struct

from fanlight.errors import BadMessage

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"  # section 2.2: no other protocol starts with these bytes
MAX_V1_BYTES = 107  # section 2.1
MAX_BYTES = 16 + 2048  # of version 2: the fixed part, and a limit for addresses and TLVs

_V1_BEGIN = b"PROXY "
_LOCAL, _PROXY = 0x20, 0x21  # version 2, and the command
_UNSPEC, _TCP4, _UDP4, _TCP6, _UDP6, _UNIX, _UNIX_DGRAM = 0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32
_ADDRESS_BYTES = {_UNSPEC: 0, _TCP4: 12, _UDP4: 12, _TCP6: 36, _UDP6: 36, _UNIX: 216, _UNIX_DGRAM: 216}
_CRC32C, _SSL = 0x03, 0x20  # types of TLVs (PP2_TYPE_...)
_CLIENT_SSL = 0x01
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_MAX_PORT = 65535
_CASTAGNOLI = 0x82F63B78


class ProxyHeader(Struct, frozen=True):
    """The addresses of the client, and of the server it connected to, as seen by the proxy."""

    length: int  # bytes of the header
    is_local: bool  # a connection of the proxy itself (a health check), or without known addresses
    client: str | None = None
    client_port: int | None = None
    server: str | None = None
    server_port: int | None = None
    is_tls: bool = False  # the client uses TLS to the proxy


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header at the start of a connection, None if bytes are missing. Raises BadMessage."""
    if data[:1] == SIGNATURE[:1]:
        return _read_v2(data)
    if not _V1_BEGIN.startswith(data[: len(_V1_BEGIN)]):
        raise BadMessage("the connection does not start with a PROXY header; check that the proxy sends one")
    return _read_v1(data)


# --- version 1: a line -------------------------------------------------------------------------------


def _read_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, MAX_V1_BYTES)
    if end < 0:
        if len(data) >= MAX_V1_BYTES or b"\n" in data:
            raise BadMessage("the PROXY header is too long, or does not end with CR LF")
        return None
    try:
        words = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadMessage("the PROXY header is not ASCII") from None
    length = end + 2
    if words[1] == "UNKNOWN":  # the rest is ignored
        return ProxyHeader(length, is_local=True)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadMessage("the PROXY header is not a protocol, two addresses and two ports")
    if "%" in words[2] + words[3]:  # ipaddress accepts any text as a zone
        raise BadMessage("an address in the PROXY header has a zone, which is only valid on its own machine")
    kind = ipaddress.IPv4Address if words[1] == "TCP4" else ipaddress.IPv6Address
    try:
        client, server = (_format(kind(word)) for word in words[2:4])
    except ValueError:
        raise BadMessage("an address in the PROXY header is not valid for its protocol") from None
    client_port, server_port = (_port(word) for word in words[4:6])
    return ProxyHeader(length, False, client, client_port, server, server_port)


def _port(word: str) -> int:
    if not _PORT.fullmatch(word) or int(word) > _MAX_PORT:
        raise BadMessage("a port in the PROXY header is not valid")
    return int(word)


# --- version 2: bytes --------------------------------------------------------------------------------


def _read_v2(data: bytes) -> ProxyHeader | None:
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        raise BadMessage("the connection does not start with a PROXY header; check that the proxy sends one")
    if len(data) < 16:
        return None
    command, family, size = data[12], data[13], int.from_bytes(data[14:16])
    if command not in (_LOCAL, _PROXY):
        raise BadMessage("the PROXY header has an unknown version or command")
    if family not in _ADDRESS_BYTES:
        raise BadMessage("the PROXY header has an unknown address family")
    length = 16 + size
    if length > MAX_BYTES:
        raise BadMessage(f"the PROXY header is over {MAX_BYTES} bytes long")
    if len(data) < length:
        return None
    header = data[:length]
    if command == _LOCAL:
        return ProxyHeader(length, is_local=True)
    address_bytes = _ADDRESS_BYTES[family]
    if size < address_bytes:
        raise BadMessage("the PROXY header is too short for its addresses")
    is_tls = _read_tlvs(header, 16 + address_bytes)
    if family in (_TCP4, _UDP4):
        return _with_addresses(header, 4, is_tls=is_tls)
    if family in (_TCP6, _UDP6):
        return _with_addresses(header, 16, is_tls=is_tls)
    # A unix socket, or unspecified: there is a client, without an address.
    return ProxyHeader(length, family == _UNSPEC, is_tls=is_tls)


def _with_addresses(header: bytes, size: int, *, is_tls: bool) -> ProxyHeader:
    client, server = (_format(ipaddress.ip_address(header[at : at + size])) for at in (16, 16 + size))
    ports = 16 + 2 * size
    client_port, server_port = (int.from_bytes(header[at : at + 2]) for at in (ports, ports + 2))
    return ProxyHeader(len(header), False, client, client_port, server, server_port, is_tls)


def _format(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address as text; an IPv4-mapped IPv6 address as IPv4."""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _read_tlvs(header: bytes, at: int) -> bool:
    """Return whether the TLVs (section 2.2.8) say that the client uses TLS. Raises BadMessage for a wrong checksum."""
    is_tls = False
    while at < len(header):
        if at + 3 > len(header):
            raise BadMessage("a TLV of the PROXY header is incomplete")
        kind, size = header[at], int.from_bytes(header[at + 1 : at + 3])
        begin = at + 3
        at = begin + size
        if at > len(header):
            raise BadMessage("a TLV of the PROXY header is longer than the header")
        if kind == _SSL:
            if size < 5:
                raise BadMessage("the TLS part of the PROXY header is incomplete")
            is_tls = bool(header[begin] & _CLIENT_SSL)
        elif kind == _CRC32C:
            blank = header[:begin] + bytes(size) + header[at:]
            if size != 4 or crc32c(blank) != int.from_bytes(header[begin:at]):
                raise BadMessage("the checksum of the PROXY header is wrong")
    return is_tls


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes (RFC 9260 appendix A), bit by bit: a header is short."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

"""Read the header of the PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt).

In: the bytes with which a connection begins. Out: a `ProxyHeader`, or None while bytes are missing.
Refuses, as BadMessage, whatever is not exactly one of the two forms: who is trusted to say this
speaks it well, and everybody else has no business to. Takes not a byte more than the header.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from fanlight.errors import BadMessage

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"  # section 2.2: nothing that any other protocol begins with
MAX_V1_BYTES = 107  # section 2.1
MAX_V2_BYTES = 16 + 2048  # its fixed part, and as much of addresses and additions as we take
MAX_BYTES = MAX_V2_BYTES

_V1_BEGIN = b"PROXY "
_LOCAL, _PROXY = 0x20, 0x21  # version 2, and the command
_UNSPEC, _TCP4, _UDP4, _TCP6, _UDP6, _UNIX, _UNIX_DGRAM = 0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32
_ADDRESS_BYTES = {_UNSPEC: 0, _TCP4: 12, _UDP4: 12, _TCP6: 36, _UDP6: 36, _UNIX: 216, _UNIX_DGRAM: 216}
_CRC32C, _SSL = 0x03, 0x20  # additions (PP2_TYPE_...) that we read
_CLIENT_SSL = 0x01
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_MAX_PORT = 65535
_CASTAGNOLI = 0x82F63B78


class ProxyHeader(NamedTuple):
    """What a proxy says: whom a connection is from, and whom that client had asked."""

    length: int  # bytes of the header
    is_local: bool  # the proxy speaks for itself (a health check), or knows nobody: the connection is its own
    client: str | None = None
    client_port: int | None = None
    server: str | None = None
    server_port: int | None = None
    is_tls: bool = False  # the client spoke TLS to the proxy


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header that a connection begins with; None if more bytes must come. Raises BadMessage."""
    if data[:1] == SIGNATURE[:1]:
        return _read_v2(data)
    if not _V1_BEGIN.startswith(data[: len(_V1_BEGIN)]):
        raise BadMessage("the connection does not begin with a PROXY header; does the proxy send one?")
    return _read_v1(data)


# --- version 1: a line -------------------------------------------------------------------------------


def _read_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, MAX_V1_BYTES)
    if end < 0:
        if len(data) >= MAX_V1_BYTES or b"\n" in data:
            raise BadMessage("the PROXY header is too long, or does not end in CR LF")
        return None
    try:
        words = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadMessage("the PROXY header is no ASCII") from None
    length = end + 2
    if words[1] == "UNKNOWN":  # what follows is to be ignored
        return ProxyHeader(length, is_local=True)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadMessage("the PROXY header is not a protocol, two addresses and two ports")
    if "%" in words[2] + words[3]:  # and it may be any text
        raise BadMessage("an address in the PROXY header has a zone, which only its own machine knows")
    kind = ipaddress.IPv4Address if words[1] == "TCP4" else ipaddress.IPv6Address
    try:
        client, server = (_named(kind(word)) for word in words[2:4])
    except ValueError:
        raise BadMessage("an address in the PROXY header is none of its protocol") from None
    client_port, server_port = (_port(word) for word in words[4:6])
    return ProxyHeader(length, False, client, client_port, server, server_port)


def _port(word: str) -> int:
    if not _PORT.fullmatch(word) or int(word) > _MAX_PORT:
        raise BadMessage("a port in the PROXY header is no port")
    return int(word)


# --- version 2: bytes --------------------------------------------------------------------------------


def _read_v2(data: bytes) -> ProxyHeader | None:
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        raise BadMessage("the connection does not begin with a PROXY header; does the proxy send one?")
    if len(data) < 16:
        return None
    command, family, size = data[12], data[13], int.from_bytes(data[14:16])
    if command not in (_LOCAL, _PROXY):
        raise BadMessage("the PROXY header is of a version or a command that is not known here")
    if family not in _ADDRESS_BYTES:
        raise BadMessage("the PROXY header is of an address family that is not known here")
    length = 16 + size
    if length > MAX_V2_BYTES:
        raise BadMessage(f"the PROXY header is over {MAX_V2_BYTES} bytes long")
    if len(data) < length:
        return None
    header = data[:length]
    if command == _LOCAL:
        return ProxyHeader(length, is_local=True)
    address_bytes = _ADDRESS_BYTES[family]
    if size < address_bytes:
        raise BadMessage("the PROXY header is shorter than the addresses it announces")
    is_tls = _read_additions(header, 16 + address_bytes)
    if family in (_TCP4, _UDP4):
        return _with_addresses(header, 4, is_tls=is_tls)
    if family in (_TCP6, _UDP6):
        return _with_addresses(header, 16, is_tls=is_tls)
    # A unix socket, or nothing said: there is a client, and it has no address.
    return ProxyHeader(length, family == _UNSPEC, is_tls=is_tls)


def _with_addresses(header: bytes, size: int, *, is_tls: bool) -> ProxyHeader:
    client, server = (_named(ipaddress.ip_address(header[at : at + size])) for at in (16, 16 + size))
    ports = 16 + 2 * size
    client_port, server_port = (int.from_bytes(header[at : at + 2]) for at in (ports, ports + 2))
    return ProxyHeader(len(header), False, client, client_port, server, server_port, is_tls)


def _named(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address as text; one of IPv4 as such, also where a proxy has written it as one of IPv6."""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _read_additions(header: bytes, at: int) -> bool:
    """Walk the additions (section 2.2.8); say whether they tell of TLS. Raises BadMessage for a wrong checksum."""
    is_tls = False
    while at < len(header):
        if at + 3 > len(header):
            raise BadMessage("an addition to the PROXY header is cut off")
        kind, size = header[at], int.from_bytes(header[at + 1 : at + 3])
        begin = at + 3
        at = begin + size
        if at > len(header):
            raise BadMessage("an addition to the PROXY header is longer than the header")
        if kind == _SSL:
            if size < 5:
                raise BadMessage("what the PROXY header says of TLS is cut off")
            is_tls = bool(header[begin] & _CLIENT_SSL)
        elif kind == _CRC32C:
            blank = header[:begin] + bytes(size) + header[at:]
            if size != 4 or crc32c(blank) != int.from_bytes(header[begin:at]):
                raise BadMessage("the checksum of the PROXY header is wrong")
    return is_tls


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes (RFC 9260 appendix A); a header is short, so a bit at a time will do."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

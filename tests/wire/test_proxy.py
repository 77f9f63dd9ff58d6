"""The PROXY protocol, versions 1 and 2: every form, every fault, fed whole and byte by byte."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import BadMessage
from fanlight.wire.proxy.proxy_header import (
    MAX_BYTES,
    MAX_V1_BYTES,
    SIGNATURE,
    ProxyHeader,
    crc32c,
    read_proxy_header,
)

V4 = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
V6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"
PROXY, LOCAL = 0x21, 0x20
TCP4, TCP6, UNIX, UNSPEC = 0x11, 0x21, 0x31, 0x00


def v2(command: int, family: int, addresses: bytes, additions: bytes = b"") -> bytes:
    rest = addresses + additions
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2) + rest


def addresses(client: str, server: str, client_port: int = 56324, server_port: int = 443) -> bytes:
    packed = ipaddress.ip_address(client).packed + ipaddress.ip_address(server).packed
    return packed + struct.pack("!HH", client_port, server_port)


def addition(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(2) + content


def with_checksum(header: bytes, wrong: int = 0) -> bytes:
    """Append a checksum to a header of version 2."""
    size = int.from_bytes(header[14:16]) + 7
    blank = header[:14] + size.to_bytes(2) + header[16:] + addition(0x03, bytes(4))
    return blank[:-4] + ((crc32c(blank) + wrong) % 2**32).to_bytes(4)


ADDRESSES = addresses("192.0.2.1", "198.51.100.7")
GOOD = {
    V4: ProxyHeader(len(V4), False, "192.0.2.1", 56324, "198.51.100.7", 443),
    V6: ProxyHeader(len(V6), False, "2001:db8::1", 56324, "2001:db8::2", 443),
    b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6407 1 2\r\n": ProxyHeader(50, False, "192.0.2.1", 1, "198.51.100.7", 2),
    v2(PROXY, TCP6, addresses("::ffff:192.0.2.1", "::ffff:198.51.100.7")): ProxyHeader(
        52, False, "192.0.2.1", 56324, "198.51.100.7", 443
    ),
    b"PROXY UNKNOWN\r\n": ProxyHeader(15, True),
    b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n": ProxyHeader(36, True),
    v2(PROXY, TCP4, ADDRESSES): ProxyHeader(28, False, "192.0.2.1", 56324, "198.51.100.7", 443),
    v2(PROXY, TCP6, addresses("2001:db8::1", "2001:db8::2")): ProxyHeader(
        52, False, "2001:db8::1", 56324, "2001:db8::2", 443
    ),
    v2(LOCAL, UNSPEC, b""): ProxyHeader(16, True),
    v2(LOCAL, TCP4, ADDRESSES): ProxyHeader(28, True),
    v2(PROXY, UNSPEC, b""): ProxyHeader(16, True),
    v2(PROXY, UNIX, bytes(216)): ProxyHeader(232, False),
    v2(PROXY, TCP4, ADDRESSES, addition(0x04, bytes(30))): ProxyHeader(
        61, False, "192.0.2.1", 56324, "198.51.100.7", 443
    ),
    v2(PROXY, TCP4, ADDRESSES, addition(0x20, b"\x01\0\0\0\0")): ProxyHeader(
        36, False, "192.0.2.1", 56324, "198.51.100.7", 443, True
    ),
    v2(PROXY, TCP4, ADDRESSES, addition(0x20, b"\x00\0\0\0\0")): ProxyHeader(
        36, False, "192.0.2.1", 56324, "198.51.100.7", 443
    ),
    with_checksum(v2(PROXY, TCP4, ADDRESSES)): ProxyHeader(35, False, "192.0.2.1", 56324, "198.51.100.7", 443),
}
BAD = [
    b"GET / HTTP/1.1\r\n",
    b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 9\r\n",
    b"PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 056 443\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.7 1 443\r\n",
    b"PROXY TCP4 192.0.2.01 198.51.100.7 1 443\r\n",
    b"PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n",
    b"PROXY TCP6 192.0.2.1 192.0.2.2 1 443\r\n",
    b"PROXY TCP5 1.2.3.4 1.2.3.4 1 443\r\n",
    b"PROXY TCP6 fe80::1%\x1b[31mevil ::1 1 2\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    b"PROXY TCP6 ::1 fe80::1%eth0 1 2\r\n",
    b"PROXY \r\n",
    b"PROXY \xff\r\n",
    b"PROXY UNKNOWN " + b"x" * MAX_V1_BYTES,
    b"\r\n\r\n\x00\r\nQUIT\x0b",
    b"\r\nGET / HTTP/1.1\r\n",
    v2(0x22, TCP4, ADDRESSES),
    v2(0x11, TCP4, ADDRESSES),
    v2(PROXY, 0x41, ADDRESSES),
    v2(PROXY, TCP4, ADDRESSES[:-1]),
    v2(PROXY, TCP4, ADDRESSES, b"\x04\x00"),
    v2(PROXY, TCP4, ADDRESSES, b"\x04\x00\x05abcd"),
    v2(PROXY, TCP4, ADDRESSES, addition(0x20, b"\x01")),
    v2(PROXY, TCP4, ADDRESSES, addition(0x03, b"\0\0\0")),
    v2(PROXY, TCP4, ADDRESSES, addition(0x04, bytes(3000))),
    with_checksum(v2(PROXY, TCP4, ADDRESSES), wrong=1),
]


@pytest.mark.parametrize("header", GOOD)
def test_each_form_is_read(header: bytes) -> None:
    """Bytes after the header are ignored."""
    assert read_proxy_header(header) == GOOD[header]
    assert read_proxy_header(header + b"GET / HTTP/1.1\r\n") == GOOD[header]


@pytest.mark.parametrize("header", GOOD)
def test_a_header_may_come_in_pieces(header: bytes) -> None:
    """Until its last byte is there, more is awaited."""
    for end in range(len(header)):
        assert read_proxy_header(header[:end]) is None
    assert len(header) <= MAX_BYTES


@pytest.mark.parametrize("header", BAD)
def test_anything_else_is_refused(header: bytes) -> None:
    """What is not exactly a header is none."""
    with pytest.raises(BadMessage):
        read_proxy_header(header)


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """CRC-32C of "123456789" is 0xE3069283."""
    assert crc32c(b"123456789") == 0xE3069283


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_nothing_breaks_it(data: bytes, begin: bytes) -> None:
    """Whatever comes is read, awaited or refused; and what is refused stays so with more behind it."""
    try:
        read_proxy_header(begin + data)
    except BadMessage:
        with pytest.raises(BadMessage):
            read_proxy_header(begin + data + b"more")

"""Parse a TLS ClientHello (RFC 8446 section 4.1.2): the server name, and the kind of key exchange.

In: the bytes of a ClientHello, as many as have arrived. Out: whether it is complete; its server name, in lower case
(RFC 6066 section 3); whether the handshake would cost us far more than the client. Refuses nothing: an invalid message
has no name, and OpenSSL, which gets the same bytes next, decides whether it is valid. Knows nothing of sockets, records
and certificates.

This is done here, and not in OpenSSL's callback, so that a certificate is chosen before anything is allocated for the
client, and because the interpreter would report a name that is not ASCII on stderr, for every such message.
"""

from __future__ import annotations

from collections.abc import Iterator

_CLIENT_HELLO, _HOST_NAME = 1, 0
_SERVER_NAME, _SUPPORTED_GROUPS, _KEY_SHARE = 0, 10, 51  # kinds of extensions
_BEFORE_SESSION = 4 + 2 + 32  # the message's head, the version, the random
_MAX_NAME_BYTES = 255
_CURVES = frozenset({0x0017, 0x0018, 0x0019, 0x001D, 0x001E})  # P-256, P-384, P-521, X25519, X448
_FINITE_FIELDS = range(0x0100, 0x0200)  # ffdhe2048 to ffdhe8192, and room for more


def is_complete(hello: bytes) -> bool:
    """Return whether a message has arrived completely."""
    return len(hello) >= 4 and len(hello) >= 4 + int.from_bytes(hello[1:4])


def server_name(hello: bytes) -> str | None:
    """Return the server name of a ClientHello, None if it has no valid one."""
    return next((_host_name(content) for kind, content in _extensions(hello) if kind == _SERVER_NAME), None)


def wants_finite_field(hello: bytes) -> bool:
    """Return whether OpenSSL may choose a finite-field key exchange (RFC 7919) for a ClientHello.

    SECURITY: tests/server/tls/test_client_hello.py: one exchange of ffdhe8192 takes the server 90 ms of CPU, and a
    client that invents its share nothing. Python can't turn it off in OpenSSL, and every TLS 1.3 client supports a
    curve.
    """
    groups: set[int] = set()
    for kind, content in _extensions(hello):
        if kind == _KEY_SHARE and any(share in _FINITE_FIELDS for share in _key_share_groups(content)):
            return True
        if kind == _SUPPORTED_GROUPS:
            groups.update(first << 8 | second for first, second in zip(content[2::2], content[3::2], strict=False))
    return not groups & _CURVES and any(group in _FINITE_FIELDS for group in groups)


def _extensions(hello: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each extension, as far as they are valid."""
    if not is_complete(hello) or hello[0] != _CLIENT_HELLO:
        return
    hello = hello[: 4 + int.from_bytes(hello[1:4])]
    at = _vector_end(hello, _BEFORE_SESSION, 1)  # the session's id
    at = _vector_end(hello, at, 2)  # the ciphers
    at = _vector_end(hello, at, 1)  # the compressions
    end = _vector_end(hello, at, 2)
    at += 2
    # PERF: benchmarks/tls.py: a dozen extensions in each handshake, where `int.from_bytes` costs five times as much
    while at + 4 <= end <= len(hello):
        kind, start = hello[at] << 8 | hello[at + 1], at + 4
        at = start + (hello[at + 2] << 8 | hello[at + 3])
        yield kind, hello[start : min(at, end)]


def _key_share_groups(extension: bytes) -> Iterator[int]:
    """Yield the groups of a client's key shares (RFC 8446 section 4.2.8)."""
    at = 2
    while at + 4 <= len(extension):
        yield int.from_bytes(extension[at : at + 2])
        at = _vector_end(extension, at + 2, 2)


def _vector_end(data: bytes, at: int, width: int) -> int:
    """Return the end of a vector whose length field has `width` bytes."""
    return at + width + int.from_bytes(data[at : at + width])


def _host_name(extension: bytes) -> str | None:
    """Return the name of a server name list, which has exactly one (RFC 6066)."""
    name = extension[5:]
    if len(extension) < 5 or extension[2] != _HOST_NAME or len(name) != int.from_bytes(extension[3:5]):
        return None
    if not 0 < len(name) <= _MAX_NAME_BYTES or not name.isascii():
        return None
    text = name.decode("ascii").lower().removesuffix(".")
    return text if text.isprintable() else None

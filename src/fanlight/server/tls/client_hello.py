"""Read a client's first message of TLS (RFC 8446 section 4.1.2): whom it asks for, and for what kind of keys.

In: the bytes of a ClientHello, or as many as have come. Out: whether it is whole; the name in it, in
lower case (RFC 6066 section 3); whether to go on would cost us far more than the client. Refuses nothing:
what it can't read has no name and asks for nothing, and OpenSSL, which gets the same bytes next, has the
word on whether they are any good. Knows nothing of sockets, records and certificates.

We look for ourselves, and not in OpenSSL's callback, so that a certificate is chosen before anything
is made for the client, and because a name that is no ASCII would be reported there by the interpreter,
on stderr, for every hello that a stranger sends.
"""

from __future__ import annotations

from collections.abc import Iterator

_CLIENT_HELLO, _HOST_NAME = 1, 0
_SERVER_NAME, _SUPPORTED_GROUPS, _KEY_SHARE = 0, 10, 51  # kinds of extensions
_BEFORE_SESSION = 4 + 2 + 32  # the message's head, the version, the random
_MOST_NAME_BYTES = 255
_CURVES = frozenset({0x0017, 0x0018, 0x0019, 0x001D, 0x001E})  # P-256, P-384, P-521, X25519, X448
_FINITE_FIELDS = range(0x0100, 0x0200)  # ffdhe2048 to ffdhe8192, and room for more


def is_complete(hello: bytes) -> bool:
    """Say whether a message has come as far as its head promises."""
    return len(hello) >= 4 and len(hello) >= 4 + int.from_bytes(hello[1:4])


def server_name(hello: bytes) -> str | None:
    """Return the host that a ClientHello asks for, None if it names none that could be one."""
    return next((_host_name(content) for kind, content in _extensions(hello) if kind == _SERVER_NAME), None)


def wants_finite_field(hello: bytes) -> bool:
    """Say whether OpenSSL may choose keys of a finite field (RFC 7919) for a ClientHello.

    SECURITY: tests/server/tls/test_client_hello.py: one exchange of ffdhe8192 takes our processor 90 ms, and a
    client that makes its share up takes nothing. Python can't tell OpenSSL to do without, and every client
    that knows TLS 1.3 knows a curve.
    """
    groups: set[int] = set()
    for kind, content in _extensions(hello):
        if kind == _KEY_SHARE and any(share in _FINITE_FIELDS for share in _key_share_groups(content)):
            return True
        if kind == _SUPPORTED_GROUPS:
            groups.update(int.from_bytes(content[at : at + 2]) for at in range(2, len(content) - 1, 2))
    return not groups & _CURVES and any(group in _FINITE_FIELDS for group in groups)


def _extensions(hello: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the content of each extension, as far as they can be read."""
    if not is_complete(hello) or hello[0] != _CLIENT_HELLO:
        return
    hello = hello[: 4 + int.from_bytes(hello[1:4])]
    at = _vector_end(hello, _BEFORE_SESSION, 1)  # the session's id
    at = _vector_end(hello, at, 2)  # the ciphers
    at = _vector_end(hello, at, 1)  # the compressions
    end = _vector_end(hello, at, 2)
    at += 2
    while at + 4 <= end <= len(hello):
        kind, start = int.from_bytes(hello[at : at + 2]), at + 4
        at = _vector_end(hello, at + 2, 2)
        yield kind, hello[start : min(at, end)]


def _key_share_groups(extension: bytes) -> Iterator[int]:
    """Yield the groups that a client has made keys for (RFC 8446 section 4.2.8)."""
    at = 2
    while at + 4 <= len(extension):
        yield int.from_bytes(extension[at : at + 2])
        at = _vector_end(extension, at + 2, 2)


def _vector_end(data: bytes, at: int, width: int) -> int:
    """Return where a vector ends whose length stands in so many bytes."""
    return at + width + int.from_bytes(data[at : at + width])


def _host_name(extension: bytes) -> str | None:
    """Return the name of a list that has one, which is all that RFC 6066 leaves it."""
    name = extension[5:]
    if len(extension) < 5 or extension[2] != _HOST_NAME or len(name) != int.from_bytes(extension[3:5]):
        return None
    if not 0 < len(name) <= _MOST_NAME_BYTES or not name.isascii():
        return None
    text = name.decode("ascii").lower().removesuffix(".")
    return text if text.isprintable() else None

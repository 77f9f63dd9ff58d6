"""Read the name that a client asks for from its first message of TLS (RFC 8446 section 4.1.2, RFC 6066 section 3).

In: the bytes of a ClientHello, or as many as have come. Out: whether it is whole; the name in it, in
lower case. Refuses nothing: what it can't read has no name, and OpenSSL, which gets the same bytes
next, has the word on whether they are any good. Knows nothing of sockets, records and certificates.

We look for ourselves, and not in OpenSSL's callback, so that a certificate is chosen before anything
is made for the client, and because a name that is no ASCII would be reported there by the interpreter,
on stderr, for every hello that a stranger sends.
"""

from __future__ import annotations

_CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 1, 0, 0
_BEFORE_SESSION = 4 + 2 + 32  # the message's head, the version, the random
_MOST_NAME_BYTES = 255


def is_whole(hello: bytes) -> bool:
    """Say whether a message has come as far as its head promises."""
    return len(hello) >= 4 and len(hello) >= 4 + int.from_bytes(hello[1:4])


def name_asked(hello: bytes) -> str | None:
    """Return the host that a ClientHello asks for, None if it names none that could be one."""
    if not is_whole(hello) or hello[0] != _CLIENT_HELLO:
        return None
    hello = hello[: 4 + int.from_bytes(hello[1:4])]
    at = _after(hello, _BEFORE_SESSION, 1)  # the session's id
    at = _after(hello, at, 2)  # the ciphers
    at = _after(hello, at, 1)  # the compressions
    end = _after(hello, at, 2)
    at += 2
    while at + 4 <= end <= len(hello):
        kind, start = int.from_bytes(hello[at : at + 2]), at + 4
        at = _after(hello, at + 2, 2)
        if kind == _SERVER_NAME:
            return _name_in(hello[start : min(at, end)])
    return None


def _after(data: bytes, at: int, width: int) -> int:
    """Return where a vector ends whose length stands in so many bytes."""
    return at + width + int.from_bytes(data[at : at + width])


def _name_in(extension: bytes) -> str | None:
    """Return the name of a list that has one, which is all that RFC 6066 leaves it."""
    name = extension[5:]
    if len(extension) < 5 or extension[2] != _HOST_NAME or len(name) != int.from_bytes(extension[3:5]):
        return None
    if not 0 < len(name) <= _MOST_NAME_BYTES or not name.isascii():
        return None
    text = name.decode("ascii").lower().removesuffix(".")
    return text if text.isprintable() else None

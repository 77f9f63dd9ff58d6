"""Whose requests are counted together: those of an address, of a user, or of what a function of the site returns.

In: a request. Out: a short text, the same for requests that are counted together. It is a part of a key in the store,
so it holds no secret: what a function returns, an API key say, is hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address

from fanlight.errors import AppError
from fanlight.message.request import Request

MAX_SHOWN = 64  # characters of an address or an id that are kept as they are

Key = Callable[[Request], str]


def address_key(request: Request) -> str:
    """Return the client's address; of IPv6 the first 64 bits, which are the network of one customer (RFC 6177).

    The client is the one that trusted proxies name. Clients of a unix socket without them are one.
    """
    client = request.client
    if client is None:
        return "unix"
    # SECURITY: tests/protection/test_limit_keys.py: a host has 2**64 addresses of IPv6, which are one client
    if ":" not in client:
        return _bounded(client)
    try:
        address = IPv6Address(client.partition("%")[0])
    except ValueError:
        return _bounded(client)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else f"{IPv6Address(int(address) >> 64 << 64)}/64"


def key_by(function: Callable[[Request], object], name: str) -> Key:
    """Return a key made of what a function of the site returns; None is counted by address."""

    def key(request: Request) -> str:
        value = function(request)
        if value is None:
            return f"a:{address_key(request)}"
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise AppError(
                f"{name}, which a rate limit counts by, returned a value of type {type(value).__name__}; "
                "return a text or a number, or None to count by address"
            )
        return f"v:{_digest(str(value))}"

    return key


def user_key(user_of: Callable[[Request], object]) -> Key:
    """Return the id of the user that is signed in, else the address."""

    def key(request: Request) -> str:
        user = user_of(request)
        return f"a:{address_key(request)}" if user is None else f"u:{_bounded(str(user))}"

    return key


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_SHOWN and text.isascii() else _digest(text)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

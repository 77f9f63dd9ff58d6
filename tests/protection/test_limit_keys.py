"""Whose requests are counted together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.protection.limit_keys import MAX_SHOWN, address_key, key_by, user_key
from fanlight.testing import FakeHead


def request_from(client: str | None, **fields: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Request(FakeHead("GET", "/", named), client, None)


@pytest.mark.parametrize(("client", "key"), [
    ("192.0.2.7", "192.0.2.7"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
    ("2001:DB8:1:2:0:0:0:1", "2001:db8:1:2::/64"),
    ("::1", "::/64"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("fe80::1%eth0", "fe80::/64"),
    ("_hidden", "_hidden"),
    ("unknown", "unknown"),
    (None, "unix"),
])  # fmt: skip
def test_an_address_is_one_client_and_a_network_of_ipv6_too(client: str | None, key: str) -> None:
    """Of IPv6 the first 64 bits count: one customer has all the rest."""
    assert address_key(request_from(client)) == key


@given(st.text(min_size=1, max_size=300))
def test_whatever_a_proxy_says_is_a_short_key(client: str) -> None:
    """A proxy may name a client by any text; its key is bounded and plain."""
    key = address_key(request_from(client))
    assert key
    assert len(key) <= MAX_SHOWN
    assert key.isascii()


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_a_network_have_one_key(address: object, host: int) -> None:
    """Two addresses of IPv6 have the same key if, and only if, their first 64 bits are the same."""
    from ipaddress import IPv6Address

    first = IPv6Address(str(address))
    same = IPv6Address(int(first) >> 64 << 64 | host)
    other = IPv6Address((int(first) ^ (1 << 64)) & (2**128 - 1))
    if first.ipv4_mapped or same.ipv4_mapped or other.ipv4_mapped:
        return
    keys = [address_key(request_from(str(each))) for each in (first, same, other)]
    assert keys[0] == keys[1] != keys[2]


def test_a_function_decides_who_counts() -> None:
    """The same value counts together, another one apart; the store gets none of it."""
    key = key_by(lambda request: request.headers.get("x-api-key"), "api_key")
    one, other = (key(request_from("192.0.2.7", x_api_key=each)) for each in ("secret-1", "secret-2"))
    assert one != other
    assert "secret" not in one + other
    assert one == key(request_from("192.0.2.9", x_api_key="secret-1"))


def test_without_a_value_the_address_counts() -> None:
    """None is no common key of all who have none: such requests are counted by address."""
    key = key_by(lambda _: None, "api_key")
    assert key(request_from("192.0.2.7")) != key(request_from("192.0.2.8"))


@pytest.mark.parametrize("value", [b"bytes", 1.5, True, ["x"], object()])
def test_a_function_that_returns_something_else_is_a_mistake(value: object) -> None:
    """The message names the function, and what it may return."""
    with pytest.raises(AppError, match="api_key, which a rate limit counts by, returned a value of type"):
        key_by(lambda _: value, "api_key")(request_from(None))


@pytest.mark.parametrize(("user", "key"), [(5, "u:5"), ("ada", "u:ada"), (0, "u:0"), (None, "a:192.0.2.7")])
def test_a_user_counts_wherever_it_signs_in(user: object, key: str) -> None:
    """Who is signed in is counted by id, all others by address; neither can pass for the other."""
    user_of: Callable[[Request], object] = lambda _: user  # noqa: E731 - a fake
    assert user_key(user_of)(request_from("192.0.2.7")) == key


def test_a_long_user_id_is_a_short_key() -> None:
    """Ids are bounded, as keys of a store are."""
    one, other = (user_key(lambda _, end=end: "x" * 500 + end)(request_from(None)) for end in "ab")  # type: ignore[misc]
    assert one != other
    assert len(one) < MAX_SHOWN

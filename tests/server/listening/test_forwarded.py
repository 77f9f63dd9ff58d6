"""The client, scheme and host that proxies report: which of it is trusted, and what clients can forge."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.speed import seconds

from fanlight.errors import InvalidSetting
from fanlight.server.listening.forwarded import (
    MAX_CACHED,
    Origin,
    TrustedProxies,
    read_forwarded,
    read_x_forwarded,
)

TRUST = TrustedProxies(["10.0.0.0/8", "fd00::/8"])
PROXY = "10.0.0.1"


def x(peer: str | None = PROXY, **fields: str) -> Origin:
    values = {f"x-forwarded-{name}": value for name, value in fields.items()}
    return read_x_forwarded(values, peer, TRUST, has_port=True)


# --- trust --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["10.0.0.1", "10.255.255.255", "fd12::1", "::ffff:10.1.2.3", None])
def test_addresses_of_trusted_networks_are_trusted(address: str | None) -> None:
    """IPv4 as IPv6 too, and a peer behind a unix socket."""
    assert TRUST.trusts(address)
    assert TRUST.trusts(address)


@pytest.mark.parametrize("address", ["11.0.0.1", "fe00::1", "", "unix", "10.0.0.1.example.org", "::ffff:11.0.0.1"])
def test_all_others_are_not(address: str) -> None:
    """An address of another network, or none at all."""
    assert not TRUST.trusts(address)


def test_without_addresses_only_unix_sockets_are_trusted() -> None:
    """Not even loopback: the proxy there may pass on what clients send."""
    nobody = TrustedProxies([])
    assert not nobody.trusts("127.0.0.1")
    assert nobody.trusts(None)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("proxy.example.org", "write 10.0.0.7"),
        ("*", "write"),
        ("", "write"),
    ],
)
def test_what_is_no_network_is_refused(text: str, hint: str) -> None:
    """With what would be right."""
    with pytest.raises(InvalidSetting, match=hint):
        TrustedProxies([text])


def test_what_is_remembered_is_bounded() -> None:
    """However many peers come, no more are remembered than that."""
    trust = TrustedProxies(["10.0.0.0/8"])
    for number in range(3 * MAX_CACHED):
        trust.trusts(f"192.168.{number // 256}.{number % 256}")
    assert len(trust._known) <= MAX_CACHED


# --- X-Forwarded-... ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),  # 6.6.6.6 is what the client has invented
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),  # a client within
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("nonsense, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, nonsense", None),
        ("192.0.2.1,", "192.0.2.1"),  # an empty member of a list is none (RFC 9110 section 5.6.1.2)
        (",, 192.0.2.1 ,\t,10.0.0.2,,", "192.0.2.1"),
        ("192.0.2.1" + "," * 5000, None),  # but only a reasonable number of them is looked at
        (",", None),
        ("unknown", None),
        ("", None),
        ("192.0.2.1:x", None),
        ("[2001:db8::1", None),
        ("192.0.2.1 192.0.2.2", None),
        ("::ffff:c000:201", "192.0.2.1"),
        ("::ffff:192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
        ("fe80::1%eth0", None),  # a zone is known on its own machine only
        ('::1%\x9b31m" 200 \x852026-11-29 00:00:01  9.9.9.9', None),
        ("[fe80::1%25eth0]:80", None),
        ("192.0.2.1%a", None),
    ],
)
def test_the_client_is_the_first_untrusted_address_from_the_right(value: str, client: str | None) -> None:
    """An invalid value ends the search."""
    assert x(**{"for": value}).client == client


def test_fields_from_an_untrusted_peer_are_ignored() -> None:
    """From another address nothing counts."""
    assert x("192.0.2.66", **{"for": "1.1.1.1", "proto": "https", "host": "evil"}) == Origin()


@pytest.mark.parametrize(
    ("fields", "scheme", "host"),
    [
        ({"proto": "https", "host": "example.org"}, "https", "example.org"),
        ({"proto": "HTTP, https"}, "https", None),
        ({"proto": "gopher"}, None, None),
        ({"proto": "https", "host": "example.org", "port": "443"}, "https", "example.org"),
        ({"proto": "https", "host": "example.org", "port": "8443"}, "https", "example.org:8443"),
        ({"proto": "https", "host": "example.org:1", "port": "8443"}, "https", "example.org:1"),
        ({"host": "[::1]", "port": "81"}, None, "[::1]:81"),
        ({"host": "a/b"}, None, None),
        ({"host": "a@b"}, None, None),
        ({"host": "evil, good"}, None, "good"),
        ({"host": "good", "port": "0x50"}, None, "good"),
    ],
)
def test_scheme_and_host_are_those_of_the_last_proxy(
    fields: Mapping[str, str], scheme: str | None, host: str | None
) -> None:
    """Only http and https, only a valid host; a port unless it is the scheme's default."""
    origin = x(**fields)
    assert (origin.scheme, origin.host) == (scheme, host)


def test_the_port_is_read_only_with_its_setting() -> None:
    """Few proxies set X-Forwarded-Port: mostly it comes from the client."""
    fields = {"proto": "https", "host": "example.org", "port": "666"}
    values = {f"x-forwarded-{name}": value for name, value in fields.items()}
    assert read_x_forwarded(values, PROXY, TRUST).host == "example.org"
    assert x(**fields).host == "example.org:666"


# --- Forwarded ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("for=192.0.2.1", Origin("192.0.2.1")),
        ("For=192.0.2.1;Proto=HTTPS;Host=example.org", Origin("192.0.2.1", "https", "example.org")),
        ('for="[2001:db8:cafe::17]:4711"', Origin("2001:db8:cafe::17")),
        ('for="192.0.2.1:_port"', Origin("192.0.2.1")),
        ("for=6.6.6.6;host=evil, for=192.0.2.1;host=good;proto=http", Origin("192.0.2.1", "http", "good")),
        ("for=192.0.2.1;host=outer;proto=https, for=10.0.0.2;host=inner", Origin("192.0.2.1", "https", "outer")),
        ("for=6.6.6.6, for=unknown;proto=https", Origin(None, "https")),
        ("for=6.6.6.6, for=_hidden", Origin()),
        ("for=192.0.2.1 ; proto=https", Origin("192.0.2.1", "https")),
        (r'for="192.0.2.\1"', Origin("192.0.2.1")),
        ('host="evil.org, for=6.6.6.6";for=192.0.2.1', Origin("192.0.2.1")),  # a comma within quotes divides nothing
        ("for=192.0.2.1;for=6.6.6.6", Origin()),  # twice
        ("for=[2001:db8::1]", Origin()),  # brackets need quotes
        ('for="192.0.2.1', Origin()),
        ("for", Origin()),
        ("for=192.0.2.1;;proto=https", Origin("192.0.2.1", "https")),
        ("", Origin()),
        (",,", Origin()),
        ('for="[fe80::1%eth0]"', Origin()),
        ("for=192.0.2.1;;;;proto=https;;", Origin("192.0.2.1", "https")),
        # What a client writes in front does not make the proxy's own word unreadable.
        ('for=", for=192.0.2.1', Origin("192.0.2.1")),
        ('x=", for="[2001:db8::1]:4711";proto=https', Origin("2001:db8::1", "https")),
        ("for=6.6.6.6;for=6.6.6.6, for=192.0.2.1", Origin("192.0.2.1")),
        ("nonsense, for=192.0.2.1", Origin("192.0.2.1")),
        (";" * 16000 + ", for=192.0.2.1", Origin("192.0.2.1")),
        ("," * 16000 + "for=192.0.2.1", Origin("192.0.2.1")),
        (";".join(f"a{number}=b" for number in range(1000)) + ", for=192.0.2.1", Origin("192.0.2.1")),
    ],
)
def test_forwarded_follows_rfc_7239(value: str, origin: Origin) -> None:
    """Section 4: parameters of each hop, the last hop on the right; an invalid field counts for nothing."""
    assert read_forwarded(value, PROXY, TRUST) == origin


def test_forwarded_from_an_untrusted_peer_is_ignored() -> None:
    """From another address nothing counts."""
    assert read_forwarded("for=1.1.1.1;proto=https", "192.0.2.66", TRUST) == Origin()


@given(st.text(alphabet='for=proto:host;,"\\ _[]192.0abc\t', max_size=200))
def test_whatever_is_written_something_is_read(value: str) -> None:
    """No text breaks it; and no address comes out of it that is none."""
    for origin in (read_forwarded(value, PROXY, TRUST), x(**{"for": value, "host": value, "proto": value})):
        assert origin.client is None or TrustedProxies(["0.0.0.0/0", "::/0"]).trusts(origin.client)


LONG = {
    "commas": "," * 16000,
    "hops": "for=1.1.1.1," * 1300,
    "trusted hops": "for=10.1.1.1," * 1300,
    "backslashes": 'a="' + "\\" * 16000,
    "parameters": "a=b;" * 4000,
    "other parameters": ";".join(f"a{number}=b" for number in range(2000)),
    "spaces": " " * 16000,
    "semicolons": ";" * 16000,
    "semicolons and spaces": "; " * 8000,
    "a quote that ends": 'a="' + "b" * 16000 + '"',
    "a quote that does not end": 'a="' + "b" * 16000,
    "quotes": 'a="b",' * 2500,
    "quoted pairs": 'a="' + "\\b" * 8000 + '"',
}


@pytest.mark.parametrize("kind", LONG)
def test_long_fields_are_no_burden(kind: str) -> None:
    """A field as long as a head may be takes no longer than reading that head does."""
    value = LONG[kind]

    def took() -> float:
        began = time.thread_time()
        read_forwarded(value, PROXY, TRUST)
        x(**{"for": value})
        return time.thread_time() - began

    assert min(took() for _ in range(20)) < seconds(0.002)

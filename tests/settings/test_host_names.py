"""The setting `hosts`: which hosts of requests it names, and what is refused."""

from __future__ import annotations

import pytest

from fanlight.errors import InvalidSetting
from fanlight.settings.host_names import MAX_KNOWN, HostNames
from fanlight.settings.options import Options

NAMES = HostNames(["guestbook.example", "*.shop.example", "api.example:8443", "192.0.2.7", "[2001:db8::7]", "::1"])


@pytest.mark.parametrize(
    ("authority", "is_allowed"),
    [
        ("guestbook.example", True),
        ("guestbook.example:8000", True),
        ("GuestBook.Example.", True),
        ("guestbook.example.:80", True),
        ("guestbook.example..", False),
        ("www.guestbook.example", False),
        ("evilguestbook.example", False),
        ("guestbook.example.evil.example", False),
        ("a.shop.example", True),
        ("a.b.shop.example:1", True),
        ("shop.example", False),
        (".shop.example", False),
        ("evilshop.example", False),
        ("api.example:8443", True),
        ("api.example", False),
        ("api.example:443", False),
        ("192.0.2.7:8000", True),
        ("192.0.2.8", False),
        ("[2001:db8::7]", True),
        ("[2001:DB8:0::7]:8000", True),
        ("[2001:db8::8]", False),
        ("[::1]:8000", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("[nonsense]", False),
        ("localhost", False),
        ("127.0.0.1:8000", False),
        ("", False),
    ],
)
def test_a_host_is_one_of_the_named(authority: str, *, is_allowed: bool) -> None:
    """In any case, with or without the dot at its end; a port counts only where it is written. Nothing else is."""
    assert NAMES.allow(authority) is is_allowed
    assert NAMES.allow(authority) is is_allowed  # as it is remembered


def test_a_usual_port_may_be_missing() -> None:
    """Browsers leave it out."""
    assert HostNames(["a.example:443"]).allow("a.example")
    assert not HostNames(["a.example:8443"]).allow("a.example")


def test_a_star_is_any_host() -> None:
    """It is said so, and not by chance."""
    assert HostNames(["*"]).is_any
    assert not NAMES.is_any


def test_what_is_remembered_is_bounded() -> None:
    """A client can send any number of hosts."""
    names = HostNames(["a.example"])
    for number in range(MAX_KNOWN + 10):
        names.allow(f"{number}.example")
    assert len(names._known) <= MAX_KNOWN
    assert names.allow("a.example")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://guestbook.example", 'is a URL; write "guestbook.example"'),
        ("guestbook.example/", 'is a URL; write "guestbook.example"'),
        ("bücher.example", 'write "xn--bcher-kva.example"'),
        ("guestbook example", "is no host"),
        ("*.*.example", "is no host"),
        ("a*.example", "is no host"),
        (".example", "is no host"),
        ("a.example:x", "no valid port"),
        ("a.example:99999", "no valid port"),
        ("[::1", "is no host"),
        ("[1.2.3.4]", "is no host"),
    ],
)
def test_what_no_request_could_name_is_refused(text: str, message: str) -> None:
    """Before the port opens, with what to write."""
    with pytest.raises(InvalidSetting, match=r"hosts: ") as caught:
        Options(hosts=(text,))
    assert message in str(caught.value)

"""Where a redirect may lead that the app itself has named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message.response import redirect


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/", "/"),
        ("/orders?page=2#top", "/orders?page=2#top"),
        ("/a//b", "/a//b"),
        ("orders", "orders"),
        ("./folder/", "./folder/"),
        ("../up", "../up"),
        ("?page=2", "?page=2"),
        ("#top", "#top"),
        ("/ä ö", "/%C3%A4%20%C3%B6"),
        ("/%5Cx", "/%5Cx"),
        ("/search?q=a\\b", "/search?q=a%5Cb"),
        ("/?next=//other.example", "/?next=//other.example"),
        ("/a:b@c", "/a:b@c"),
        ("https://other.example", "https://other.example"),
        ("HTTPS://Other.Example:8443/x?y#z", "HTTPS://Other.Example:8443/x?y#z"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("https://bücher.example/", "https://b%C3%BCcher.example/"),
        ("https://other.example/a@b", "https://other.example/a@b"),
        ("https://other.example?q=\\@x", "https://other.example?q=%5C@x"),
        ("mailto:ada@other.example", "mailto:ada@other.example"),
        ("com.example.app://signed-in?code=1", "com.example.app://signed-in?code=1"),
    ],
)
def test_a_place_that_all_read_alike(to: str, location: str) -> None:
    """A path, a query, a whole URL with a scheme, or one of an app on the visitor's machine, is a target."""
    assert redirect(to).headers["location"] == location


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("", "empty"),
        ("//evil.example", "start of a host"),
        ("///evil.example", "start of a host"),
        ("/\\evil.example", "backslash"),
        ("\\\\evil.example", "backslash"),
        ("\\/evil.example", "backslash"),
        ("/a\\b", "backslash"),
        ("http://example.com\\@evil.example", "backslash"),
        ("https:\\\\evil.example", "backslash"),
        ("/\t/evil.example", "control character"),
        ("/\n/evil.example", "control character"),
        ("\x00//evil.example", "control character"),
        ("ht\ttps://evil.example", "control character"),
        ("/a\r\nset-cookie: a=1", "control character"),
        ("/a\x7f", "control character"),
        (" //evil.example", "starts with a space"),
        (" /orders", "starts with a space"),
        ("\xa0//evil.example", "starts with a space"),
        ("\u3000//evil.example", "starts with a space"),
        ("https:evil.example", "https://host/path"),
        ("https:/evil.example", "https://host/path"),
        ("https:///evil.example", "https://host/path"),
        ("https://", "https://host/path"),
        ("https://?evil.example", "https://host/path"),
        ("https:// evil.example", "https://host/path"),
        ("https://example.com@evil.example", "without a user name"),
        ("https://example.com:443@evil.example/", "without a user name"),
        ("https://example.com%2F@evil.example/", "without a user name"),
        ("https://@evil.example/", "without a user name"),
        ("https://example.com%2eevil.example/", "https://host/path"),
        ("https://evil.example\uff0f.example.com/", "https://host/path"),
        ("https://evil.example\uff03.example.com/", "https://host/path"),
        ("https://example.com\uff20evil.example/", "https://host/path"),
        ("https://evil.ca\u2100.example.com/", "https://host/path"),
        ("https://example.com:x/", "https://host/path"),
        ("https://exa<mple.com/", "https://host/path"),
        ("javascript:alert(1)", "javascript: is not allowed"),
        ("JavaScript:alert(1)", "javascript: is not allowed"),
        ("data:text/html,<script>alert(1)</script>", "data: is not allowed"),
        ("vbscript:x", "vbscript: is not allowed"),
        ("blob:https://evil.example/x", "blob: is not allowed"),
        ("file:///etc/passwd", "file: is not allowed"),
        ("/a\udc80", "half of a surrogate pair"),
        (None, "not a NoneType"),
        (b"/x", "not a bytes"),
        (len, "write request.url_for"),
    ],
)
def test_a_target_that_browsers_read_differently_is_refused(to: Any, said: str) -> None:
    """A target that browsers would read as another host than it seems is refused, with what to write instead."""
    with pytest.raises(InvalidResponse, match=said):
        redirect(to)


@given(st.text(alphabet="/\\.:@?#%2eE \t\nahttps-x", max_size=30) | st.text())
def test_a_target_is_sent_or_refused(to: str) -> None:
    """Whatever the target, what is sent begins no other field, no other host, and no script."""
    try:
        location = redirect(to).headers["location"]
    except InvalidResponse:
        return
    assert location.isascii()
    assert location.isprintable()
    assert not location.startswith(("//", "/\\", " "))

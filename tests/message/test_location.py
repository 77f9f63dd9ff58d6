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
        ("//evil.example", "begins another host"),
        ("///evil.example", "begins another host"),
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
        (" //evil.example", "blank"),
        (" /orders", "blank"),
        ("\xa0//evil.example", "blank"),
        ("\u3000//evil.example", "blank"),
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
        ("javascript:alert(1)", "javascript: is no place"),
        ("JavaScript:alert(1)", "javascript: is no place"),
        ("data:text/html,<script>alert(1)</script>", "data: is no place"),
        ("vbscript:x", "vbscript: is no place"),
        ("blob:https://evil.example/x", "blob: is no place"),
        ("file:///etc/passwd", "file: is no place"),
        ("/a\udc80", "half a character"),
        (None, "not to a NoneType"),
        (b"/x", "not to a bytes"),
        (len, "write request.url_for"),
    ],
)
def test_a_place_that_a_browser_reads_otherwise(to: Any, said: str) -> None:
    """What seems to be of this site, or of one host, and to a browser is another, is refused with what to write."""
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

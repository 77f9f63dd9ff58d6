"""Redirect targets that come from a request."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message.content import SpooledContent
from fanlight.message.request import Request
from fanlight.message.response import redirect
from fanlight.message.safe_targets import redirect_back, safe_target
from fanlight.testing import FakeHead


def asked(target: str = "/login", method: str = "GET", content: bytes = b"", **fields: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    source = SpooledContent()
    source.write(content)
    return Request(FakeHead(method, target, named), "127.0.0.1", source)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/orders?page=2#top", "/orders?page=2#top"),
        ("/a//b", "/a//b"),
        ("/search?q=a\\b", "/search?q=a\\b"),
        ("/?next=//evil.example", "/?next=//evil.example"),
        ("/ä ö", "/ä ö"),
        ("/a:b@c", "/a:b@c"),
        ("http://testserver/orders?x=1", "/orders?x=1"),
        ("HTTP://TestServer/orders", "/orders"),
        ("http://testserver", "/"),
        ("http://testserver?x=1", "/?x=1"),
    ],
)
def test_a_place_of_this_site(target: str, path: str) -> None:
    """A path of ours is one, alone or behind scheme and host of the request."""
    assert safe_target(target, asked()) == path


@pytest.mark.parametrize(
    "target",
    [
        "",
        "orders",
        "?x=1",
        "#top",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        " /orders",
        "/./\\evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/%2e//evil.example",
        "/%2E%2e//evil.example",
        "/a\\b",
        "/a\x00b",
        "/a\r\nset-cookie: a=1",
        "/a\x7f",
        "/a\x85b",
        "/a\udc80",
        "http:evil.example",
        "https:/evil.example",
        "https://evil.example",
        "https://testserver/",
        "http://testserver:81/",
        "http://testserver.evil.example/",
        "http://testserver@evil.example/",
        "http://testserver:x@evil.example/",
        "http://testserver//evil.example",
        "http://testserver/\\evil.example",
        "http://testserver\\@evil.example/",
        "http://evil.example/http://testserver/",
        "javascript:alert(1)",
        "data:text/html,x",
        "/" + "a" * 2048,
        None,
        7,
    ],
)
def test_any_other_place(target: object) -> None:
    """What is, or could be read as, another site is no target."""
    assert safe_target(target, asked()) is None


@given(st.text(alphabet="/\\.:@?#%2eE \t\nahttp-testserver", max_size=30) | st.text())
def test_a_safe_target_stays_here(target: str) -> None:
    """Every target that is accepted stays on this site, and can be sent."""
    found = safe_target(target, asked())
    if found is None:
        return
    location = redirect(found).headers["location"]
    joined = urlsplit(urljoin("http://testserver/login", location))
    assert (joined.scheme, joined.netloc) == ("http", "testserver")
    assert location.startswith("/")
    assert not location.startswith("//")


def sent_to(request: Request, default: str = "/") -> str:
    return redirect_back(request, default).headers["location"]


def test_redirect_back_uses_the_target_in_the_request() -> None:
    """The target is taken from the query, else the form, else Referer, else the default."""
    referer = "http://testserver/from"
    form = {"method": "POST", "content_type": "application/x-www-form-urlencoded", "referer": referer}
    assert sent_to(asked("/login?next=/orders%3Fa%3D1", referer=referer)) == "/orders?a=1"
    assert sent_to(asked("/login?next=/q", content=b"next=/form", **form)) == "/q"
    assert sent_to(asked("/login", content=b"next=/form", **form)) == "/form"
    assert sent_to(asked("/login", content=b"next=//evil.example", **form)) == "/from"
    assert sent_to(asked("/login?next=//evil.example", referer="http://evil.example/")) == "/"
    assert sent_to(asked("/login"), "/home") == "/home"


def test_back_is_not_round_in_circles() -> None:
    """A target that is the current page is skipped; after a form so is the page that has it."""
    assert sent_to(asked("/login", referer="http://testserver/login?x=1")) == "/"
    assert sent_to(asked("/login?next=/login")) == "/"
    assert sent_to(asked("/like", method="POST", referer="http://testserver/likes")) == "/likes"
    assert sent_to(asked("/sign-in", method="POST", referer="http://testserver/sign-in?x=1"), "/home") == "/home"
    assert sent_to(asked("/like?next=/like", method="POST")) == "/like"


@given(st.text())
def test_no_target_can_begin_another_field(to: str) -> None:
    """Whatever a redirect is given, its field is one line of ASCII, or it is refused."""
    try:
        location = redirect(to).headers["location"]
    except InvalidResponse:
        return
    assert location.isascii()
    assert location.isprintable() or not location


def test_half_a_character_is_refused() -> None:
    """Text that can't be UTF-8 raises InvalidResponse."""
    with pytest.raises(InvalidResponse, match="half of a surrogate pair"):
        redirect("/\udc80")


def test_what_was_quoted_stays_quoted() -> None:
    """A target of `safe_target` may be quoted already."""
    assert redirect(safe_target(quote("/ä ö"), asked()) or "").headers["location"] == "/%C3%A4%20%C3%B6"

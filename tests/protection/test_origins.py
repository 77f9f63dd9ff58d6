"""Origins in settings: what they name, and what is refused because no browser would send it."""

from __future__ import annotations

import pytest

from fanlight.protection.origins import Origins, is_loopback, is_of_host, origin_mistakes, origin_of_url


@pytest.mark.parametrize(
    ("origin", "is_named"),
    [
        ("https://app.example", True),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://app.example.", False),
        ("https://evil-app.example", False),
        ("https://a.shop.example", True),
        ("https://a.b.shop.example", True),
        ("https://shop.example", False),
        ("https://evilshop.example", False),
        ("https://.shop.example", False),
        ("https://evil.example/.shop.example", False),
        ("https://evil.example#.shop.example", False),
        ("https://user@a.shop.example", False),
        ("http://a.shop.example", False),
        ("https://a.shop.example.evil.example", False),
        ("http://dev.localhost:5173", True),
        ("http://dev.localhost:5174", False),
        (f"https://{'a' * 300}.shop.example", False),
        ("null", False),
        ("*", False),
        ("", False),
    ],
)
def test_an_origin_is_named_exactly_or_below_a_star(origin: str, *, is_named: bool) -> None:
    """A star stands for one label or more of the host, and for nothing else."""
    origins = Origins(["https://app.example", "https://*.shop.example", "http://*.localhost:5173"])
    assert origins.name(origin) is is_named


def test_a_star_alone_names_no_origin() -> None:
    """Whether every origin may do something is another question, which each user of it decides."""
    assert Origins(["*"]).is_any
    assert not Origins(["*"]).name("https://app.example")
    assert not Origins()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("app.example", "has no scheme", 'write "https://app.example"'),
        ("//app.example", "has no scheme", 'write "https://app.example"'),
        ("https://app.example/", "ends with a slash", 'write "https://app.example"'),
        ("https://app.example/api", "has a path", 'write "https://app.example"'),
        ("https://app.example?x", "has a path", 'write "https://app.example"'),
        ("https://user@app.example", "has a user name", 'write "https://app.example"'),
        ("HTTPS://App.Example", "not as browsers send it", 'write "https://app.example"'),
        ("https://bücher.example", "not as browsers send it", 'write "https://xn--bcher-kva.example"'),
        ("https://app.example:443", "the usual port", 'write "https://app.example"'),
        ("http://app.example:80", "the usual port", 'write "http://app.example"'),
        ("https://[::1]:443", "the usual port", 'write "https://[::1]"'),
        ("https://app.example:99999", "is no origin", "scheme, host and port"),
        ("https://app.example:", "is no origin", "scheme, host and port"),
        ("https://", "is no origin", "scheme, host and port"),
        ("https://a b", "is no origin", "scheme, host and port"),
        ("null", "sandboxed frame", "by their addresses"),
        ("https://*.com", "is every site below .com", 'write "https://*.app.com"'.removeprefix("write ")),
        ("https://*", "not in the place of subdomains", 'write "https://*.app.example"'),
        ("https://app-*.example", "not in the place of subdomains", 'write "https://*.app.example"'),
        ("https://*.*.example", "not in the place of subdomains", 'write "https://*.app.example"'),
        ("*", "is every site", "no star here"),
        (5, "is no text", "https://app.example"),
    ],
)
def test_what_no_browser_sends_is_a_mistake(text: object, message: str, hint: str) -> None:
    """The message says what is wrong, and what to write."""
    (mistake,) = origin_mistakes([text], "trusted_origins", if_any="no star here")
    assert message in mistake.message
    assert hint in mistake.hint


@pytest.mark.parametrize(
    "text", ["https://app.example", "http://localhost:5173", "https://[2001:db8::1]:8443", "capacitor://localhost"]
)
def test_what_browsers_send_is_none(text: str) -> None:
    """Also an address, and the scheme of an app that is a page."""
    assert origin_mistakes([text], "origins") == []


def test_a_text_or_a_number_is_no_list() -> None:
    """A text would be read letter by letter."""
    assert origin_mistakes("https://app.example", "origins")[0].hint == "write a list: ['https://app.example']"
    assert "of type int" in origin_mistakes(5, "origins")[0].message
    assert "and others" in origin_mistakes(["*", "https://app.example"], "origins")[0].message


@pytest.mark.parametrize(
    ("origin", "scheme", "authority", "is_own"),
    [
        ("http://app.example", "http", "app.example", True),
        ("http://app.example", "http", "App.Example:80", True),
        ("https://app.example", "https", "app.example:443", True),
        ("https://app.example:8443", "https", "app.example:8443", True),
        ("https://app.example", "http", "app.example", True),  # TLS ends at a proxy that is not trusted
        ("http://app.example", "https", "app.example", False),
        ("https://app.example:8443", "https", "app.example", False),
        ("http://app.example:8080", "http", "app.example:80", False),
        ("https://evil.example", "https", "app.example", False),
        ("https://app.example.evil.example", "https", "app.example", False),
        ("null", "http", "null", False),
        ("http://", "http", "", False),
        ("http://[::1]:8000", "http", "[::1]:8000", True),
        ("file://", "http", "", False),
        ("ftp://app.example", "http", "app.example", False),
        ("http://app.example/", "http", "app.example", False),
    ],
)
def test_the_origin_of_a_site_has_its_host_and_port(origin: str, scheme: str, authority: str, *, is_own: bool) -> None:
    """The usual port may be missing; a page without TLS is not that of a site with it."""
    assert is_of_host(origin, scheme, authority) is is_own


def test_the_origin_of_a_url_is_its_beginning() -> None:
    """As it is compared, so nothing of it is decoded."""
    assert origin_of_url("https://a.example/path?x#y") == "https://a.example"
    assert origin_of_url("https://a.example?x") == "https://a.example"
    assert origin_of_url("about:blank") == ""
    assert origin_of_url("") == ""


def test_only_this_machine_is_loopback() -> None:
    """A page there can't be changed on its way, though it is not encrypted."""
    assert all(map(is_loopback, ["http://localhost:5173", "http://a.localhost", "http://127.0.0.1", "http://[::1]:80"]))
    assert not any(map(is_loopback, ["http://127.0.0.1.evil.example", "http://notlocalhost", "null"]))

"""The jar of the test client keeps and sends cookies as a browser does."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from fanlight.testing import Cookies
from fanlight.testing.cookie_jar import read_date

HTTP, HTTPS = "http://testserver/", "https://testserver/"
SHOP = "https://www.shop.example/"
NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def jar(*lines: str, at: str = HTTP, now: float = NOW) -> Cookies:
    cookies = Cookies(urlsplit(at).hostname or "")
    cookies.keep(lines, urlsplit(at), now)
    return cookies


@pytest.mark.parametrize(
    ("line", "at", "to", "sent"),
    [
        ("s=1; Path=/admin", HTTP, "http://testserver/public", ""),
        ("s=1; Path=/admin", HTTP, "http://testserver/admin", "s=1"),
        ("s=1; Path=/admin", HTTP, "http://testserver/admin/x", "s=1"),
        ("s=1; Path=/admin", HTTP, "http://testserver/administration", ""),
        ("s=1; Path=/admin/", HTTP, "http://testserver/admin", ""),
        ("s=1", "http://testserver/a/b", "http://testserver/a/c", "s=1"),
        ("s=1", "http://testserver/a/b", "http://testserver/", ""),
        ("s=1; Path=nowhere", "http://testserver/a", HTTP, "s=1"),
        ("s=1; Path=/x; Path=/", HTTP, HTTP, "s=1"),
        ("s=1; Domain=other.example", HTTP, HTTP, ""),
        ("s=1; Domain=testserver", HTTP, HTTP, "s=1"),
        ("s=1; Domain=example", SHOP, SHOP, ""),
        ("s=1; Domain=.shop.example", SHOP, "https://shop.example/", "s=1"),
        ("s=1; Domain=SHOP.example", SHOP, "https://api.shop.example/", "s=1"),
        ("s=1; Domain=op.example", SHOP, SHOP, ""),
        ("s=1; Domain=api.shop.example", SHOP, SHOP, ""),
        ("s=1; Domain=", SHOP, "https://api.shop.example/", ""),
        ("s=1", SHOP, "https://shop.example/", ""),
        ("s=1; Domain=0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", ""),
        ("s=1; Secure", HTTP, HTTP, ""),
        ("s=1; Secure", HTTPS, HTTPS, "s=1"),
        ("s=1; Secure", HTTPS, HTTP, ""),
        ("s=1; SameSite=None", HTTPS, HTTPS, ""),
        ("s=1; SameSite=none; Secure", HTTPS, HTTPS, "s=1"),
        ("s=1; Partitioned", HTTPS, HTTPS, ""),
        ("__Host-s=1; Path=/", HTTP, HTTP, ""),
        ("__Host-s=1; Path=/; Secure", HTTPS, HTTPS, "__Host-s=1"),
        ("__Host-s=1; Secure", HTTPS, HTTPS, ""),
        ("__host-s=1; Path=/; Secure; Domain=shop.example", SHOP, SHOP, ""),
        ("__Secure-s=1", HTTPS, HTTPS, ""),
        ("__SECURE-s=1; Secure", HTTPS, HTTPS, "__SECURE-s=1"),
        ("=__Host-s=1; Secure; Path=/", HTTPS, HTTPS, ""),
        ("s=1; Max-Age=0", HTTP, HTTP, ""),
        ("s=1; Max-Age=-1", HTTP, HTTP, ""),
        ("s=1; Max-Age=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HTTP, HTTP, "s=1"),
        ("s=1; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HTTP, HTTP, ""),
        ("s=1; Expires=Mon, 01-Jan-2001 00:00:00 GMT", HTTP, HTTP, ""),
        ("s=1; Expires=Fri, 01 Jan 2027 00:00:00 GMT", HTTP, HTTP, "s=1"),
        ("s=1; Expires=never", HTTP, HTTP, "s=1"),
        ("alone", HTTP, HTTP, "alone"),
        ('s="a b"', HTTP, HTTP, 's="a b"'),
        ("s=a=b", HTTP, HTTP, "s=a=b"),
        ("s=", HTTP, HTTP, "s="),
        ("=; Path=/", HTTP, HTTP, ""),
        ("s=\x01", HTTP, HTTP, ""),
        ("s=" + "x" * 4096, HTTP, HTTP, ""),
        ("s=1; Path=/" + "x" * 1024, HTTP, HTTP, "s=1"),
    ],
)
def test_a_cookie_is_sent_where_a_browser_sends_it(line: str, at: str, to: str, sent: str) -> None:
    """Path, domain, scheme, prefix, age and date decide."""
    assert jar(line, at=at).field(urlsplit(to), NOW) == sent


def test_several_of_one_name_are_all_sent() -> None:
    """Cookies of one name with other paths are others; the longest path comes first, then the older one."""
    cookies = jar("s=root; Path=/", "a=1; Path=/", "s=admin; Path=/admin", "s=new; Path=/")
    assert cookies.field(urlsplit("http://testserver/admin/x"), NOW) == "s=admin; s=new; a=1"
    assert cookies.field(urlsplit(HTTP), NOW) == "s=new; a=1"
    assert (dict(cookies), len(cookies)) == ({"s": "admin", "a": "1"}, 2)


def test_a_cookie_is_only_deleted_where_it_was_set() -> None:
    """A deletion with another path or domain leaves it: the mistake that makes a logout do nothing."""
    cookies = jar("s=1; Path=/")
    for line in ("s=; Path=/x; Max-Age=0", "s=; Domain=testserver.example; Max-Age=0"):
        cookies.keep([line], urlsplit(HTTP), NOW)
        assert cookies == {"s": "1"}
    cookies.keep(["s=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], urlsplit(HTTP), NOW)
    assert cookies == {}


def test_a_cookie_ends_when_its_time_is_over() -> None:
    """What was set for ten seconds is sent for ten seconds; none is kept for more than 400 days."""
    cookies = jar("s=1; Max-Age=10", f"t=1; Max-Age={10**12}")
    assert cookies.field(urlsplit(HTTP), NOW + 9) == "s=1; t=1"
    assert cookies.field(urlsplit(HTTP), NOW + 10) == "t=1"
    assert cookies.field(urlsplit(HTTP), NOW + 401 * 24 * 3600) == ""


def test_http_can_not_replace_a_secure_cookie() -> None:
    """A cookie that https has set as `Secure` is left alone by http, whatever it wants."""
    cookies = jar("s=1; Secure; Path=/", at=HTTPS)
    cookies.keep(["s=2; Path=/", "other=3"], urlsplit(HTTP), NOW)
    assert cookies == {"s": "1", "other": "3"}
    cookies.keep(["s=2; Path=/"], urlsplit(HTTPS), NOW)
    assert cookies == {"s": "2"} | {"other": "3"}


def test_a_jar_is_a_mapping() -> None:
    """A test reads, sets, deletes and clears cookies by their names; `kept` has all that is known of each."""
    cookies = jar("s=1; Path=/x; HttpOnly; SameSite=lax")
    cookies["name"] = "Ada é"
    assert (cookies["name"], cookies.get("nobody"), "s" in cookies) == ("Ada é", None, True)
    assert repr(cookies) == "{'s': '1', 'name': 'Ada é'}"
    (first, second) = cookies.kept
    assert (first.name, first.path, first.http_only, first.same_site) == ("s", "/x", True, "Lax")
    assert cookies.field(urlsplit(HTTP), NOW) == "name=" + "Ada é".encode().decode("latin-1")
    assert second.domain == "testserver"
    del cookies["s"]
    with pytest.raises(KeyError):
        del cookies["s"]
    for name, value in (("a", "b; c"), ("a", "b\n"), ("", "b")):
        with pytest.raises(ValueError, match="without semicolons"):
            cookies[name] = value
    cookies.clear()
    assert not cookies


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),
        ("Sun Nov  6 08:49:37 2024", (2024, 11, 6, 8, 49, 37)),
        ("6 november 24 8:49:37", (2024, 11, 6, 8, 49, 37)),
        ("Sun, 06 Nov 1994", None),
        ("31 Feb 2024 00:00:00", None),
        ("06 Nov 1600 00:00:00", None),
        ("", None),
    ],
)
def test_dates_are_read_as_browsers_read_them(text: str, said: tuple[int, ...] | None) -> None:
    """Every form of RFC 9110, and what servers really send; what is no date is none."""
    expected = None if said is None else datetime(*said, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]  # a date
    assert read_date(text) == expected

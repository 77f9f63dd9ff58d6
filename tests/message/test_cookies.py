"""Cookies: how they are read, and what is refused rather than written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message import Response
from fanlight.message.cookies import read_cookies


def written(name: str = "a", value: str = "1", **options: Any) -> str:
    response = Response("x")
    response.set_cookie(name, value, **options)
    return response.headers["set-cookie"]


@pytest.mark.parametrize(
    ("text", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2;c=3 ;", {"a": "1", "b": "2", "c": "3"}),
        ("a=1; a=2", {"a": "1"}),
        ('a="quoted value"; b="', {"a": "quoted value", "b": '"'}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%20+x", {"a": "%20+x"}),
        ("nameless; =x; b=2", {"b": "2"}),
        ("=__Host-a=evil", {}),
        ("\xa0__Host-a=evil; __Host-a=good", {"\xa0__Host-a": "evil", "__Host-a": "good"}),
        ("\x85__Secure-a=evil", {"\x85__Secure-a": "evil"}),
        ("$Version=1; a=1", {"$Version": "1", "a": "1"}),
    ],
)
def test_what_a_client_sends_is_read(text: str, cookies: dict[str, str]) -> None:
    """Quotes are taken off, nothing is decoded, the first of a name counts, and only blanks are no part of a name."""
    assert read_cookies(text) == cookies


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_whatever_is_sent_can_be_read(text: str) -> None:
    """No text breaks the reader, and no name or value has a semicolon in it."""
    for name, value in read_cookies(text).items():
        assert name
        assert ";" not in name + value


@given(
    st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", fullmatch=True), st.from_regex(r"[!#-+\--:<-\[\]-~]*", fullmatch=True)
)
def test_what_is_set_comes_back(name: str, value: str) -> None:
    """A value that can be set is read as it was."""
    try:
        line = written(name, value)
    except InvalidResponse:
        return  # too long
    assert read_cookies(line.partition(";")[0]) == {name: value}


def test_many_cookies_cost_no_more_than_their_bytes() -> None:
    """Ten times as many cookies take about ten times as long."""

    def seconds(count: int) -> float:
        text = "; ".join(f"name{n}=value" for n in range(count))
        began = time.perf_counter()
        assert len(read_cookies(text)) == count
        return time.perf_counter() - began

    seconds(1000)
    assert min(seconds(50_000) for _ in range(3)) < 40 * max(min(seconds(5000) for _ in range(3)), 1e-4)


def test_the_options_are_written() -> None:
    """Each option is its attribute."""
    when = datetime(2026, 1, 31, 12, 30, tzinfo=timezone(timedelta(hours=1)))
    assert written(
        path="/x", domain="example.org", max_age=timedelta(hours=1), expires=when, secure=True, same_site="Strict"
    ) == (
        "a=1; Path=/x; Domain=example.org; Max-Age=3600; Expires=Sat, 31 Jan 2026 11:30:00 GMT; Secure; HttpOnly;"
        " SameSite=Strict"
    )
    assert written(partitioned=True) == "a=1; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned"


def test_https_makes_it_secure() -> None:
    """Where nothing is said, a cookie is Secure if the answer goes by https, once; where it is said, that holds."""
    response = Response("x")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", secure=False)
    response.set_cookie("__Host-c", "3")
    response.headers["x-other"] = "y"
    plain = response.copy()
    for _ in range(2):
        response.secure_cookies()
        assert response.headers.get_all("set-cookie") == [
            "a=1; Path=/; HttpOnly; SameSite=Lax; Secure",
            "b=2; Path=/; HttpOnly; SameSite=Lax",
            "__Host-c=3; Path=/; Secure; HttpOnly; SameSite=Lax",
        ]
        assert response.headers["x-other"] == "y"
    assert "Secure" not in plain.headers["set-cookie"]
    plain.secure_cookies()
    assert "Secure" in plain.headers["set-cookie"]
    Response("without any").secure_cookies()


def test_to_delete_one_is_to_set_it_again() -> None:
    """Path, domain, prefix and partition are those of the cookie that is to go; its life is over."""
    response = Response("x")
    response.delete_cookie("a", path="/x", domain="example.org")
    response.delete_cookie("__Host-b", partitioned=True)
    over = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    assert response.headers.get_all("set-cookie") == [
        f"a=; Path=/x; Domain=example.org; {over}; HttpOnly; SameSite=Lax",
        f"__Host-b=; Path=/; {over}; Secure; HttpOnly; SameSite=Lax; Partitioned",
    ]


@pytest.mark.parametrize(
    ("name", "value", "options", "said"),
    [
        ("a b", "x", {}, "is no name"),
        ("a=b", "x", {}, "is no name"),
        ("", "x", {}, "is no name"),
        ("a\r\nx", "x", {}, "is no name"),
        ("a", "x; Domain=evil.example", {}, "encode it"),
        ("a", "x\r\nset-cookie: b=2", {}, "encode it"),
        ("a", "grüezi", {}, "encode it"),
        ("a", "x", {"path": "/; Secure"}, "can't have the path"),
        ("a", "x", {"path": "x"}, "begins with /"),
        ("a", "x", {"path": "/\r\nx"}, "can't have the path"),
        ("a", "x", {"path": "/" * 1025}, "can't have the path"),
        ("a", "x", {"domain": "a.example; HttpOnly"}, "can't have the domain"),
        ("a", "x", {"domain": "a.example\nx"}, "can't have the domain"),
        ("a", "x", {"domain": "https://a.example"}, "can't have the domain"),
        ("a", "x" * 4096, {}, "over 4096 bytes"),
        ("__Host-a", "x", {"path": "/sub"}, "as its prefix promises"),
        ("__Host-a", "x", {"domain": "a.example"}, "as its prefix promises"),
        ("__host-a", "x", {"domain": "a.example"}, "as its prefix promises"),
        ("__Secure-a", "x", {"secure": False}, "its prefix promises"),
        ("a", "x", {"secure": False, "same_site": "None"}, 'same_site="None" promises'),
        ("a", "x", {"secure": False, "partitioned": True}, "partitioned=True promises"),
        ("a", "x", {"same_site": "lax"}, "it is Lax, Strict or None"),
        ("a", "x", {"max_age": "1; Domain=x"}, "it takes seconds"),
        ("a", "x", {"max_age": 1.5}, "it takes seconds"),
        ("a", "x", {"expires": datetime(2026, 1, 1)}, "without a zone"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_what_no_browser_would_keep_is_refused(name: str, value: str, options: dict[str, Any], said: str) -> None:
    """What would be read as something else, or dropped without a word, is told to who writes it."""
    with pytest.raises(InvalidResponse, match=said):
        written(name, value, **options)


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_can_be_put_into_a_cookie(name: str, value: str, path: str, domain: str) -> None:
    """Whatever the parts, there are just the attributes that were meant."""
    try:
        line = written(name, value, path=path, domain=domain, expires=datetime(2026, 1, 1, tzinfo=UTC))
    except InvalidResponse:
        return
    names = [each.strip().partition("=")[0] for each in line.split(";")[1:]]
    assert [each for each in names if each not in ("Domain", "Secure")] == ["Path", "Expires", "HttpOnly", "SameSite"]
    assert line.isascii()
    assert line.isprintable()

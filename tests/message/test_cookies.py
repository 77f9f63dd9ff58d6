"""Cookies: how they are read, and what is refused rather than written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message.cookies import read_cookies
from fanlight.message.response import Response


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
        ("a=%20+x", {"a": " +x"}),
        ("a=Ada%20Lovelace; b=Jos%C3%A9; c=%7B%22x%22%3A1%7D", {"a": "Ada Lovelace", "b": "José", "c": '{"x":1}'}),
        ("a=100%; b=%zz; c=a%2; d=%FF", {"a": "100%", "b": "%zz", "c": "a%2", "d": "%FF"}),
        ("a=%3B%20b=2; %5F_Host-a=x", {"a": "; b=2", "%5F_Host-a": "x"}),
        ("a=Jos\xc3\xa9; b=Jos\xe9; c=日本", {"a": "José", "b": "José", "c": "日本"}),
        (r'a="x\054 y\073 \"z\" \\ \303\251"; b="\351"; c="%41"', {"a": 'x, y; "z" \\ é', "b": "é", "c": "%41"}),
        ("nameless; =x; b=2", {"b": "2"}),
        ("=__Host-a=evil", {}),
        ("\xa0__Host-a=evil; __Host-a=good", {"\xa0__Host-a": "evil", "__Host-a": "good"}),
        ("\x85__Secure-a=evil", {"\x85__Secure-a": "evil"}),
        ("$Version=1; a=1", {"$Version": "1", "a": "1"}),
    ],
)
def test_what_a_client_sends_is_read(text: str, cookies: dict[str, str]) -> None:
    """Values are decoded in each usual way; the first one of a name counts, without surrounding spaces and tabs."""
    assert read_cookies(text) == cookies


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_whatever_is_sent_can_be_read(text: str) -> None:
    """No text breaks the reader, and no name has a semicolon in it."""
    for name in read_cookies(text):
        assert name
        assert ";" not in name


@given(
    st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", fullmatch=True),
    st.text() | st.text('%0aA"\\; ,\x00\xff\r\nü'),
)
def test_what_is_set_comes_back(name: str, value: str) -> None:
    """Any text is read as it was set."""
    try:
        line = written(name, value)
    except InvalidResponse:
        assert len(value) > 300
        return
    assert read_cookies(line.partition(";")[0]) == {name: value}


@pytest.mark.parametrize("value", ["", "yes", "a=b&c=d", "eyJh.eyJz-_+/=", "[1:2]", "{x}", "a|b~c^d`e"])
def test_ordinary_values_are_written_as_they_are(value: str) -> None:
    """What a cookie can hold is not encoded: tokens, base64, numbers, and the like."""
    assert written("a", value).partition(";")[0] == f"a={value}"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Ada Lovelace", "Ada%20Lovelace"),
        (" é ", "%20%C3%A9%20"),
        ("x; Domain=evil.example", "x%3B%20Domain=evil.example"),
        ("x\r\nset-cookie: b=2", "x%0D%0Aset-cookie:%20b=2"),
        ('"1,2"', "%221%2C2%22"),
        ("100%", "100%25"),
        ("a\\b", "a%5Cb"),
    ],
)
def test_all_else_is_percent_encoded(value: str, line: str) -> None:
    """What no cookie can hold is written as scripts do by `encodeURIComponent`."""
    assert written("a", value).partition(";")[0] == f"a={line}"


def test_many_cookies_cost_no_more_than_their_bytes() -> None:
    """Ten times as many cookies take about ten times as long."""

    def seconds(count: int) -> float:
        text = "; ".join(f"name{n}=value" for n in range(count))
        began = time.thread_time()
        assert len(read_cookies(text)) == count
        return time.thread_time() - began

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
    assert written(partitioned=True) == "a=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
    assert "SameSite=Strict" in written(partitioned=True, same_site="Strict")
    assert "Max-Age=1;" in written(max_age=timedelta(milliseconds=1))


def test_https_makes_it_secure() -> None:
    """By default a cookie gets `Secure`, once, if the response is sent over https; an explicit option is kept."""
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
        f"__Host-b=; Path=/; {over}; Secure; HttpOnly; SameSite=None; Partitioned",
    ]


OPTIONS: list[dict[str, Any]] = [
    {},
    {"path": "/x", "domain": "example.org"},
    {"partitioned": True},
    {"partitioned": True, "same_site": "Lax", "secure": True},
    {"same_site": "None", "http_only": False},
    {"secure": False, "same_site": "Strict", "max_age": 60, "expires": datetime(2026, 1, 1, tzinfo=UTC)},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_to_delete_takes_the_options_of_setting(options: dict[str, Any]) -> None:
    """With the same options all attributes are the same, but for how long the cookie lives."""
    life = ("Max-Age", "Expires")
    found = []
    for act in ("set", "delete"):
        response = Response("x")
        if act == "set":
            response.set_cookie("a", "1", **options)
        else:
            response.delete_cookie("a", **options)
        found.append([each for each in response.headers["set-cookie"].split("; ")[1:] if not each.startswith(life)])
    assert found[0] == found[1]


def test_a_cookie_that_is_set_again_is_one_line() -> None:
    """Of several cookies with the same name, domain, path and partition the last one is sent."""
    response = Response("x")
    response.headers.add("set-cookie", "a=0; path=/")
    response.set_cookie("b", "1")
    response.set_cookie("a", "1", domain="example.org")
    response.set_cookie("a", "1", path="/x")
    response.set_cookie("a", "1", partitioned=True)
    response.set_cookie("a", "2")
    response.set_cookie("a", "3", domain=".EXAMPLE.org")
    response.delete_cookie("b")
    response.set_cookie("A", "4")
    assert [line.partition(";")[0] for line in response.headers.get_all("set-cookie")] == [
        *("a=1", "a=1", "a=2", "a=3", "b=", "A=4")
    ]
    response.secure_cookies()
    assert all("Secure" in line for line in response.headers.get_all("set-cookie"))


@pytest.mark.parametrize(
    ("name", "value", "options", "said"),
    [
        ("a b", "x", {}, "is not a valid name"),
        ("a=b", "x", {}, "is not a valid name"),
        ("", "x", {}, "is not a valid name"),
        ("a\r\nx", "x", {}, "is not a valid name"),
        ("a", "\ud800", {}, "half of a surrogate pair"),
        ("a", "x" * 1500 + "é" * 500, {}, "over 4096 bytes"),
        ("a", "x", {"path": "/; Secure"}, "can't have the path"),
        ("a", "x", {"path": "x"}, "starts with /"),
        ("a", "x", {"path": "/\r\nx"}, "can't have the path"),
        ("a", "x", {"path": "/" * 1025}, "can't have the path"),
        ("a", "x", {"domain": "a.example; HttpOnly"}, "can't have the domain"),
        ("a", "x", {"domain": "a.example\nx"}, "can't have the domain"),
        ("a", "x", {"domain": "https://a.example"}, "can't have the domain"),
        ("a", "x" * 4096, {}, "over 4096 bytes"),
        ("__Host-a", "x", {"path": "/sub"}, "because of its prefix"),
        ("__Host-a", "x", {"domain": "a.example"}, "because of its prefix"),
        ("__host-a", "x", {"domain": "a.example"}, "because of its prefix"),
        ("__Secure-a", "x", {"secure": False}, "because of its prefix"),
        ("a", "x", {"secure": False, "same_site": "None"}, 'because of same_site="None"'),
        ("a", "x", {"secure": False, "partitioned": True}, "because of partitioned=True"),
        ("a", "x", {"same_site": "lax"}, 'it takes "Lax", "Strict" or "None"'),
        ("a", "x", {"max_age": "1; Domain=x"}, "it takes max_age as an int"),
        ("a", "x", {"max_age": 1.5}, "it takes max_age as an int"),
        ("a", "x", {"max_age": True}, "it takes max_age as an int"),
        ("a", "x", {"max_age": 10**5000}, "it takes max_age as an int"),
        ("a", "x", {"max_age": -(10**5000)}, "it takes max_age as an int"),
        ("a", "x", {"expires": 3600}, "use max_age="),
        ("a", "x", {"expires": timedelta(hours=1)}, "use max_age="),
        ("a", "x", {"expires": "Sat, 31 Jan 2026 11:30:00 GMT"}, "must be a datetime"),
        ("a", "x", {"expires": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "out of range in UTC"),
        ("a", "x", {"path": None}, "path=None; it takes a text"),
        ("a", "x", {"path": ["/"]}, "it takes a text"),
        ("a", "x", {"domain": None}, "leave it out"),
        ("a", "x", {"secure": "yes"}, "True or False"),
        ("a", "x", {"http_only": None}, "True or False"),
        ("a", "x", {"partitioned": 1}, "True or False"),
        ("a", "x", {"same_site": None}, '"Lax", "Strict" or "None"'),
        ("a", 5, {}, r"write str\(5\)"),
        ("a", True, {}, "can't hold a bool"),
        ("a", None, {}, "delete_cookie"),
        ("a", b"x", {}, "decode"),
        ("a", {"x": 1}, {}, "json.dumps"),
        (7, "x", {}, "7 is not a valid name"),
        ("a", "x", {"expires": datetime(2026, 1, 1)}, "without a time zone"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_a_cookie_that_browsers_would_drop_is_refused(
    name: Any, value: Any, options: dict[str, Any], said: str
) -> None:
    """A cookie that browsers would misread or silently drop raises InvalidResponse, which says what to write."""
    with pytest.raises(InvalidResponse, match=said):
        written(name, value, **options)


def test_an_option_that_equals_a_right_one_is_refused_all_the_same() -> None:
    """`http_only=1` is refused, also where the same cookie was set with `http_only=True` before."""
    written("a", "x", http_only=True)
    with pytest.raises(InvalidResponse, match="True or False"):
        written("a", "x", http_only=1)


@pytest.mark.parametrize(
    ("option", "meant"),
    [("httponly", "http_only"), ("samesite", "same_site"), ("maxAge", "max_age"), ("x", "the options are")],
)
def test_an_option_that_there_is_not(option: str, meant: str) -> None:
    """For another framework's name of an option, the message has ours."""
    options: dict[str, Any] = {option: True}
    with pytest.raises(TypeError, match=meant):
        Response("x").set_cookie("a", "1", **options)
    with pytest.raises(TypeError, match=meant):
        Response("x").delete_cookie("a", **options)


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

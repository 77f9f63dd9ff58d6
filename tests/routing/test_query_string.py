"""`url_for` with a query and a fragment."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest

from fanlight.errors import NoSuchURL
from fanlight.message.form import Query, read_query
from fanlight.routing.build import build


class Colour(Enum):
    """A value of an enum."""

    RED = "red"


ID = UUID("0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d")
TABLE = build(
    {
        "/": "home",
        "/blog/{slug}": "post",
        "/blog/{slug}/{page:int}": "post",
        "/search/{query}": "search",
        "/part/{fragment}": "part",
        "/all": "all",
        "/all/{query}": "all",
    }
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"page": 2}, "?page=2"),
        ({"a": "x", "b": "y"}, "?a=x&b=y"),
        ({"tag": ["a", "b"]}, "?tag=a&tag=b"),
        ({"tag": ("a", None, 3)}, "?tag=a&tag=3"),
        ({"tag": []}, ""),
        ({"page": None, "q": "x"}, "?q=x"),
        ({"page": None}, ""),
        ({}, ""),
        (None, ""),
        ({"q": ""}, "?q="),
        ({"q": "a b+c&d=e#f%g"}, "?q=a%20b%2Bc%26d%3De%23f%25g"),
        ({"ä b": "größe 🐈"}, "?%C3%A4%20b=gr%C3%B6%C3%9Fe%20%F0%9F%90%88"),
        ({"next": "/a?b=c"}, "?next=/a?b%3Dc"),
        ({"q": "<script>'\""}, "?q=%3Cscript%3E%27%22"),
        ({"q": "a\r\nb"}, "?q=a%0D%0Ab"),
        ({"on": True, "off": False}, "?on=true&off=false"),
        ({"x": 0.5, "y": Decimal("1.20"), "z": 1e300}, "?x=0.5&y=1.20&z=1e%2B300"),
        ({"day": date(2026, 1, 2), "at": time(9, 30)}, "?day=2026-01-02&at=09:30:00"),
        ({"at": datetime(2026, 1, 2, 9, 30)}, "?at=2026-01-02T09:30:00"),  # noqa: DTZ001 - without a zone on purpose
        ({"id": ID, "colour": Colour.RED}, f"?id={ID}&colour=red"),
        ([("a", 1), ("b", 2), ("a", 3)], "?a=1&b=2&a=3"),
        (Query([("a", "1"), ("a", "2")]), "?a=1&a=2"),
    ],
)
def test_a_query_is_written_after_the_path(query: Any, text: str) -> None:
    """Percent-encoded; a list is a field that is repeated, None is left out."""
    assert TABLE.url_for("post", slug="x", query=query) == f"/blog/x{text}"


@pytest.mark.parametrize("text", ["a b", "a+b", "a&b=c;d", "%41", "größe", "\u2028", "a\tb", "#", "?", "\0"])
def test_a_query_is_read_back(text: str) -> None:
    """By Fanlight, and by others that read forms."""
    query = urlsplit(TABLE.url_for("home", query={text: text, "b": ""})).query
    assert read_query(query) == parse_qsl(query, keep_blank_values=True) == [(text, text), ("b", "")]


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("top", "#top"),
        ("", ""),
        (None, ""),
        (5, "#5"),
        ("a b", "#a%20b"),
        ("größe", "#gr%C3%B6%C3%9Fe"),
        ("a#", "#a%23"),
    ],
)
def test_a_fragment_is_the_last(fragment: Any, text: str) -> None:
    """After the query, and percent-encoded; an empty one is none."""
    assert TABLE.url_for("home", fragment=fragment) == f"/{text}"
    assert TABLE.url_for("home", fragment=fragment, query={"a": 1}) == f"/?a=1{text}"


def test_a_parameter_of_the_path_goes_first() -> None:
    """A view at "/search/{query}" has its parameter, and the other of the two names is as ever."""
    assert TABLE.url_for("search", query="cats") == "/search/cats"
    assert TABLE.url_for("search", query="cats", fragment="top") == "/search/cats#top"
    assert TABLE.url_for("part", fragment="x", query={"a": 1}) == "/part/x?a=1"
    assert TABLE.url_for("all", query="cats") == "/all/cats"
    assert TABLE.url_for("all", fragment="top") == "/all#top"
    assert TABLE.url_for("post", slug="x", page=2, query={"a": 1}) == "/blog/x/2?a=1"


REFUSED = [
    ("search", {"query": {"page": 2}}, "to give the URL a query, rename this parameter of the path"),
    ("all", {"query": {"page": 2}}, "query={'page': 2} does not fit /all/{query}"),
    ("search", {"fragment": "x"}, 'the URL of "search" is /search/{query}; missing: query'),
    ("home", {"query": "page=2"}, "query='page=2' is no query string; write a dict: query={\"page\": 2}"),
    ("home", {"query": 2}, "query=2 is no query string"),
    ("home", {"query": ["page"]}, "query has 'page', which is no name with a value"),
    ("home", {"query": {2: 3}}, "query has (2, 3), which is no name with a value"),
    ("home", {"query": {"a": {1}}}, "a value of type set can't be written in a query: a={1}"),
    ("home", {"query": {"a": [b"x"]}}, "a value of type bytes can't be written in a query: a=b'x'"),
    ("home", {"query": {"a": "\ud800"}}, "can't be encoded as UTF-8"),
    ("home", {"fragment": "#top"}, "fragment='#top' begins with \"#\", which is added; write fragment='top'"),
    ("home", {"fragment": ["x"]}, "fragment=['x'] is no text"),
    ("post", {"slug": "x", "quary": {}}, "extra: quary"),
    ("post", {"query": {}}, 'the URL of "post" is /blog/{slug}; missing: slug'),
]  # fmt: skip


@pytest.mark.parametrize(("view", "given", "message"), REFUSED)
def test_what_can_not_be_written_is_refused(view: str, given: dict[str, Any], message: str) -> None:
    """A query is a dict of texts, a fragment a text without "#"."""
    with pytest.raises(NoSuchURL) as caught:
        TABLE.url_for(view, **given)
    assert message in str(caught.value)
    assert str(caught.value).count(";") <= 2

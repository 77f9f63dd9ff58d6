"""`fanlight routes --explain PATH`: what matches, and why the others don't."""

from __future__ import annotations

import pytest

from fanlight.routing.build import build

TABLE = build(
    {
        "/": "index",
        "/blog": {"/": "blog", "/new": "new", "/{id:int}": "by id", "/{slug}": "post", "POST /{slug}": "comment"},
        "/file-{id:int}.txt": "file",
        "/static/{rest...}": "static",
        "/shop/cart/items": "items",
        "/contact/": "contact",
    }
)


def test_the_match_comes_first_and_the_others_say_why_not() -> None:
    """The lines name the route that is found, then the near ones with the segment or method that sets them apart."""
    assert TABLE.explain("GET", "/blog/hello") == [
        "GET /blog/hello",
        "  -> GET /blog/{slug}  post  URLS['/blog']['/{slug}']  with slug='hello'",
        "     POST /blog/{slug}  comment  URLS['/blog']['POST /{slug}']",
        "       the path matches, the method does not: it takes POST",
        "     GET /blog/{id:int}  by id  URLS['/blog']['/{id:int}']",
        '       segment 2: "hello" is not a whole number like 42',
        "     GET /blog/new  new  URLS['/blog']['/new']",
        '       segment 2: "hello" is not "new"',
        "     GET /blog  blog  URLS['/blog']['/']",
        '       the path goes on: "/hello"',
    ]


SAID = [
    ("GET", "/blog/7", "with id=7"),
    ("GET", "/blog/7", "matches too, but is less specific"),
    ("GET", "/blog/new", "-> GET /blog/new"),
    ("HEAD", "/blog/x", "-> GET /blog/{slug}"),
    ("PUT", "/blog/x", "Allow: GET, HEAD, POST, OPTIONS"),
    ("PUT", "/blog/x", "it takes GET, HEAD"),
    ("GET", "/blog/", "308: only the slash at the end is wrong; redirected to /blog"),
    ("GET", "/blog/", 'it is empty, which "{slug}" can\'t be'),
    ("GET", "/contact", "the path has no slash at its end"),
    ("GET", "/shop/cart", 'the path ends before "items"'),
    ("GET", "/BLOG", "(upper and lower case differ)"),
    ("GET", "/bolg", '"bolg" is not "blog"'),
    ("GET", "/file-x.txt", '"x" is not a whole number like 42'),
    ("GET", "/static", 'the path ends before "{rest...}"'),
    ("GET", "/static/a//b", "{rest...} takes one or more segments, none of them empty"),
    ("GET", "/nothing", "404: no route matches"),
    ("GET", "/%zz", "400: the path is invalid"),
    ("GET", "blog", "400: the path is invalid"),
    ("GET", "/blog/..", 'the path has a segment "."'),
    ("OPTIONS", "*", "Allow: GET, HEAD, POST, OPTIONS"),
    ("GET", "/blog/caf%C3%A9", "with slug='café'"),
    ("GET", "/blog/café au lait", "with slug='café au lait'"),
    ("GET", "/blog/a%20b", "with slug='a b'"),
    ("GET", "/blog/\udcff", "400: the path is invalid"),
]


@pytest.mark.parametrize(("method", "path", "said"), SAID)
def test_each_kind_of_result_is_explained(method: str, path: str, said: str) -> None:
    """Whatever a request gets, a line explains why."""
    assert said in "\n".join(TABLE.explain(method, path))


def test_text_beside_a_parameter_is_explained() -> None:
    """A segment with literal text is listed with the part that does not match."""
    table = build({"/x": {"/file-{id:int}.txt": "file"}})
    for path, said in [
        ("/x/dir-1.txt", '"dir-1.txt" does not begin with "file-"'),
        ("/x/file-1.csv", '"file-1.csv" does not end with ".txt"'),
        ("/x/file-.txt", '"" is not a whole number like 42'),
        ("/x/file-1", '"file-1" does not end with ".txt"'),
    ]:
        assert said in "\n".join(table.explain("GET", path))


def test_routes_far_away_are_left_out() -> None:
    """A route that shares nothing with the path is not named, and of many near ones only the nearest."""
    assert TABLE.explain("GET", "/zzz") == ["GET /zzz", "  404: no route matches"]
    many = build({f"/user/{n}/x": str(n) for n in range(30)})
    lines = many.explain("GET", "/user/31/x")
    assert lines[-1] == "     and 22 more that are less similar"
    assert len(lines) == 2 + 2 * 8 + 1


def test_what_is_explained_is_what_is_found() -> None:
    """A route that is explained as chosen is the one that `find` gives, for the method's own tree."""
    table = build({"HEAD /x": "head", "/x": "get"})
    assert table.explain("HEAD", "/x")[1].startswith("  -> HEAD /x  head")
    assert "       HEAD has a route of its own" in table.explain("HEAD", "/x")

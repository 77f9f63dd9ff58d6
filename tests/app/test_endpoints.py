"""The values of URLS, and their responses."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from fanlight.errors import NoSuchURL
from fanlight.message.handler import Lane
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.page import render

Make = Callable[..., Any]
PAGE = {"accept": "text/html"}


def index() -> str:
    return "index"


async def waited() -> str:
    return "waited"


class View:
    def __call__(self) -> str:
        return "object"

    def method(self) -> str:
        return "method"


class AsyncView:
    async def __call__(self, n: int = 0) -> str:
        return f"async object {n}"


def add(a: int, b: int) -> str:
    return str(a + b)


async def add_async(a: int, b: int) -> str:
    return str(a + b)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (index, "index"),
        (waited, "waited"),
        (View(), "object"),
        (View().method, "method"),
        (AsyncView(), "async object 0"),
        (partial(add, 1), "3"),
        (partial(add, 1, b=5), "6"),
        (partial(partial(add_async, 1), b=5), "6"),
        (lambda: "lambda", "lambda"),
        ("a.html", "<p>/</p>"),
        (render("b.html", x=1), "1"),
        (Response("constant"), "constant"),
        (cache(index), "index"),
    ],
)
def test_a_value_becomes_a_response(site: Make, value: Any, said: str) -> None:
    """A callable is a view; a string, a page and a response are responses themselves."""
    pages = {"a.html": "<p>{{ request.path }}</p>", "b.html": "{{ x }}"}
    for method in ("GET", "HEAD"):
        assert site({"/": value}, pages=pages).send(method, "/?b=2").text == said


def test_a_text_is_a_page_with_the_text_as_heading(site: Make) -> None:
    """`"/hello": "Hello World"` is a whole page, with the text escaped."""
    client = site({"/": "home", "/blog": "Hello <World>"})
    assert "<h1>home</h1>" in client.get("/").text
    assert "<h1>Hello &lt;World&gt;</h1>" in client.get("/blog").text
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_a_template_gets_the_parameters_of_the_path(site: Make) -> None:
    """A template in URLS needs no view to show the parameters of the path."""
    client = site({"/{name}/{n:int}": "a.html"}, pages={"a.html": "{{ name }} {{ n + 1 }}"})
    assert client.get("/%3Cb%3E/1").text == "&lt;b&gt; 2"


def test_a_template_that_fails_is_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A missing name in a template of URLS is logged with the route, like an error of a view."""
    assert site({"/x": "a.html"}, pages={"a.html": "{{ nothing }}"}).get("/x").status == 500
    assert "GET /x (a.html) failed" in caplog.text


def test_a_redirect_may_be_in_the_table(site: Make) -> None:
    """`"/old": redirect("/new")` needs no view."""
    response = site({"/old": redirect("/new", permanent=True)}).get("/old")
    assert (response.status, response.headers["location"]) == (308, "/new")


def test_templates_have_url_for(site: Make) -> None:
    """`url_for` takes a view's name and parameters, and returns its path."""
    urls = {"/": "a.html", "/n/{a}/{b}": add, "/wrong": "b.html"}
    pages = {"a.html": '{{ url_for("add", a=1, b=2) }}', "b.html": '{{ url_for("none") }}'}
    client = site(urls, pages=pages)
    assert client.get("/").text == "/n/1/2"
    assert client.app.url_for(add, a=1, b=2) == "/n/1/2"
    assert client.get("/wrong").status == 500
    with pytest.raises(NoSuchURL):
        client.app.url_for(index)


@lane("thread")
def slow() -> str:
    return ""


@lane("inline")
def quick(q: str = "") -> str:
    return q


class PinnedView:
    @lane("thread")
    def __call__(self) -> str:
        return ""


def content(request: Request) -> bytes:
    return request.content


def field(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("value", "lane_", "is_pinned"),
    [
        (index, Lane.MEASURED, False),
        (waited, Lane.TASK, False),
        (partial(add_async, 1, 2), Lane.TASK, False),
        (AsyncView(), Lane.TASK, False),
        (slow, Lane.THREAD, True),
        (quick, Lane.INLINE, True),
        (partial(slow), Lane.THREAD, True),
        (partial(quick), Lane.INLINE, True),
        (PinnedView(), Lane.THREAD, True),
        ("text", Lane.INLINE, False),
        ("a.html", Lane.MEASURED, False),
        (redirect("/"), Lane.INLINE, False),
    ],
)
def test_each_value_has_its_lane(site: Make, value: Any, lane_: Lane, is_pinned: bool) -> None:
    """Async views are tasks, sync ones run inline unless they are pinned elsewhere."""
    call = site({"/": value}, pages={"a.html": ""}).call("GET", "/")
    assert (call.lane, call.is_pinned) == (lane_, is_pinned)


@pytest.mark.parametrize(
    ("key", "value", "reads"),
    [
        ("POST /", content, True),
        ("GET /", content, True),
        ("POST /", field, True),
        ("GET /", field, False),
        ("GET|POST /", field, True),
        ("POST /", index, False),
        ("POST /", waited, False),
        ("POST /", "text", False),
        ("POST /{name}", field, False),
    ],
)
def test_content_is_buffered_only_for_views_that_use_it(site: Make, key: str, value: Any, reads: bool) -> None:
    """Content is buffered for views with body fields or the request; otherwise it is discarded as it comes."""
    call = site({key: value}).call(key.partition(" ")[0].partition("|")[0], "/x" if "{" in key else "/")
    assert call.reads_content is reads


def test_a_call_is_named_for_logs(site: Make) -> None:
    """The name of a call is its method, pattern and view."""
    client = site({"GET|POST /n/{a}/{b}": add, "/t": "text", "/h": "a.html"}, pages={"a.html": ""})
    assert client.call("GET", "/n/1/2").name == "GET|POST /n/{a:int}/{b:int} (tests.app.test_endpoints.add)"
    assert [client.call("GET", path).name for path in ("/t", "/h")] == ["GET /t", "GET /h (a.html)"]
    assert "tests.app.test_endpoints.add" in repr(client.call("GET", "/n/1/2"))


def test_a_route_has_one_call(site: Make) -> None:
    """A call is the same object for all requests, also for those without a route."""
    client = site({"/n/{a}/{b}": add, "/s/": index})
    for path in ("/n/1/2", "/unknown", "/s", "/%FF"):
        assert client.call("GET", path) is client.call("GET", path)
    assert client.call("POST", "/s/") is client.call("DELETE", "/n/1/2")
    assert hash(client.call("GET", "/s/"))


@pytest.mark.parametrize(
    ("method", "path", "status", "fields"),
    [
        ("GET", "/unknown", 404, {}),
        ("POST", "/unknown", 404, {}),
        ("FOO", "/unknown", 501, {}),
        ("TRACE", "/", 405, {"allow": "GET, HEAD, OPTIONS"}),
        ("TRACE", "/unknown", 404, {}),
        ("get", "/", 501, {}),
        ("POST", "/", 405, {"allow": "GET, HEAD, OPTIONS"}),
        ("FOO", "/", 501, {}),
        ("QUERY", "/", 405, {"allow": "GET, HEAD, OPTIONS"}),
        ("GET", "/n/x", 405, {"allow": "POST, DELETE, OPTIONS"}),
        ("OPTIONS", "/n/x", 204, {"allow": "POST, DELETE, OPTIONS"}),
        ("OPTIONS", "*", 204, {"allow": "GET, HEAD, POST, DELETE, OPTIONS"}),
        ("OPTIONS", "/unknown", 404, {}),
        ("GET", "/s?a=1&b=%20", 308, {"location": "/s/?a=1&b=%20"}),
        ("GET", "//evil.example", 404, {}),
        ("GET", "/%zz", 400, {}),
        ("GET", "/%FF", 400, {}),
        ("GET", "/%00", 400, {}),
        ("GET", "/../etc/passwd", 404, {}),
    ],
)
def test_requests_without_a_route_get_a_response(
    site: Make, method: str, path: str, status: int, fields: dict[str, str]
) -> None:
    """404, 405 and OPTIONS with `Allow`, 501 for an unknown method, 308 for a slash, 400 for an invalid path."""
    client = site({"/": index, "POST /n/{name}": field, "DELETE /n/{name}": field, "/s/": index})
    for like in ({}, PAGE):
        response = client.send(method, path, fields=like)
        assert response.status == status
        assert {name: response.headers[name] for name in fields} == fields
        assert (response.text == "") == (status == 204)
    request = client.make_request(method, path)
    assert not client.app.find(request).reads_content
    assert request.params == {}


def test_options_may_have_a_view(site: Make) -> None:
    """A route may have the method OPTIONS."""
    assert site({"OPTIONS /": index, "/": index}).send("OPTIONS", "/").text == "index"


def test_a_whole_request_line_in_the_redirect_is_harmless(site: Make) -> None:
    """A redirect for a slash stays on this site, whatever the path or the query contains."""
    client = site({"/{x}/": lambda x: x})
    for path in ("/%2F%2Fevil.example", "/%5Cevil.example", "/x?%0d%0aset-cookie:a=b"):
        response = client.get(path)
        assert response.status == 404 or not response.headers["location"].startswith(("//", "/\\", "http"))
        assert "\n" not in response.headers.get("location", "")


def test_requests_do_not_share_parameters(site: Make) -> None:
    """The path parameters of one request are not those of another."""
    client = site({"/{name}": field, "/": index})
    first, second = client.make_request("GET", "/a"), client.make_request("GET", "/b")
    client.app.find(first)
    client.app.find(second)
    assert [first.params, second.params] == [{"name": "a"}, {"name": "b"}]
